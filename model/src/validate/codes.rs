//! The codes of what can be wrong with one resource by itself.

crate::codes! {
    WRONG_TYPE "MF0101" "wrong type"
        "A value has another type than the field: a string where a number is expected, a list where one object is \
         expected. Null is only accepted for optional fields, where it means the same as leaving the field out."
    UNKNOWN_FIELD "MF0102" "unknown field"
        "The object has no such field. Names are checked exactly, because a misspelt setting that is silently \
         ignored is worse than an error. The message names the closest field, if one is close, and all fields \
         otherwise."
    MISSING_FIELD "MF0103" "missing field"
        "A field that must be given is not there, or is null."
    NOT_A_CHOICE "MF0104" "value that is not allowed"
        "The field accepts one of a few values, and this is none of them. Values are case-sensitive."
    OUT_OF_RANGE "MF0105" "number out of range"
        "The number is smaller or larger than the field allows. Both ends of the range are allowed."
    NOT_WHOLE "MF0106" "number that is not an integer"
        "The field accepts integers only."
    TEXT_LENGTH "MF0107" "string too short or too long"
        "The string has fewer or more characters than the field allows. Characters are counted, not bytes."
    TEXT_FORM "MF0108" "string in the wrong format"
        "The string does not match the pattern of the field: a path must begin with a slash, an ARN must be well \
         formed, a name must not contain slashes."
    LIST_LENGTH "MF0109" "list with too few or too many items"
        "The list has fewer or more elements than the field allows."
    UNION_EMPTY "MF0110" "missing alternative"
        "Exactly one of the object's fields must be set, and none is. Set one of them."
    UNION_SEVERAL "MF0111" "more than one alternative given"
        "Exactly one of the object's fields may be set, and there are several. Keep one and remove the others."
    GROUP_EMPTY "MF0112" "missing field of a group"
        "Exactly one field of a group of fields must be set, and none is. Set one of them."
    GROUP_SEVERAL "MF0113" "mutually exclusive fields"
        "At most one field of a group of fields may be set, and there are several. Keep one and remove the others."
    TOO_MANY_BLOCKS "MF0114" "too many blocks"
        "In Terraform's form the block stands for a single object and may occur once."
    DUPLICATE_KEY "MF0115" "duplicate key"
        "The list is a map written as key/value pairs: each key may occur once."
}
