//! Each argument and block of each kind changed alone: the plan is an update in place (a replacement for names and mesh
//! owner) that names this argument and no other, the store then has it, and nothing is left to do.
//!
//! The changes are made from the schema (`meshform_model::testing::variants`): another value, the empty block or zero,
//! not given, empty or given again. All of one time are applied together.

use crate::hcl::{Block, Script, shown, type_name};
use crate::world::{Plan, World};
use meshform_acceptance::tools;
use meshform_model::canonical;
use meshform_model::dialect::{self, Dialect};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::pointer::Pointer;
use meshform_model::schema;
use meshform_model::testing::variants::{self, Variants};
use meshform_model::value::Node;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A resource of which one argument changes.
struct Subject {
    variants: &'static Variants,
    original: bool,
    label: String,
}

impl Subject {
    /// One for each argument of a kind, in turn under our name and under that of hashicorp/aws.
    fn all(kind: Kind) -> Vec<Self> {
        let of_kind = variants::all().iter().filter(|one| one.kind == kind);
        of_kind
            .enumerate()
            .map(|(number, variants)| Self {
                variants,
                original: number % 2 == 1,
                label: format!("s{number}"),
            })
            .collect()
    }

    fn kind(&self) -> Kind {
        self.variants.kind
    }

    fn type_name(&self) -> String {
        type_name(self.kind(), self.original)
    }

    fn address(&self) -> String {
        format!("{}.{}", self.type_name(), self.label)
    }

    /// The resource at a time, with names of its own.
    fn at(&self, time: usize) -> Value {
        let steps = &self.variants.steps;
        let time = time.min(steps.len() - 1);
        let mut json = steps[time].json.clone();
        let key = &schema::kind(self.kind()).key;
        for (index, field) in key.iter().enumerate() {
            let mut name = match index {
                _ if index + 1 == key.len() => self.label.clone(),
                0 => "m".to_owned(),
                _ => "p".to_owned(),
            };
            if time > 0 && self.variants.pointer == format!("/{field}") {
                name.push_str("-renamed");
            }
            json[field] = name.into();
        }
        json
    }

    fn key_at(&self, time: usize) -> ResourceKey {
        let json = self.at(time);
        let names: Vec<&str> = schema::kind(self.kind())
            .key
            .iter()
            .map(|field| json[field].as_str().unwrap())
            .collect();
        match (self.kind().parent(), names.as_slice()) {
            (_, [mesh]) => ResourceKey::mesh(*mesh),
            (Some(parent), [mesh, outer, name]) => {
                ResourceKey::child(&ResourceKey::in_mesh(*mesh, parent, *outer), self.kind(), *name)
            }
            (_, [mesh, name]) => ResourceKey::in_mesh(*mesh, self.kind(), *name),
            _ => panic!("{names:?}"),
        }
    }

    fn canonical_at(&self, time: usize) -> Value {
        canonical::body(self.kind(), &Node::from_json(&self.at(time))).unwrap()
    }

    /// Where the argument is, in Terraform's form.
    fn place(&self) -> String {
        let pointer = Pointer::parse(&self.variants.pointer).unwrap();
        let path = dialect::path(self.kind(), &pointer, Dialect::Terraform);
        // A block that comes or goes is a change of the list that it is in.
        shown(&path).trim_end_matches("[0]").to_owned()
    }

    /// Whether Terraform has nothing to do between two times. The model does not tell an empty set or map from none; in
    /// Terraform they are two values, and the plan must have the one that is configured.
    fn means_the_same(&self, a: usize, b: usize) -> bool {
        let pointer = Pointer::parse(&self.variants.pointer).unwrap();
        let path = dialect::path(self.kind(), &pointer, Dialect::Terraform).to_string();
        let value = |time| {
            let node = Node::from_json(&self.at(time));
            let values = dialect::from_canonical(self.kind(), Dialect::Terraform, &node);
            values.to_json().unwrap().pointer(&path).cloned()
        };
        let (one, other) = (value(a), value(b));
        let empty = [&one, &other].map(|value| *value == Some(json!([])) || *value == Some(json!({})));
        self.canonical_at(a) == self.canonical_at(b) && (one == other || !empty.contains(&true))
    }

    /// What is wrong with the plan from one time to the next.
    fn judge(&self, plan: &Changes, time: usize) -> Vec<String> {
        let address = self.address();
        let action = plan.actions.get(&address).map_or("no-op", String::as_str);
        let steps = &self.variants.steps;
        if time >= steps.len() {
            return wrong(action == "no-op", || format!("{action} although nothing changed"));
        }
        if self.variants.identity {
            let paths = &plan.replaced[&address];
            let wanted = json!([[self.place()]]);
            let mut found = wrong(action == "delete+create", || format!("{action} of an identity"));
            found.extend(wrong(*paths == wanted, || format!("replaced by {paths}")));
            return found;
        }
        let same = self.means_the_same(time - 1, time);
        let wanted = if same { "no-op" } else { "update" };
        let mut found = wrong(action == wanted, || format!("{action}, not {wanted}"));
        let place = self.place();
        let differences = plan.plan.differences(&address);
        found.extend(wrong(differences.is_empty() == same, || {
            format!("the plan shows {differences:?}")
        }));
        for line in differences {
            let is_here = line
                .strip_prefix(&place)
                .is_some_and(|rest| rest.starts_with(['.', '[', ':']));
            let of_tags = place == "tags" && line.starts_with("tags_all");
            found.extend(wrong(is_here || of_tags, || format!("not only {place}: {line}")));
        }
        found
    }
}

fn wrong(right: bool, what: impl FnOnce() -> String) -> Vec<String> {
    if right { Vec::new() } else { vec![what()] }
}

/// A plan, read once.
struct Changes {
    plan: Plan,
    actions: BTreeMap<String, String>,
    replaced: BTreeMap<String, Value>,
}

impl Changes {
    fn of(plan: Plan) -> Self {
        let changes = plan.json["resource_changes"].as_array().into_iter().flatten();
        let replaced = changes.map(|one| {
            let address = one["address"].as_str().unwrap().to_owned();
            (address, one["change"]["replace_paths"].clone())
        });
        Self {
            replaced: replaced.collect(),
            actions: plan.changes(),
            plan,
        }
    }
}

fn configuration(subjects: &[Subject], time: usize) -> Script {
    let mut script = Script::default();
    for subject in subjects {
        let block = Block::resource(subject.kind(), &subject.at(time));
        script.resource(&subject.type_name(), &subject.label, &block);
    }
    script
}

/// Goes through all times of a kind's arguments; anything wrong fails the test.
fn change_each(kind: Kind) {
    let subjects = Subject::all(kind);
    let times = subjects.iter().map(|one| one.variants.steps.len()).max().unwrap();
    // In turn on the two versions of Terraform.
    let versions = tools::terraform_matrix();
    let at = Kind::ALL.iter().position(|one| *one == kind).unwrap();
    let world = World::on(&versions[at % versions.len()], "", "");
    world.write_files(&configuration(&subjects, 0).files);
    world.apply();
    let mut failures = Vec::new();
    let mut changed = 0;
    for time in 1..times {
        world.write_files(&configuration(&subjects, time).files);
        let plan = Changes::of(world.plan_without_refresh());
        for subject in &subjects {
            let steps = &subject.variants.steps;
            changed += usize::from(time < steps.len());
            let what = steps.get(time).map_or("left alone", |step| step.what);
            let found = subject.judge(&plan, time).into_iter();
            failures.extend(
                found.map(|wrong| format!("{} {}, {what}: {wrong}", subject.address(), subject.place())),
            );
        }
        let ran = world.run(&["apply", "-no-color", "tfplan"]);
        assert!(ran.ok(), "{}", ran.text);
        let records = world.records().into_iter();
        let bodies: BTreeMap<ResourceKey, Value> = records.map(|record| (record.key, record.body)).collect();
        assert_eq!(bodies.len(), subjects.len());
        for subject in &subjects {
            let (has, wanted) = (&bodies[&subject.key_at(time)], subject.canonical_at(time));
            let found = wrong(*has == wanted, || {
                format!("{} is stored as {has}, not {wanted}", subject.address())
            });
            failures.extend(found);
        }
        let ran = world.run(&["plan", "-detailed-exitcode", "-no-color"]);
        assert_eq!(ran.status, 0, "time {time}: {}", ran.text);
    }
    assert!(
        failures.is_empty(),
        "{} of {changed}:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// A test for each kind, so that they run beside each other.
macro_rules! each_kind {
    ($($name:ident: $kind:ident,)*) => {
        $(#[test]
        fn $name() {
            change_each(Kind::$kind);
        })*

        #[test]
        fn no_kind_is_left_out() {
            assert_eq!([$(Kind::$kind),*].map(Kind::name), Kind::ALL.map(Kind::name));
        }
    };
}

each_kind! {
    each_argument_of_a_mesh_changes_alone: Mesh,
    each_argument_of_a_proxy_profile_changes_alone: ProxyProfile,
    each_argument_of_a_virtual_node_changes_alone: VirtualNode,
    each_argument_of_a_virtual_router_changes_alone: VirtualRouter,
    each_argument_of_a_route_changes_alone: Route,
    each_argument_of_a_virtual_service_changes_alone: VirtualService,
    each_argument_of_a_virtual_gateway_changes_alone: VirtualGateway,
    each_argument_of_a_gateway_route_changes_alone: GatewayRoute,
}
