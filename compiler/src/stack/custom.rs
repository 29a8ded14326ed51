//! Custom resources instead of `AWS::AppMesh::*`.

use super::properties::{EXTENSIONS, NO_ECHO};
use super::references::{Use, depend, named, replace};
use super::{OfMesh, free, of_mesh, referring, resources};
use crate::cloudformation::codes;
use crate::frontend::{METADATA, symbolise};
use meshform_model::diag::Diagnostic;
use meshform_model::dialect::{self, Dialect};
use meshform_model::kind::Kind;
use meshform_model::schema;
use meshform_model::value::Node;
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// The macro's name in the section `Transform`.
pub const MACRO: &str = "Meshform";

/// So many seconds CloudFormation waits for an answer. Lambda tries an event three times, with pauses of one and two
/// minutes, and the function may run for two minutes each time.
pub const SERVICE_TIMEOUT: u32 = 600;

const TRANSFORM: &str = "Fn::Transform";
const SUFFIX: &str = "Suffix";

/// CloudFormation's limit for a logical id.
const MAX_ID: usize = 255;

/// How custom resources are written.
#[derive(Debug, Clone)]
pub struct Custom<'a> {
    /// The function that serves them: an ARN, or an expression that gives one.
    pub service_token: Json,
    /// What the logical ids of the mesh's resources end with from now on. Empty where they stay.
    pub suffix: &'a str,
}

/// The suffix that a template asks for itself: in its `Metadata`, because CloudFormation hands a macro of the section
/// `Transform` no parameters.
///
/// # Errors
/// Where it is no text, or where it seems to be meant and stands under another name: without a suffix CloudFormation would
/// refuse the template, and speak of types.
pub fn suffix(template: &Json) -> Result<String, Diagnostic> {
    let wrong = |message: String| {
        Err(Diagnostic::error(codes::SUFFIX, message)
            .help("write `Metadata: {meshform: {Suffix: V2}}` at the top of the template"))
    };
    let metadata = template.get("Metadata").and_then(Json::as_object);
    let sections = metadata.into_iter().flatten();
    let ours = sections.filter(|(section, _)| section.eq_ignore_ascii_case(METADATA));
    let mut meant = ours.flat_map(|(section, settings)| {
        let settings = settings.as_object().into_iter().flatten();
        let meant = settings.filter(|(name, _)| name.eq_ignore_ascii_case(SUFFIX));
        meant.map(move |(name, value)| (section.as_str(), name.as_str(), value))
    });
    match meant.next() {
        None => Ok(String::new()),
        Some((METADATA, SUFFIX, Json::String(text))) => Ok(text.clone()),
        Some((METADATA, SUFFIX, Json::Number(number))) => Ok(number.to_string()),
        Some((METADATA, SUFFIX, other)) => wrong(format!(
            "`Metadata.{METADATA}.{SUFFIX}` is {other}, which is not a valid suffix of a logical id"
        )),
        Some((section, name, _)) => wrong(format!(
            "`Metadata.{section}.{name}` is not where the suffix belongs"
        )),
    }
}

/// A template whose `AWS::AppMesh::*` are custom resources.
///
/// # Errors
/// Where it holds none, or the suffix makes ids that CloudFormation would refuse.
pub fn custom(template: &Json, how: &Custom<'_>) -> Result<Json, Vec<Diagnostic>> {
    let found = of_mesh(template)?;
    let profiles = profiles(template);
    if found.is_empty() && profiles.is_empty() {
        let problem = Diagnostic::error(codes::NO_STACK, "the template has no resource of App Mesh")
            .help("the types are AWS::AppMesh::Mesh, AWS::AppMesh::VirtualNode and so on; other types need no macro");
        return Err(vec![problem]);
    }
    let names = renamed(template, &found, how.suffix)?;
    let refused: Vec<Diagnostic> = unknown_attributes(template, &found)
        .into_iter()
        .chain(computed(template, &found))
        .collect();
    if !refused.is_empty() {
        return Err(refused);
    }
    let secret = secret_parameters(template);
    let mut out = template.clone();
    if let Some(all) = resources(&mut out) {
        for (id, kind) in &found {
            if let Some(mut resource) = all.remove(id) {
                turn(id, *kind, &mut resource, how, &secret);
                all.insert(names.get(id).unwrap_or(id).clone(), resource);
            }
        }
        for resource in all.values_mut() {
            depend(resource, &|id| names.get(id).map(|new| Some(new.clone())));
        }
    }
    for section in referring(&mut out) {
        replace(section, &mut |id, how| {
            let new = names.get(id)?;
            Some(match how {
                Use::Ref => json!({"Ref": new}),
                Use::Attribute(attribute) => json!({"Fn::GetAtt": [new, attribute]}),
                Use::Computed(attribute) => json!({"Fn::GetAtt": [new, attribute]}),
            })
        });
    }
    for (number, profile) in profiles.iter().enumerate() {
        let id = free(&out, &profile_id(profile, number));
        let mut resource = json!({"Properties": profile_properties(profile)});
        turn(&id, Kind::ProxyProfile, &mut resource, how, &secret);
        if let Some(all) = resources(&mut out) {
            all.insert(id, resource);
        }
    }
    without_macro(&mut out);
    Ok(out)
}

/// The new logical ids, by the old ones; none where they stay.
fn renamed(
    template: &Json,
    found: &OfMesh,
    suffix: &str,
) -> Result<BTreeMap<String, String>, Vec<Diagnostic>> {
    if suffix.is_empty() {
        return Ok(BTreeMap::new());
    }
    if !suffix.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let message = format!("the suffix `{suffix}` is not valid in a logical id");
        let problem =
            Diagnostic::error(codes::SUFFIX, message).help("use letters and digits only, such as `V2`");
        return Err(vec![problem]);
    }
    let mut problems = Vec::new();
    let mut names = BTreeMap::new();
    for id in found.keys() {
        let new = format!("{id}{suffix}");
        let taken = ["Resources", "Parameters"]
            .iter()
            .find(|section| template.get(section).is_some_and(|all| all.get(&new).is_some()));
        let why = match taken {
            Some(section) => format!("`{new}` is in `{section}` already"),
            None if new.len() > MAX_ID => format!("`{new}` is longer than {MAX_ID} letters"),
            None => {
                names.insert(id.clone(), new);
                continue;
            }
        };
        let message = format!("`{id}` cannot be renamed: {why}");
        problems.push(Diagnostic::error(codes::SUFFIX, message).help("choose another suffix"));
    }
    match problems.is_empty() {
        true => Ok(names),
        false => Err(problems),
    }
}

/// What `Fn::GetAtt` gives of a resource of that kind.
pub fn attributes(kind: Kind) -> Vec<String> {
    let schema = schema::kind(kind);
    let root = schema.root.object();
    let names = schema.key.iter().filter_map(|field| {
        let field = root.and_then(|root| root.field(field))?;
        Some(field.named(Dialect::CloudFormation).name.clone())
    });
    let fixed = ["Arn", "Id", "MeshOwner", "Release", "ResourceOwner", "Uid"];
    names.chain(fixed.map(str::to_owned)).collect()
}

/// References to attributes that there are not: CloudFormation would find out in the midst of a deployment.
fn unknown_attributes(template: &Json, found: &OfMesh) -> Vec<Diagnostic> {
    let mut wanted = BTreeSet::new();
    let mut copy = template.clone();
    for section in referring(&mut copy) {
        replace(section, &mut |id, how| {
            if let (Some(kind), Use::Attribute(attribute)) = (found.get(id), how) {
                wanted.insert((id.to_owned(), *kind, attribute.to_owned()));
            }
            None
        });
    }
    wanted.retain(|(_, kind, attribute)| !attributes(*kind).contains(attribute));
    let told = wanted.into_iter().map(|(id, kind, attribute)| {
        let listed: Vec<String> = attributes(kind).iter().map(|name| format!("`{name}`")).collect();
        let message = format!("`{id}` is a {kind}, which has no attribute `{attribute}`");
        Diagnostic::error(codes::NO_ATTRIBUTE, message).help(format!("it has {}", listed.join(", ")))
    });
    told.collect()
}

/// Properties that are an expression as a whole, which leaves no place for the custom resource's own.
fn computed(template: &Json, found: &OfMesh) -> Vec<Diagnostic> {
    let resources = template.get("Resources").and_then(Json::as_object);
    let resources = resources.into_iter().flatten();
    let own = resources.filter(|(id, _)| found.contains_key(*id));
    let function = own.filter_map(|(id, resource)| {
        let properties = resource
            .get("Properties")?
            .as_object()
            .filter(|all| all.len() == 1)?;
        let name = properties.keys().next().filter(|name| is_expression(name))?;
        let message = format!("the properties of `{id}` are an expression (`{name}`) as a whole");
        Some(
            Diagnostic::error(codes::COMPUTED, message)
                .help("write the properties out; each of them may be an expression"),
        )
    });
    function.collect()
}

/// A transform is none: CloudFormation puts what it makes beside the rest.
fn is_expression(name: &str) -> bool {
    name == "Ref" || (name.starts_with("Fn::") && name != TRANSFORM)
}

/// Makes a custom resource of one of App Mesh's.
fn turn(id: &str, kind: Kind, resource: &mut Json, how: &Custom<'_>, secret: &BTreeSet<String>) {
    let Some(fields) = resource.as_object_mut() else {
        return;
    };
    let extensions = fields.get("Metadata").and_then(|all| all.get(METADATA)).cloned();
    let written = fields.remove("Properties");
    let mut properties = match written {
        Some(Json::Object(properties)) => properties,
        _ => Map::new(),
    };
    // App Mesh made a name up where there was none. Who reads the template takes the logical id, and so does this.
    let own = kind.name_field(Dialect::CloudFormation);
    // What a transform of the properties brings may be the name.
    if !properties.contains_key(TRANSFORM) {
        properties.entry(own).or_insert_with(|| Json::from(id));
    }
    if let Some(extensions) = extensions {
        properties.insert(EXTENSIONS.to_owned(), extensions);
    }
    let whole = Json::Object(properties);
    let hidden = named(&whole).iter().any(|name| secret.contains(name));
    let Json::Object(mut properties) = whole else {
        return;
    };
    if hidden {
        properties.insert(NO_ECHO.to_owned(), json!(true));
    }
    properties.insert("ServiceToken".to_owned(), how.service_token.clone());
    properties.insert("ServiceTimeout".to_owned(), json!(SERVICE_TIMEOUT));
    fields.insert("Type".to_owned(), json!(super::properties::custom_type(kind)));
    fields.insert("Properties".to_owned(), Json::Object(properties));
}

/// The parameters whose values nobody may see.
pub fn secret_parameters(template: &Json) -> BTreeSet<String> {
    let all = template.get("Parameters").and_then(Json::as_object);
    let is_secret = |declared: &Json| match declared.get("NoEcho") {
        Some(Json::Bool(said)) => *said,
        Some(Json::String(said)) => said.eq_ignore_ascii_case("true"),
        _ => false,
    };
    let secret = all
        .into_iter()
        .flatten()
        .filter(|(_, declared)| is_secret(declared));
    secret.map(|(name, _)| name.clone()).collect()
}

/// CloudFormation has no type for proxy profiles: they stand in the template's metadata, in canonical form.
fn profiles(template: &Json) -> Vec<Json> {
    let ours = template.get("Metadata").and_then(|all| all.get(METADATA));
    let all = ours
        .and_then(|ours| ours.get("proxyProfiles"))
        .and_then(Json::as_array);
    all.cloned().unwrap_or_default()
}

fn profile_id(profile: &Json, number: usize) -> String {
    let name = profile.get("proxyProfileName").and_then(Json::as_str);
    let letters = name
        .unwrap_or_default()
        .chars()
        .filter(char::is_ascii_alphanumeric);
    let plain: String = letters.collect();
    match plain.is_empty() {
        true => format!("ProxyProfile{}", number + 1),
        false => format!("ProxyProfile{plain}"),
    }
}

/// A profile as CloudFormation would have it.
fn profile_properties(profile: &Json) -> Json {
    let node = symbolise(Node::from_json(profile));
    let extensions = profile.get("extensions");
    let mut properties = dialect::from_canonical(Kind::ProxyProfile, Dialect::CloudFormation, &node)
        .to_json()
        .unwrap_or(Json::Null);
    if let (Some(extensions), Some(fields)) = (extensions, properties.as_object_mut()) {
        fields.insert(EXTENSIONS.to_owned(), extensions.clone());
    }
    properties
}

/// Takes the macro out of `Transform`, where a template names it.
fn without_macro(template: &mut Json) {
    let is_ours = |one: &Json| {
        let name = one.get("Name").unwrap_or(one);
        name.as_str() == Some(MACRO)
    };
    let Some(fields) = template.as_object_mut() else {
        return;
    };
    let gone = match fields.get_mut("Transform") {
        Some(Json::Array(list)) => {
            list.retain(|one| !is_ours(one));
            list.is_empty()
        }
        Some(one) => is_ours(one),
        None => false,
    };
    if gone {
        fields.remove("Transform");
    }
}
