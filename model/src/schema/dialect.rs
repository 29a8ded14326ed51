//! The dialects, and the table of what each does: a row says how one differs from the canonical form.

use super::names::{pascal, same, snake};

/// A way of writing resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    /// The App Mesh API's JSON, which is also the canonical form.
    Api = 0,
    /// The `Properties` of an `AWS::AppMesh::*` resource.
    CloudFormation = 1,
    /// The values of an `aws_appmesh_*` or `appmesh_*` resource, as a provider sees them.
    Terraform = 2,
    /// The `spec` of a custom resource of the App Mesh controller, with names where it has refs.
    Kubernetes = 3,
}

impl Dialect {
    pub const ALL: [Dialect; 4] = [
        Dialect::Api,
        Dialect::CloudFormation,
        Dialect::Terraform,
        Dialect::Kubernetes,
    ];

    pub(crate) fn rules(self) -> &'static Rules {
        match self {
            Self::Api => &API,
            Self::CloudFormation => &CLOUDFORMATION,
            Self::Terraform => &TERRAFORM,
            Self::Kubernetes => &KUBERNETES,
        }
    }
}

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

static API: Rules = Rules {
    name: same,
    blocks: false,
    loose: false,
    keeps_unknown: true,
    fills_empty: true,
};

static CLOUDFORMATION: Rules = Rules {
    name: pascal,
    blocks: false,
    loose: true,
    keeps_unknown: false,
    fills_empty: false,
};

static TERRAFORM: Rules = Rules {
    name: snake,
    blocks: true,
    loose: false,
    keeps_unknown: false,
    fills_empty: false,
};

static KUBERNETES: Rules = Rules {
    name: same,
    blocks: false,
    loose: false,
    keeps_unknown: true,
    fills_empty: false,
};
