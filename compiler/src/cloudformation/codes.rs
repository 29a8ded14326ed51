//! The codes of problems with CloudFormation templates.

use meshform_model::diag::{Code, CodeInfo};

/// More resources than a template may have.
pub const TOO_MANY_RESOURCES: Code = Code("MF0901");
/// An expression of a template that Terraform's language cannot express.
pub const NO_EQUIVALENT: Code = Code("MF0902");

/// A suffix that makes logical ids which CloudFormation would refuse.
pub const SUFFIX: Code = Code("MF0970");
/// A template of which nothing can be rewritten.
pub const NO_STACK: Code = Code("MF0971");
/// A value of App Mesh that only a deployed stack knows.
pub const NO_LITERAL: Code = Code("MF0972");
/// A loop that makes resources of App Mesh.
pub const LOOP: Code = Code("MF0973");
/// Several stacks where one is rewritten.
pub const SEVERAL_STACKS: Code = Code("MF0974");

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
                  and templates of `Fn::Sub`. Other functions and whole blocks that a condition chooses have no equivalent. Nothing is written; give the values that decide with \
                  `--parameter`, `--import` or `--attribute`.",
    },
    CodeInfo {
        code: SUFFIX,
        title: "unusable suffix of logical ids",
        explanation: "CloudFormation refuses another type under an existing logical id, so that in a stack which holds \
                      `AWS::AppMesh::*` already the custom resources need other ids: the old ones with a suffix. It is letters \
                      and digits, and what it makes must not be taken.",
    },
    CodeInfo {
        code: NO_STACK,
        title: "template without resources of App Mesh",
        explanation: "The macro, `convert --custom`, `--retain` and `--removed` rewrite whole templates that hold \
                      `AWS::AppMesh::*`. This one holds none, or only a part of a template was given.",
    },
    CodeInfo {
        code: NO_LITERAL,
        title: "attribute of App Mesh that the template does not tell",
        explanation: "When the resources of a mesh leave a stack, what referred to them gets their values written out. \
                      Names and ARNs follow from the template; a uid, a name that CloudFormation made up, and the ARN of a \
                      resource in a shared mesh do not, and have to be given.",
    },
    CodeInfo {
        code: LOOP,
        title: "loop (`Fn::ForEach`) with resources of App Mesh",
        explanation: "Loops are expanded by CloudFormation's own transform `AWS::LanguageExtensions`. Transforms run in the \
                      order in which the template lists them, so it has to stand before `Meshform`.",
    },
    CodeInfo {
        code: SEVERAL_STACKS,
        title: "several stacks where one is rewritten",
        explanation: "`convert --custom`, `--retain` and `--removed` write one template for one stack. Nested stacks are \
                      rewritten template by template, because each is deployed as a stack of its own.",
    },
];
