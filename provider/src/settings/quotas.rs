//! The block `quotas`: how many of each a mesh may have.

use crate::codes;
use meshform_model::rules::{Quota, Quotas};
use tfplugin::schema::{Attribute, NestedBlock};
use tfplugin::{Diagnostic, Diagnostics, Path, Value};

pub(super) const BLOCK: &str = "quotas";
/// The attribute that names a set of quotas.
const PRESET: &str = "preset";

pub(super) fn schema() -> NestedBlock {
    let block = NestedBlock::list(BLOCK)
        .max_items(1)
        .description(
            "How many of each there may be. A mesh that has more is not valid: what was applied is in the store, \
             and proxies keep their last release. Configure the same wherever the mesh is released. Default: no \
             limits.",
        )
        .attribute(Attribute::string(PRESET).optional().description(format!(
            "`{}`: App Mesh's default quotas, for everything that is not limited below.",
            Quotas::PRESET
        )));
    Quota::ALL.into_iter().fold(block, |block, quota| {
        block.attribute(Attribute::number(quota.name()).optional().description(format!(
            "How many {} a {} may have. App Mesh: {}.",
            quota.words(),
            quota.scope(),
            quota.app_mesh()
        )))
    })
}

/// The quotas of the block, which may be null. What is wrong with it is added to `problems`.
pub(super) fn read(block: &Value, problems: &mut Diagnostics) -> Quotas {
    let mut refuse = |name: &str, wanted: String| {
        let path = Path::root().attr(BLOCK).index(0).attr(name);
        problems.push(Diagnostic::error(codes::summary(codes::BAD_QUOTA), wanted).at(path));
    };
    let preset = match block.str(PRESET) {
        None => Quotas::default(),
        Some(name) => Quotas::preset(name).unwrap_or_else(|| {
            let message = format!(
                "`{name}` is not a set of quotas; the only one is `{}`.",
                Quotas::PRESET
            );
            refuse(PRESET, message);
            Quotas::default()
        }),
    };
    let mut own = Vec::new();
    for quota in Quota::ALL {
        let given = block.get(quota.name());
        match given
            .as_number()
            .map(|number| number.as_u64().and_then(|n| usize::try_from(n).ok()))
        {
            None => {}
            Some(Some(limit)) => own.push((quota, limit)),
            Some(None) => refuse(quota.name(), "A quota is a whole number, 0 or more.".to_owned()),
        }
    }
    preset.iter().chain(own).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(block: Value) -> (Quotas, Vec<String>) {
        let mut problems = Diagnostics::new();
        let quotas = read(&block, &mut problems);
        (
            quotas,
            problems.iter().map(|problem| format!("{problem:?}")).collect(),
        )
    }

    #[test]
    fn own_limits_go_over_those_of_the_preset() {
        assert_eq!(of(Value::Null), (Quotas::default(), Vec::new()));
        let (quotas, problems) = of(Value::object([
            ("preset", Value::from("aws")),
            ("virtual_gateways", Value::from(5)),
        ]));
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(quotas.get(Quota::VirtualGateways), Some(5));
        assert_eq!(quotas.get(Quota::Routes), Some(Quota::Routes.app_mesh()));
    }

    #[test]
    fn what_is_no_quota_is_refused_at_its_attribute() {
        let (_, problems) = of(Value::object([
            ("preset", Value::from("azure")),
            ("routes", Value::from(-1)),
            ("backends", Value::Number("1.5".parse().unwrap())),
        ]));
        assert_eq!(problems.len(), 3, "{problems:?}");
        for (problem, name) in problems.iter().zip(["preset", "routes", "backends"]) {
            assert!(problem.contains("MF0709") && problem.contains(name), "{problem}");
        }
    }
}
