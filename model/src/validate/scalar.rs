//! Texts and numbers against their bounds.

use super::codes;
use super::quote::{counted, listed, quoted};
use super::suggest::closest;
use crate::diag::Diagnostic;
use crate::schema::{NumberShape, TextShape};
use crate::value::Number;

pub(super) fn text(shape: &TextShape, text: &str) -> Option<Diagnostic> {
    if !shape.choices.is_empty() {
        return choice(&shape.choices, text);
    }
    if shape.min.is_some() || shape.max.is_some() {
        let min = shape.min.unwrap_or(0);
        // Only as many characters are counted as can matter: the text may be huge.
        let limit = shape.max.map_or(min, |max| max.saturating_add(1));
        let count = text.chars().take(limit).count();
        if count < min || shape.max.is_some_and(|max| count > max) {
            let length = if count < min {
                counted(count, "character")
            } else {
                counted(text.chars().count(), "character")
            };
            let message = match text {
                "" => "the text is empty".to_owned(),
                _ => format!("{} has {length}", quoted(text)),
            };
            return Some(Diagnostic::error(codes::TEXT_LENGTH, message).help(bounds_help(
                min,
                shape.max,
                "character",
            )));
        }
    }
    let pattern = shape.pattern.as_ref()?;
    (!pattern.matches(text)).then(|| {
        Diagnostic::error(
            codes::TEXT_FORM,
            format!("{} is not {}", quoted(text), shape.form),
        )
        .help(format!("the text must match `{}`", pattern.text))
    })
}

fn choice(choices: &[String], text: &str) -> Option<Diagnostic> {
    if choices.iter().any(|choice| choice == text) {
        return None;
    }
    let names: Vec<&str> = choices.iter().map(String::as_str).collect();
    let problem = Diagnostic::error(
        codes::NOT_A_CHOICE,
        format!("{} is not an allowed value", quoted(text)),
    );
    Some(match closest(text, &names) {
        Some(name) if choices.len() > 1 => problem.help(format!(
            "did you mean `{name}`? The values are {}",
            listed(&names, "and")
        )),
        _ => problem.help(format!("give {}", listed(&names, "or"))),
    })
}

pub(super) fn integer(shape: NumberShape, number_: &Number) -> Option<Diagnostic> {
    let text = number_.as_text();
    let whole = number_.as_i64().is_some() || {
        // Whole, but beyond what 64 bits hold: the bounds decide, or nothing fits it.
        let float = number_.as_f64();
        float.is_infinite() || (float.fract() == 0.0 && float.abs() >= 9_007_199_254_740_992.0)
    };
    if !whole {
        return Some(
            Diagnostic::error(
                codes::NOT_WHOLE,
                format!("{} is not a whole number", quoted(text)),
            )
            .help("give a whole number"),
        );
    }
    if number_.as_i64().is_none() {
        return Some(
            Diagnostic::error(codes::OUT_OF_RANGE, format!("{} is too large", quoted(text)))
                .help("whole numbers have at most 64 bits"),
        );
    }
    number(shape, number_)
}

pub(super) fn number(shape: NumberShape, number: &Number) -> Option<Diagnostic> {
    let value = number.as_f64();
    let low = shape.min.is_some_and(|min| value < min);
    let high = shape.max.is_some_and(|max| value > max);
    if !low && !high && value.is_finite() {
        return None;
    }
    let help = match (shape.min, shape.max) {
        (Some(min), Some(max)) => format!("give a number from {min} to {max}"),
        (Some(min), None) => format!("give a number of at least {min}"),
        (None, Some(max)) => format!("give a number of at most {max}"),
        (None, None) => "give a number that fits a double".to_owned(),
    };
    let word = if low { "small" } else { "large" };
    Some(
        Diagnostic::error(
            codes::OUT_OF_RANGE,
            format!("{} is too {word}", quoted(number.as_text())),
        )
        .help(help),
    )
}

/// "give from 1 to 10 elements".
pub(super) fn bounds_help(min: usize, max: Option<usize>, noun: &str) -> String {
    match (min, max) {
        (min, Some(max)) if min == max => format!("give exactly {}", counted(max, noun)),
        (0, Some(max)) => format!("give at most {}", counted(max, noun)),
        (min, Some(max)) => format!("give from {min} to {}", counted(max, noun)),
        (min, None) => format!("give at least {}", counted(min, noun)),
    }
}
