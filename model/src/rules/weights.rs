//! Weights of targets.

use super::{Findings, codes, listed, named, place};
use crate::diag::Diagnostic;
use crate::resource::Resource;
use crate::spec::RouteSpec;
use std::collections::BTreeMap;

pub(super) fn check(route: &Resource<RouteSpec>, report: &mut Findings) {
    let targets = route.spec.rule.targets();
    let path = || {
        RouteSpec::path()
            .rule(&route.spec.rule)
            .action()
            .weighted_targets()
    };
    let sum: u64 = targets.iter().map(|target| u64::from(target.weight)).sum();
    let weights = || {
        let each = targets.iter();
        listed(each.map(|target| format!("`{}` {}", target.virtual_node, target.weight)))
    };
    if sum > 100 {
        report.warning(
            codes::WEIGHTS_OVER,
            (&route.key, path()),
            format!(
                "the weights of {} add up to {sum}: {}",
                named(&route.key),
                weights()
            ),
            "make them add up to 100, so that a weight is a percentage",
        );
    }
    if sum == 0 && !targets.is_empty() {
        report.error(
            codes::WEIGHTS_ZERO,
            (&route.key, path()),
            format!("every weight of {} is zero: {}", named(&route.key), weights()),
            "give at least one target a weight, or delete the route",
        );
    }
    let here = |i: usize| place(&route.key, path().at(i));
    let mut first = BTreeMap::new();
    for (i, target) in targets.iter().enumerate() {
        match first.get(&(&target.virtual_node, target.port)) {
            None => drop(first.insert((&target.virtual_node, target.port), i)),
            Some(earlier) => report.add(
                Diagnostic::warning(
                    codes::SAME_TARGET,
                    format!(
                        "{} names virtual node `{}` twice",
                        named(&route.key),
                        target.virtual_node
                    ),
                )
                .help("merge the two, with the sum of their weights")
                .at(here(i))
                .at(here(*earlier).label("the other one")),
            ),
        }
    }
}
