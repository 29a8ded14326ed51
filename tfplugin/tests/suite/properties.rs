//! What holds for all values: codecs, planning, and bytes that nobody meant.

use proptest::prelude::*;
use tfplugin::codec::{json, msgpack};
use tfplugin::value::{Fit, Refinement, conform};
use tfplugin::{Number, Type, Value};

fn types() -> impl Strategy<Value = Type> {
    let leaf = prop_oneof![
        Just(Type::Bool),
        Just(Type::Number),
        Just(Type::String),
        Just(Type::Dynamic)
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        // A value of any type cannot stand inside a collection.
        let fixed = inner.clone().prop_filter("dynamic", |ty| !ty.has_dynamic());
        prop_oneof![
            fixed.clone().prop_map(Type::list),
            fixed.clone().prop_map(Type::set),
            fixed.prop_map(Type::map),
            proptest::collection::btree_map("[a-d]{1,2}", inner.clone(), 0..4).prop_map(Type::object),
            proptest::collection::vec(inner, 0..3).prop_map(Type::tuple),
        ]
    })
}

fn numbers() -> impl Strategy<Value = Number> {
    prop_oneof![
        any::<i64>().prop_map(Number::from),
        any::<u64>().prop_map(Number::from),
        any::<f64>().prop_filter_map("finite", Number::from_f64_exact),
        "-?[0-9]{1,40}\\.[0-9]{1,40}".prop_map(|text| text.parse().unwrap()),
        "[1-9][0-9]{0,5}e-?[0-9]{1,3}".prop_map(|text| text.parse().unwrap()),
    ]
}

fn values(ty: Type) -> BoxedStrategy<Value> {
    let known: BoxedStrategy<Value> = match ty {
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::Number => numbers().prop_map(Value::Number).boxed(),
        Type::String => any::<String>().prop_map(Value::String).boxed(),
        Type::List(inner) => proptest::collection::vec(values((*inner).clone()), 0..4)
            .prop_map(Value::List)
            .boxed(),
        Type::Set(inner) => proptest::collection::vec(values((*inner).clone()), 0..4)
            .prop_map(Value::set)
            .boxed(),
        Type::Map(inner) => proptest::collection::btree_map(any::<String>(), values((*inner).clone()), 0..4)
            .prop_map(Value::map)
            .boxed(),
        Type::Object(all) => all
            .iter()
            .map(|(name, ty)| (Just(name.clone()), values(ty.clone())))
            .collect::<Vec<_>>()
            .prop_map(Value::object)
            .boxed(),
        Type::Tuple(all) => all
            .iter()
            .cloned()
            .map(values)
            .collect::<Vec<_>>()
            .prop_map(Value::List)
            .boxed(),
        Type::Dynamic => types()
            .prop_filter("concrete", |ty| !ty.has_dynamic())
            .prop_flat_map(|ty| (Just(ty.clone()), values(ty)))
            .prop_map(|(ty, value)| {
                if value.is_null() {
                    Value::Null
                } else {
                    Value::dynamic(ty, value)
                }
            })
            .boxed(),
    };
    prop_oneof![8 => known, 1 => Just(Value::Null), 1 => Just(Value::UNKNOWN)].boxed()
}

fn typed() -> impl Strategy<Value = (Type, Value)> {
    types().prop_flat_map(|ty| (Just(ty.clone()), values(ty)))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn types_read_back(ty in types()) {
        prop_assert_eq!(Type::from_json(ty.to_json().as_bytes()), Ok(ty));
    }

    #[test]
    fn messagepack_reads_back((ty, value) in typed()) {
        let bytes = msgpack::encode(&ty, &value).unwrap();
        let back = msgpack::decode(&ty, &bytes).unwrap();
        prop_assert_eq!(&back, &value);
        // Writing what was read gives the same bytes: nothing drifts.
        prop_assert_eq!(msgpack::encode(&ty, &back).unwrap(), bytes);
    }

    #[test]
    fn json_reads_back((ty, value) in typed()) {
        let value = value.unknown_as_null();
        let tree = json::parse(json::to_string(&value).as_bytes()).unwrap();
        prop_assert_eq!(conform(&ty, tree, Fit::Stored).unwrap(), value);
    }

    #[test]
    fn a_value_fits_its_type_and_fitting_changes_nothing((ty, value) in typed()) {
        let fitted = conform(&ty, value.clone(), Fit::Exact).unwrap();
        prop_assert_eq!(&fitted, &value);
        prop_assert_eq!(conform(&ty, fitted.clone(), Fit::Exact).unwrap(), fitted);
    }

    #[test]
    fn truncated_messagepack_is_refused((ty, value) in typed(), cut in any::<prop::sample::Index>()) {
        let bytes = msgpack::encode(&ty, &value).unwrap();
        let cut = cut.index(bytes.len());
        if cut > 0 {
            prop_assert!(msgpack::decode(&ty, &bytes[..cut]).is_err());
        }
    }

    #[test]
    fn any_bytes_give_a_value_or_an_error(ty in types(), bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(value) = msgpack::decode(&ty, &bytes) {
            prop_assert!(msgpack::encode(&ty, &value).is_ok());
        }
        let _ = Type::from_json(&bytes);
        if let Ok(tree) = json::parse(&bytes) {
            prop_assert_eq!(json::parse(json::to_string(&tree).as_bytes()).unwrap(), tree);
        }
    }

    #[test]
    fn mutated_messagepack_gives_a_value_or_an_error((ty, value) in typed(), at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = msgpack::encode(&ty, &value).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(value) = msgpack::decode(&ty, &bytes) {
            prop_assert!(msgpack::encode(&ty, &value).is_ok());
        }
    }

    #[test]
    fn numbers_are_ordered_and_equal_by_value(a in numbers(), b in numbers()) {
        use std::cmp::Ordering;
        prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
        prop_assert_eq!(a == b, a.cmp(&b) == Ordering::Equal);
        prop_assert_eq!(&a.to_string().parse::<Number>().unwrap(), &a);
        let (x, y) = (a.as_f64(), b.as_f64());
        if x < y {
            prop_assert!(a < b, "{} {}", a, b);
        }
    }

    #[test]
    fn promises_about_unknown_values_read_back(prefix in "[a-z]{0,4}", low in any::<i32>(), count in any::<u16>()) {
        let promise = Refinement {
            null: Some(false),
            prefix: Some(prefix),
            lower: Some((low.into(), true)),
            upper: Some((Number::from(i64::from(low) + 1), false)),
            min_length: Some(1),
            max_length: Some(count.into()),
        };
        let bytes = msgpack::encode(&Type::String, &Value::unknown_with(promise.clone())).unwrap();
        match msgpack::decode(&Type::String, &bytes).unwrap() {
            Value::Unknown(Some(back)) => prop_assert_eq!(&*back, &promise),
            other => prop_assert!(false, "{:?}", other),
        }
    }
}

#[test]
fn deep_nesting_is_refused_and_not_followed() {
    let deep = "[".repeat(1_000_000);
    assert!(json::parse(deep.as_bytes()).is_err());
    let deep = format!(
        "{}\"string\"{}",
        "[\"list\",".repeat(100_000),
        "]".repeat(100_000)
    );
    assert!(Type::from_json(deep.as_bytes()).is_err());
    let mut bytes = vec![0x92, 0xc4, 0x08];
    bytes.extend_from_slice(b"\"string\"");
    assert!(msgpack::decode(&Type::Dynamic, &bytes.repeat(50_000)).is_err());
}

#[test]
fn what_terraform_sends_is_understood() {
    let decode = |ty: &Type, bytes: &[u8]| msgpack::decode(ty, bytes).unwrap();
    assert!(decode(&Type::String, b"\xd4\x00\x00").is_unknown());
    assert!(
        decode(&Type::String, b"\xc7\x01\x63\xff").is_unknown(),
        "any extension is an unknown value"
    );
    assert_eq!(
        decode(&Type::Number, b"\xa30.1").as_number().unwrap().to_string(),
        "0.1"
    );
    assert_eq!(
        decode(&Type::Number, b"\xcb\x3f\xe0\0\0\0\0\0\0"),
        decode(&Type::Number, b"\xa30.5")
    );
    assert_ne!(
        decode(&Type::Number, b"\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a"),
        decode(&Type::Number, b"\xa30.1")
    );
    assert!(decode(&Type::Dynamic, b"\xc0").is_null());
    assert_eq!(decode(&Type::Bool, b""), Value::Null, "nothing at all is null");
    let prefixed = decode(&Type::String, b"\xc7\x09\x0c\x82\x01\xc2\x02\xa4pre-");
    match prefixed {
        Value::Unknown(Some(promise)) => assert_eq!(*promise, Refinement::with_prefix("pre-")),
        other => panic!("{other:?}"),
    }
}
