//! The definitions against the ones that the real Envoy carries inside its binary.
//!
//! Unknown names in JSON are refused by Envoy, but a wrong number would only show on the wire, and a
//! deprecated field only in a log. Envoy keeps its own descriptors as plain bytes, so both can be compared.

use std::collections::BTreeMap;

use meshform_acceptance::tools;
use meshform_envoy_api::pool;
use meshform_envoy_api::prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
};
use prost::Message as _;
use prost::encoding::{DecodeContext, WireType, decode_key, skip_field};

/// One fact per name: a field (number, type, repeated, oneof) or a value of an enumeration.
type Facts = BTreeMap<String, String>;

#[test]
fn names_numbers_and_types_are_those_of_the_real_envoy() {
    let real = real_files(&std::fs::read(tools::envoy()).unwrap());
    assert!(
        real.len() > 100,
        "only {} descriptors found in the binary",
        real.len()
    );
    let (mut compared, mut wrong) = (0, Vec::new());
    for file in pool().files() {
        let ours = file.file_descriptor_proto();
        if ours.name().starts_with("google/protobuf/") || ours.package() == "meshform.envoy" {
            continue;
        }
        let Some(theirs) = real.get(ours.name()).map(facts) else {
            wrong.push(format!("no file {}", ours.name()));
            continue;
        };
        for (name, fact) in facts(ours) {
            compared += 1;
            let found = theirs.get(&name);
            if found != Some(&fact) {
                wrong.push(format!("{name}: {fact}, but Envoy has {found:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 1000, "only {compared} facts");
}

/// Every file descriptor in the binary, by the file's name.
fn real_files(binary: &[u8]) -> BTreeMap<String, FileDescriptorProto> {
    let mut files = BTreeMap::new();
    // A descriptor begins with the tag of its name, which is the byte of a line's end.
    for (at, _) in binary.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
        let rest = binary.get(at..).unwrap_or_default();
        let Some(length) = rest.get(1).map(|length| usize::from(*length)) else {
            continue;
        };
        let name = rest.get(2..2 + length).unwrap_or_default();
        if !name.ends_with(b".proto") || rest.get(2 + length) != Some(&0x12) {
            continue;
        }
        if let Ok(file) = FileDescriptorProto::decode(rest.get(..length_of(rest)).unwrap_or_default()) {
            files.insert(file.name().to_owned(), file);
        }
    }
    files
}

/// How long the file descriptor at the start of these bytes is: up to its last field, the syntax.
fn length_of(bytes: &[u8]) -> usize {
    const SYNTAX: u32 = 12;
    let mut rest = bytes;
    loop {
        let here = bytes.len() - rest.len();
        match decode_key(&mut rest) {
            Ok((tag, WireType::LengthDelimited)) if tag <= SYNTAX => {
                if skip_field(
                    WireType::LengthDelimited,
                    tag,
                    &mut rest,
                    DecodeContext::default(),
                )
                .is_err()
                {
                    return here;
                }
                if tag == SYNTAX {
                    return bytes.len() - rest.len();
                }
            }
            Ok((tag @ (10 | 11), WireType::Varint)) => {
                if skip_field(WireType::Varint, tag, &mut rest, DecodeContext::default()).is_err() {
                    return here;
                }
            }
            _ => return here,
        }
    }
}

fn facts(file: &FileDescriptorProto) -> Facts {
    let mut facts = Facts::new();
    for message in &file.message_type {
        of_message(file.package(), message, &mut facts);
    }
    for enumeration in &file.enum_type {
        of_enum(file.package(), enumeration, &mut facts);
    }
    facts
}

fn of_message(scope: &str, message: &DescriptorProto, facts: &mut Facts) {
    let scope = format!("{scope}.{}", message.name());
    facts.insert(scope.clone(), "message".to_owned());
    for field in &message.field {
        facts.insert(format!("{scope}.{}", field.name()), of_field(message, field));
    }
    for nested in &message.nested_type {
        of_message(&scope, nested, facts);
    }
    for enumeration in &message.enum_type {
        of_enum(&scope, enumeration, facts);
    }
}

fn of_field(message: &DescriptorProto, field: &FieldDescriptorProto) -> String {
    let oneof = field
        .oneof_index
        .and_then(|index| message.oneof_decl.get(usize::try_from(index).unwrap()))
        .map(|oneof| oneof.name().to_owned());
    let deprecated = field.options.as_ref().is_some_and(|options| options.deprecated());
    format!(
        "{} {:?} {:?} {} {oneof:?}{}",
        field.number(),
        field.r#type(),
        field.label(),
        field.type_name(),
        if deprecated { " deprecated" } else { "" },
    )
}

fn of_enum(scope: &str, enumeration: &EnumDescriptorProto, facts: &mut Facts) {
    for value in &enumeration.value {
        let name = format!("{scope}.{}.{}", enumeration.name(), value.name());
        facts.insert(name, value.number().to_string());
    }
}
