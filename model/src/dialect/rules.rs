//! The table of dialects: a row says how one differs from the canonical form.

use crate::schema::names::{pascal, same, snake};

/// How a dialect differs from the canonical form.
#[derive(Debug)]
pub(crate) struct Rules {
    /// The name of a field, where the schema does not give another.
    pub(crate) name: fn(&str) -> String,
    /// Objects and lists of objects are blocks: lists of objects, all there, empty where nothing is said; what is null is
    /// absent.
    pub(crate) blocks: bool,
    /// A text may stand for a number or a truth value, and these for a text.
    pub(crate) loose: bool,
    /// What is not known is kept for validation to tell of; other dialects tell of it in their own names.
    pub(crate) keeps_unknown: bool,
    /// A field that is absent where the API wants it empty is written.
    pub(crate) fills_empty: bool,
}

pub(crate) static API: Rules = Rules {
    name: same,
    blocks: false,
    loose: false,
    keeps_unknown: true,
    fills_empty: true,
};

pub(crate) static CLOUDFORMATION: Rules = Rules {
    name: pascal,
    blocks: false,
    loose: true,
    keeps_unknown: false,
    fills_empty: false,
};

pub(crate) static TERRAFORM: Rules = Rules {
    name: snake,
    blocks: true,
    loose: false,
    keeps_unknown: false,
    fills_empty: false,
};

pub(crate) static KUBERNETES: Rules = Rules {
    name: same,
    blocks: false,
    loose: false,
    keeps_unknown: true,
    fills_empty: false,
};
