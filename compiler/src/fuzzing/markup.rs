//! What is well-formed: elements closed in order, attributes quoted and once each, references and characters that XML has. It
//! knows what our own writer uses, and takes nothing else.

/// The elements that pictures are drawn with.
const ELEMENTS: &[&str] = &[
    "a", "circle", "clipPath", "defs", "desc", "g", "line", "marker", "path", "polygon", "rect", "style",
    "svg", "text", "title", "tspan",
];

/// Whether a text is one element of a picture, or several.
///
/// # Errors
/// What it has that it may not have.
pub(super) fn well_formed(text: &str) -> Result<(), String> {
    let allowed = |c: char| matches!(c, '\n' | '\t' | ' '..='\u{fffd}' | '\u{10000}'..);
    if let Some(c) = text.chars().find(|c| !allowed(*c)) {
        return Err(format!("{c:?} is no character of XML"));
    }
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once('<') {
        references(before)?;
        let (tag, after) = inside(tag)?;
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return Err(format!("</{name}> closes something else"));
            }
            continue;
        }
        let (tag, is_empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, attributes) = tag.split_once([' ', '\n']).unwrap_or((tag, ""));
        if !ELEMENTS.contains(&name) {
            return Err(format!("<{name}> is none of ours"));
        }
        quoted(attributes)?;
        if !is_empty {
            open.push(name);
        }
    }
    references(rest)?;
    match open.last() {
        Some(name) => Err(format!("<{name}> is not closed")),
        None => Ok(()),
    }
}

/// What stands in a tag, and what comes after it. A `>` may stand in an attribute.
fn inside(text: &str) -> Result<(&str, &str), String> {
    let mut is_quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' => is_quoted = !is_quoted,
            '<' => return Err("`<` within a tag".to_owned()),
            '>' if !is_quoted => {
                let (tag, rest) = text.split_at(at);
                return Ok((tag, rest.get(1..).unwrap_or_default()));
            }
            _ => {}
        }
    }
    Err("a tag that does not end".to_owned())
}

fn quoted(attributes: &str) -> Result<(), String> {
    let mut names = Vec::new();
    let mut rest = attributes.trim_start();
    while !rest.is_empty() {
        let (name, value) = rest
            .split_once("=\"")
            .ok_or_else(|| format!("`{rest}` is no attribute"))?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | ':');
        if name.is_empty() || !name.chars().all(is_name) || name.starts_with("on") || names.contains(&name) {
            return Err(format!("`{name}` is no attribute of ours"));
        }
        names.push(name);
        let (value, after) = value
            .split_once('"')
            .ok_or_else(|| format!("`{name}` does not end"))?;
        references(value)?;
        rest = after.trim_start();
    }
    Ok(())
}

/// Only of the characters that mean something themselves.
fn references(text: &str) -> Result<(), String> {
    for rest in text.split('&').skip(1) {
        let name = rest.split(';').next().unwrap_or_default();
        if !["amp", "lt", "gt", "quot", "#39"].contains(&name) {
            return Err(format!("`&{name};` is no reference of ours"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::well_formed;

    #[test]
    fn what_is_not_well_formed_is_noticed() {
        assert_eq!(well_formed("<g class=\"a > b\"><rect/>1 &lt; 2</g>\n"), Ok(()));
        for wrong in [
            "<g>",
            "<g></a>",
            "<script></script>",
            "<g onload=\"x\"/>",
            "<g a=b/>",
            "<g a=\"1\" a=\"2\"/>",
            "<g a=\"1\"b\"/>",
            "a & b",
            "<g",
            "\u{1}",
            "\u{fffe}",
        ] {
            assert!(well_formed(wrong).is_err(), "{wrong}");
        }
    }
}
