//! The reference is what the schemas say.

use std::collections::BTreeMap;
use std::path::Path;

fn render() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    meshform_model::docs::render(|path| std::fs::read_to_string(root.join(path)).ok())
}

#[test]
fn the_pages_are_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let pages = render();
    assert_eq!(pages.len(), meshform_model::kind::Kind::ALL.len());
    for (path, text) in &pages {
        let found = std::fs::read_to_string(root.join(path)).unwrap_or_default();
        assert!(found == *text, "{path} is stale: `cargo xtask docs` writes it");
    }
}

#[test]
fn every_link_leads_to_an_anchor() {
    for (path, text) in render() {
        let mut links = 0;
        for part in text.split("](#").skip(1) {
            let anchor = part.split(')').next().unwrap();
            assert!(
                text.contains(&format!("<a id=\"{anchor}\"></a>")),
                "{path}: {anchor}"
            );
            links += 1;
        }
        assert!(links > 0, "{path}");
    }
}
