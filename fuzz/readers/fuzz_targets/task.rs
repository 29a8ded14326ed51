//! Task definitions of ECS beside a mesh: the first byte chooses the format.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    let name = ["x.json", "x.yaml"][usize::from(*first) % 2];
    meshform_compiler::fuzzing::task(name, rest);
});
