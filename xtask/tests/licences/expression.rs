//! Licence expressions as crates write them: SPDX (`AND`, `OR`, `WITH`, parentheses), and the older `A/B` for `OR`.

/// A licence, or a choice or a sum of them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Expression {
    Licence(String),
    Any(Vec<Expression>),
    All(Vec<Expression>),
}

impl Expression {
    /// Reads an expression. `AND` binds closer than `OR`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let spaced = text.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
        let words: Vec<&str> = spaced.split_whitespace().collect();
        let mut reader = Reader { words: &words };
        let expression = reader.any()?;
        match reader.words.first() {
            None => Ok(expression),
            Some(word) => Err(format!("unexpected `{word}`")),
        }
    }

    /// Whether it holds with these licences allowed.
    pub(crate) fn allows(&self, allowed: &impl Fn(&str) -> bool) -> bool {
        match self {
            Self::Licence(name) => allowed(name),
            Self::Any(parts) => parts.iter().any(|part| part.allows(allowed)),
            Self::All(parts) => parts.iter().all(|part| part.allows(allowed)),
        }
    }
}

struct Reader<'a> {
    words: &'a [&'a str],
}

impl<'a> Reader<'a> {
    fn take(&mut self, wanted: &str) -> bool {
        match self.words.split_first() {
            Some((word, rest)) if *word == wanted => {
                self.words = rest;
                true
            }
            _ => false,
        }
    }

    fn next(&mut self) -> Result<&'a str, String> {
        let (word, rest) = self.words.split_first().ok_or("a licence is missing")?;
        self.words = rest;
        Ok(word)
    }

    fn any(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.all()?];
        while self.take("OR") {
            parts.push(self.all()?);
        }
        Ok(one_or(parts, Expression::Any))
    }

    fn all(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.one()?];
        while self.take("AND") {
            parts.push(self.one()?);
        }
        Ok(one_or(parts, Expression::All))
    }

    fn one(&mut self) -> Result<Expression, String> {
        if self.take("(") {
            let inner = self.any()?;
            return if self.take(")") {
                Ok(inner)
            } else {
                Err("a parenthesis is open".to_owned())
            };
        }
        let name = self.next()?;
        if matches!(name, "AND" | "OR" | "WITH" | ")") {
            return Err(format!("unexpected `{name}`"));
        }
        if self.take("WITH") {
            return Ok(Expression::Licence(format!("{name} WITH {}", self.next()?)));
        }
        Ok(Expression::Licence(name.to_owned()))
    }
}

fn one_or(mut parts: Vec<Expression>, many: fn(Vec<Expression>) -> Expression) -> Expression {
    if parts.len() == 1 {
        parts.remove(0)
    } else {
        many(parts)
    }
}

#[test]
fn expressions_mean_what_they_say() {
    let allows = |text: &str| {
        Expression::parse(text)
            .unwrap()
            .allows(&|name| matches!(name, "MIT" | "ISC" | "A WITH x"))
    };
    for fine in [
        "MIT",
        "MIT OR GPL-3.0",
        "GPL-3.0/MIT",
        "MIT AND ISC",
        "(MIT OR GPL-3.0) AND ISC",
        "A WITH x",
    ] {
        assert!(allows(fine), "{fine}");
    }
    // `AND` before `OR`: either both of the first two, or the third.
    assert!(allows("GPL-3.0 AND MIT OR ISC"));
    for bad in [
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "(MIT OR ISC) AND GPL-3.0",
        "A",
        "A WITH y",
        "MIT AND (GPL-3.0 OR LGPL-3.0)",
    ] {
        assert!(!allows(bad), "{bad}");
    }
    for broken in ["", "MIT OR", "(MIT", "MIT ISC", "AND MIT", "MIT)"] {
        assert!(Expression::parse(broken).is_err(), "{broken}");
    }
}
