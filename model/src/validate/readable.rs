//! Names that people give and read, and that no pattern of the schema covers: of owners, keys and identities.

/// The longest: that of a resource's name.
const LONGEST: usize = 255;

/// Whether a character is not seen itself, and changes how what stands around it is seen: control characters, and those
/// that turn the direction of text round.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What keeps a name from being read, and told from others, in lists and in the change feed.
///
/// # Errors
/// Says what is wrong with it and what is right.
pub fn readable(name: &str) -> Result<(), String> {
    let why = if name.is_empty() {
        "it is empty".to_owned()
    } else if let Some(c) = name.chars().find(|c| is_hidden(*c)) {
        format!("it contains '{}'", c.escape_default())
    } else if name.chars().count() > LONGEST {
        format!("it has more than {LONGEST} characters")
    } else {
        return Ok(());
    };
    Err(format!("{why}; use 1 to {LONGEST} visible characters"))
}

/// A name that nobody was asked for, such as that of a machine: what is not seen in it is written out.
pub fn seen(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        match is_hidden(c) {
            true => out.extend(c.escape_default()),
            false => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_seen_as_it_is_written() {
        for name in [
            "",
            "a\u{202e}b",
            "a\0",
            "\u{2066}a",
            "a\u{200f}",
            "\u{61c}a",
            &"a".repeat(256),
        ] {
            readable(name).unwrap_err();
        }
        for name in ["équipe a", "team/a", &"é".repeat(255)] {
            readable(name).unwrap();
        }
        assert_eq!(seen("me\u{202e}@h\u{e9}re\u{1b}"), "me\\u{202e}@h\u{e9}re\\u{1b}");
    }
}
