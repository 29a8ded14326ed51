//! The picture of any mesh, also of one that is wrong: well-formed, with no element and no script but our own.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Err(why) = meshform_compiler::fuzzing::picture(text) {
        panic!("{why}");
    }
});
