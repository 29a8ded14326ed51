//! The codes of what can be wrong with one resource by itself.

crate::codes! {
    WRONG_TYPE "MF0101" "wrong type"
        "A value is of another type than the field takes: a text where a number is wanted, a list where one \
         object is wanted. Null is only taken where the field may be left out; it then means the same as \
         leaving it out."
    UNKNOWN_FIELD "MF0102" "unknown field"
        "The object has no such field. Names are checked exactly, because a misspelt setting that is silently \
         ignored is worse than an error. The message names the closest field, if one is close, and all fields \
         otherwise."
    MISSING_FIELD "MF0103" "missing field"
        "A field that must be given is not there, or is null."
    NOT_A_CHOICE "MF0104" "value that is not allowed"
        "The field takes one of a few values, and this is none of them. Case matters."
    OUT_OF_RANGE "MF0105" "number out of range"
        "The number is smaller or larger than the field allows. Both ends of the range are allowed."
    NOT_WHOLE "MF0106" "number that is not a whole number"
        "The field takes whole numbers only."
    TEXT_LENGTH "MF0107" "text too short or too long"
        "The text has fewer or more characters than the field allows. Characters are counted, not bytes."
    TEXT_FORM "MF0108" "text in the wrong format"
        "The text does not match the pattern of the field: a path that must begin with a slash, an ARN, a \
         name without slashes."
    LIST_LENGTH "MF0109" "list with too few or too many items"
        "The list has fewer or more elements than the field allows."
    UNION_EMPTY "MF0110" "missing alternative"
        "The object stands for a choice: exactly one of its fields must be given, and none is."
    UNION_SEVERAL "MF0111" "more than one alternative given"
        "The object stands for a choice: exactly one of its fields must be given, and there are several. Give \
         one and remove the others."
    GROUP_EMPTY "MF0112" "missing field of a group"
        "Among the fields of the object there is a group of which exactly one must be given, and none is."
    GROUP_SEVERAL "MF0113" "mutually exclusive fields"
        "Among the fields of the object there is a group of which at most one may be given, and there are \
         several."
    TOO_MANY_BLOCKS "MF0114" "too many blocks"
        "In Terraform's form the block stands for one object and may be given once."
    DUPLICATE_KEY "MF0115" "duplicate key"
        "The list is a map written as pairs of key and value: each key may be there once."
}
