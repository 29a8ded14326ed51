//! A text that a regular expression matches, for the common part of the syntax.

/// Deeper groups are left alone.
const MAX_DEPTH: usize = 20;
/// What is tried where everything but some characters may stand.
const OTHERS: &str = "ax1-_~.A/";

/// A short one; `None` where the expression has something that is not known here.
pub(super) fn of(pattern: &str) -> Option<String> {
    let mut reader = Reader { rest: pattern };
    let text = reader.alternatives(0)?;
    reader.rest.is_empty().then_some(text)
}

struct Reader<'p> {
    rest: &'p str,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next();
        self.rest = chars.as_str();
        next
    }

    fn eat(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// The first of several.
    fn alternatives(&mut self, depth: usize) -> Option<String> {
        let first = self.sequence(depth)?;
        while self.eat("|") {
            self.sequence(depth)?;
        }
        Some(first)
    }

    fn sequence(&mut self, depth: usize) -> Option<String> {
        let mut out = String::new();
        while let Some(c) = self.peek().filter(|c| !matches!(c, '|' | ')')) {
            let atom = match c {
                '(' => self.group(depth)?,
                '[' => self.class()?.to_string(),
                '^' | '$' => {
                    self.next();
                    String::new()
                }
                _ => self.one()?.1.to_string(),
            };
            let times = self.times()?;
            out.push_str(&atom.repeat(times));
        }
        Some(out)
    }

    fn group(&mut self, depth: usize) -> Option<String> {
        self.next();
        if self.eat("?") {
            let is_named = self.eat("P<") || self.eat("<");
            match is_named {
                true => self.rest = self.rest.split_once('>')?.1,
                false => self.eat(":").then_some(())?,
            }
        }
        let inner = (depth < MAX_DEPTH).then(|| self.alternatives(depth + 1))??;
        self.eat(")").then_some(inner)
    }

    /// A character, or the set that an escape stands for with one of it.
    fn one(&mut self) -> Option<(Set, char)> {
        let only = |c: char| (vec![(c, c)], c);
        match self.next()? {
            '.' => Some((vec![(char::MIN, char::MAX)], 'x')),
            '\\' => match self.next()? {
                'd' => Some((vec![('0', '9')], '1')),
                'w' => Some((vec![('0', '9'), ('A', 'Z'), ('a', 'z'), ('_', '_')], 'a')),
                's' => Some((vec![(' ', ' '), ('\t', '\t')], ' ')),
                c if c.is_ascii_punctuation() => Some(only(c)),
                _ => None,
            },
            '*' | '+' | '?' => None,
            c => Some(only(c)),
        }
    }

    fn class(&mut self) -> Option<char> {
        self.next();
        let is_inverted = self.eat("^");
        let mut all: Set = Vec::new();
        let mut first = None;
        while !(first.is_some() && self.eat("]")) {
            if self.rest.starts_with("[:") {
                return None;
            }
            // A point means itself here.
            let (set, one) = match self.eat(".") {
                true => (vec![('.', '.')], '.'),
                false => self.one()?,
            };
            first = first.or(Some(one));
            let is_range = set == [(one, one)] && self.rest.starts_with('-') && !self.rest.starts_with("-]");
            match is_range {
                true => {
                    self.next();
                    all.push((one, self.one()?.1));
                }
                false => all.extend(set),
            }
        }
        let is_in = |c: char| all.iter().any(|(from, to)| (*from..=*to).contains(&c));
        match is_inverted {
            true => OTHERS.chars().find(|c| !is_in(*c)),
            false => first,
        }
    }

    /// How often what stands before is repeated at least; once where one is little to see.
    fn times(&mut self) -> Option<usize> {
        let times = match self.peek() {
            Some('*' | '?') => 0,
            Some('+') => 1,
            Some('{') => {
                let (inside, rest) = self.rest.split_once('}')?;
                let least = inside.get(1..)?.split(',').next()?.parse().ok()?;
                self.rest = rest;
                self.eat("?");
                return (least <= 1000).then_some(least);
            }
            _ => return Some(1),
        };
        self.next();
        self.eat("?");
        Some(times)
    }
}

/// Characters, from and to.
type Set = Vec<(char, char)>;

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn what_is_made_up_is_matched() {
        for pattern in [
            "/items/[0-9]+",
            "/a.*",
            "/(a|b)",
            "/(?:x|y)/(?P<name>z?)",
            "/a/?b?",
            "/[^/]*",
            "/[^ax]{2,3}\\.html$",
            "x.*|[.]",
            "\\d{3}-\\w+",
            "[-a]b",
            "[]a]",
            "",
        ] {
            let text = of(pattern).expect(pattern);
            let whole =
                regex_lite::Regex::new(&format!(r"\A(?:{})\z", pattern.replace("[]a]", "a|]"))).unwrap();
            assert!(whole.is_match(&text), "{pattern}: {text}");
        }
        for unknown in ["(?i)a", "[[:alpha:]]", "\\pN", "a{", "(", "*"] {
            assert_eq!(of(unknown), None, "{unknown}");
        }
        assert_eq!(of(&"(".repeat(5000)), None);
    }
}
