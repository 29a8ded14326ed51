//! The codes of this crate's problems.

use meshform_model::diag::{Code, CodeInfo};

/// An event that nobody here knows.
pub const EVENT: Code = Code("MF0980");
/// The function is not set up.
pub const SETTING: Code = Code("MF0981");
/// A resource that somebody else has.
pub const TAKEN: Code = Code("MF0982");
/// Two resources of one stack that are one.
pub const TWICE: Code = Code("MF0983");
/// What is remembered of a resource cannot be read.
pub const CLAIM: Code = Code("MF0984");
/// Others write the same resource all the time.
pub const CONTENDED: Code = Code("MF0985");
/// CloudFormation could not be told.
pub const ANSWER: Code = Code("MF0986");
/// A part of this program failed.
pub const PANIC: Code = Code("MF0987");
/// A request that later ones have overtaken.
pub const OVERTAKEN: Code = Code("MF0988");

/// What the documentation says of them.
pub const CODES: &[CodeInfo] = &[
    CodeInfo {
        code: EVENT,
        title: "event that is not CloudFormation's",
        explanation: "The Lambda function `meshform-cfn` takes requests of custom resources, requests of its macro and \
                      events of its schedule. Custom resources are of types like `Custom::AppMeshVirtualNode`, as the macro \
                      writes them, and their answer goes to an `https` address. Nothing was written.",
    },
    CodeInfo {
        code: SETTING,
        title: "setting of the Lambda function",
        explanation: "The function's environment says where the mesh is kept (`MESHFORM_STORE`, such as \
                      `s3://BUCKET/PREFIX`). The template that deploys the function sets it from its parameters.",
    },
    CodeInfo {
        code: TAKEN,
        title: "resource that another stack or owner has",
        explanation: "A stack creates what is not there, and takes over what `meshform adopt --owner cloudformation` has \
                      written. What another stack, a Terraform state or a person has stays theirs: nothing was written. The \
                      parameter `TakeOver` of the function's stack names other owners whose resources stacks may take over.",
    },
    CodeInfo {
        code: TWICE,
        title: "one resource under two logical ids of a stack",
        explanation: "CloudFormation creates a renamed logical id before it deletes the old one, and both name the same \
                      resource. Let the old one go first: an update that gives it `DeletionPolicy: Retain`, then one that \
                      takes it out of the template. What it was still belongs to the stack: name the owner from the message \
                      in `TakeOver` of the function's stack while the new id comes.",
    },
    CodeInfo {
        code: CLAIM,
        title: "unreadable claim of a stack",
        explanation: "What the store remembers of a resource of a stack (a setting `cloudformation/…`) is no claim that \
                      this version can read. Nothing was written. A newer version of the function may have written it.",
    },
    CodeInfo {
        code: CONTENDED,
        title: "resource that others write all the time",
        explanation: "Every attempt found the resource changed by somebody else since it was read. Nothing of this request \
                      is left; try the stack operation again.",
    },
    CodeInfo {
        code: ANSWER,
        title: "undelivered answer to CloudFormation",
        explanation: "What was asked for is done, and CloudFormation's address for the answer did not take it. Lambda sends \
                      the event again, which changes nothing and answers once more.",
    },
    CodeInfo {
        code: PANIC,
        title: "bug in the Lambda function",
        explanation: "A part of the function ended where it must not. The stack operation fails and may be tried again; please \
                      report it with the function's log.",
    },
    CodeInfo {
        code: OVERTAKEN,
        title: "request that later ones have overtaken",
        explanation: "Lambda delivers an event at least once, so that one may arrive again after later ones for the same \
                      resource. It changes nothing, and CloudFormation does not wait for its answer any more.",
    },
];
