//! What a template allows its parameters to be, held against the values that they are given. CloudFormation refuses
//! others before it deploys anything.

use super::expression::scalar;
use crate::frontend::codes;
use crate::frontend::text::shorten;
use meshform_model::diag::Diagnostic;
use meshform_model::value::{Node, Number};
use regex_lite::{Regex, RegexBuilder};

/// The constraint that a parameter's value breaks, and what to say of it.
pub(super) fn broken<'p>(name: &str, declared: &'p Node, text: &str) -> Option<(&'p Node, Diagnostic)> {
    let kind = declared.get("Type").and_then(Node::as_str).unwrap_or("String");
    let is_list = kind == "CommaDelimitedList" || kind.starts_with("List<");
    let is_secret = declared
        .get("NoEcho")
        .and_then(scalar)
        .is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let values: Vec<&str> = match is_list {
        true => text.split(',').map(str::trim).collect(),
        false => vec![text],
    };
    let refuse = |value: &str, help: String| {
        let message = match is_secret {
            true => format!("the value of the parameter `{}` is not allowed", shorten(name)),
            false => format!(
                "`{}` is not allowed for the parameter `{}`",
                shorten(value),
                shorten(name)
            ),
        };
        let said = declared.get("ConstraintDescription").and_then(Node::as_str);
        let help = match said {
            Some(said) => format!("{help}: {}", shorten(said)),
            None => help,
        };
        Diagnostic::error(codes::CONSTRAINT, message).help(help)
    };
    for value in values {
        if let Some(constraint) = declared.get("AllowedValues")
            && let Some(allowed) = constraint.as_list()
        {
            let allowed: Vec<String> = allowed.iter().filter_map(scalar).collect();
            if !allowed.iter().any(|one| one == value) {
                let shown: Vec<String> = allowed.iter().map(|one| format!("`{}`", shorten(one))).collect();
                return Some((
                    constraint,
                    refuse(value, format!("the template allows {}", shown.join(", "))),
                ));
            }
        }
        if matches!(kind, "Number" | "List<Number>") {
            let Some(number) = Number::parse(value) else {
                let constraint = declared.get("Type").unwrap_or(declared);
                return Some((
                    constraint,
                    refuse(value, "the template requires a number".to_owned()),
                ));
            };
            let outside = |bound: f64, least: bool| match least {
                true => number.as_f64() < bound,
                false => number.as_f64() > bound,
            };
            if let Some((constraint, bound, word)) = bounds(declared, "Value", outside) {
                return Some((
                    constraint,
                    refuse(value, format!("the template requires {word} {bound}")),
                ));
            }
        } else if !is_list {
            let length = value.encode_utf16().count();
            let outside = |bound: f64, least: bool| {
                let length = f64::from(u32::try_from(length).unwrap_or(u32::MAX));
                match least {
                    true => length < bound,
                    false => length > bound,
                }
            };
            if let Some((constraint, bound, word)) = bounds(declared, "Length", outside) {
                let help = format!("the template requires {word} {bound} characters");
                return Some((constraint, refuse(value, help)));
            }
        }
        // The pattern of a list is held against each of its values, as CloudFormation does.
        if let Some(constraint) = declared.get("AllowedPattern")
            && let Some(pattern) = scalar(constraint)
        {
            match matches(&pattern, value) {
                Some(true) => {}
                Some(false) => {
                    let help = format!("the template requires a full match of `{}`", shorten(&pattern));
                    return Some((constraint, refuse(value, help)));
                }
                None => {
                    let message = format!(
                        "the value of the parameter `{}` is not checked against its pattern `{}`",
                        shorten(name),
                        shorten(&pattern)
                    );
                    let problem = Diagnostic::warning(codes::CONSTRAINT, message);
                    return Some((constraint, problem.help(UNREADABLE)));
                }
            }
        }
    }
    None
}

/// Why a pattern may say nothing here.
const UNREADABLE: &str = "CloudFormation uses Java's regular expressions; look-around, back-references and classes \
                          such as `\\p` are not evaluated here";
/// The memory that a pattern may take once it is read.
const MOST: usize = 1 << 20;

/// Whether a pattern matches all of a text. Nothing where it uses what only Java's regular expressions have.
fn matches(pattern: &str, text: &str) -> Option<bool> {
    Some(compiled(pattern)?.is_match(text))
}

/// Whether a pattern means the same here, and in Terraform, as in CloudFormation.
pub(crate) fn is_readable_pattern(pattern: &str) -> bool {
    compiled(pattern).is_some()
}

fn compiled(pattern: &str) -> Option<Regex> {
    let whole = RegexBuilder::new(&format!(r"\A(?:{pattern})\z"))
        .size_limit(MOST)
        .build();
    whole.ok()
}

/// The bound, `MinValue` or `MaxLength` for instance, beyond which a value lies.
fn bounds<'p>(
    declared: &'p Node,
    of: &str,
    outside: impl Fn(f64, bool) -> bool,
) -> Option<(&'p Node, String, &'static str)> {
    for (prefix, least, word) in [("Min", true, "at least"), ("Max", false, "at most")] {
        let Some(constraint) = declared.get(&format!("{prefix}{of}")) else {
            continue;
        };
        let bound = scalar(constraint);
        let number = bound.as_deref().and_then(Number::parse);
        if let (Some(bound), Some(number)) = (bound, number)
            && outside(number.as_f64(), least)
        {
            return Some((constraint, bound, word));
        }
    }
    None
}
