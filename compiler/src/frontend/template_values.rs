//! Values for what no template has, from a file.

use super::text::{decode, place, shorten};
use super::{codes, documents};
use meshform_model::diag::Diagnostic;
use meshform_model::value::{Node, Value};
use std::collections::BTreeMap;

/// Values for expressions of CloudFormation templates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TemplateValues {
    /// By the name of the parameter.
    pub parameters: BTreeMap<String, String>,
    /// By the name of the export.
    pub imports: BTreeMap<String, String>,
    /// By `LOGICAL.ATTRIBUTE`; what `Ref` gives is the attribute `Ref`.
    pub attributes: BTreeMap<String, String>,
}

impl TemplateValues {
    /// Takes others over those that are there.
    pub fn extend(&mut self, other: TemplateValues) {
        self.parameters.extend(other.parameters);
        self.imports.extend(other.imports);
        self.attributes.extend(other.attributes);
    }

    /// Reads a file: JSON or YAML with `parameters`, `imports` and `attributes`, each from names to values; or
    /// CloudFormation's own: a list of `ParameterKey` and `ParameterValue`, or an object with `Parameters`.
    ///
    /// # Errors
    /// The file is none of these.
    pub fn read(name: &str, bytes: Vec<u8>) -> Result<Self, Box<Diagnostic>> {
        let text = decode(name, bytes).map_err(|refused| refused.problem)?;
        let (documents, problems) = documents(name, &text, 0, None);
        let located = |problem: Diagnostic| Box::new(in_file(name, &text, problem));
        if let Some(problem) = problems.into_iter().next() {
            return Err(located(problem));
        }
        let mut given = Self::default();
        for document in &documents {
            given.document(document).map_err(|problem| located(*problem))?;
        }
        Ok(given)
    }

    fn document(&mut self, document: &Node) -> Result<(), Box<Diagnostic>> {
        match &document.value {
            Value::List(pairs) => {
                for pair in pairs {
                    let text = |name| pair.get(name).and_then(Node::as_str);
                    match (text("ParameterKey"), pair.get("ParameterValue").and_then(scalar)) {
                        (Some(key), Some(value)) => drop(self.parameters.insert(key.to_owned(), value)),
                        _ => {
                            return Err(wrong(
                                pair,
                                "is not a pair of `ParameterKey` and `ParameterValue`",
                            ));
                        }
                    }
                }
            }
            Value::Object(object) => {
                for field in object {
                    let into = match field.name.as_str() {
                        "parameters" | "Parameters" => &mut self.parameters,
                        "imports" => &mut self.imports,
                        "attributes" => &mut self.attributes,
                        // Beside `Parameters`, in files for CloudFormation's deployments.
                        "Tags" | "StackPolicy" => continue,
                        other => {
                            let what = format!(
                                "`{}` is none of `parameters`, `imports`, `attributes`",
                                shorten(other)
                            );
                            return Err(wrong(&field.node, &what));
                        }
                    };
                    let Some(values) = field.node.as_object() else {
                        return Err(wrong(&field.node, "is not an object from names to values"));
                    };
                    for value in values {
                        match scalar(&value.node) {
                            Some(text) => drop(into.insert(value.name.clone(), text)),
                            None => return Err(wrong(&value.node, "is not a string, number or boolean")),
                        }
                    }
                }
            }
            _ => return Err(wrong(document, "is neither an object nor a list")),
        }
        Ok(())
    }
}

/// A list of texts is what a parameter of such a type takes, separated by commas.
fn scalar(node: &Node) -> Option<String> {
    match &node.value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.as_text().to_owned()),
        Value::Bool(b) => Some(b.to_string()),
        Value::List(list) => {
            let all: Option<Vec<String>> = list.iter().map(scalar).collect();
            all.map(|all| all.join(","))
        }
        _ => None,
    }
}

fn wrong(node: &Node, what: &str) -> Box<Diagnostic> {
    let message = match what.starts_with('`') {
        true => what.to_owned(),
        false => format!("{} {what}", node.value.noun()),
    };
    let problem = Diagnostic::error(codes::VALUES, message).help(
        "a values file is JSON or YAML: `parameters`, `imports` and `attributes`, each an object from names to values",
    );
    Box::new(match node.span {
        Some(span) => problem.at(place(span)),
        None => problem,
    })
}

/// The place as words: the file is no input, so its text is not among the sources.
fn in_file(name: &str, text: &str, mut problem: Diagnostic) -> Diagnostic {
    let start = problem
        .places
        .first()
        .and_then(|place| place.span)
        .map_or(0, |span| span.start as usize);
    let before = text.get(..start).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    problem.places.clear();
    problem.message = format!("{name}:{line}:{column}: {}", problem.message);
    problem
}
