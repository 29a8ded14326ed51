//! Paths and queries: each has an operation or none, and an operation's names lead back to it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Err(what) = meshform_controlplane::fuzzing::path(bytes) {
        panic!("{what}");
    }
});
