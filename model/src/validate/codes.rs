//! The codes of what can be wrong with one resource by itself.

use crate::diag::{Code, CodeInfo};

/// A value of the wrong type.
pub const WRONG_TYPE: Code = Code("MF0101");
/// A field that the schema does not have.
pub const UNKNOWN_FIELD: Code = Code("MF0102");
/// A field that must be given.
pub const MISSING_FIELD: Code = Code("MF0103");
/// A text that is none of the allowed ones.
pub const NOT_A_CHOICE: Code = Code("MF0104");
/// A number outside its bounds.
pub const OUT_OF_RANGE: Code = Code("MF0105");
/// A fraction where a whole number is wanted.
pub const NOT_WHOLE: Code = Code("MF0106");
/// A text too short or too long.
pub const TEXT_LENGTH: Code = Code("MF0107");
/// A text of the wrong form.
pub const TEXT_FORM: Code = Code("MF0108");
/// A list too short or too long.
pub const LIST_LENGTH: Code = Code("MF0109");
/// A union without a member.
pub const UNION_EMPTY: Code = Code("MF0110");
/// A union with several members.
pub const UNION_SEVERAL: Code = Code("MF0111");
/// A group of fields of which one must be given.
pub const GROUP_EMPTY: Code = Code("MF0112");
/// A group of fields of which several are given.
pub const GROUP_SEVERAL: Code = Code("MF0113");
/// A Terraform block that is given too often.
pub const TOO_MANY_BLOCKS: Code = Code("MF0114");
/// A key that is given twice.
pub const DUPLICATE_KEY: Code = Code("MF0115");

/// What the documentation says of them.
pub const CODES: &[CodeInfo] = &[
    info(
        WRONG_TYPE,
        "wrong type",
        "A value is of another type than the field takes: a text where a number is wanted, a list where one object \
         is wanted. Null is only taken where the field may be left out; it then means the same as leaving it out.",
    ),
    info(
        UNKNOWN_FIELD,
        "unknown field",
        "The object has no such field. Names are checked exactly, because a misspelt setting that is silently \
         ignored is worse than an error. The message names the closest field, if one is close, and all fields \
         otherwise.",
    ),
    info(
        MISSING_FIELD,
        "missing field",
        "A field that must be given is not there, or is null.",
    ),
    info(
        NOT_A_CHOICE,
        "not one of the allowed values",
        "The field takes one of a few values, and this is none of them. Case matters.",
    ),
    info(
        OUT_OF_RANGE,
        "number out of range",
        "The number is smaller or larger than the field allows. Both ends of the range are allowed.",
    ),
    info(
        NOT_WHOLE,
        "not a whole number",
        "The field takes whole numbers only.",
    ),
    info(
        TEXT_LENGTH,
        "text too short or too long",
        "The text has fewer or more characters than the field allows. Characters are counted, not bytes.",
    ),
    info(
        TEXT_FORM,
        "text in the wrong format",
        "The text does not match the pattern of the field: a path that must begin with a slash, an ARN, a name \
         without slashes.",
    ),
    info(
        LIST_LENGTH,
        "list with too few or too many items",
        "The list has fewer or more elements than the field allows.",
    ),
    info(
        UNION_EMPTY,
        "no alternative given",
        "The object stands for a choice: exactly one of its fields must be given, and none is.",
    ),
    info(
        UNION_SEVERAL,
        "more than one alternative given",
        "The object stands for a choice: exactly one of its fields must be given, and there are several. Give \
         one and remove the others.",
    ),
    info(
        GROUP_EMPTY,
        "missing field of a group",
        "Among the fields of the object there is a group of which exactly one must be given, and none is.",
    ),
    info(
        GROUP_SEVERAL,
        "mutually exclusive fields",
        "Among the fields of the object there is a group of which at most one may be given, and there are several.",
    ),
    info(
        TOO_MANY_BLOCKS,
        "too many blocks",
        "In Terraform's form the block stands for one object and may be given once.",
    ),
    info(
        DUPLICATE_KEY,
        "duplicate key",
        "The list is a map written as pairs of key and value: each key may be there once.",
    ),
];

const fn info(code: Code, title: &'static str, explanation: &'static str) -> CodeInfo {
    CodeInfo {
        code,
        title,
        explanation,
    }
}
