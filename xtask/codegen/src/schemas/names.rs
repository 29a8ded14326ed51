//! Names and texts in Rust.

/// Longest line of what is generated.
const WIDTH: usize = 110;

/// Words that need `r#` as names of fields.
const KEYWORDS: [&str; 8] = ["as", "enum", "impl", "match", "ref", "static", "type", "use"];

/// `http2Route` → `http2_route`.
pub(super) fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// A name that is allowed where names stand.
pub(super) fn ident(name: &str) -> String {
    if KEYWORDS.contains(&name) {
        format!("r#{name}")
    } else {
        name.to_owned()
    }
}

/// `http2Route` → `Http2Route`; words may be parted by hyphens.
pub(super) fn pascal(name: &str) -> String {
    name.split(['-', '_'])
        .map(|word| {
            let mut chars = word.chars();
            chars.next().map_or_else(String::new, |first| {
                first.to_ascii_uppercase().to_string() + chars.as_str()
            })
        })
        .collect()
}

/// A choice as a variant: `ALLOW_ALL` → `AllowAll`, `connection-error` → `ConnectionError`, `IPv4_ONLY` → `Ipv4Only`.
pub(super) fn variant(choice: &str) -> String {
    let words = choice.split(['-', '_']);
    words.map(|word| pascal(&word.to_ascii_lowercase())).collect()
}

/// `http2_route` as serde's `camelCase` would write it.
pub(super) fn camel(snake: &str) -> String {
    let name = pascal(snake);
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_ascii_lowercase().to_string() + chars.as_str()
    })
}

/// Doc comment lines of at most `WIDTH` characters.
pub(super) fn doc(text: &str, indent: usize) -> String {
    let pad = " ".repeat(indent);
    let room = WIDTH - indent - 4;
    let mut out = String::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room {
            out.push_str(&format!("{pad}/// {line}\n"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        out.push_str(&format!("{pad}/// {line}\n"));
    }
    out
}

/// A line `use a::{B, C};`, in the form that rustfmt gives it where it is too long for one.
pub(super) fn import(from: &str, names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
    if let [only] = names.as_slice() {
        return format!("use {from}::{only};\n");
    }
    let line = format!("use {from}::{{{}}};\n", names.join(", "));
    if line.len() <= WIDTH + 1 {
        return line;
    }
    let mut out = format!("use {from}::{{\n");
    let mut line = String::new();
    for name in names {
        if line.len() + name.len() + 6 > WIDTH {
            out.push_str(&format!("    {}\n", line.trim_end()));
            line.clear();
        }
        line.push_str(&format!("{name}, "));
    }
    out + &format!("    {}\n}};\n", line.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_derived() {
        assert_eq!(snake("http2Route"), "http2_route");
        assert_eq!(camel(&snake("dogStatsD")), "dogStatsD");
        assert_eq!(pascal("gateway-route"), "GatewayRoute");
        assert_eq!(variant("IPv4_ONLY"), "Ipv4Only");
        assert_eq!(variant("deadline-exceeded"), "DeadlineExceeded");
        assert_eq!(ident("match"), "r#match");
        assert_eq!(doc("a b", 4), "    /// a b\n");
    }
}
