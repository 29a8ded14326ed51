//! The codes of problems with CloudFormation templates.

use meshform_model::diag::{Code, CodeInfo};

/// More resources than a template may have.
pub const TOO_MANY_RESOURCES: Code = Code("MF0901");
/// An expression of a template that Terraform's language cannot express.
pub const NO_EQUIVALENT: Code = Code("MF0902");

/// What the documentation says of each.
pub const CODES: &[CodeInfo] = &[
    CodeInfo {
        code: TOO_MANY_RESOURCES,
        title: "too many resources for one template",
        explanation: "CloudFormation takes at most 500 resources in one template. The template is written whole all \
                  the same, because it is for interchange and review.",
    },
    CodeInfo {
        code: NO_EQUIVALENT,
        title: "expression without an equivalent in Terraform",
        explanation: "`convert --to terraform` makes variables of parameters and imports, locals of mappings and conditions, \
                  and templates of `Fn::Sub`. Other functions, whole blocks that a condition chooses and names that \
                  depend on parameters have no equivalent. Nothing is written; give the values that decide with \
                  `--parameter`, `--import` or `--attribute`.",
    },
];
