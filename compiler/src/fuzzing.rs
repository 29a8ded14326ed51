//! What must hold for any bytes: the bodies of the fuzz targets (`fuzz/`) and of the property tests.

use crate::frontend::{Input, Options, TemplateValues, json, read, yaml};
use crate::{cloudformation, terraform};
use meshform_model::diag::Diagnostic;
use meshform_model::value::{Node, Span, Value};

/// The JSON reader ends, and every place lies within the text.
///
/// # Errors
/// The place that does not.
pub fn json(text: &str) -> Result<(), String> {
    let (node, problems) = json::read(text, 0);
    places(text, node.iter(), &problems)
}

/// The YAML reader ends, and every place lies within the text.
///
/// # Errors
/// The place that does not.
pub fn yaml(text: &str) -> Result<(), String> {
    let (documents, problems) = yaml::read(text, 0);
    places(text, documents.iter(), &problems)
}

/// Reading, recognising, converting, validating and writing end, whatever the bytes are; they are read as a values file,
/// too.
pub fn forms(name: &str, bytes: &[u8]) {
    let input = Input {
        name: name.to_owned(),
        bytes: bytes.to_vec(),
        named: true,
    };
    let options = Options {
        symbolic: true,
        ..Options::default()
    };
    let reading = read(vec![input], &options);
    let (resources, _) = reading.resources();
    let _ = cloudformation::build_with(&resources, &reading.symbolic);
    let _ = terraform::build_with(&resources, &reading.symbolic);
    let _ = TemplateValues::read(name, bytes.to_vec());
}

fn places<'n>(
    text: &str,
    roots: impl Iterator<Item = &'n Node>,
    problems: &[Diagnostic],
) -> Result<(), String> {
    let check = |span: Option<Span>| match span {
        Some(span) if text.get(span.start as usize..span.end as usize).is_none() => Err(format!("{span:?}")),
        _ => Ok(()),
    };
    for place in problems.iter().flat_map(|problem| &problem.places) {
        check(place.span)?;
    }
    let mut pending: Vec<&Node> = roots.collect();
    while let Some(node) = pending.pop() {
        check(node.span)?;
        match &node.value {
            Value::List(list) => pending.extend(list),
            Value::Object(object) => {
                for field in object {
                    check(field.name_span)?;
                    pending.push(&field.node);
                }
            }
            Value::Symbol(symbol) => pending.push(&symbol.argument),
            _ => {}
        }
    }
    Ok(())
}
