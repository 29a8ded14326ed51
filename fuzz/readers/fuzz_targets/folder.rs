//! Files that are read together: assemblies, nested stacks, folders of API JSON, manifests.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| meshform_compiler::fuzzing::folder(text));
