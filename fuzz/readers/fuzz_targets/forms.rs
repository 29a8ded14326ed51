//! Every input form: the first byte chooses the format.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    let name = ["x.json", "x.yaml", "x"][usize::from(*first) % 3];
    meshform_compiler::fuzzing::forms(name, rest);
});
