use super::*;
use meshform_envoy::resources::ResourceType;
use meshform_model::kind::Kind;
use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// A difference in which every text is that one.
fn difference(text: &str) -> MeshDiff {
    let key = ResourceKey::in_mesh(text, Kind::VirtualNode, text);
    let field = |kind| FieldChange {
        path: text.to_owned(),
        words: text.to_owned(),
        kind,
        named: Vec::new(),
    };
    let fields = vec![
        field(FieldKind::Set(text.into())),
        field(FieldKind::Changed(text.into(), text.into())),
    ];
    let part = PartDiff {
        kind: ResourceType::Cluster,
        name: text.to_owned(),
        how: Difference::Changed,
        causes: [key.clone()].into(),
        effect: ConnectionEffect::Drained,
    };
    MeshDiff {
        mesh: text.to_owned(),
        changes: vec![Change {
            key: key.clone(),
            what: ChangeKind::Renamed(Box::new(key.clone()), fields),
        }],
        proxies: vec![ProxyDiff {
            key,
            how: Difference::Changed,
            parts: vec![part.clone(), part],
        }],
        count: 1,
        note: None,
    }
}

/// What a reader of Markdown makes of a text, without the texts in code.
fn structure(text: &str) -> Vec<String> {
    let mut in_code = false;
    let mut out = Vec::new();
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::InlineHtml(tag) if &*tag == "<code>" => in_code = true,
            Event::InlineHtml(tag) if &*tag == "</code>" => {
                in_code = false;
                out.push("code".to_owned());
            }
            Event::Text(_) if in_code => {}
            Event::Code(_) => out.push("code".to_owned()),
            Event::Start(Tag::Heading { level, .. }) => out.push(format!("{level}")),
            Event::End(TagEnd::Heading(_)) => {}
            other => out.push(format!("{other:?}")),
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_text_is_markdown(text in prop_oneof![r#"[<>&"'`|\\*_\[\]()!#@~ a-]{1,16}"#, ".{1,40}"]) {
        let (plain, told) = (markdown(&[difference("plain")], false), markdown(&[difference(&text)], false));
        prop_assert_eq!(structure(&told), structure(&plain), "{}", told);
    }
}

#[test]
fn a_bar_ends_no_cell() {
    assert_eq!(cell("a|b"), "<code>a&#124;b</code>");
    assert_eq!(cell("a\\|b"), "<code>a&#92;&#124;b</code>");
    assert_eq!(cell("a`b"), "``a`b``");
}
