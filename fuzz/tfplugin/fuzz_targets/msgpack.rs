//! Any bytes, read as a value of a type that has everything: a value that can be written again, or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tfplugin::Type;
use tfplugin::codec::msgpack;

fuzz_target!(|bytes: &[u8]| {
    let ty = Type::object([
        ("any", Type::Dynamic),
        ("list", Type::list(Type::object([("n", Type::Number), ("s", Type::String)]))),
        ("map", Type::map(Type::set(Type::String))),
        ("tuple", Type::tuple([Type::Bool, Type::Number])),
    ]);
    for ty in [&ty, &Type::Dynamic] {
        if let Ok(value) = msgpack::decode(ty, bytes) {
            let written = msgpack::encode(ty, &value).expect("what was read can be written");
            assert_eq!(msgpack::decode(ty, &written).expect("and read"), value);
        }
    }
});
