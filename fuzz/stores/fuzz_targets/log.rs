//! Objects of a bucket's log, entries and snapshots.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Err(what) = meshform_store::fuzzing::log(bytes) {
        panic!("{what}");
    }
});
