//! The schema that Terraform sees, for review.

use meshform_model::kind::Kind;
use meshform_model::schema::terraform::{Body, resource};

fn lines(body: &Body, path: &str, out: &mut String) {
    for a in &body.attributes {
        let flags = [
            (a.required, "required"),
            (a.optional, "optional"),
            (a.computed, "computed"),
            (a.sensitive, "sensitive"),
            (a.replaces, "replaces"),
            (a.deprecated.is_some(), "deprecated"),
        ];
        let flags: Vec<&str> = flags
            .iter()
            .filter(|(on, _)| *on)
            .map(|(_, word)| *word)
            .collect();
        let default = a.default.as_ref().map_or(String::new(), |d| format!(" = {d}"));
        out.push_str(&format!(
            "{path}{} {} {}{default}\n",
            a.name,
            a.kind.text(),
            flags.join(" ")
        ));
    }
    for b in &body.blocks {
        let max = b.max.map_or(String::new(), |max| max.to_string());
        let order = if b.unordered {
            format!(" unordered by {}", b.key.join(", "))
        } else {
            String::new()
        };
        out.push_str(&format!("{path}{} block {}..{max}{order}\n", b.name, b.min));
        lines(&b.body, &format!("{path}{}.", b.name), out);
    }
}

#[test]
fn the_schema_of_every_kind() {
    for kind in Kind::ALL {
        let mut text = String::new();
        let resource = resource(kind);
        lines(&resource.body, "", &mut text);
        insta::assert_snapshot!(resource.type_name.clone(), text);
    }
}

/// Terraform refuses a provider whose schema breaks these rules.
#[test]
fn terraforms_own_rules_hold() {
    fn check(body: &Body) {
        for a in &body.attributes {
            assert!(a.required || a.optional || a.computed, "{}", a.name);
            assert!(!(a.required && (a.optional || a.computed)), "{}", a.name);
            assert!(!a.doc.is_empty(), "{}", a.name);
        }
        for b in &body.blocks {
            assert!(body.attributes.iter().all(|a| a.name != b.name), "{}", b.name);
            assert!(b.max.is_none_or(|max| b.min <= max), "{}", b.name);
            check(&b.body);
        }
    }
    Kind::ALL.into_iter().for_each(|kind| check(&resource(kind).body));
}
