//! The examples of resources, data sources, lists and functions. Those of the resources are one mesh together.

use meshform_acceptance::terraform::{Module, Ran};
use meshform_acceptance::tools;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

/// The texts of a file of every example in a folder, by the name of what it is an example of.
fn texts(folder: &str, file: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(examples().join(folder)).unwrap() {
        let path = entry.unwrap().path();
        if let Ok(text) = fs::read_to_string(path.join(file)) {
            found.insert(path.file_name().unwrap().to_string_lossy().into_owned(), text);
        }
    }
    found
}

/// A root module with the example of the provider block.
pub(crate) fn module(dir: &Path) -> Module {
    let provider = tools::provider();
    let module = Module::new(&tools::terraform_shim(), dir, provider.parent().unwrap()).unwrap();
    let text = fs::read_to_string(examples().join("provider/provider.tf")).unwrap();
    module.write("provider.tf", &text).unwrap();
    module
}

pub(crate) fn run(module: &Module, args: &[&str]) -> Ran {
    let ran = module.run(args).unwrap();
    assert!(ran.ok(), "terraform {}:\n{}", args.join(" "), ran.text);
    ran
}

/// Applies, after which nothing is left to do.
pub(crate) fn apply(module: &Module) {
    run(module, &["apply", "-auto-approve", "-no-color"]);
    run(module, &["plan", "-detailed-exitcode", "-no-color"]);
}

/// A root module with all resources of the examples, applied.
fn applied(dir: &Path) -> Module {
    let module = module(dir);
    let resources = texts("resources", "resource.tf");
    // A release is about what is there: it comes after the rest.
    for (name, text) in resources.iter().filter(|(name, _)| *name != "appmesh_release") {
        module.write(&format!("{name}.tf"), text).unwrap();
    }
    apply(&module);
    module
        .write("appmesh_release.tf", &resources["appmesh_release"])
        .unwrap();
    apply(&module);
    module
}

#[test]
fn the_examples_of_the_resources_make_a_whole_mesh_that_can_be_imported() {
    let dir = tempfile::tempdir().unwrap();
    let module = applied(dir.path());
    let published = dir
        .path()
        .join("published/apps/virtualNode/servicea/bootstrap.json");
    assert!(published.is_file(), "nothing is published for servicea");

    // Each import command, after Terraform has been made to forget.
    let commands = texts("resources", "import.sh");
    assert_eq!(commands.len(), 8);
    for command in commands.values() {
        let words: Vec<&str> = command.split_whitespace().collect();
        let ["terraform", "import", address, id] = *words.as_slice() else {
            panic!("`{command}` is not an import");
        };
        run(&module, &["state", "rm", address]);
        run(&module, &["import", "-no-color", address, id]);
    }
    run(&module, &["plan", "-detailed-exitcode", "-no-color"]);

    // Each import block by identity, all at once.
    let blocks = texts("resources", "import-by-identity.tf");
    assert_eq!(blocks.len(), 8);
    for (name, text) in &blocks {
        let address = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("to = "))
            .unwrap();
        run(&module, &["state", "rm", address]);
        module.write(&format!("import-{name}.tf"), text).unwrap();
    }
    let plan = run(&module, &["plan", "-no-color"]);
    let wanted = "Plan: 8 to import, 0 to add, 0 to change, 0 to destroy.";
    assert!(plan.text.contains(wanted), "{}", plan.text);
    run(&module, &["apply", "-auto-approve", "-no-color"]);
    run(&module, &["plan", "-detailed-exitcode", "-no-color"]);
}

#[test]
fn the_examples_of_data_sources_functions_and_lists_find_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let module = applied(dir.path());
    for (folder, file) in [("data-sources", "data-source.tf"), ("functions", "function.tf")] {
        for (name, text) in texts(folder, file) {
            module.write(&format!("{folder}-{name}.tf"), &text).unwrap();
        }
    }
    apply(&module);
    let outputs: Value = {
        let output = module.command(&["output", "-json"]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let value = |name: &str| &outputs[name]["value"];
    assert_eq!(
        *value("split"),
        serde_json::json!({"serviceb": 75, "servicebv2": 25})
    );
    assert_eq!(
        *value("virtual_nodes"),
        serde_json::json!(["servicea", "serviceb", "servicebv2"])
    );
    assert_eq!(*value("meshes"), serde_json::json!(["apps"]));
    assert_eq!(*value("mesh_of_the_arn"), "apps");
    let text = |name: &str| -> Value { serde_json::from_str(value(name).as_str().unwrap()).unwrap() };
    assert!(
        text("servicea_bootstrap")["node"]["id"]
            .as_str()
            .unwrap()
            .ends_with("virtualNode/servicea")
    );
    assert!(text("servicea_containers").as_array().unwrap().len() > 1);
    assert!(text("template")["Resources"]["MeshApps"].is_object());

    let lists = texts("list-resources", "list-resource.tfquery.hcl");
    for (name, text) in &lists {
        module.write(&format!("{name}.tfquery.hcl"), text).unwrap();
    }
    let found = run(&module, &["query", "-no-color"]);
    for name in lists.keys() {
        assert!(
            found.text.contains(&format!("list.{name}.all ")),
            "{name}:\n{}",
            found.text
        );
    }
}

#[test]
fn everything_that_the_provider_offers_has_a_page_and_an_example() {
    let dir = tempfile::tempdir().unwrap();
    let module = module(dir.path());
    let output = module
        .command(&["providers", "schema", "-json"])
        .output()
        .unwrap();
    let schema: Value = serde_json::from_slice(&output.stdout).unwrap();
    let schema = schema["provider_schemas"]
        .as_object()
        .unwrap()
        .values()
        .next()
        .unwrap();
    let sorts = [
        ("resource_schemas", "resources", "resource.tf"),
        ("data_source_schemas", "data-sources", "data-source.tf"),
        (
            "list_resource_schemas",
            "list-resources",
            "list-resource.tfquery.hcl",
        ),
        ("functions", "functions", "function.tf"),
    ];
    for (key, folder, file) in sorts {
        let offered = schema[key].as_object().unwrap().keys();
        let ours: BTreeSet<&str> = offered
            .map(String::as_str)
            .filter(|name| !name.starts_with("aws_"))
            .collect();
        let shown = texts(folder, file);
        assert_eq!(
            ours,
            shown.keys().map(String::as_str).collect(),
            "examples/{folder}"
        );
        for name in ours {
            let page = format!("../docs/{folder}/{}.md", name.trim_start_matches("appmesh_"));
            let text = fs::read_to_string(examples().join(&page));
            let text = text.unwrap_or_else(|_| panic!("{page} is missing: `cargo xtask docs` writes it"));
            assert!(
                text.contains(shown[name].trim_end()),
                "{page} does not show its example"
            );
        }
    }
}
