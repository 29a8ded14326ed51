//! One ADS stream: any requests in any order, releases that change, time that passes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Err(what) = meshform_controlplane::fuzzing::xds(bytes) {
        panic!("{what}");
    }
});
