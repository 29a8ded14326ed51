//! Takes out of a mesh what its rules blame, until they blame nothing more: what is left must be good for Envoy.
//!
//! That a rule's place is right is shown on the way: taking out what is there ends the complaint.

use crate::generate::Resources;
use meshform_envoy::{self as envoy, Options, Output};
use meshform_model::canonical;
use meshform_model::diag::{Diagnostic, ProblemLocation};
use meshform_model::key::ResourceKey;
use meshform_model::mesh::Mesh;
use meshform_model::pointer::{Pointer, Segment};
use meshform_model::resource::Resource;
use meshform_model::value::Node;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// How often each code was told.
pub(crate) type Told = BTreeMap<&'static str, usize>;

/// Heals the mesh and gives what is built of it.
pub(crate) fn heal(resources: &mut Resources, told: &mut Told) -> Output {
    for _ in 0..2000 {
        let errors = match judge(resources) {
            Ok(output) => return output,
            Err(errors) => errors,
        };
        // One of each resource's own faults; of others one, which may be the reason for the next.
        let fields = errors[0].code.0.starts_with("MF01");
        let mut seen = BTreeSet::new();
        for error in errors.iter().take(if fields { errors.len() } else { 1 }) {
            let place = error
                .places
                .first()
                .unwrap_or_else(|| panic!("{error} has no place"));
            if seen.insert(place.resource.clone()) {
                *told.entry(error.code.0).or_default() += 1;
                take_out(resources, error, place);
            }
        }
    }
    panic!("the rules are never content: {:?}", judge(resources).err());
}

/// What is built of the mesh, or all that is wrong with it, in the order in which a user would see it: fields, rules,
/// then what the compiler finds.
fn judge(resources: &mut Resources) -> Result<Output, Vec<Diagnostic>> {
    let mut errors = Vec::new();
    for (key, value) in resources.iter() {
        let found = meshform_model::validate::resource(key.kind, &Node::from_json(value));
        errors.extend(found.into_iter().filter(Diagnostic::is_error).map(|mut error| {
            for place in &mut error.places {
                place.resource = Some(key.clone());
            }
            error
        }));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    for (key, value) in resources.iter_mut() {
        *value = canonical::body(key.kind, &Node::from_json(value)).expect("nothing is unknown");
    }
    let made = resources.iter().map(|(key, value)| {
        let resource = Resource::from_json(key.clone(), &value["spec"]);
        let resource = resource.and_then(|one| one.with_extensions(&value["extensions"]));
        resource.unwrap_or_else(|error| panic!("{key} passes its schema but {error}\n{value:#}"))
    });
    let mesh = Mesh::new(made.collect())?;
    let errors: Vec<Diagnostic> = mesh.check().into_iter().filter(Diagnostic::is_error).collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    let built = envoy::build(&mesh, &Options::new(crate::support::ROOT));
    built.map_err(|errors| errors.into_iter().filter(Diagnostic::is_error).collect())
}

/// Takes out the element that a place names, or, where it is needed or not there, what it stands in.
fn take_out(resources: &mut Resources, error: &Diagnostic, place: &ProblemLocation) {
    let key: &ResourceKey = place
        .resource
        .as_ref()
        .unwrap_or_else(|| panic!("{error} names no resource"));
    let Some(value) = resources.get_mut(key) else {
        panic!("{error} is told of {key}, which is not there");
    };
    let mut steps = place.pointer.segments().to_vec();
    // A name lies in the key, not in the resource; a spec must be there.
    while steps.len() > 1 {
        if remove(value, &steps) {
            return;
        }
        steps.pop();
    }
    if steps == Pointer::default().field("extensions").segments() {
        value.as_object_mut().unwrap().remove("extensions");
        return;
    }
    resources.remove(key);
}

/// Whether something was there.
fn remove(value: &mut Value, steps: &[Segment]) -> bool {
    let (last, way) = steps.split_last().unwrap();
    let mut at = value;
    for step in way {
        let next = match step {
            Segment::Field(name) => at.get_mut(name),
            Segment::Index(index) => at.get_mut(index),
        };
        let Some(next) = next else { return false };
        at = next;
    }
    match (last, at) {
        (Segment::Field(name), Value::Object(fields)) => fields.remove(name).is_some(),
        (Segment::Index(index), Value::Array(items)) if *index < items.len() => {
            items.remove(*index);
            true
        }
        _ => false,
    }
}
