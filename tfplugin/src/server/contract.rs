//! The rules that Terraform holds a provider to, checked before Terraform sees the answer, so that the author
//! reads which attribute broke which rule and what to change.

use std::sync::Arc;

use crate::Path;
use crate::path::PathStep;
use crate::schema::{Attribute, Block, BlockNesting, NestedBlock, Nesting};
use crate::value::Value;

/// A rule that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Breach {
    pub(crate) path: Path,
    pub(crate) what: String,
}

static NULL: Value = Value::Null;

struct Checker {
    path: Path,
    found: Vec<Breach>,
}

/// What is wrong with a plan.
pub(crate) fn plan(block: &Block, prior: &Value, config: &Value, planned: &Value) -> Vec<Breach> {
    let mut checker = Checker {
        path: Path::root(),
        found: Vec::new(),
    };
    match (config.is_null(), planned.is_null()) {
        (true, true) => {}
        (true, false) => checker.say("a destroy must plan null"),
        (false, true) => checker.say("the configuration wants the object, so the plan cannot be null"),
        (false, false) if planned.is_unknown() => checker.say("the planned object as a whole is unknown"),
        (false, false) => checker.plan_block(block, prior, config, planned),
    }
    checker.found
}

/// The same for one collection of blocks.
pub(crate) fn plan_blocks(nested: &NestedBlock, prior: &Value, config: &Value, planned: &Value) -> bool {
    let mut checker = Checker {
        path: Path::root(),
        found: Vec::new(),
    };
    checker.plan_nested(nested, prior, config, planned);
    checker.found.is_empty()
}

/// What is wrong with a state that does not follow from its plan.
pub(crate) fn result(block: &Block, planned: &Value, actual: &Value) -> Vec<Breach> {
    let mut checker = Checker {
        path: Path::root(),
        found: Vec::new(),
    };
    checker.result_block(block, planned, actual);
    checker.found
}

fn show(value: &Value, sensitive: bool) -> String {
    match value {
        _ if sensitive => "(sensitive)".into(),
        Value::Unknown(_) => "unknown".into(),
        value => {
            let text = crate::value::json::to_string(value.plain());
            if text.chars().count() <= 160 {
                text
            } else {
                text.chars().take(157).chain("...".chars()).collect()
            }
        }
    }
}

impl Checker {
    fn say(&mut self, what: impl Into<String>) {
        self.found.push(Breach {
            path: self.path.clone(),
            what: what.into(),
        });
    }

    fn below(&mut self, step: PathStep, check: impl FnOnce(&mut Self)) {
        self.path.push(step);
        check(self);
        self.path.pop();
    }

    fn plan_block(&mut self, block: &Block, prior: &Value, config: &Value, planned: &Value) {
        self.plan_attributes(&block.attributes, prior, config, planned);
        for nested in &block.blocks {
            let name = nested.name();
            self.below(PathStep::Attribute(Arc::clone(&nested.name)), |this| {
                this.plan_nested(nested, prior.get(name), config.get(name), planned.get(name));
            });
        }
    }

    fn plan_attributes(&mut self, all: &[Attribute], prior: &Value, config: &Value, planned: &Value) {
        for one in all {
            let name = one.name();
            self.below(PathStep::Attribute(Arc::clone(&one.name)), |this| {
                this.plan_attribute(one, prior.get(name), config.get(name), planned.get(name));
            });
        }
    }

    fn plan_attribute(&mut self, one: &Attribute, prior: &Value, config: &Value, planned: &Value) {
        if one.write_only {
            if !planned.is_null() {
                self.say("a write-only attribute must be null in a plan");
            }
            return;
        }
        let kept = planned == prior && !prior.is_null() && !config.is_null();
        if planned == config || kept || (one.computed && config.is_null()) {
            return;
        }
        if one.nested_attributes().is_some() {
            self.plan_objects(one, prior, config, planned);
            return;
        }
        let hide = one.sensitive;
        let planned = show(planned, hide);
        if config.is_null() {
            self.say(format!(
                "planned {planned} although the configuration leaves it unset. Plan null, or declare the attribute \
                 computed as well"
            ));
        } else if prior.is_null() {
            self.say(format!(
                "planned {planned} where the configuration says {}",
                show(config, hide)
            ));
        } else {
            self.say(format!(
                "planned {planned}, which is neither what the configuration says, {}, nor what was there, {}",
                show(config, hide),
                show(prior, hide)
            ));
        }
    }

    fn plan_objects(&mut self, one: &Attribute, prior: &Value, config: &Value, planned: &Value) {
        let Some((nesting, inner)) = one.nested_attributes() else {
            return;
        };
        match (planned.is_null(), config.is_null()) {
            (true, false) => return self.say("planned null although the configuration sets it"),
            (false, true) => return self.say("planned a value although the configuration leaves it unset"),
            (true, true) => return,
            (false, false) if planned.is_unknown() => {
                return self.say("planned unknown although the configuration sets it");
            }
            (false, false) => {}
        }
        match nesting {
            Nesting::Single => self.plan_attributes(inner, prior, config, planned),
            Nesting::List | Nesting::Set if planned.items().len() != config.items().len() => {
                self.say(count("planned", planned, config));
            }
            Nesting::List => self.each_item(config, planned, prior, |this, config, planned, prior| {
                this.plan_attributes(inner, prior, config, planned);
            }),
            Nesting::Map => self.each_entry(config, planned, prior, |this, config, planned, prior| {
                this.plan_attributes(inner, prior, config, planned);
            }),
            // Elements of a set cannot be distinguished: Terraform trusts the provider here.
            Nesting::Set => {}
        }
    }

    fn plan_nested(&mut self, nested: &NestedBlock, prior: &Value, config: &Value, planned: &Value) {
        if config.is_unknown() {
            if !planned.is_unknown() {
                self.say("the number of blocks is not known yet, so the plan must be unknown");
            }
            return;
        }
        if planned.is_unknown() {
            return self.say("the blocks are configured, so the collection cannot be unknown");
        }
        let block = &nested.block;
        match nested.nesting {
            BlockNesting::Single | BlockNesting::Group => match (config.is_null(), planned.is_null()) {
                (true, true) => {}
                (true, false) => self.say("planned a block that the configuration does not have"),
                (false, true) => self.say("planned no block although the configuration has one"),
                (false, false) => self.plan_block(block, prior, config, planned),
            },
            _ if planned.is_null() => self.say("a collection of blocks is never null: plan an empty one"),
            BlockNesting::List if planned.items().len() != config.items().len() => {
                self.say(count("planned", planned, config));
            }
            BlockNesting::List => self.each_item(config, planned, prior, |this, config, planned, prior| {
                if planned.is_unknown() {
                    return this.say("a single block cannot be unknown");
                }
                this.plan_block(block, prior, config, planned);
            }),
            BlockNesting::Map => self.each_entry(config, planned, prior, |this, config, planned, prior| {
                this.plan_block(block, prior, config, planned);
            }),
            BlockNesting::Set if planned.items().iter().any(Value::is_unknown) => {
                self.say("a single block cannot be unknown");
            }
            BlockNesting::Set => {}
        }
    }

    fn each_item(
        &mut self,
        a: &Value,
        b: &Value,
        c: &Value,
        check: impl Fn(&mut Self, &Value, &Value, &Value),
    ) {
        for (index, (a, b)) in a.items().iter().zip(b.items()).enumerate() {
            let c = c.items().get(index).unwrap_or(&NULL);
            self.below(PathStep::Index(index), |this| check(this, a, b, c));
        }
    }

    fn each_entry(
        &mut self,
        a: &Value,
        b: &Value,
        c: &Value,
        check: impl Fn(&mut Self, &Value, &Value, &Value),
    ) {
        let keys = |value: &Value| -> Vec<Arc<str>> {
            value
                .entries()
                .into_iter()
                .flat_map(|entries| entries.keys().cloned())
                .collect()
        };
        if keys(a) != keys(b) {
            return self.say(format!("the keys changed from {:?} to {:?}", keys(a), keys(b)));
        }
        for key in keys(a) {
            self.below(PathStep::Key(Arc::clone(&key)), |this| {
                check(this, a.get(&key), b.get(&key), c.get(&key))
            });
        }
    }

    fn result_block(&mut self, block: &Block, planned: &Value, actual: &Value) {
        match (planned.is_null(), actual.is_null()) {
            (true, true) => return,
            (true, false) => return self.say("was planned to be absent, but is there"),
            (false, true) => return self.say("was planned to be there, but is absent"),
            (false, false) if planned.is_unknown() => return,
            (false, false) => {}
        }
        for one in &block.attributes {
            let (planned, actual) = (planned.get(one.name()), actual.get(one.name()));
            if !one.write_only {
                self.below(PathStep::Attribute(Arc::clone(&one.name)), |this| {
                    this.result_value(planned, actual, one.sensitive);
                });
            }
        }
        for nested in &block.blocks {
            let (planned, actual) = (planned.get(nested.name()), actual.get(nested.name()));
            self.below(PathStep::Attribute(Arc::clone(&nested.name)), |this| {
                this.result_nested(nested, planned, actual);
            });
        }
    }

    fn result_nested(&mut self, nested: &NestedBlock, planned: &Value, actual: &Value) {
        if planned.is_unknown() {
            return;
        }
        let block = &nested.block;
        match nested.nesting {
            BlockNesting::Single | BlockNesting::Group => self.result_block(block, planned, actual),
            BlockNesting::List if planned.items().len() != actual.items().len() => {
                self.say(count("returned", actual, planned));
            }
            BlockNesting::List => self.each_item(planned, actual, &NULL, |this, planned, actual, _| {
                this.result_block(block, planned, actual);
            }),
            BlockNesting::Map => self.each_entry(planned, actual, &NULL, |this, planned, actual, _| {
                this.result_block(block, planned, actual);
            }),
            BlockNesting::Set => self.result_set(planned, actual, false),
        }
    }

    fn result_value(&mut self, planned: &Value, actual: &Value, hide: bool) {
        match (planned.plain(), actual.plain()) {
            (Value::Unknown(Some(promise)), actual) if !promise.admits(actual) => {
                self.say(format!("was promised in the plan to be {promise:?}, but is {}", show(actual, hide)));
            }
            (Value::Unknown(_), _) => {}
            (Value::List(p), Value::List(a)) if p.len() == a.len() => {
                self.each_item(planned, actual, &NULL, |this, p, a, _| this.result_value(p, a, hide));
            }
            (Value::Map(p) | Value::Object(p), Value::Map(a) | Value::Object(a)) if p.keys().eq(a.keys()) => {
                self.each_entry(planned, actual, &NULL, |this, p, a, _| this.result_value(p, a, hide));
            }
            (Value::Set(_), Value::Set(_)) => self.result_set(planned, actual, hide),
            (planned, actual) if planned == actual => {}
            (planned, actual) => self.say(format!(
                "was planned as {}, but is {}. What a plan promises must come out the same; if it cannot be known \
                 beforehand, plan it as unknown",
                show(planned, hide),
                show(actual, hide)
            )),
        }
    }

    /// Elements that were unknown in the plan may turn out equal, so a set may shrink; it never grows.
    fn result_set(&mut self, planned: &Value, actual: &Value, hide: bool) {
        let fits = |p: &Value, a: &Value| {
            let mut checker = Checker {
                path: Path::root(),
                found: Vec::new(),
            };
            checker.result_value(p, a, hide);
            checker.found.is_empty()
        };
        if actual.items().len() > planned.items().len() {
            return self.say(count("returned", actual, planned));
        }
        let all_planned = planned
            .items()
            .iter()
            .all(|p| actual.items().iter().any(|a| fits(p, a)));
        let all_actual = actual
            .items()
            .iter()
            .all(|a| planned.items().iter().any(|p| fits(p, a)));
        if !all_planned || !all_actual {
            self.say(format!(
                "was planned as {}, but is {}",
                show(planned, hide),
                show(actual, hide)
            ));
        }
    }
}

fn count(verb: &str, got: &Value, wanted: &Value) -> String {
    format!(
        "{verb} {} where there must be {}",
        got.items().len(),
        wanted.items().len()
    )
}

#[cfg(test)]
mod tests;
