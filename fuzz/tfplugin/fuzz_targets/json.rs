//! Any bytes, read as JSON and as a type: what was read can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tfplugin::Type;
use tfplugin::codec::json;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(tree) = json::parse(bytes) {
        assert_eq!(json::parse(json::to_string(&tree).as_bytes()).expect("what was written"), tree);
    }
    if let Ok(ty) = Type::from_json(bytes) {
        assert_eq!(Type::from_json(ty.to_json().as_bytes()), Ok(ty));
    }
});
