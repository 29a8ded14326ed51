//! What must hold for any bytes: the bodies of the fuzz targets (`fuzz/`) and of the property tests.

use crate::ecs::{self, Delivery, Task, Templates};
use crate::frontend::{Input, Options, Reading, TemplateValues, json, read, read_with, yaml};
use crate::graph::{Format, Picture};
use crate::{api, cloudformation, kubernetes, terraform};
use meshform_model::diag::Diagnostic;
use meshform_model::mesh::Mesh;
use meshform_model::value::{Node, Span, Value};
use std::collections::BTreeMap;

mod markup;

/// The JSON reader ends, and every place lies within the text.
///
/// # Errors
/// The place that does not.
pub fn json(text: &str) -> Result<(), String> {
    let (node, problems) = json::read(text, 0);
    places(text, node.iter(), &problems)
}

/// The YAML reader ends, and every place lies within the text.
///
/// # Errors
/// The place that does not.
pub fn yaml(text: &str) -> Result<(), String> {
    let (documents, problems) = yaml::read(text, 0);
    places(text, documents.iter(), &problems)
}

/// Reading, recognising, converting, validating and writing end, whatever the bytes are; they are read as a values file,
/// too.
pub fn forms(name: &str, bytes: &[u8]) {
    let input = Input {
        name: name.to_owned(),
        bytes: bytes.to_vec(),
        named: true,
    };
    let options = Options {
        symbolic: true,
        whole: true,
        typed: true,
        ..Options::default()
    };
    written(read(vec![input], &options));
    let _ = TemplateValues::read(name, bytes.to_vec());
}

/// Several files of a folder that refer to one another (a CDK assembly, nested stacks, `addons/`, API JSON, manifests) are
/// read together and written in every form. Each begins with a line with its name; a line of three dashes and a dot ends
/// it.
pub fn folder(text: &str) {
    let mut files = Vec::new();
    for part in text.split("\n---.\n") {
        let (name, text) = part.split_once('\n').unwrap_or((part, ""));
        files.push((name.to_owned(), text.as_bytes().to_vec()));
    }
    let inputs = files.iter().map(|(name, bytes)| Input {
        name: name.clone(),
        bytes: bytes.clone(),
        named: false,
    });
    let options = Options {
        symbolic: true,
        whole: true,
        mesh: Some("m".to_owned()),
        ..Options::default()
    };
    let mut open = |wanted: &str| {
        let found = files.iter().find(|(name, _)| name == wanted);
        found.map(|(_, bytes)| bytes.clone())
    };
    written(read_with(inputs.collect(), &options, &mut open));
}

/// A task definition, in any of its forms, is recognised beside a mesh with the node `n` and translated.
pub fn task(name: &str, bytes: &[u8]) {
    let input = |name: &str, bytes: &[u8]| Input {
        name: name.to_owned(),
        bytes: bytes.to_vec(),
        named: true,
    };
    let reading = read(
        vec![input("mesh.json", MESH.as_bytes()), input(name, bytes)],
        &Options::default(),
    );
    let (resources, _) = reading.resources();
    let Ok(mesh) = Mesh::new(resources) else {
        return;
    };
    for found in &reading.tasks {
        for agent in [false, true] {
            let Ok(Some(existing)) = ecs::recognise(found, agent) else {
                continue;
            };
            let (image, store) = (ecs::image(), ecs::store());
            let delivery = match agent {
                true => Delivery::Agent {
                    image: &image,
                    store: &store,
                },
                false => Delivery::Static(b"{}"),
            };
            let _ = existing.translate(&Task::new(&mesh, &existing.key, delivery), &Templates::default());
        }
    }
}

/// Whatever meshes say, and whatever is wrong with them: their picture is well-formed XML of the elements that we draw with,
/// and the page around it has the one script that is ours.
///
/// # Errors
/// What is not so.
pub fn picture(text: &str) -> Result<(), String> {
    let input = Input {
        name: "mesh".to_owned(),
        bytes: text.as_bytes().to_vec(),
        named: true,
    };
    let reading = read(vec![input], &Options::default());
    let (resources, untyped) = reading.resources();
    let mut problems = reading.all_problems();
    problems.extend(untyped);
    let mut by_mesh: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for resource in resources {
        by_mesh
            .entry(resource.key.mesh.clone())
            .or_default()
            .push(resource);
    }
    let meshes: Vec<Mesh> = by_mesh
        .into_values()
        .filter_map(|all| Mesh::new(all).ok())
        .collect();
    problems.extend(meshes.iter().flat_map(Mesh::check));
    let picture = Picture::of(&meshes, &problems);
    let svg = picture.write(Format::Svg);
    let (declaration, svg) = svg.split_once('\n').unwrap_or_default();
    if declaration != "<?xml version=\"1.0\" encoding=\"UTF-8\"?>" {
        return Err(format!("{declaration} is no declaration of XML"));
    }
    markup::well_formed(svg)?;
    let page = picture.write(Format::Html);
    let main = page
        .split_once("<main>")
        .and_then(|(_, rest)| rest.split_once("</main>"));
    let (drawing, rest) = main.ok_or("a page without its middle")?;
    markup::well_formed(drawing)?;
    if (page.matches("<script").count(), rest.matches("<script").count()) != (1, 1) {
        return Err("a script that is not ours".to_owned());
    }
    let _ = picture.write(Format::Mermaid);
    let _ = picture.write(Format::Dot);
    Ok(())
}

const MESH: &str = r#"[{"meshName": "m", "spec": {}}, {"meshName": "m", "virtualNodeName": "n", "spec": {
  "listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}], "serviceDiscovery": {"dns": {"hostname": "n.m"}}}},
  {"meshName": "m", "proxyProfileName": "p", "spec": {"interception": {"transparent": {}}}}]"#;

fn written(mut reading: Reading) {
    let _ = reading.keep_expressions();
    let (resources, _) = reading.resources();
    let _ = cloudformation::build_with(&resources, &reading.symbolic);
    let _ = terraform::build_with(&resources, &reading.symbolic);
    let _ = api::build(&resources);
    let _ = kubernetes::build(&resources, &reading.kubernetes, "default").text();
}

fn places<'n>(
    text: &str,
    roots: impl Iterator<Item = &'n Node>,
    problems: &[Diagnostic],
) -> Result<(), String> {
    let check = |span: Option<Span>| match span {
        Some(span) if text.get(span.start as usize..span.end as usize).is_none() => Err(format!("{span:?}")),
        _ => Ok(()),
    };
    for place in problems.iter().flat_map(|problem| &problem.places) {
        check(place.span)?;
    }
    let mut pending: Vec<&Node> = roots.collect();
    while let Some(node) = pending.pop() {
        check(node.span)?;
        match &node.value {
            Value::List(list) => pending.extend(list),
            Value::Object(object) => {
                for field in object {
                    check(field.name_span)?;
                    pending.push(&field.node);
                }
            }
            Value::Symbol(symbol) => pending.push(&symbol.argument),
            _ => {}
        }
    }
    Ok(())
}
