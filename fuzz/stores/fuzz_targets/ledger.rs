//! The ledger of a publishing directory.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Err(what) = meshform_bundle::fuzzing::ledger(bytes) {
        panic!("{what}");
    }
});
