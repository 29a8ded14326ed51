//! The way out of a stack whose `AWS::AppMesh::*` cannot be updated any more: first all of them are to be retained, then
//! they leave the template, and CloudFormation forgets them without asking App Mesh.

use super::references::{Use, depend, replace};
use super::{OfMesh, free, of_mesh, referring, resources};
use crate::cloudformation::codes;
use crate::frontend::attribute_of;
use meshform_model::diag::Diagnostic;
use meshform_model::dialect::Dialect;
use meshform_model::schema;
use meshform_model::value::Node;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;

/// The logical id of the resource that the first step adds.
pub const HANDLE: &str = "MeshformRetained";

/// How far values lead from one resource of the mesh to the next: a gateway route names its gateway, which names its
/// mesh.
const MAX_STEPS: usize = 16;

/// A handle that nobody waits for: a resource that costs nothing and does nothing.
fn handle() -> Json {
    json!({"Type": "AWS::CloudFormation::WaitConditionHandle"})
}

/// The template of the first step: everything of the mesh is retained when it leaves the template. CloudFormation takes
/// no update that changes only a `DeletionPolicy`, so that another resource comes with it.
///
/// # Errors
/// Where the template holds nothing of a mesh.
pub fn retain(template: &Json) -> Result<Json, Vec<Diagnostic>> {
    let found = some(template)?;
    let mut out = template.clone();
    let id = free(template, HANDLE);
    if let Some(all) = resources(&mut out) {
        for id in found.keys() {
            if let Some(fields) = all.get_mut(id).and_then(Json::as_object_mut) {
                for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
                    fields.insert(policy.to_owned(), json!("Retain"));
                }
            }
        }
        all.insert(id, handle());
    }
    Ok(out)
}

/// The template of the second step, where no custom resources take over: nothing of the mesh is left, and what referred
/// to it has its values written out. `given` has those that no template tells, by `LOGICAL.ATTRIBUTE` (`LOGICAL.Ref` for
/// what `Ref` gives).
///
/// # Errors
/// Where the template holds nothing of a mesh, or a value is not known.
pub fn removed(template: &Json, given: &BTreeMap<String, String>) -> Result<Json, Vec<Diagnostic>> {
    let found = some(template)?;
    let mut out = template.clone();
    let empty = match resources(&mut out) {
        Some(all) => {
            all.retain(|id, _| !found.contains_key(id));
            for resource in all.values_mut() {
                depend(resource, &|id| found.contains_key(id).then_some(None));
            }
            all.is_empty()
        }
        None => false,
    };
    let mut values = Values {
        template,
        found: &found,
        given,
        unknown: BTreeMap::new(),
    };
    for section in referring(&mut out) {
        values.write_out(section, 0);
    }
    if !values.unknown.is_empty() {
        return Err(values.unknown.into_values().collect());
    }
    if empty && let Some(all) = resources(&mut out) {
        // A template without resources is none.
        all.insert(HANDLE.to_owned(), handle());
    }
    without_macro_settings(&mut out);
    Ok(out)
}

fn some(template: &Json) -> Result<OfMesh, Vec<Diagnostic>> {
    let found = of_mesh(template)?;
    if found.is_empty() {
        let problem = Diagnostic::error(codes::NO_STACK, "the template has no resource of App Mesh")
            .help("give the template as it was deployed last: `aws cloudformation get-template --template-stage Original`");
        return Err(vec![problem]);
    }
    Ok(found)
}

/// Proxy profiles in the metadata belong to the mesh.
fn without_macro_settings(template: &mut Json) {
    let metadata = template.get_mut("Metadata").and_then(Json::as_object_mut);
    let empty = metadata.is_some_and(|all| all.remove(crate::frontend::METADATA).is_some() && all.is_empty());
    if let (true, Some(fields)) = (empty, template.as_object_mut()) {
        fields.remove("Metadata");
    }
}

/// What references to a template's resources of the mesh give, for who takes these out of it.
#[cfg(feature = "ecs")]
pub(crate) struct Literals<'a> {
    template: &'a Json,
    found: OfMesh,
    given: &'a BTreeMap<String, String>,
}

#[cfg(feature = "ecs")]
impl<'a> Literals<'a> {
    /// `given` has what no template tells, by `LOGICAL.ATTRIBUTE`.
    ///
    /// # Errors
    /// Where a loop makes resources of the mesh.
    pub(crate) fn of(
        template: &'a Json,
        given: &'a BTreeMap<String, String>,
    ) -> Result<Self, Vec<Diagnostic>> {
        Ok(Self {
            template,
            found: of_mesh(template)?,
            given,
        })
    }

    /// Whether a logical id is of the mesh.
    pub(crate) fn holds(&self, id: &str) -> bool {
        self.found.contains_key(id)
    }

    /// Writes the values out. Those that nothing tells come back, as `LOGICAL.ATTRIBUTE`.
    pub(crate) fn write_out(&self, section: &mut Json) -> Vec<String> {
        let mut values = Values {
            template: self.template,
            found: &self.found,
            given: self.given,
            unknown: BTreeMap::new(),
        };
        values.write_out(section, 0);
        values.unknown.into_keys().collect()
    }
}

struct Values<'a> {
    template: &'a Json,
    found: &'a OfMesh,
    given: &'a BTreeMap<String, String>,
    unknown: BTreeMap<String, Diagnostic>,
}

impl Values<'_> {
    fn write_out(&mut self, json: &mut Json, steps: usize) {
        replace(json, &mut |id, how| self.value(id, how, steps));
    }

    /// What a reference to a resource of the mesh gives.
    fn value(&mut self, id: &str, how: Use<'_>, steps: usize) -> Option<Json> {
        self.found.get(id)?;
        let attribute = match how {
            Use::Ref => "Ref",
            Use::Attribute(attribute) => attribute,
            Use::Computed(_) => "an attribute that an expression names",
        };
        let full = format!("{id}.{attribute}");
        if let Some(text) = self.given.get(&full) {
            return Some(Json::from(text.as_str()));
        }
        let resource = self.template.get("Resources").and_then(|all| all.get(id));
        let known = resource.and_then(|resource| known(id, resource, attribute));
        match known.filter(|_| steps < MAX_STEPS) {
            Some(mut value) => {
                self.write_out(&mut value, steps + 1);
                Some(value)
            }
            None => {
                let message = format!(
                    "the value of `{full}` does not follow from the template, and a resource that stays \
                             needs it"
                );
                let help = format!(
                    "give it with `--attribute {full}=VALUE`; `aws cloudformation describe-stacks` shows the value of an \
                     output that has it"
                );
                self.unknown
                    .insert(full, Diagnostic::error(codes::NO_LITERAL, message).help(help));
                None
            }
        }
    }
}

/// An attribute of a resource that its own template writes out. Names are properties; the ARN follows from them.
fn known(id: &str, resource: &Json, attribute: &str) -> Option<Json> {
    let properties = resource.get("Properties").and_then(Json::as_object);
    let written = properties.and_then(|all: &Map<String, Json>| all.get(attribute));
    let own = schema::kind_of_cloudformation(resource.get("Type")?.as_str()?)
        .map_or("", |kind| kind.name_field(Dialect::CloudFormation));
    match written {
        Some(written) if attribute.ends_with("Name") => Some(written.clone()),
        // CloudFormation made a name up when the stack was deployed.
        _ if properties.is_none_or(|all| !all.contains_key(own)) => None,
        _ => attribute_of(id, &Node::from_json(resource), attribute)?.to_json(),
    }
}
