//! Places inside a value.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// One step into a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathStep {
    /// An attribute of an object, or a block type.
    Attribute(Arc<str>),
    /// An element of a map, or a labelled block.
    Key(Arc<str>),
    /// An element of a list or tuple.
    Index(usize),
    /// Some element of a set. Terraform cannot be told which: on the wire a path ends before it.
    Element(usize),
}

/// A place inside a value, from its root. `Path::root()` is the whole value.
///
/// ```
/// use tfplugin::Path;
/// let path = Path::root().attr("spec").index(0).attr("listener").index(2).attr("port");
/// assert_eq!(path.to_string(), "spec[0].listener[2].port");
/// assert_eq!("spec[0].listener[2].port".parse(), Ok(path));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path {
    steps: Vec<PathStep>,
}

/// The text was no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a path such as `spec[0].tags[\"name\"]`")]
pub struct NotAPath(String);

impl Path {
    /// The empty path, which leads to the whole resource or configuration.
    pub fn root() -> Self {
        Self::default()
    }

    /// The attribute of this name below here.
    #[must_use]
    pub fn attr(&self, name: impl Into<Arc<str>>) -> Self {
        self.with(PathStep::Attribute(name.into()))
    }

    /// The element of a list below here.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.with(PathStep::Index(index))
    }

    /// The element of a map below here.
    #[must_use]
    pub fn key(&self, key: impl Into<Arc<str>>) -> Self {
        self.with(PathStep::Key(key.into()))
    }

    /// The path to a part of what this one leads to.
    #[must_use]
    pub fn with(&self, step: PathStep) -> Self {
        let mut steps = Vec::with_capacity(self.steps.len() + 1);
        steps.extend_from_slice(&self.steps);
        steps.push(step);
        Self { steps }
    }

    /// This place followed by another, relative one.
    #[must_use]
    pub fn join(&self, below: &Path) -> Self {
        Self {
            steps: self.steps.iter().chain(&below.steps).cloned().collect(),
        }
    }

    /// The place that contains this one; the root contains itself.
    #[must_use]
    pub fn parent(&self) -> Self {
        let steps = self.steps.split_last().map_or(&[][..], |(_, rest)| rest);
        Self {
            steps: steps.to_vec(),
        }
    }

    /// The steps from the root.
    pub fn steps(&self) -> &[PathStep] {
        &self.steps
    }

    /// Whether this is the whole value.
    pub fn is_root(&self) -> bool {
        self.steps.is_empty()
    }

    /// Walks one step down in place; [`Path::pop`] undoes it. For walkers that visit many places.
    pub fn push(&mut self, step: PathStep) {
        self.steps.push(step);
    }

    /// Removes the last step; the empty path stays as it is.
    pub fn pop(&mut self) {
        self.steps.pop();
    }

    /// The part of it that Terraform can address: everything before the first element of a set.
    #[must_use]
    pub fn addressable(&self) -> Self {
        let steps = self
            .steps
            .iter()
            .take_while(|step| !matches!(step, PathStep::Element(_)))
            .cloned();
        Self {
            steps: steps.collect(),
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.steps.iter().enumerate() {
            match step {
                PathStep::Attribute(name) if position == 0 => f.write_str(name)?,
                PathStep::Attribute(name) => write!(f, ".{name}")?,
                PathStep::Key(key) => write!(f, "[{key:?}]")?,
                PathStep::Index(index) => write!(f, "[{index}]")?,
                PathStep::Element(_) => f.write_str("[…]")?,
            }
        }
        Ok(())
    }
}

impl FromStr for Path {
    type Err = NotAPath;

    fn from_str(text: &str) -> Result<Self, NotAPath> {
        let wrong = || NotAPath(text.to_owned());
        let mut path = Self::root();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix("[\"") {
                let (key, after) = after.split_once("\"]").ok_or_else(wrong)?;
                path.push(PathStep::Key(key.into()));
                rest = after;
            } else if let Some(after) = rest.strip_prefix('[') {
                let (index, after) = after.split_once(']').ok_or_else(wrong)?;
                path.push(PathStep::Index(index.parse().map_err(|_| wrong())?));
                rest = after;
            } else {
                let name = rest.strip_prefix('.').unwrap_or(rest);
                let end = name.find(['.', '[']).unwrap_or(name.len());
                let (name, after) = name.split_at_checked(end).ok_or_else(wrong)?;
                if name.is_empty() {
                    return Err(wrong());
                }
                path.push(PathStep::Attribute(name.into()));
                rest = after;
            }
        }
        Ok(path)
    }
}

impl From<&str> for Path {
    /// A place by its text; a text that is no path counts as the name of one attribute.
    fn from(text: &str) -> Self {
        text.parse().unwrap_or_else(|_| Self::root().attr(text))
    }
}

impl From<&Path> for Path {
    fn from(path: &Path) -> Self {
        path.clone()
    }
}
