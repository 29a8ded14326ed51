//! Objects of a bucket target: what can be read says the same when it is written and read again.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Err(what) = meshform_bundle::fuzzing::objects(bytes) {
        panic!("{what}");
    }
});
