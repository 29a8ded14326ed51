//! What `Ref` and `Fn::GetAtt` give of a resource where that follows from the properties that the template writes.

use meshform_model::dialect::Dialect;
use meshform_model::kind::Kind;
use meshform_model::schema;
use meshform_model::value::{Node, Object, Symbol, Value};

/// Type, attribute (`Ref` for what `Ref` gives), and its value: `{Property}` is what the template writes.
const FOLLOWS: &[(&str, &str, &str)] = &[
    ("AWS::ServiceDiscovery::Service", "Name", "{Name}"),
    ("AWS::Route53::RecordSet", "Ref", "{Name}"),
    ("AWS::ECS::Cluster", "Ref", "{ClusterName}"),
    (
        "AWS::ECS::Cluster",
        "Arn",
        "arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:cluster/{ClusterName}",
    ),
    ("AWS::ECS::Service", "Name", "{ServiceName}"),
    ("AWS::ECR::Repository", "Ref", "{RepositoryName}"),
    (
        "AWS::ECR::Repository",
        "RepositoryUri",
        "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/{RepositoryName}",
    ),
    ("AWS::IAM::Role", "Ref", "{RoleName}"),
    ("AWS::Logs::LogGroup", "Ref", "{LogGroupName}"),
    ("AWS::S3::Bucket", "Ref", "{BucketName}"),
    (
        "AWS::S3::Bucket",
        "Arn",
        "arn:${AWS::Partition}:s3:::{BucketName}",
    ),
    ("AWS::SSM::Parameter", "Ref", "{Name}"),
    ("AWS::SSM::Parameter", "Value", "{Value}"),
];

/// The expression that an attribute of a resource stands for; to be evaluated where the resource stands.
pub(crate) fn expression(id: &str, resource: &Node, attribute: &str) -> Option<Node> {
    let type_name = resource.get("Type").and_then(Node::as_str)?;
    let written = |name: &str| resource.get("Properties").and_then(|all| all.get(name));
    if let Some(kind) = schema::kind_of_cloudformation(type_name) {
        return of_mesh(id, kind, attribute, &written);
    }
    let found = FOLLOWS
        .iter()
        .find(|(known, name, _)| *known == type_name && *name == attribute);
    pattern(found.map(|(_, _, pattern)| *pattern)?, &|name| {
        written(name).cloned()
    })
}

/// The ARN, for which `Ref` and `Id` stand too, and the accounts.
fn of_mesh<'t>(
    id: &str,
    kind: Kind,
    attribute: &str,
    written: &dyn Fn(&str) -> Option<&'t Node>,
) -> Option<Node> {
    let shared = written("MeshOwner");
    match attribute {
        "MeshOwner" => {
            return Some(
                shared
                    .cloned()
                    .unwrap_or_else(|| symbol("Ref", Value::from("AWS::AccountId"))),
            );
        }
        "ResourceOwner" => return Some(symbol("Ref", Value::from("AWS::AccountId"))),
        // Whose account stands in the ARN of a resource in a shared mesh, a template cannot tell.
        "Arn" | "Ref" | "Id" if shared.is_none() => {}
        _ => return None,
    }
    let mut text =
        "arn:${AWS::Partition}:appmesh:${AWS::Region}:${AWS::AccountId}:mesh/{MeshName}".to_owned();
    let chain = [kind.parent(), Some(kind)].into_iter().flatten();
    for part in chain.filter(|part| *part != Kind::Mesh) {
        let named = part.name_field(Dialect::CloudFormation);
        text.push_str(&format!("/{}/{{{named}}}", part.name()));
    }
    let own = kind.name_field(Dialect::CloudFormation);
    pattern(&text, &|name| {
        let made_up = || (name == own).then(|| Node::new(Value::from(id)));
        written(name).cloned().or_else(made_up)
    })
}

/// A pattern as `Fn::Sub`; a pattern of one property is that property. None where one is not written.
fn pattern(text: &str, written: &dyn Fn(&str) -> Option<Node>) -> Option<Node> {
    let mut out = String::new();
    let mut values = Object::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, tail) = after.split_once('}')?;
        rest = tail;
        out.push_str(before);
        if before.ends_with('$') {
            out.push_str(&format!("{{{name}}}"));
            continue;
        }
        let value = written(name)?;
        if text.len() == name.len() + 2 {
            return Some(value);
        }
        out.push_str(&format!("${{{name}}}"));
        values.set(name, value);
    }
    out.push_str(rest);
    let parts = vec![Node::new(Value::from(out)), Node::new(Value::Object(values))];
    Some(symbol("Fn::Sub", Value::List(parts)))
}

fn symbol(function: &str, argument: Value) -> Node {
    Node::new(Value::Symbol(Symbol {
        function: function.to_owned(),
        argument: Box::new(Node::new(argument)),
    }))
}
