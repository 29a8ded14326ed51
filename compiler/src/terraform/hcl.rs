//! HCL as `terraform fmt` leaves it.

use meshform_model::value::Value;

/// Writes blocks; attributes that follow each other are aligned.
#[derive(Debug, Default)]
pub(super) struct Writer {
    out: String,
    depth: usize,
    pending: Vec<(String, String)>,
    /// Whether something stands before in the same body: then a blank line comes first.
    begun: bool,
}

impl Writer {
    pub(super) fn open(&mut self, header: &str) {
        self.begin();
        self.line(&format!("{header} {{"));
        self.depth += 1;
        self.begun = false;
    }

    pub(super) fn open_map(&mut self, name: &str) {
        self.open(&format!("{name} ="));
    }

    pub(super) fn close(&mut self) {
        self.flush();
        self.depth = self.depth.saturating_sub(1);
        self.line("}");
        self.begun = true;
    }

    pub(super) fn attribute(&mut self, name: &str, value: String) {
        self.pending.push((name.to_owned(), value));
    }

    /// A blank line before what follows.
    pub(super) fn gap(&mut self) {
        self.flush();
        self.out.push('\n');
    }

    pub(super) fn finish(mut self) -> String {
        self.flush();
        self.out
    }

    fn begin(&mut self) {
        self.flush();
        if self.begun {
            self.out.push('\n');
        }
    }

    fn flush(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        let width = pending
            .iter()
            .map(|(name, _)| name.chars().count())
            .max()
            .unwrap_or(0);
        self.begun |= !pending.is_empty();
        for (name, value) in pending {
            let gap = " ".repeat(width - name.chars().count());
            self.line(&format!("{name}{gap} = {value}"));
        }
    }

    fn line(&mut self, text: &str) {
        self.out.push_str(&"  ".repeat(self.depth));
        self.out.push_str(text);
        self.out.push('\n');
    }
}

/// A key of a map.
pub(super) fn key(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if first && letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')) {
        return name.to_owned();
    }
    quoted(name)
}

/// A value that needs no reference.
pub(super) fn literal(value: &Value) -> String {
    match value {
        Value::Bool(b) => b.to_string(),
        Value::Number(number) => number.as_text().to_owned(),
        Value::String(text) => quoted(text),
        Value::List(list) => {
            let items: Vec<String> = list.iter().map(|item| literal(&item.value)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Null | Value::Object(_) | Value::Unknown | Value::Symbol(_) => "null".to_owned(),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", quoted_inner(text))
}

/// A text as it stands between quotes.
pub(super) fn quoted_inner(text: &str) -> String {
    let mut out = String::new();
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // These begin a template; doubled they are themselves.
            '$' | '%' if letters.peek() == Some(&'{') => {
                out.push(c);
                out.push(c);
            }
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}
