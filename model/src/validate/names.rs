//! ARNs where names belong: AWS's tools give both, and only one of them fits.

use super::quote::quoted;
use crate::arn::Arn;
use crate::codes;
use crate::diag::Diagnostic;
use crate::kind::Kind;
use crate::schema::Field;
use crate::value::Node;

/// That a field that takes a name was given an ARN, with the name that was meant.
pub(super) fn misnamed(field: &Field, node: &Node) -> Option<Diagnostic> {
    if !field.identity && field.refers_to.is_none() {
        return None;
    }
    let arn = node.as_str().filter(|text| Arn::parse(text).is_some())?;
    Some(arn_for_name(field.refers_to, &field.name, arn))
}

/// An ARN in a field that takes the name of a kind; of a resource's own name the field says which.
fn arn_for_name(kind: Option<Kind>, field: &str, arn: &str) -> Diagnostic {
    let kind = kind.or_else(|| Kind::from_name(field.strip_suffix("Name")?));
    let problem = |what: String| {
        Diagnostic::error(
            codes::NOT_A_NAME,
            format!("{} is {what}, where a name belongs", quoted(arn)),
        )
    };
    match named(arn) {
        Some((of, name)) if kind.is_none_or(|kind| kind == of) => {
            problem(format!("the ARN of a {of}")).help(format!("give its name: `{name}`"))
        }
        // The mesh is a part of everything's ARN.
        Some((of, _)) if kind == Some(Kind::Mesh) => match mesh(arn) {
            Some(mesh) => {
                problem(format!("the ARN of a {of}")).help(format!("give the mesh's name: `{mesh}`"))
            }
            None => problem(format!("the ARN of a {of}")).help("give the name of the mesh"),
        },
        Some((of, _)) => problem(format!("the ARN of a {of}")).help(match kind {
            Some(kind) => format!("give the name of a {kind}"),
            None => "give the name".to_owned(),
        }),
        None => problem("an ARN".to_owned()).help("give the name: the part after the last slash"),
    }
}

/// The kind and the name at the end of an ARN of App Mesh.
fn named(arn: &str) -> Option<(Kind, &str)> {
    let path = Arn::parse(arn)?.resource;
    let path = Some(path).filter(|path| path.starts_with("mesh/"))?;
    let parts: Vec<&str> = path.split('/').collect();
    match *parts.as_slice() {
        [.., kind, name] if !name.is_empty() && parts.len().is_multiple_of(2) => {
            Some((Kind::from_name(kind)?, name))
        }
        _ => None,
    }
}

fn mesh(arn: &str) -> Option<&str> {
    let path = Arn::parse(arn)?.resource.strip_prefix("mesh/")?;
    path.split('/').next().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: Option<Kind>, field: &str, arn: &str) -> (String, String) {
        let problem = arn_for_name(kind, field, arn);
        (problem.message, problem.help.unwrap_or_default())
    }

    #[test]
    fn the_name_that_was_meant_is_told() {
        let node = "arn:aws:appmesh:us-west-2:111122223333:mesh/yard/virtualNode/b2";
        let (message, help) = told(Some(Kind::VirtualNode), "virtualNodeName", node);
        assert!(message.contains("is the ARN of a virtual node"), "{message}");
        assert_eq!(help, "give its name: `b2`");
        let (_, help) = told(None, "virtualNodeName", node);
        assert_eq!(help, "give its name: `b2`");
        let (_, help) = told(None, "meshName", node);
        assert_eq!(help, "give the mesh's name: `yard`");
        let (_, help) = told(
            None,
            "meshName",
            "arn:aws:appmesh:us-west-2:111122223333:mesh/yard",
        );
        assert_eq!(help, "give its name: `yard`");
        let (message, help) = told(Some(Kind::VirtualRouter), "virtualRouterName", node);
        assert!(message.contains("is the ARN of a virtual node"), "{message}");
        assert_eq!(help, "give the name of a virtual router");
        let (message, _) = told(None, "meshName", "arn:aws:s3:::bucket");
        assert!(message.contains("is an ARN"), "{message}");
    }
}
