//! A canonical place as a place in a dialect.

use super::Dialect;
use crate::kind::Kind;
use crate::pointer::{Pointer, Segment};
use crate::schema::{self, DialectField, FieldForm, Shape};

/// The dialect's path of a canonical pointer: `/spec/listeners/0/portMapping/port` is
/// `spec[0].listener[0].port_mapping[0].port` in Terraform. Steps that the schema does not know are kept; a step
/// into what the dialect does not have leads to the place around it.
pub fn path(kind: Kind, pointer: &Pointer, dialect: Dialect) -> Pointer {
    let mut out = Pointer::root();
    let mut node = Some(schema::kind(kind).root);
    for segment in pointer.segments() {
        let name = match segment {
            Segment::Index(_) => {
                out.push(segment.clone());
                node = node.and_then(|n| n.list()).map(|list| list.items);
                continue;
            }
            Segment::Field(name) => name,
        };
        let Some(field) = node.and_then(|n| n.object()).and_then(|o| o.field(name)) else {
            out.push(segment.clone());
            node = None;
            continue;
        };
        node = Some(field.node);
        let DialectField { name, form } = field.named(dialect);
        match form {
            FieldForm::Absent => return out,
            FieldForm::Flatten => {}
            // The elements of a map are found by key, which the position does not tell.
            FieldForm::Map => {
                out.push(Segment::Field(name.clone()));
                return out;
            }
            FieldForm::Usual => {
                out.push(Segment::Field(name.clone()));
                let block = matches!(field.node.shape, Shape::Object(_) | Shape::Union(_));
                if block && dialect.rules().blocks {
                    out.push(Segment::Index(0));
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(kind: Kind, pointer: &str, dialect: Dialect) -> String {
        path(kind, &Pointer::parse(pointer).unwrap(), dialect).to_string()
    }

    #[test]
    fn a_place_is_named_in_each_dialect() {
        let node = |pointer, dialect| shown(Kind::VirtualNode, pointer, dialect);
        let port = "/spec/listeners/0/portMapping/port";
        assert_eq!(node(port, Dialect::Api), port);
        assert_eq!(
            node(port, Dialect::CloudFormation),
            "/Spec/Listeners/0/PortMapping/Port"
        );
        assert_eq!(
            node(port, Dialect::Terraform),
            "/spec/0/listener/0/port_mapping/0/port"
        );
        assert_eq!(
            node(
                "/spec/listeners/1/tls/certificate/acm/certificateArn",
                Dialect::Kubernetes
            ),
            "/spec/listeners/1/tls/certificate/acm/certificateARN"
        );
        assert_eq!(
            shown(Kind::Mesh, "/spec/serviceDiscovery", Dialect::Kubernetes),
            "/spec/meshServiceDiscovery"
        );
        assert_eq!(
            node("/spec/listeners/1/tls/certificate/acm", Dialect::CloudFormation),
            "/Spec/Listeners/1/TLS/Certificate/ACM"
        );
        assert_eq!(
            node("/spec/listeners/0/timeout/http2/idle", Dialect::CloudFormation),
            "/Spec/Listeners/0/Timeout/HTTP2/Idle"
        );
        assert_eq!(node("/virtualNodeName", Dialect::Terraform), "/name");
        assert_eq!(node("/metadata/uid", Dialect::Terraform), "/id");
        assert_eq!(node("/tags/0/value", Dialect::Terraform), "/tags");
        assert_eq!(node("/tags/0/value", Dialect::CloudFormation), "/Tags/0/Value");
        assert_eq!(
            node("/extensions/loadBalancing", Dialect::Terraform),
            "/extensions/0/load_balancing"
        );
        assert_eq!(node("/extensions/loadBalancing", Dialect::CloudFormation), "");
        assert_eq!(node("/spec/wrong/0/x", Dialect::Terraform), "/spec/0/wrong/0/x");
        assert_eq!(
            shown(
                Kind::GatewayRoute,
                "/spec/http2Route/match/queryParameters/2/name",
                Dialect::Terraform
            ),
            "/spec/0/http2_route/0/match/0/query_parameter/2/name"
        );
    }
}
