//! Texts in a picture: how wide they are, how they are cut, and how they are kept from being anything but text.

use meshform_model::validate::is_hidden;

/// A text for XML and HTML, as content or within quotes. Characters that XML forbids, and those that turn the direction of
/// what follows, become the replacement character.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push('\n'),
            c => out.push(shown(c)),
        }
    }
    out
}

/// A character, or what stands for one that must not be there.
pub(super) fn shown(c: char) -> char {
    match c {
        c if is_hidden(c) => '\u{fffd}',
        '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        c => c,
    }
}

/// An id that any text can become, each another: letters and digits stay.
pub(super) fn id(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' => out.push(char::from(byte)),
            byte => out.push_str(&format!("_{byte:02x}")),
        }
    }
    out
}

/// About how wide a text is in a common sans-serif, at that size.
pub(super) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(em).sum::<f64>() * size
}

fn em(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | '·' => 0.28,
        'f' | 't' | 'r' | ' ' | '(' | ')' | '[' | ']' | '/' | '-' | 'I' => 0.36,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' | '→' => 0.92,
        'A'..='Z' | '&' | '_' | '<' | '>' | '=' | '+' | '×' => 0.74,
        // Marks that stand above or below others.
        '\u{300}'..='\u{36f}' => 0.0,
        // From here on come the scripts whose characters are as wide as high.
        '\u{1100}'.. => 1.05,
        _ => 0.6,
    }
}

/// The text cut to a width, with an ellipsis where it is cut.
pub(super) fn cut(text: &str, size: f64, room: f64) -> String {
    if width(text, size) <= room {
        return text.to_owned();
    }
    let mut left = room - width("…", size);
    let kept: String = text
        .chars()
        .take_while(|c| {
            left -= em(*c) * size;
            left >= 0.0
        })
        .collect();
    format!("{}…", kept.trim_end())
}

/// A name cut to a width in the middle: ends often tell names apart.
pub(super) fn cut_name(name: &str, size: f64, room: f64) -> String {
    if width(name, size) <= room {
        return name.to_owned();
    }
    let backwards: String = name.chars().rev().collect();
    let end = cut(&backwards, size, room * 0.4);
    let end: String = end.chars().rev().collect();
    let start = cut(name, size, room - width(&end, size) + width("…", size));
    format!("{}{end}", start.trim_end_matches('…'))
}

/// A number as it stands in SVG: tenths at most.
pub(super) fn number(value: f64) -> String {
    let tenths = (value * 10.0).round() / 10.0;
    format!("{tenths}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(
            escaped("<script>]]>\"'&\u{202e}\0\u{fffe}"),
            "&lt;script&gt;]]&gt;&quot;&#39;&amp;\u{fffd}\u{fffd}\u{fffd}"
        );
        assert_eq!(id("a/ü\"_"), "a_2f_c3_bc_22_5f");
    }

    #[test]
    fn long_texts_are_cut_to_their_room() {
        let long = "a".repeat(255);
        for text in [
            long.as_str(),
            "短い名前ではない名前です",
            "payments.internal.example.com",
        ] {
            for cut in [cut(text, 13.0, 100.0), cut_name(text, 13.0, 100.0)] {
                assert!(width(&cut, 13.0) <= 101.0, "{cut}");
                assert_eq!(cut.matches('…').count(), 1, "{cut}");
            }
        }
        assert!(cut_name("payments.internal.example.com", 13.0, 120.0).ends_with(".com"));
        assert_eq!(cut("short", 13.0, 100.0), "short");
    }
}
