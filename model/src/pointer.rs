//! Where in a tree something is: field names and list positions from the root.

use std::fmt;

/// One step down a tree.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Segment {
    Field(String),
    /// Into a list's element, counted from 0.
    Index(usize),
}

/// The steps from the root. Shown as a JSON pointer (RFC 6901).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pointer(Vec<Segment>);

impl Pointer {
    pub fn root() -> Self {
        Self::default()
    }

    /// This pointer with a field's name behind it.
    #[must_use]
    pub fn field(&self, name: impl Into<String>) -> Self {
        self.with(Segment::Field(name.into()))
    }

    /// This pointer with a list position behind it.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.with(Segment::Index(index))
    }

    fn with(&self, segment: Segment) -> Self {
        let mut segments = Vec::with_capacity(self.0.len() + 1);
        segments.extend_from_slice(&self.0);
        segments.push(segment);
        Self(segments)
    }

    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// Adds a step in place (walkers go down and up with [`push`](Self::push) and [`pop`](Self::pop)).
    pub fn push(&mut self, segment: Segment) {
        self.0.push(segment);
    }

    /// Takes the last step back.
    pub fn pop(&mut self) -> Option<Segment> {
        self.0.pop()
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// As people write a path: `spec.listeners[0].portMapping`; nothing of the root.
    pub fn dotted(&self) -> String {
        let mut text = String::new();
        for segment in &self.0 {
            match segment {
                Segment::Field(name) if text.is_empty() => text.push_str(name),
                Segment::Field(name) => text.push_str(&format!(".{name}")),
                Segment::Index(index) => text.push_str(&format!("[{index}]")),
            }
        }
        text
    }

    /// Reads a JSON pointer. A step of digits only is taken as a list position.
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::root());
        }
        let steps = text.strip_prefix('/')?.split('/').map(|step| {
            let index = (!step.is_empty() && step.bytes().all(|b| b.is_ascii_digit())).then(|| step.parse());
            match index {
                Some(Ok(index)) => Segment::Index(index),
                _ => Segment::Field(step.replace("~1", "/").replace("~0", "~")),
            }
        });
        Some(Self(steps.collect()))
    }
}

impl From<&Pointer> for Pointer {
    fn from(pointer: &Pointer) -> Self {
        pointer.clone()
    }
}

impl FromIterator<Segment> for Pointer {
    fn from_iter<I: IntoIterator<Item = Segment>>(iter: I) -> Self {
        Self(iter.into_iter().collect())
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.0 {
            match segment {
                Segment::Field(name) => write!(f, "/{}", name.replace('~', "~0").replace('/', "~1"))?,
                Segment::Index(index) => write!(f, "/{index}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_shown_and_read_back() {
        let pointer = Pointer::root()
            .field("spec")
            .field("a/b~c")
            .index(3)
            .field("port");
        assert_eq!(pointer.to_string(), "/spec/a~1b~0c/3/port");
        assert_eq!(Pointer::parse(&pointer.to_string()), Some(pointer));
        assert_eq!(Pointer::parse("spec"), None);
        assert_eq!(
            Pointer::root()
                .field("spec")
                .field("listeners")
                .index(0)
                .field("port")
                .dotted(),
            "spec.listeners[0].port"
        );
        assert_eq!(Pointer::root().dotted(), "");
    }
}
