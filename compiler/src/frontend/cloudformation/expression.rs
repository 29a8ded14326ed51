//! CloudFormation's functions: long forms recognised, values worked out where the template holds them.
//!
//! What cannot be worked out (a parameter without a default, an import) stays a [`Symbol`], with everything
//! inside it that could be.

use super::arguments;
use super::scope::TemplateScope;
use super::sub;
use crate::frontend::tags;
use meshform_model::value::{Field, Node, Number, Object, Symbol, Value};

/// How a reference to the Parameter Store or to Secrets Manager begins, which only a deployment follows.
pub(crate) const DYNAMIC: &str = "{{resolve:";

/// How deep expressions may lead from one to the next before it must be a circle.
pub(super) const MAX_STEPS: usize = 200;

/// Turns the long forms (`{"Fn::Sub": …}`, `{"Ref": …}`) into symbols, everywhere below.
pub(crate) fn symbolise(mut node: Node) -> Node {
    symbolise_in_place(&mut node);
    node
}

/// A large template is changed where it stands: one made anew would be in memory twice for a while.
fn symbolise_in_place(node: &mut Node) {
    let long = match &mut node.value {
        Value::Object(object) => {
            for field in object.iter_mut() {
                symbolise_in_place(&mut field.node);
                if field.name == "Conditions" {
                    replace(&mut field.node, declared_conditions);
                }
            }
            let is_long = object.len() == 1 && object.iter().all(|field| tags::is_long_function(&field.name));
            if !is_long {
                return;
            }
            std::mem::take(object).into_iter().next()
        }
        Value::List(list) => return list.iter_mut().for_each(symbolise_in_place),
        Value::Symbol(symbol) => {
            symbolise_in_place(&mut symbol.argument);
            if takes_conditions(&symbol.function) {
                replace(&mut symbol.argument, conditions);
            }
            return;
        }
        _ => return,
    };
    if let Some(field) = long {
        let argument = match takes_conditions(&field.name) {
            true => conditions(field.node),
            false => field.node,
        };
        node.value = tags::symbol(field.name, argument).value;
    }
}

fn replace(node: &mut Node, with: impl FnOnce(Node) -> Node) {
    let before = std::mem::replace(node, Node::null());
    *node = with(before);
}

fn takes_conditions(function: &str) -> bool {
    matches!(function, "Fn::And" | "Fn::Or" | "Fn::Not")
}

/// `{"Condition": "Name"}` is an expression where a truth value stands; elsewhere it is an attribute.
fn condition(node: Node) -> Node {
    match &node.value {
        Value::Object(object) if object.len() == 1 => match object.get("Condition") {
            Some(name) => Node {
                span: node.span,
                ..tags::symbol("Condition".to_owned(), name.clone())
            },
            None => node,
        },
        _ => node,
    }
}

/// The operands of a function that takes truth values.
fn conditions(node: Node) -> Node {
    let Value::List(list) = node.value else {
        return node;
    };
    Node {
        value: Value::List(list.into_iter().map(condition).collect()),
        span: node.span,
    }
}

/// The conditions that a template declares.
fn declared_conditions(node: Node) -> Node {
    let Value::Object(object) = node.value else {
        return node;
    };
    let mut declared = Object::new();
    for field in object {
        declared.push(Field {
            node: condition(field.node),
            ..field
        });
    }
    Node {
        value: Value::Object(declared),
        span: node.span,
    }
}

/// The value of a node in a template. `None` is `AWS::NoValue`: whatever it stands in goes.
pub(crate) fn evaluate(node: &Node, scope: &mut TemplateScope<'_>) -> Option<Node> {
    if scope.steps >= MAX_STEPS {
        scope.wrong(
            node,
            "expressions that are circular or nested too deeply".to_owned(),
        );
        return Some(node.clone());
    }
    if scope.is_full() {
        return Some(node.clone());
    }
    scope.steps += 1;
    let value = evaluate_value(node, scope).map(|value| match value {
        Value::String(text) if text.contains(DYNAMIC) => {
            scope.dynamic(&text, node);
            symbol("Fn::Sub", Node::new(Value::String(text)))
        }
        value => value,
    });
    scope.steps -= 1;
    if let (Value::Symbol(_), Some(value)) = (&node.value, &value) {
        scope.grow(size(value), node);
    }
    // A value found elsewhere is reported where it is used.
    value.map(|value| Node {
        value,
        span: node.span,
    })
}

fn evaluate_value(node: &Node, scope: &mut TemplateScope<'_>) -> Option<Value> {
    Some(match &node.value {
        Value::List(list) => {
            let mut out = Vec::with_capacity(list.len());
            out.extend(list.iter().filter_map(|item| evaluate(item, scope)));
            Value::List(out)
        }
        Value::Object(object) => {
            // A function that is known is a symbol.
            if let Some(field) = object
                .iter()
                .next()
                .filter(|field| field.name.starts_with("Fn::"))
                && object.len() == 1
            {
                scope.no_function(field, node);
                return Some(symbol(&field.name, field.node.clone()));
            }
            let mut out = Object::new();
            for field in object {
                if let Some(node) = evaluate(&field.node, scope) {
                    out.push(field.with(node));
                }
            }
            Value::Object(out)
        }
        Value::Symbol(symbol) => return function(symbol, node, scope),
        other => other.clone(),
    })
}

/// About how many bytes a value takes.
pub(super) fn size(value: &Value) -> usize {
    let below: usize = match value {
        Value::List(list) => list.iter().map(|node| size(&node.value)).sum(),
        Value::Object(object) => object.iter().map(|f| f.name.len() + size(&f.node.value)).sum(),
        Value::String(text) => text.len(),
        Value::Symbol(symbol) => size(&symbol.argument.value),
        _ => 0,
    };
    below.saturating_add(size_of::<Node>())
}

fn function(expression: &Symbol, node: &Node, scope: &mut TemplateScope<'_>) -> Option<Value> {
    let argument = expression.argument.as_ref();
    let name = expression.function.as_str();
    match name {
        "Ref" if argument.as_str() == Some("AWS::NoValue") => return None,
        "Ref" => return Some(refer(argument, node, scope)),
        "Fn::If" => return choose(argument, node, scope),
        "Fn::GetAtt" => return Some(get_attribute(argument, node, scope)),
        "Fn::Sub" => return Some(substitute(argument, node, scope)),
        "Condition" => {
            let known = argument.as_str().and_then(|name| scope.condition(name, node));
            return Some(known.map_or_else(|| node.value.clone(), Value::Bool));
        }
        _ => {}
    }
    let argument = evaluate(argument, scope)?;
    if let Some(takes) = arguments::wanted(name, &argument) {
        scope.wrong(node, format!("`{name}` takes {takes}"));
        return Some(symbol(name, argument));
    }
    let known = match name {
        "Fn::Join" => join(&argument),
        "Fn::Select" => select(&argument, node, scope),
        "Fn::Split" => split(&argument),
        "Fn::FindInMap" => scope.mapped(&argument, node).map(|found| found.value),
        "Fn::Equals" => equals(&argument),
        "Fn::And" => all(&argument, scope, true),
        "Fn::Or" => all(&argument, scope, false),
        "Fn::Not" => match argument.as_list() {
            Some([one]) => truth(one, scope).map(|b| Value::Bool(!b)),
            _ => None,
        },
        "Fn::Length" => argument.as_list().and_then(length),
        "Fn::ImportValue" => {
            let export = scalar(&argument);
            let found = export.as_deref().and_then(|export| scope.import(export, node));
            if let (None, Some(_)) = (&found, export) {
                return Some(symbol(name, argument));
            }
            found.map(|found| found.value)
        }
        _ => None,
    };
    Some(known.unwrap_or_else(|| {
        scope.unknown(node, name, &argument);
        symbol(name, argument)
    }))
}

fn symbol(function: &str, argument: Node) -> Value {
    Value::Symbol(Symbol {
        function: function.to_owned(),
        argument: Box::new(argument),
    })
}

/// `Ref`, whose name may be an expression within a loop.
fn refer(argument: &Node, node: &Node, scope: &mut TemplateScope<'_>) -> Value {
    let evaluated = match argument.as_str() {
        Some(_) => None,
        None => evaluate(argument, scope),
    };
    let argument = evaluated.as_ref().unwrap_or(argument);
    let found = match argument.as_str() {
        Some(name) => scope.reference(name, node),
        None => {
            if argument.is_wholly_known() {
                scope.wrong(node, "`Ref` takes the name of a parameter or resource".to_owned());
            }
            None
        }
    };
    found.map_or_else(|| node.value.clone(), |found| found.value)
}

/// `Fn::GetAtt`, whose names may be expressions within a loop.
fn get_attribute(argument: &Node, node: &Node, scope: &mut TemplateScope<'_>) -> Value {
    let is_plain = argument
        .as_list()
        .is_some_and(|parts| parts.iter().all(|part| part.as_str().is_some()));
    let evaluated = match is_plain {
        true => None,
        false => evaluate(argument, scope),
    };
    let argument = evaluated.as_ref().unwrap_or(argument);
    let names: Option<Vec<&str>> = argument
        .as_list()
        .map(|parts| parts.iter().filter_map(Node::as_str).collect());
    let found = match names.as_deref() {
        Some([resource, attribute]) => scope.attribute(resource, attribute, node),
        _ => {
            if argument.is_wholly_known() {
                scope.wrong(
                    node,
                    "`Fn::GetAtt` takes the names of a resource and of an attribute".to_owned(),
                );
            }
            None
        }
    };
    found.map_or_else(|| node.value.clone(), |found| found.value)
}

fn choose(argument: &Node, node: &Node, scope: &mut TemplateScope<'_>) -> Option<Value> {
    let Some([condition, then, otherwise]) = argument.as_list() else {
        scope.wrong(node, "`Fn::If` takes a condition and two values".to_owned());
        return Some(node.value.clone());
    };
    let known = condition.as_str().and_then(|name| scope.condition(name, node));
    match known {
        Some(true) => evaluate(then, scope).map(|node| node.value),
        Some(false) => evaluate(otherwise, scope).map(|node| node.value),
        None => Some(node.value.clone()),
    }
}

/// Whether a value is true, as conditions count: `{"Condition": name}` and what functions gave.
pub(crate) fn truth(node: &Node, scope: &mut TemplateScope<'_>) -> Option<bool> {
    match &evaluate(node, scope)?.value {
        Value::Bool(b) => Some(*b),
        _ => None,
    }
}

fn all(argument: &Node, scope: &mut TemplateScope<'_>, and: bool) -> Option<Value> {
    let values: Vec<Option<bool>> = argument
        .as_list()?
        .iter()
        .map(|item| truth(item, scope))
        .collect();
    if values.contains(&Some(!and)) {
        return Some(Value::Bool(!and));
    }
    values.iter().all(Option::is_some).then_some(Value::Bool(and))
}

fn equals(argument: &Node) -> Option<Value> {
    match argument.as_list() {
        Some([a, b]) => Some(Value::Bool(scalar(a)? == scalar(b)?)),
        _ => None,
    }
}

fn join(argument: &Node) -> Option<Value> {
    let [delimiter, list] = argument.as_list()? else {
        return None;
    };
    let parts: Option<Vec<String>> = list.as_list()?.iter().map(scalar).collect();
    Some(Value::String(parts?.join(delimiter.as_str()?)))
}

fn select(argument: &Node, node: &Node, scope: &mut TemplateScope<'_>) -> Option<Value> {
    let [index, list] = argument.as_list()? else {
        return None;
    };
    let index: usize = scalar(index)?.parse().ok()?;
    let list = list.as_list()?;
    let chosen = list.get(index).map(|node| node.value.clone());
    if chosen.is_none() {
        let count = list.len();
        scope.wrong(
            node,
            format!("`Fn::Select` of {index} in a list of {count}; the first is 0"),
        );
    }
    chosen
}

fn length(list: &[Node]) -> Option<Value> {
    Number::parse(&list.len().to_string()).map(Value::Number)
}

fn split(argument: &Node) -> Option<Value> {
    let [delimiter, text] = argument.as_list()? else {
        return None;
    };
    let delimiter = delimiter.as_str().filter(|d| !d.is_empty())?;
    let parts = text.as_str()?.split(delimiter);
    Some(Value::List(
        parts.map(|part| Node::new(Value::from(part))).collect(),
    ))
}

/// A scalar as the text that CloudFormation makes of it.
pub(crate) fn scalar(node: &Node) -> Option<String> {
    match &node.value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.as_text().to_owned()),
        Value::Bool(b) => Some(b.to_string()),
        _ => None,
    }
}

/// `Fn::Sub`: what has no value stays as `${Name}` in a symbol.
fn substitute(argument: &Node, node: &Node, scope: &mut TemplateScope<'_>) -> Value {
    // The text is the one argument that is no value before the function is applied.
    let (text, values) = match argument.as_list() {
        Some([text, values]) => (text, evaluate(values, scope)),
        _ => (argument, None),
    };
    let Some(text) = text.as_str() else {
        scope.wrong(
            node,
            "`Fn::Sub` takes a text, or a list of a text and values".to_owned(),
        );
        return node.value.clone();
    };
    let mut out = String::new();
    let mut whole = true;
    for part in sub::parts(text) {
        let name = match part {
            sub::SubPart::Text(text) => {
                out.push_str(&text);
                continue;
            }
            sub::SubPart::Name(name) => name,
        };
        let own = values.as_ref().and_then(|values| values.get(name)).cloned();
        let found = own.or_else(|| match name.split_once('.') {
            Some((resource, attribute)) => scope.attribute(resource, attribute, node),
            None => scope.reference(name, node),
        });
        match found.as_ref().and_then(scalar) {
            Some(value) => {
                out.push_str(&value);
                scope.grow(value.len(), node);
                if scope.is_full() {
                    return node.value.clone();
                }
            }
            None => {
                whole = false;
                match found.map(|node| node.value) {
                    Some(Value::Symbol(symbol)) => out.push_str(&text_of(&symbol)),
                    _ => out.push_str(&format!("${{{name}}}")),
                }
            }
        }
    }
    if whole {
        return Value::String(out);
    }
    Value::Symbol(Symbol {
        function: "Fn::Sub".to_owned(),
        argument: Box::new(Node {
            value: Value::String(out),
            span: node.span,
        }),
    })
}

/// A symbol as a text, in the notation of `Fn::Sub`: `${Name}`.
pub(crate) fn text_of(symbol: &Symbol) -> String {
    let argument = symbol.argument.as_ref();
    let inner = |node: &Node| match &node.value {
        Value::Symbol(symbol) => text_of(symbol),
        Value::List(list) => {
            let parts: Vec<String> = list.iter().filter_map(scalar).collect();
            parts.join(",")
        }
        _ => scalar(node).unwrap_or_default(),
    };
    match (symbol.function.as_str(), argument.as_list()) {
        ("Fn::Sub", None) => inner(argument),
        ("Fn::Sub", Some([text, ..])) => inner(text),
        ("Ref", _) => format!("${{{}}}", inner(argument)),
        ("Fn::GetAtt", Some(parts)) => {
            format!("${{{}}}", parts.iter().map(inner).collect::<Vec<_>>().join("."))
        }
        ("Fn::Join", Some([delimiter, list])) if list.as_list().is_some() => {
            let parts: Vec<String> = list.as_list().unwrap_or_default().iter().map(inner).collect();
            parts.join(&inner(delimiter))
        }
        (function, _) => {
            let name = function.strip_prefix("Fn::").unwrap_or(function);
            format!("${{{name}:{}}}", inner(argument).replace(['{', '}', '$'], ""))
        }
    }
}

/// A parameter's text as the number or list that its type says.
pub(crate) fn parameter_value(kind: &str, text: &str) -> Value {
    if kind == "Number" {
        return Number::parse(text).map_or_else(|| Value::from(text), Value::Number);
    }
    if kind == "CommaDelimitedList" || kind.starts_with("List<") {
        let items = text.split(',').map(|item| Node::new(Value::from(item.trim())));
        return Value::List(items.collect());
    }
    Value::from(text)
}
