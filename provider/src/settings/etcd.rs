//! The block `etcd`: how a store in a cluster of etcd is reached. The store reads it as what the environment could say too.

use tfplugin::Value;
use tfplugin::schema::{Attribute, NestedBlock};

pub(super) const BLOCK: &str = "etcd";

/// An argument, the variable that says the same, and what it means.
struct Argument {
    name: &'static str,
    variable: &'static str,
    doc: &'static str,
}

const ARGUMENTS: [Argument; 6] = [
    Argument {
        name: "user",
        variable: "MESHFORM_ETCD_USER",
        doc: "The user, where the cluster requires authentication. It needs `readwrite` on the store's prefix.",
    },
    Argument {
        name: PASSWORD,
        variable: "MESHFORM_ETCD_PASSWORD",
        doc: "The user's password. It is kept in no state; a file or the environment keeps it out of the configuration too.",
    },
    Argument {
        name: PASSWORD_FILE,
        variable: "MESHFORM_ETCD_PASSWORD_FILE",
        doc: "A file with the user's password.",
    },
    Argument {
        name: "ca_file",
        variable: "MESHFORM_ETCD_CA_FILE",
        doc: "The authority of the members' certificates (PEM). Otherwise the system's.",
    },
    Argument {
        name: "cert_file",
        variable: "MESHFORM_ETCD_CERT_FILE",
        doc: "A client certificate (PEM), with `key_file`.",
    },
    Argument {
        name: "key_file",
        variable: "MESHFORM_ETCD_KEY_FILE",
        doc: "The key of the client certificate (PEM).",
    },
];
const PASSWORD: &str = "password";
const PASSWORD_FILE: &str = "password_file";

pub(super) fn schema() -> NestedBlock {
    let block = NestedBlock::list(BLOCK).max_items(1).description(
        "How a store in `etcd://…` is reached; the members and the prefix are part of its name. Files are relative \
         to the root module.",
    );
    ARGUMENTS.iter().fold(block, |block, argument| {
        let doc = format!("{} Default: `{}`.", argument.doc, argument.variable);
        let attribute = Attribute::string(argument.name).optional().description(doc);
        block.attribute(match argument.name {
            PASSWORD => attribute.sensitive(),
            _ => attribute,
        })
    })
}

/// The environment with what the block says in its place.
pub(super) fn over(environment: &[(String, String)], block: &Value) -> Vec<(String, String)> {
    let said = |argument: &Argument| block.str(argument.name).filter(|text| !text.is_empty());
    // Either form of the password takes the place of the other.
    let has_password = ARGUMENTS
        .iter()
        .any(|argument| is_password(argument.name) && said(argument).is_some());
    let stays = |name: &str| {
        let argument = ARGUMENTS.iter().find(|argument| argument.variable == name);
        argument
            .is_none_or(|argument| said(argument).is_none() && !(has_password && is_password(argument.name)))
    };
    let kept = environment.iter().filter(|(name, _)| stays(name)).cloned();
    let own = ARGUMENTS
        .iter()
        .filter_map(|argument| Some((argument.variable.to_owned(), said(argument)?.to_owned())));
    kept.chain(own).collect()
}

fn is_password(name: &str) -> bool {
    matches!(name, PASSWORD | PASSWORD_FILE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_block_says_goes_over_the_environment() {
        let environment = [
            ("MESHFORM_ETCD_USER", "theirs"),
            ("MESHFORM_ETCD_PASSWORD_FILE", "/theirs"),
            ("MESHFORM_ETCD_CA_FILE", "/ca"),
            ("AWS_REGION", "here"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let block = Value::object([
            ("user", Value::from("ours")),
            ("password", Value::from("secret")),
            ("ca_file", Value::from("")),
        ]);
        let all = over(&environment, &block);
        let of = |name: &str| {
            all.iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.as_str())
        };
        assert_eq!(of("MESHFORM_ETCD_USER"), Some("ours"));
        assert_eq!(of("MESHFORM_ETCD_PASSWORD"), Some("secret"));
        assert_eq!(of("MESHFORM_ETCD_PASSWORD_FILE"), None);
        assert_eq!(of("MESHFORM_ETCD_CA_FILE"), Some("/ca"));
        assert_eq!(of("AWS_REGION"), Some("here"));
    }
}
