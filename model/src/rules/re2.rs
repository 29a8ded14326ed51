//! The syntax of RE2, as far as it decides whether an expression is one.
//!
//! A reader of its own, because other engines differ in what they take: they know class arithmetic, nested
//! classes and word edges that RE2 refuses, and do not know `\Q…\E` and `\C`, which it takes. What is read
//! here follows RE2's default (Perl-like, UTF-8) syntax; nothing is matched.
//!
//! Along the way the size of RE2's program is estimated: a byte of literal text is an instruction, a class
//! beyond ASCII up to a dozen per range (its UTF-8 forms), a counted repetition repeats its body. The estimate
//! is seldom below the true size (where case is ignored) and often above, so it is good for a warning only.

mod class;
mod unicode;

/// Why RE2 refuses an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Re2Error {
    pub(super) why: String,
    pub(super) help: &'static str,
}

const BALANCE: &str = "close every group and class, and put `\\` before a character that means itself";
const SIMPLER: &str = "RE2 has no look-around, back-references or possessive repetition: match with several routes, \
                       or with `prefix`, `suffix` and `invert`";
const REPEAT: &str = "repeat something, at most 1000 times, the smaller number first";
const ESCAPE: &str =
    "put `\\` only before punctuation, or use an escape of RE2 such as `\\d`, `\\w`, `\\s`, `\\b`";
const BYTES: &str =
    "Envoy matches bytes, up to `\\x{FF}`: write the character itself, which stands for its bytes";
const NAMES: &str = "name groups with letters, digits and `_`, each name once";

/// RE2's limit on counted repetitions, also of nested ones together.
const MAX_REPEAT: u64 = 1000;
/// Instructions for one range beyond ASCII: UTF-8 sequences of two, three and four bytes.
const WIDE: u64 = 12;
/// Deeper groups are refused by RE2 too.
const MAX_DEPTH: usize = 1000;

/// Reads an expression; the result is about how many instructions RE2's program has.
pub(super) fn parse(regex: &str) -> Result<u64, Re2Error> {
    let mut reader = Reader {
        rest: regex,
        names: Vec::new(),
    };
    let part = reader.alternatives(0)?;
    match reader.peek() {
        // The ends, and the loop that searches.
        None => Ok(part.size.saturating_add(4)),
        Some(_) => Err(refuse("`)` without `(`", BALANCE)),
    }
}

struct Reader<'a> {
    rest: &'a str,
    names: Vec<&'a str>,
}

/// A piece of an expression.
#[derive(Debug, Clone, Copy)]
struct ExpressionPart {
    size: u64,
    /// The largest product of counted repetitions within.
    repeats: u64,
}

fn refuse(why: impl Into<String>, help: &'static str) -> Re2Error {
    Re2Error {
        why: why.into(),
        help,
    }
}

// === impl ExpressionPart ===

impl ExpressionPart {
    fn of(size: u64) -> Self {
        Self { size, repeats: 1 }
    }

    fn and(self, other: Self) -> Self {
        Self {
            size: self.size.saturating_add(other.size),
            repeats: self.repeats.max(other.repeats),
        }
    }
}

// === impl Reader ===

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.rest = self.rest.get(c.len_utf8()..).unwrap_or_default();
        Some(c)
    }

    fn eat(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Up to `end`, which is eaten too.
    fn until(&mut self, end: &str) -> Option<&'a str> {
        let (before, after) = self.rest.split_once(end)?;
        self.rest = after;
        Some(before)
    }

    /// `a|b|c`, up to a `)` or the end.
    fn alternatives(&mut self, depth: usize) -> Result<ExpressionPart, Re2Error> {
        if depth > MAX_DEPTH {
            return Err(refuse("groups are nested too deeply", BALANCE));
        }
        let mut all = self.sequence(depth)?;
        while self.eat("|") {
            all = all.and(self.sequence(depth)?).and(ExpressionPart::of(1));
        }
        Ok(all)
    }

    fn sequence(&mut self, depth: usize) -> Result<ExpressionPart, Re2Error> {
        let mut all = ExpressionPart::of(0);
        while !matches!(self.peek(), None | Some('|' | ')')) {
            if self.eat("\\Q") {
                let quoted = self
                    .until("\\E")
                    .unwrap_or_else(|| std::mem::take(&mut self.rest));
                all = all.and(ExpressionPart::of(quoted.len() as u64));
                if let Some(last) = quoted.chars().last() {
                    all = all.and(self.repeated(ExpressionPart::of(last.len_utf8() as u64))?);
                }
                continue;
            }
            let atom = self.atom(depth)?;
            all = all.and(self.repeated(atom)?);
        }
        Ok(all)
    }

    fn atom(&mut self, depth: usize) -> Result<ExpressionPart, Re2Error> {
        if self.count()?.is_some() {
            return Err(refuse("`{…}` has nothing to repeat", REPEAT));
        }
        match self.next() {
            Some('(') => self.group(depth),
            Some('[') => self.class(),
            Some('\\') => self.escape(),
            Some('.') => Ok(ExpressionPart::of(WIDE)),
            Some(c @ ('*' | '+' | '?')) => Err(refuse(format!("`{c}` has nothing to repeat"), REPEAT)),
            Some(c) => Ok(ExpressionPart::of(c.len_utf8() as u64)),
            None => Ok(ExpressionPart::of(0)),
        }
    }

    fn group(&mut self, depth: usize) -> Result<ExpressionPart, Re2Error> {
        if self.eat("?") && !self.flags_or_name()? {
            // `(?i)` stands for the rest; it is not a group.
            return Ok(ExpressionPart::of(0));
        }
        let inner = self.alternatives(depth + 1)?;
        if !self.eat(")") {
            return Err(refuse("`(` without `)`", BALANCE));
        }
        Ok(inner.and(ExpressionPart::of(2)))
    }

    /// After `(?`: whether a group follows.
    fn flags_or_name(&mut self) -> Result<bool, Re2Error> {
        for (text, what) in [
            ("<=", "look-behind `(?<=…)`"),
            ("<!", "look-behind `(?<!…)`"),
            ("=", "look-ahead `(?=…)`"),
            ("!", "look-ahead `(?!…)`"),
            (">", "an atomic group `(?>…)`"),
            ("#", "a comment `(?#…)`"),
            ("(", "a condition `(?(…)…)`"),
            ("|", "a branch reset `(?|…)`"),
            ("P=", "a back-reference `(?P=…)`"),
            ("P>", "a recursion `(?P>…)`"),
        ] {
            if self.rest.starts_with(text) {
                return Err(refuse(format!("it has {what}"), SIMPLER));
            }
        }
        if self.eat("P<") || self.eat("<") {
            let name = self
                .until(">")
                .ok_or_else(|| refuse("a group's name does not end", NAMES))?;
            let plain = |c: char| c == '_' || c.is_alphanumeric();
            if name.is_empty() || !name.chars().all(plain) {
                return Err(refuse(format!("`{name}` is not a name of a group"), NAMES));
            }
            if self.names.contains(&name) {
                return Err(refuse(format!("two groups are called `{name}`"), NAMES));
            }
            self.names.push(name);
            return Ok(true);
        }
        let mut negated = false;
        let mut flags = 0;
        loop {
            match self.next() {
                Some('i' | 'm' | 's' | 'U') => flags += 1,
                Some('-') if !negated => {
                    negated = true;
                    flags = 0;
                }
                Some(end @ (':' | ')')) if !negated || flags > 0 => return Ok(end == ':'),
                Some(c) => return Err(refuse(format!("`(?{c}` is not a group"), SIMPLER)),
                None => return Err(refuse("`(` without `)`", BALANCE)),
            }
        }
    }

    /// What stands after an atom: `*`, `+`, `?`, `{n,m}`, each with an optional `?`.
    fn repeated(&mut self, atom: ExpressionPart) -> Result<ExpressionPart, Re2Error> {
        let repeat = match self.peek() {
            Some('*' | '+' | '?') => {
                self.next();
                atom.and(ExpressionPart::of(2))
            }
            Some('{') => match self.count()? {
                Some((min, max)) => self.counted(atom, min, max)?,
                // Braces that do not count stand for themselves.
                None => return Ok(atom),
            },
            _ => return Ok(atom),
        };
        self.eat("?");
        // RE2 takes `a**` for a mistake, as Perl does.
        let before = self.rest;
        let doubled = match self.peek() {
            Some('*' | '+' | '?') => true,
            Some('{') => self.count()?.is_some(),
            _ => false,
        };
        self.rest = before;
        if doubled {
            return Err(refuse("it repeats a repetition", SIMPLER));
        }
        Ok(repeat)
    }

    /// `{n}`, `{n,}`, `{n,m}`; `None` (and nothing eaten) when the braces do not count.
    fn count(&mut self) -> Result<Option<(u64, Option<u64>)>, Re2Error> {
        let Some((inside, after)) = self.rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) else {
            return Ok(None);
        };
        let (min, max) = match inside.split_once(',') {
            Some((min, max)) => (min, Some(max)),
            None => (inside, None),
        };
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if min.is_empty() || !digits(min) || !max.is_none_or(digits) {
            return Ok(None);
        }
        self.rest = after;
        let number = |text: &str| text.parse::<u64>().unwrap_or(u64::MAX);
        let min = number(min);
        let max = match max {
            None => Some(min),
            Some("") => None,
            Some(max) => Some(number(max)),
        };
        let most = max.unwrap_or(min);
        if most > MAX_REPEAT || min > most {
            return Err(refuse(format!("`{{{inside}}}` cannot be counted"), REPEAT));
        }
        Ok(Some((min, max)))
    }

    fn counted(&self, atom: ExpressionPart, min: u64, max: Option<u64>) -> Result<ExpressionPart, Re2Error> {
        let times = max.unwrap_or(min + 1).max(1);
        let repeats = atom.repeats.saturating_mul(max.unwrap_or(min).max(1));
        if repeats > MAX_REPEAT {
            return Err(refuse(
                format!("nested repetitions count up to {repeats}"),
                REPEAT,
            ));
        }
        Ok(ExpressionPart {
            // Each optional repetition may be left.
            size: atom.size.saturating_add(1).saturating_mul(times),
            repeats,
        })
    }

    /// After `\`, outside a class.
    fn escape(&mut self) -> Result<ExpressionPart, Re2Error> {
        match self.peek() {
            Some('A' | 'z' | 'b' | 'B') => {
                self.next();
                Ok(ExpressionPart::of(1))
            }
            // Any byte.
            Some('C') => {
                self.next();
                Ok(ExpressionPart::of(1))
            }
            _ => self.escaped().map(|escape| ExpressionPart::of(escape.size())),
        }
    }
}

#[cfg(test)]
mod tests;
