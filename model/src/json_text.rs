//! JSON as text: the same tokens with more or with less white space between them. What is kept as text keeps its
//! digest, because no number is read and written again.

/// Valid JSON without white space between its tokens.
pub fn compact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Where the part begins that is yet to be copied, and how far it was read.
    let (mut kept, mut read) = (0, 0);
    let next = |from: usize| {
        let rest = text.as_bytes().get(from..).unwrap_or_default();
        let found = rest
            .iter()
            .position(|byte| matches!(byte, b'"' | b' ' | b'\n' | b'\t' | b'\r'));
        found.map(|at| from + at)
    };
    while let Some(at) = next(read) {
        let from = text.get(at..).unwrap_or_default();
        if from.starts_with('"') {
            read = at + string_length(from);
        } else {
            out.push_str(text.get(kept..at).unwrap_or_default());
            (kept, read) = (at + 1, at + 1);
        }
    }
    out.push_str(text.get(kept..).unwrap_or_default());
    out
}

/// Compact JSON with two spaces per level, as `serde_json` writes it.
pub fn pretty(compact: &str) -> String {
    let mut out = String::with_capacity(compact.len() * 2);
    let mut depth = 0_usize;
    let mut rest = compact;
    while let Some(at) = rest.find(['"', '{', '[', '}', ']', ',', ':']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let mut length = 1;
        let token = from.chars().next().unwrap_or_default();
        match token {
            '"' => {
                length = string_length(from);
                out.push_str(from.get(..length).unwrap_or_default());
            }
            '{' | '[' if from.get(1..).is_some_and(|next| next.starts_with(['}', ']'])) => {
                length = 2;
                out.push_str(from.get(..length).unwrap_or_default());
            }
            '{' | '[' => {
                out.push(token);
                depth += 1;
                line(&mut out, depth);
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(token);
            }
            ',' => {
                out.push(token);
                line(&mut out, depth);
            }
            _ => out.push_str(": "),
        }
        rest = from.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

/// How long the string is with which a text begins, both quotes counted.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_forms_are_what_serde_writes() {
        for value in [
            json!({
                "a": [1, {"b": "ü \\\" {\n\"\u{7f}"}, [], {}, [[]]], "c": null,
                "d\"e": {"e": -1.5e-7, "f": true}, "": "", "g": ["]", ": ,"]
            }),
            json!([]),
            json!("only, a: [text]"),
            json!(-1.5),
        ] {
            let (short, long) = (value.to_string(), serde_json::to_string_pretty(&value).unwrap());
            assert_eq!(pretty(&short), long);
            assert_eq!(compact(&long), short);
            assert_eq!(compact(&short), short);
        }
    }

    #[test]
    fn numbers_keep_their_text() {
        for text in ["0.1000000000000000055511151231257827", "1e400", "-0"] {
            assert_eq!(compact(&pretty(&format!("[{text}]"))), format!("[{text}]"));
        }
    }

    #[test]
    fn what_is_cut_off_ends() {
        for text in ["{\"a", "\"\\", "[", "}}"] {
            let _ = (compact(text), pretty(text));
        }
    }
}
