//! The yaml reader.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Err(place) = meshform_compiler::fuzzing::yaml(text) {
        panic!("outside of the text: {place}");
    }
});
