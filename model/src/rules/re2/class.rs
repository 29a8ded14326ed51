//! Classes and escapes.

use super::{BALANCE, BYTES, ESCAPE, ExpressionPart, Re2Error, Reader, SIMPLER, WIDE, refuse, unicode};

/// What an escape or a character of a class stands for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Escape {
    Char(char),
    /// A class that takes so many instructions.
    Class(u64),
}

impl Escape {
    pub(super) fn size(self) -> u64 {
        match self {
            Self::Char(c) => c.len_utf8() as u64,
            Self::Class(size) => size,
        }
    }
}

const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
    "upper", "word", "xdigit",
];

// === impl Reader ===

impl Reader<'_> {
    /// Reads a class from what follows its `[` to its `]`.
    pub(super) fn class(&mut self) -> Result<ExpressionPart, Re2Error> {
        let negated = self.eat("^");
        let mut size: u64 = 0;
        let mut first = true;
        loop {
            let c = self.peek().ok_or_else(|| refuse("`[` without `]`", BALANCE))?;
            if c == ']' && !first {
                self.next();
                break;
            }
            first = false;
            if let Some(named) = self.posix()? {
                size = size.saturating_add(named);
                continue;
            }
            let low = self.class_char()?;
            let (Escape::Char(start), true) = (low, self.range_follows()) else {
                size = size.saturating_add(low.size());
                continue;
            };
            self.next();
            let high = self.class_char()?;
            let Escape::Char(end) = high else {
                return Err(refuse(format!("the range from `{start}` has no end"), ESCAPE));
            };
            if end < start {
                return Err(refuse(
                    format!("the range `{start}-{end}` is backwards"),
                    "write the smaller end first",
                ));
            }
            size = size.saturating_add(if end.is_ascii() { 1 } else { WIDE });
        }
        Ok(ExpressionPart::of(if negated {
            size.saturating_add(WIDE)
        } else {
            size.max(1)
        }))
    }

    /// `[:name:]`, within a class; its size.
    fn posix(&mut self) -> Result<Option<u64>, Re2Error> {
        let inside = self
            .rest
            .strip_prefix("[:")
            .and_then(|rest| rest.split_once(":]"));
        let Some((name, after)) = inside else {
            return Ok(None);
        };
        if !POSIX.contains(&name.strip_prefix('^').unwrap_or(name)) {
            return Err(refuse(format!("`[:{name}:]` is not a character class"), ESCAPE));
        }
        self.rest = after;
        Ok(Some(if name.starts_with('^') { WIDE } else { 3 }))
    }

    /// Whether a `-` follows that makes a range: not one that ends the class.
    fn range_follows(&self) -> bool {
        self.rest
            .strip_prefix('-')
            .is_some_and(|after| !after.starts_with(']'))
    }

    fn class_char(&mut self) -> Result<Escape, Re2Error> {
        match self.next() {
            None => Err(refuse("`[` without `]`", BALANCE)),
            Some('\\') => self.escaped(),
            Some(c) => Ok(Escape::Char(c)),
        }
    }

    /// After `\`: a character or a class.
    pub(super) fn escaped(&mut self) -> Result<Escape, Re2Error> {
        let c = self
            .next()
            .ok_or_else(|| refuse("it ends with a single `\\`", BALANCE))?;
        match c {
            'd' | 's' | 'w' => Ok(Escape::Class(4)),
            'D' | 'S' | 'W' => Ok(Escape::Class(WIDE + 4)),
            'p' | 'P' => self.unicode_class(),
            'a' | 'f' | 't' | 'n' | 'r' | 'v' => Ok(Escape::Char('\n')),
            'x' => self.hexadecimal(),
            '0' => {
                self.octal_digits(2);
                Ok(Escape::Char('\0'))
            }
            '1'..='7' if matches!(self.peek(), Some('0'..='7')) => match (c, self.octal_digits(2)) {
                ('4'.., 2) => Err(refuse("it has a number of more than one byte", BYTES)),
                _ => Ok(Escape::Char('\u{1}')),
            },
            '1'..='9' => Err(refuse(format!("it has a back-reference `\\{c}`"), SIMPLER)),
            c if c.is_ascii_alphanumeric() => Err(refuse(format!("`\\{c}` is not an escape"), ESCAPE)),
            c if c.is_ascii() || c == '_' => Ok(Escape::Char(c)),
            c => Err(refuse(format!("`\\{c}` is not an escape"), ESCAPE)),
        }
    }

    /// Takes so many digits at most, and says how many there were.
    fn octal_digits(&mut self, most: usize) -> usize {
        let mut taken = 0;
        while taken < most && matches!(self.peek(), Some('0'..='7')) {
            self.next();
            taken += 1;
        }
        taken
    }

    /// After `\x`: two digits, or any in braces.
    fn hexadecimal(&mut self) -> Result<Escape, Re2Error> {
        let bad = || refuse("`\\x` has no number", ESCAPE);
        let digits = if self.eat("{") {
            self.until("}").ok_or_else(bad)?
        } else {
            let digits = self.rest.get(..2).ok_or_else(bad)?;
            self.rest = self.rest.get(2..).unwrap_or_default();
            digits
        };
        let number = u32::from_str_radix(digits, 16).map_err(|_| bad())?;
        // Envoy has RE2 match bytes, one by one.
        match u8::try_from(number) {
            Ok(byte) => Ok(Escape::Char(byte.into())),
            Err(_) => Err(refuse(format!("`\\x{{{digits}}}` is more than one byte"), BYTES)),
        }
    }

    /// After `\p`: a letter, or a name in braces.
    fn unicode_class(&mut self) -> Result<Escape, Re2Error> {
        let bad = || refuse("`\\p` names no class", ESCAPE);
        let name = if self.eat("{") {
            let name = self.until("}").ok_or_else(bad)?;
            name.strip_prefix('^').unwrap_or(name)
        } else {
            let end = self.peek().map_or(0, char::len_utf8);
            let (letter, rest) = self.rest.split_at_checked(end).ok_or_else(bad)?;
            self.rest = rest;
            letter
        };
        // Categories are large (`L` takes 1196), scripts far less.
        let size = if name.len() <= 2 { 1200 } else { 300 };
        unicode::is_known(name)
            .then_some(Escape::Class(size))
            .ok_or_else(bad)
    }
}
