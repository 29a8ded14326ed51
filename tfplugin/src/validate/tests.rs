use super::*;
use crate::{Attribute, Number};

fn number(text: &str) -> Number {
    text.parse().unwrap()
}

fn check(validator: &dyn Validator, value: impl Into<Value>) -> Vec<String> {
    let (path, value) = (Path::from("spec[0].a"), value.into());
    let config = Value::object([("spec", Value::list([Value::object([("a", value.clone())])]))]);
    let mut found = Diagnostics::new();
    validator.validate(&Field::new(&path, &value, &config), &mut found);
    found
        .iter()
        .map(|one| format!("{}: {}", one.path, one.detail))
        .collect()
}

#[test]
fn each_validator_says_what_it_demands_and_what_it_got() {
    let none: Vec<String> = vec![];
    assert_eq!(check(&length(1..=3), "äöü"), none);
    assert_eq!(
        check(&length(1..=3), "abcd"),
        [r#"spec[0].a: `spec[0].a` must have 1 to 3 characters (it has 4), got "abcd"."#]
    );
    assert_eq!(check(&matches("^a+$"), "aa"), none);
    assert!(
        check(&matches("^a+$").meaning("consist of the letter a"), "b")[0]
            .contains("must consist of the letter a")
    );
    assert!(check(&matches("("), "b")[0].contains("is not a regular expression"));
    assert_eq!(check(&between(1, 10), 10), none);
    assert!(check(&at_least(1), number("0.5"))[0].contains("be at least 1, got 0.5"));
    assert!(check(&at_most(1_u8), 2)[0].contains("be at most 1, got 2"));
    assert_eq!(check(&one_of([1, 2]), 2), none);
    assert!(check(&one_of(["a"]), "b")[0].contains(r#"be one of "a", got "b""#));
    assert!(check(&size(2..), Value::list(["a"]))[0].contains("have at least 2 elements"));
    assert_eq!(
        check(&size(2..), Value::Set(vec![Value::UNKNOWN])),
        none,
        "it may not be final"
    );
    assert!(check(&unique(), Value::list(["a", "a"]))[0].contains("twice"));
    assert_eq!(
        check(&unique(), Value::list([Value::UNKNOWN, Value::UNKNOWN])),
        none
    );
    assert!(check(&each(length(1..)), Value::list(["a", ""]))[0].starts_with("spec[0].a[1]"));
    assert!(check(&keys(length(2..)), Value::map([("k", Value::Null)]))[0].starts_with("spec[0].a[\"k\"]"));
}

#[test]
fn the_bounds_of_a_number_are_numbers_of_any_size() {
    let none: Vec<String> = vec![];
    let percent = between(number("0.1"), number("99.9"));
    assert_eq!(check(&percent, number("0.10")), none);
    assert_eq!(check(&percent, number("99.9")), none);
    let refused = "must be between 0.1 and 99.9, got 0.0999999999999999999999";
    assert!(check(&percent, number("0.0999999999999999999999"))[0].contains(refused));
    let large = at_most(u64::MAX);
    assert_eq!(check(&large, u64::MAX), none);
    assert!(check(&large, number("18446744073709551616"))[0].contains("be at most 18446744073709551615"));
    assert!(check(&at_least(number("1e30")), number("9.9e29"))[0].contains("be at least"));
}

#[test]
fn sensitive_values_are_not_shown() {
    let (path, value) = (Path::from("a"), Value::from("hunter2"));
    let mut found = Diagnostics::new();
    let field = Field {
        sensitive: true,
        ..Field::new(&path, &value, &value)
    };
    length(..3).validate(&field, &mut found);
    assert!(!found.to_string().contains("hunter2") && found.to_string().contains("a sensitive value"));
}

#[test]
fn attributes_are_compared_from_the_root_and_from_the_same_block() {
    let config = |b: Value, c: Value| {
        let block = Value::object([("a", Value::from("x")), ("b", b)]);
        Value::object([("spec", Value::list([block])), ("c", c)])
    };
    let run = |validator: &dyn Validator, value: Value, config: Value| {
        let mut found = Diagnostics::new();
        let path = Path::from("spec[0].a");
        validator.validate(&Field::new(&path, &value, &config), &mut found);
        found.len()
    };
    let (x, null) = (|| Value::from("x"), || Value::Null);
    let conflicts = ConflictsWith::new([".b", "c"]);
    assert_eq!(run(&conflicts, x(), config(null(), null())), 0);
    assert_eq!(run(&conflicts, x(), config(x(), x())), 2);
    assert_eq!(run(&conflicts, x(), config(Value::UNKNOWN, null())), 0);
    let exactly = ExactlyOneOf::new([".b", "c"]);
    assert_eq!(run(&exactly, null(), config(null(), null())), 1);
    assert_eq!(run(&exactly, null(), config(Value::UNKNOWN, null())), 0);
    assert_eq!(run(&exactly, null(), config(x(), null())), 0);
    assert_eq!(run(&exactly, x(), config(null(), x())), 1);
    let at_least = AtLeastOneOf::new([".b"]);
    assert_eq!(run(&at_least, null(), config(null(), null())), 1);
    assert_eq!(run(&at_least, null(), config(x(), null())), 0);
    let also = AlsoRequires::new([".b"]);
    assert_eq!(run(&also, x(), config(null(), null())), 1);
    assert_eq!(run(&also, x(), config(Value::UNKNOWN, null())), 0);
    let own = validator("even", |value| match value.as_i64() {
        Some(number) if number % 2 == 1 => Err(format!("{number} is odd.")),
        _ => Ok(()),
    });
    assert_eq!(run(&own, 3.into(), config(null(), null())), 1);
    // They hang on attributes like all others.
    let _ = Attribute::string("a")
        .optional()
        .validate(conflicts)
        .validate(exactly);
}
