use super::*;
use proptest::prelude::*;

fn good(text: &str) -> Node {
    let (mut documents, problems) = read(text, 0);
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(documents.len(), 1);
    documents.remove(0)
}

fn bytes<'t>(text: &'t str, node: &Node) -> &'t str {
    let at = node.span.unwrap();
    &text[at.start as usize..at.end as usize]
}

#[test]
fn scalars_follow_the_core_schema_and_accounts_stay_texts() {
    let node = good(
        "a: 1\nb: 012345678901\nc: '1'\nd: yes\ne: ~\nf:\ng: .5\nh: +7\ni: 0x1F\nj: 1.\nk: true\nl: 10.0.0.1\nm: -\u{fc}\n",
    );
    let shown: Vec<String> = node
        .as_object()
        .unwrap()
        .iter()
        .map(|field| format!("{}: {:?}", field.name, field.node.value))
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn every_value_has_its_bytes_also_after_other_letters() {
    let text = "# grüße 😀\r\nname: übung\r\nlist:\r\n  - ä: 'ö'\r\n    b: [x, \"y\"]\r\nlast: 7\r\n";
    let node = good(text);
    let item = &node.get("list").unwrap().as_list().unwrap()[0];
    assert_eq!(bytes(text, node.get("name").unwrap()), "übung");
    assert_eq!(bytes(text, item.get("ä").unwrap()), "'ö'");
    assert_eq!(bytes(text, item.get("b").unwrap()), "[x, \"y\"]");
    assert_eq!(
        bytes(text, &item.get("b").unwrap().as_list().unwrap()[1]),
        "\"y\""
    );
    assert_eq!(bytes(text, item), "ä: 'ö'\r\n    b: [x, \"y\"]");
    assert_eq!(bytes(text, node.get("last").unwrap()), "7");
}

#[test]
fn short_functions_nest() {
    let node = good(
        "a: !If [C, !Ref X, !Sub 'a-${X}']\nb: !GetAtt Mesh.MeshName\nc: !Join\n  - '-'\n  - [!Ref A, b]\nd: !!str 12\ne: ! x\n",
    );
    let json = node.to_json().unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "a": {"Fn::If": ["C", {"Ref": "X"}, {"Fn::Sub": "a-${X}"}]},
            "b": {"Fn::GetAtt": ["Mesh", "MeshName"]},
            "c": {"Fn::Join": ["-", [{"Ref": "A"}, "b"]]},
            "d": "12",
            "e": "x",
        })
    );
    assert!(matches!(node.get("a").unwrap().value, Value::Symbol(_)));
}

#[test]
fn faults_have_places() {
    let cases = [
        "a: 1\na: 2\n",
        "a:\n\t- b\n",
        "a: [1, 2\n",
        "? [a]\n: 1\n",
        "a: !Foo x\n",
        "a: &x [*x]\n",
        "a: *nope\n",
        "a: b: c\n",
        "- a\nb: c\n",
        "<<: 1\n",
    ];
    let told: Vec<String> = cases
        .iter()
        .flat_map(|text| {
            let (_, problems) = read(text, 0);
            assert!(!problems.is_empty(), "{text:?}");
            problems.into_iter().map(move |p| {
                let at = p.places[0].span.unwrap();
                format!("{text:?} {}..{} {p}", at.start, at.end)
            })
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn anchors_aliases_and_merges_work_in_bounds() {
    let node = good("base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\nalso: *b\n");
    let json = node.to_json().unwrap();
    assert_eq!(json["use"], serde_json::json!({"x": 1, "y": 3}));
    assert_eq!(json["also"], serde_json::json!({"x": 1, "y": 2}));
}

#[test]
fn bombs_are_refused() {
    let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for level in 1..12 {
        let below = format!("*a{},", level - 1).repeat(10);
        bomb.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(10 << 20), "*a,".repeat(10_000));
    let deep_flow = "[".repeat(1_000_000);
    let deep_block = "- ".repeat(100_000);
    let mut deep_alias = String::from("a0: &a0 [x]\n");
    for level in 1..200 {
        deep_alias.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    for text in [bomb, long, deep_flow, deep_block, deep_alias] {
        let (_, problems) = read(&text, 0);
        let codes: Vec<_> = problems.iter().map(|p| p.code).collect();
        assert!(
            codes.contains(&codes::TOO_LARGE) || codes.contains(&codes::YAML_SYNTAX),
            "{codes:?}"
        );
    }
}

#[test]
fn documents_are_kept_apart() {
    let (documents, problems) = read("---\na: 1\n---\n# nothing\n---\n- b\n...\n", 0);
    assert!(problems.is_empty());
    assert_eq!(documents.len(), 2);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let _ = read(&text, 0);
    }

    #[test]
    fn texts_near_yaml_give_spans_within_the_text(text in "[\\[\\]{}:,\"'a0-9&*!|>#?%\n \t\u{e9}\u{1f600}-]{0,40}") {
        prop_assert_eq!(crate::fuzzing::yaml(&text), Ok(()));
        prop_assert_eq!(crate::fuzzing::json(&text), Ok(()));
    }

    #[test]
    fn json_read_as_yaml_is_the_same(words in prop::collection::vec("[a-z\u{e9}]{1,8}", 1..6)) {
        let text = serde_json::json!({"k": words, "n": [1, 2.5, null, true], "o": {}}).to_string();
        let (documents, problems) = read(&text, 0);
        prop_assert!(problems.is_empty());
        let (json, _) = crate::frontend::json::read(&text, 0);
        prop_assert_eq!(documents[0].to_json(), json.unwrap().to_json());
    }
}
