//! Whether a template ends: partials that include each other would fill the stack, which no error can follow.

use handlebars::Template;
use handlebars::template::{DecoratorTemplate, Parameter, TemplateElement};
use std::collections::BTreeMap;

/// How deep blocks and partials may lie in each other. Ours lie four deep.
const MAX_DEPTH: usize = 64;
/// How often partials may be put in, in all.
const MAX_USES: usize = 10_000;

/// Which partials the template itself (an empty name) and each inline partial put in; `None` is a name that only
/// rendering tells.
type Uses<'t> = BTreeMap<&'t str, Vec<Option<&'t str>>>;

/// Says why rendering a template would not end, or not in a reasonable time.
pub(super) fn check(template: &Template) -> Result<(), String> {
    let mut uses = Uses::new();
    collect(template, "", 0, &mut uses)?;
    let mut counts = BTreeMap::new();
    count("", &uses, &mut Vec::new(), &mut counts).map(drop)
}

fn collect<'t>(
    template: &'t Template,
    owner: &'t str,
    depth: usize,
    uses: &mut Uses<'t>,
) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err(format!("nests blocks more than {MAX_DEPTH} deep"));
    }
    for element in &template.elements {
        let (inner, owner): ([Option<&Template>; 2], &str) = match element {
            TemplateElement::PartialExpression(partial) | TemplateElement::PartialBlock(partial) => {
                uses.entry(owner).or_default().push(partial.name.as_name());
                ([partial.template.as_ref(), None], owner)
            }
            TemplateElement::DecoratorBlock(decorator) => {
                let owner = inline_name(decorator).unwrap_or(owner);
                uses.entry(owner).or_default();
                ([decorator.template.as_ref(), None], owner)
            }
            TemplateElement::HelperBlock(helper) => {
                ([helper.template.as_ref(), helper.inverse.as_ref()], owner)
            }
            _ => continue,
        };
        for template in inner.into_iter().flatten() {
            collect(template, owner, depth + 1, uses)?;
        }
    }
    Ok(())
}

/// The name that `{{#*inline "name"}}` gives.
fn inline_name(decorator: &DecoratorTemplate) -> Option<&str> {
    match decorator.params.first()? {
        Parameter::Literal(name) if decorator.name.as_name() == Some("inline") => name.as_str(),
        _ => None,
    }
}

/// How many partials are put in for one; the way to it is `open`.
fn count<'t>(
    name: &'t str,
    uses: &Uses<'t>,
    open: &mut Vec<&'t str>,
    counts: &mut BTreeMap<&'t str, usize>,
) -> Result<usize, String> {
    if let Some(known) = counts.get(name) {
        return Ok(*known);
    }
    if open.contains(&name) {
        return Err(format!("includes the partial `{name}` in itself"));
    }
    if open.len() > MAX_DEPTH {
        return Err(format!("nests partials more than {MAX_DEPTH} deep"));
    }
    open.push(name);
    let mut sum: usize = 1;
    for used in uses.get(name).into_iter().flatten() {
        match used {
            Some(used) => sum = sum.saturating_add(count(used, uses, open, counts)?),
            // It may be any that has a name.
            None => {
                for used in uses.keys().filter(|name| !name.is_empty()) {
                    sum = sum.saturating_add(count(used, uses, open, counts)?);
                }
            }
        }
        if sum > MAX_USES {
            return Err(format!("includes more than {MAX_USES} partials in all"));
        }
    }
    open.pop();
    counts.insert(name, sum);
    Ok(sum)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn said(text: &str) -> Result<(), String> {
        check(&Template::compile(text).unwrap())
    }

    #[test]
    fn what_ends_is_let_pass() {
        for text in [
            include_str!("../../../templates/ecs/task-definition.json.hbs"),
            include_str!("../../../templates/ecs/entrypoint.sh.hbs"),
            include_str!("../../../templates/ecs/mesh.json.hbs"),
            include_str!("../../../templates/compose/compose.yaml.hbs"),
            r#"{{#*inline "a"}}x{{/inline}}{{#*inline "b"}}{{> a}}{{> a}}{{/inline}}{{> b}}{{#> a}}{{> b}}{{/a}}"#,
            r#"{{#> layout}}{{#*inline "page"}}{{> @partial-block}}{{/inline}}{{/layout}}"#,
        ] {
            assert_eq!(said(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_does_not_end_is_named() {
        let deep = format!("{}{}", "{{#if a}}".repeat(200), "{{/if}}".repeat(200));
        let partials = |body: fn(usize) -> String| {
            let each = (0..100).map(|n| format!("{{{{#*inline \"p{n}\"}}}}{}{{{{/inline}}}}", body(n + 1)));
            format!("{}{{{{> p0}}}}", each.collect::<String>())
        };
        let chain = partials(|next| format!("{{{{> p{next}}}}}"));
        let doubled = partials(|next| format!("{{{{> p{next}}}}}{{{{> p{next}}}}}"));
        let deeper = said(&doubled).unwrap_err();
        assert!(deeper.contains("64 deep"), "{deeper}");
        let some: String = (0..20).fold(String::from("{{> p0}}"), |all, n| {
            let next = n + 1;
            format!("{all}{{{{#*inline \"p{n}\"}}}}{{{{> p{next}}}}}{{{{> p{next}}}}}{{{{/inline}}}}")
        });
        for (text, word) in [
            (r#"{{#*inline "a"}}{{> a}}{{/inline}}{{> a}}"#, "`a` in itself"),
            (
                r#"{{#*inline "a"}}{{> b}}{{/inline}}{{#*inline "b"}}{{#if x}}{{> a}}{{/if}}{{/inline}}{{> a}}"#,
                "`a` in itself",
            ),
            (
                r#"{{#*inline "a"}}{{> (lookup this "x")}}{{/inline}}{{> a}}"#,
                "`a` in itself",
            ),
            (deep.as_str(), "64 deep"),
            (chain.as_str(), "64 deep"),
            (some.as_str(), "10000 partials in all"),
        ] {
            let told = said(text).unwrap_err();
            assert!(told.contains(word), "{told}");
        }
    }
}
