//! The codes of problems with CloudFormation templates.

use meshform_model::diag::{Code, CodeInfo};

/// More resources than a template may have.
pub const TOO_MANY_RESOURCES: Code = Code("MF0901");

/// What the documentation says of each.
pub const CODES: &[CodeInfo] = &[CodeInfo {
    code: TOO_MANY_RESOURCES,
    title: "too many resources for one template",
    explanation: "CloudFormation takes at most 500 resources in one template. The template is written whole all \
                  the same, because it is for interchange and review.",
}];
