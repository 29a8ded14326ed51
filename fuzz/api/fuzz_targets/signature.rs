//! Signed requests: a signature is read or refused, and what we sign, we know.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Err(what) = meshform_controlplane::fuzzing::signature(bytes) {
        panic!("{what}");
    }
});
