use super::*;
use meshform_model::diag::has_errors;
use proptest::prelude::*;

fn good(text: &str) -> Node {
    let (node, problems) = read(text, 0);
    assert!(problems.is_empty(), "{problems:?}");
    node.unwrap()
}

fn bad(text: &str) -> (String, Option<String>, (u32, u32)) {
    let (node, problems) = read(text, 0);
    assert_eq!(node, None, "{text}");
    let problem = problems.last().unwrap();
    let at = problem.places[0].span.unwrap();
    (problem.message.clone(), problem.help.clone(), (at.start, at.end))
}

#[test]
fn every_value_and_name_has_its_bytes() {
    let text = "{\n\t\"a\": [1, -2.50e3, \"x\\u00fc\\ud83d\\ude00\"],\n\t\"b\": {\"c\": null}\n}\n";
    let node = good(text);
    let bytes = |node: &Node| {
        let at = node.span.unwrap();
        &text[at.start as usize..at.end as usize]
    };
    let a = node.get("a").unwrap().as_list().unwrap();
    assert_eq!(bytes(&a[1]), "-2.50e3");
    assert_eq!(a[2].as_str(), Some("xü😀"));
    assert_eq!(bytes(node.get("b").unwrap()), "{\"c\": null}");
    let name = node.as_object().unwrap().field("b").unwrap().name_span.unwrap();
    assert_eq!(&text[name.start as usize..name.end as usize], "\"b\"");
    assert!(node.get("b").unwrap().get("c").unwrap().is_null());
}

#[test]
fn faults_are_told_in_json_words_at_their_place() {
    let cases = [
        "",
        "{",
        "{\"a\"}",
        "{\"a\": 1,}",
        "[1,]",
        "{'a': 1}",
        "{\"a\": $ARN}",
        "[01]",
        "[1] x",
        "\"a",
        "\"\\x\"",
        "\"\\ud800\"",
        "\"\u{1}\"",
        "nul",
        "truex",
        "// c\n1",
        "[1 2]",
        "{\"a\": \"\\u0000\"}",
    ];
    let told: Vec<String> = cases
        .iter()
        .map(|text| {
            let (message, help, (start, end)) = bad(text);
            format!("{text:?} {start}..{end}: {message}; {}", help.unwrap_or_default())
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_name_that_comes_again_is_reported_with_both_places() {
    let (node, problems) = read(r#"{"a": 1, "b": {"c": 1, "c": 2, "c": 3}, "a": 2}"#, 0);
    assert_eq!(problems.len(), 3);
    assert!(
        problems
            .iter()
            .all(|p| p.code == codes::DUPLICATE_KEY && p.places.len() == 2)
    );
    assert_eq!(node.unwrap().get("a").unwrap().value, Value::from(1));
}

#[test]
fn nesting_is_bounded() {
    let deep = |levels| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    assert!(read(&deep(MAX_DEPTH), 0).0.is_some());
    let (node, problems) = read(&deep(MAX_DEPTH + 1), 0);
    assert!(node.is_none() && problems[0].code == codes::TOO_LARGE);
    let (node, problems) = read(&"[".repeat(5_000_000), 0);
    assert!(node.is_none() && problems[0].code == codes::TOO_LARGE);
}

#[test]
fn huge_numbers_keep_their_text() {
    let digits = "9".repeat(10_000);
    let node = good(&digits);
    assert!(matches!(&node.value, Value::Number(n) if n.as_text() == digits));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let _ = read(&text, 0);
    }

    #[test]
    fn texts_near_json_agree_with_serde(text in r#"[\[\]{}:,"a0-9.eE+\\ntrufls -]{0,24}"#) {
        let (node, problems) = read(&text, 0);
        agrees(&text, node, &problems);
    }
}

#[test]
fn numbers_of_one_value_agree_with_serde_however_they_are_written() {
    for text in [
        "1e5",
        "0E7",
        "1.0",
        "-0",
        "-0.0",
        "[12e3]",
        "9007199254740993",
        "1e-2",
        "0.1",
    ] {
        let (node, problems) = read(text, 0);
        assert!(node.is_some(), "{text}");
        agrees(text, node, &problems);
    }
}

/// That serde reads the same value, or refuses the text too.
fn agrees(text: &str, node: Option<Node>, problems: &[Diagnostic]) {
    match serde_json::from_str::<serde_json::Value>(text) {
        // Names that stand twice and numbers beyond a double are the two differences.
        Ok(json) if !has_errors(problems) => {
            let ours = node
                .and_then(|node| node.to_json())
                .map(|json| Node::from_json(&json));
            // As trees, where `1e5` is 100000: serde writes it as 100000.0.
            assert_eq!(ours, Some(Node::from_json(&json)), "{text}");
        }
        Ok(_) => {}
        Err(error) => assert!(
            node.is_none() || error.to_string().contains("number out of range"),
            "{text}: {node:?} {error}"
        ),
    }
}

#[test]
fn a_name_that_comes_again_is_found_among_few_and_many() {
    for count in [2, 16, 17, 40] {
        let mut fields: Vec<String> = (0..count).map(|at| format!("\"n{at}\": {at}")).collect();
        good(&format!("{{{}}}", fields.join(", ")));
        for again in [0, count - 1] {
            fields.push(format!("\"n{again}\": 0"));
            let text = format!("{{{}}}", fields.join(", "));
            let (_, problems) = read(&text, 0);
            assert_eq!(problems.len(), 1, "{count} {again}: {problems:?}");
            let places = problems[0].places.iter().map(|place| place.span.unwrap());
            let shown: Vec<&str> = places
                .map(|at| &text[at.start as usize..at.end as usize])
                .collect();
            let name = format!("\"n{again}\"");
            assert_eq!(shown, [&name, &name]);
            fields.pop();
        }
    }
}
