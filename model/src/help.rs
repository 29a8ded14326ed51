//! A problem's words in the reader's own notation: names of fields as the input writes them, and what is to be written as HCL,
//! YAML or JSON.
//!
//! Rules say their help once, with the API's names; who shows a problem knows what its reader writes.

use crate::diag::{Diagnostic, Example, Notation};
use crate::dialect::{self, Dialect};
use crate::kind::Kind;
use crate::schema::{self, ByDialect, FieldForm, SchemaNode, Shape};
use crate::value::{Field, Node, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// What is told of a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProblemText {
    pub message: String,
    pub help: Option<String>,
    /// What to write, in several lines.
    pub example: Option<String>,
}

impl ProblemText {
    /// The help, and what to write below it.
    pub fn whole_help(&self) -> Option<String> {
        let help = self.help.as_deref()?;
        Some(match &self.example {
            Some(example) => format!("{help}:\n{example}"),
            None => help.to_owned(),
        })
    }
}

/// The words of a problem for who writes in this notation.
pub fn told(problem: &Diagnostic, notation: Notation) -> ProblemText {
    let spoken = |text: &str| fields(text, notation).into_owned();
    ProblemText {
        message: spoken(&problem.message),
        help: problem.help.as_deref().map(spoken),
        example: problem.example.as_deref().map(|one| example(one, notation)),
    }
}

/// The example as a text.
fn example(example: &Example, notation: Notation) -> String {
    let canonical = Node::from_json(&example.body);
    let dialect = dialect_for(example.kind, dialect_of(notation));
    let node = match dialect {
        Dialect::Api => canonical,
        other => dialect::from_canonical(example.kind, other, &canonical),
    };
    let mut out = String::new();
    match notation {
        Notation::Hcl => match example.label.as_deref() {
            Some(label) => {
                let ty = schema::kind(example.kind).type_in(Dialect::Terraform);
                out.push_str(&format!("resource \"{ty}\" \"{}\" {{\n", identifier(label)));
                hcl(&node, 1, &mut out);
                out.push_str("}\n");
            }
            None => hcl(&node, 0, &mut out),
        },
        Notation::Yaml | Notation::CloudFormationYaml => yaml(&node, 0, &mut out),
        Notation::Json | Notation::CloudFormationJson => {
            let json = node.to_json().unwrap_or_default();
            out.push_str(&serde_json::to_string_pretty(&json).unwrap_or_default());
        }
    }
    out.trim_end().to_owned()
}

fn dialect_of(notation: Notation) -> Dialect {
    match notation {
        Notation::Hcl => Dialect::Terraform,
        Notation::Yaml | Notation::Json => Dialect::Api,
        Notation::CloudFormationYaml | Notation::CloudFormationJson => Dialect::CloudFormation,
    }
}

/// CloudFormation has no type for what is ours: that stands in a template's metadata, as the API would write it.
fn dialect_for(kind: Kind, dialect: Dialect) -> Dialect {
    let theirs = schema::kind(kind)
        .type_in(Dialect::CloudFormation)
        .starts_with("AWS::");
    match dialect {
        Dialect::CloudFormation if !theirs => Dialect::Api,
        other => other,
    }
}

/// A name that Terraform takes for a resource's.
fn identifier(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let text: String = name.chars().map(letter).collect();
    match text.starts_with(|c: char| c.is_ascii_digit()) || text.is_empty() {
        true => format!("_{text}"),
        false => text,
    }
}

/// The arguments and blocks of a body that say something.
fn hcl(node: &Node, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    let is_block = |field: &&Field| blocks(&field.node).is_some();
    let given = |field: &&Field| !field.node.is_null();
    let fields = || node.as_object().into_iter().flat_map(|object| object.iter());
    let arguments: Vec<&Field> = fields().filter(given).filter(|field| !is_block(field)).collect();
    let width = arguments.iter().map(|field| field.name.len()).max().unwrap_or(0);
    for field in arguments {
        out.push_str(&format!(
            "{indent}{:width$} = {}\n",
            field.name,
            literal(&field.node)
        ));
    }
    for field in fields().filter(is_block) {
        for block in blocks(&field.node).unwrap_or_default() {
            match block
                .as_object()
                .is_none_or(|object| object.iter().all(|one| says_nothing(&one.node)))
            {
                true => out.push_str(&format!("{indent}{} {{}}\n", field.name)),
                false => {
                    out.push_str(&format!("{indent}{} {{\n", field.name));
                    hcl(block, depth + 1, out);
                    out.push_str(&format!("{indent}}}\n"));
                }
            }
        }
    }
}

/// Objects in a list are blocks; an empty list may be blocks or values, and says nothing either way.
fn blocks(node: &Node) -> Option<&[Node]> {
    let list = node.as_list()?;
    list.iter().all(|item| item.as_object().is_some()).then_some(list)
}

fn says_nothing(node: &Node) -> bool {
    node.is_null() || node.as_list().is_some_and(<[Node]>::is_empty)
}

/// A value of HCL without references, which JSON writes alike but for the marks of templates.
fn literal(node: &Node) -> String {
    let json = node.to_json().unwrap_or_default().to_string();
    json.replace("${", "$${").replace("%{", "%%{")
}

fn yaml(node: &Node, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    match &node.value {
        Value::Object(object) => {
            for field in object.iter() {
                out.push_str(&format!("{indent}{}:", plain(&field.name)));
                value(&field.node, depth + 1, out);
            }
        }
        Value::List(list) => {
            for item in list {
                let mut inner = String::new();
                match is_branch(item) {
                    true => yaml(item, depth + 1, &mut inner),
                    false => inner = format!("{indent}  {}\n", scalar(item)),
                }
                // The first line's indent makes room for the dash.
                let first = inner.get(indent.len() + 2..).unwrap_or_default();
                out.push_str(&format!("{indent}- {first}"));
            }
        }
        _ => out.push_str(&format!("{indent}{}\n", scalar(node))),
    }
}

fn value(node: &Node, depth: usize, out: &mut String) {
    match is_branch(node) {
        true => {
            out.push('\n');
            yaml(node, depth, out);
        }
        false => out.push_str(&format!(" {}\n", scalar(node))),
    }
}

/// Whether a value takes lines of its own.
fn is_branch(node: &Node) -> bool {
    match &node.value {
        Value::Object(object) => !object.is_empty(),
        Value::List(list) => !list.is_empty(),
        _ => false,
    }
}

fn scalar(node: &Node) -> String {
    match node.as_str() {
        Some(text) => plain(text),
        None => node.to_json().unwrap_or_default().to_string(),
    }
}

/// A text without quotes where YAML takes it for one.
fn plain(text: &str) -> String {
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let simple = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
    let word = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    match begins && simple && !word.contains(&text.to_ascii_lowercase().as_str()) {
        true => text.to_owned(),
        false => serde_json::Value::from(text).to_string(),
    }
}

/// A text with the fields in it as the notation calls them. A field is what stands between backticks and is made of the
/// schema's names alone: with points (`match.port`), or with a capital letter (`serviceDiscovery`), because other single
/// words may be values. What a resource is called is left alone.
pub fn fields(text: &str, notation: Notation) -> Cow<'_, str> {
    let dialect = dialect_of(notation);
    if dialect == Dialect::Api || !text.contains('`') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for (number, part) in text.split('`').enumerate() {
        if number > 0 {
            out.push('`');
        }
        match (number % 2 == 1 && !names_a_resource(&out)).then(|| field(part, dialect)) {
            Some(Some(named)) => out.push_str(&named),
            _ => out.push_str(part),
        }
    }
    Cow::Owned(out)
}

/// Whether what was said so far ends with a kind: its name follows.
fn names_a_resource(before: &str) -> bool {
    let before = before.trim_end_matches('`').trim_end();
    Kind::ALL.iter().any(|kind| before.ends_with(kind.words()))
}

fn field(path: &str, dialect: Dialect) -> Option<String> {
    let told_apart = path.contains('.') || path.contains(|c: char| c.is_ascii_uppercase());
    let named = |name| names(dialect).get(name)?.clone();
    let parts: Option<Vec<String>> = path.split('.').map(named).collect();
    parts.filter(|_| told_apart).map(|parts| parts.join("."))
}

/// The schema's fields, and what a dialect calls them; nothing where it calls them this and that.
fn names(dialect: Dialect) -> &'static BTreeMap<String, Option<String>> {
    static NAMES: ByDialect<OnceLock<BTreeMap<String, Option<String>>>> = ByDialect::unset();
    NAMES.of(dialect).get_or_init(|| {
        let mut all = BTreeMap::new();
        for kind in Kind::ALL {
            collect(schema::kind(kind).root, dialect_for(kind, dialect), &mut all);
        }
        all
    })
}

fn collect(node: &SchemaNode, dialect: Dialect, into: &mut BTreeMap<String, Option<String>>) {
    match &node.shape {
        Shape::Object(object) | Shape::Union(object) => {
            for field in &object.fields {
                let named = field.named(dialect);
                let name = match named.form {
                    FieldForm::Usual | FieldForm::Map => Some(named.name.clone()),
                    FieldForm::Absent | FieldForm::Flatten => None,
                };
                into.entry(field.name.clone())
                    .and_modify(|known| {
                        if *known != name {
                            *known = None;
                        }
                    })
                    .or_insert(name);
                collect(field.node, dialect, into);
            }
        }
        Shape::List(list) => collect(list.items, dialect, into),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Code;
    use serde_json::json;

    fn problem(label: Option<&str>) -> Diagnostic {
        let mut example = Example::profile(json!({
            "certificates": [{"reference": "arn:aws:acm:${x}", "source": {"file": {"trustChain": "/etc/ca.crt"}}}],
            "interception": {"explicit": {}},
        }));
        if let Some(label) = label {
            example = example.of("apps", label);
        }
        Diagnostic::error(
            Code("MF9999"),
            "`serviceDiscovery` of virtual node `logLevel` is not there",
        )
        .help("write `timeout.http`, or speak `http`")
        .example(example)
    }

    #[test]
    fn what_to_write_is_told_in_each_notation() {
        let told = |notation| told(&problem(None), notation).example.unwrap();
        // In the order of Terraform's schema.
        assert_eq!(
            told(Notation::Hcl),
            "spec {\n  interception {\n    explicit {}\n  }\n  certificate {\n    reference = \"arn:aws:acm:$${x}\"\n    \
             source {\n      file {\n        trust_chain = \"/etc/ca.crt\"\n      }\n    }\n  }\n}"
        );
        let yaml = "spec:\n  certificates:\n    - reference: \"arn:aws:acm:${x}\"\n      source:\n        file:\n          \
                    trustChain: /etc/ca.crt\n  interception:\n    explicit: {}";
        assert_eq!(told(Notation::Yaml), yaml);
        assert_eq!(
            told(Notation::CloudFormationYaml),
            yaml,
            "it has no type for profiles"
        );
        let json: serde_json::Value = serde_json::from_str(&told(Notation::Json)).unwrap();
        assert_eq!(json, problem(None).example.unwrap().body);
    }

    #[test]
    fn a_new_resource_has_its_names() {
        let told = |notation| told(&problem(Some("2.a")), notation).example.unwrap();
        let hcl = told(Notation::Hcl);
        assert!(
            hcl.starts_with("resource \"appmesh_proxy_profile\" \"_2_a\" {\n"),
            "{hcl}"
        );
        for line in [
            "  mesh_name = \"apps\"\n",
            "  name      = \"2.a\"\n",
            "  spec {\n",
        ] {
            assert!(hcl.contains(line), "{hcl}");
        }
        assert!(told(Notation::Yaml).starts_with("meshName: apps\nproxyProfileName: \"2.a\"\nspec:\n"));
    }

    #[test]
    fn fields_are_called_as_the_reader_calls_them() {
        let words = |notation| {
            let told = told(&problem(None), notation);
            format!("{}; {}", told.message, told.help.unwrap())
        };
        assert_eq!(
            words(Notation::Hcl),
            "`service_discovery` of virtual node `logLevel` is not there; write `timeout.http`, or speak `http`"
        );
        assert_eq!(
            words(Notation::CloudFormationYaml),
            "`ServiceDiscovery` of virtual node `logLevel` is not there; write `Timeout.HTTP`, or speak `http`"
        );
        assert_eq!(
            words(Notation::Yaml),
            "`serviceDiscovery` of virtual node `logLevel` is not there; write `timeout.http`, or speak `http`"
        );
    }
}
