//! A root module with a store of its own, what Terraform makes of it, and what the store then holds.

pub(crate) use crate::wait::wait;
use meshform_acceptance::terraform::{Module, Ran};
use meshform_acceptance::tools;
use meshform_model::key::ResourceKey;
use meshform_store::{Author, Expected, Prefix, Record, RecordDraft, SqliteOptions, SqliteStore, Store};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What begins every configuration; the provider block follows.
const HEAD: &str = r#"terraform {
  required_providers {
    appmesh = {
      source = "meshform/appmesh"
    }
  }
}
"#;

/// The same for a configuration in JSON.
pub(crate) const HEAD_JSON: &str = r#"{"required_providers": {"appmesh": {"source": "meshform/appmesh"}}}"#;

/// A folder with root modules in it.
pub(crate) struct World {
    folder: tempfile::TempDir,
    module: Module,
}

impl World {
    /// A root module with that configuration; the provider block is empty, so the store is `.meshform` beside it.
    pub(crate) fn new(configuration: &str) -> Self {
        Self::with_provider("", configuration)
    }

    /// A root module whose provider block says `settings`.
    pub(crate) fn with_provider(settings: &str, configuration: &str) -> Self {
        Self::on(&tools::terraform_in_turn(), settings, configuration)
    }

    /// A root module that another version of Terraform works on.
    pub(crate) fn on(program: &Path, settings: &str, configuration: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let module = module(program, &folder.path().join("module"));
        let world = Self { folder, module };
        world.write(settings, configuration);
        world
    }

    /// A root module whose whole configuration is JSON.
    pub(crate) fn of_json(program: &Path, configuration: &Value) -> Self {
        let world = Self::on(program, "", "");
        std::fs::remove_file(world.module.dir().join("main.tf")).unwrap();
        world.write_json(configuration);
        world
    }

    /// The same, with a state of hashicorp/aws that `terraform state replace-provider` gave to this provider.
    pub(crate) fn of_replaced_state(program: &Path, configuration: &Value, state: &str) -> Self {
        let world = Self::of_json(program, configuration);
        world.module().write("terraform.tfstate", state).unwrap();
        let ran = world.run(&[
            "state",
            "replace-provider",
            "-auto-approve",
            "-no-color",
            "hashicorp/aws",
            "meshform/appmesh",
        ]);
        assert!(ran.ok(), "{}", ran.text);
        world
    }

    /// Writes a configuration in JSON anew.
    pub(crate) fn write_json(&self, configuration: &Value) {
        self.module
            .write("main.tf.json", &configuration.to_string())
            .unwrap();
    }

    /// Another root module, of another owner, that writes to this one's store.
    pub(crate) fn neighbour(&self, owner: &str, configuration: &str) -> Self {
        self.neighbour_on(&tools::terraform_in_turn(), owner, configuration)
    }

    /// The same, that another version of Terraform works on.
    pub(crate) fn neighbour_on(&self, program: &Path, owner: &str, configuration: &str) -> Self {
        let settings = format!(
            "owner = \"{owner}\"\nstore = {}",
            Value::from(self.store_directory().to_string_lossy())
        );
        Self::on(program, &settings, configuration)
    }

    /// Writes the configuration anew.
    pub(crate) fn write(&self, settings: &str, configuration: &str) {
        let text = format!("{HEAD}\nprovider \"appmesh\" {{\n{settings}\n}}\n\n{configuration}");
        self.module.write("main.tf", &text).unwrap();
    }

    /// Writes a configuration of many files; files of an earlier one stay.
    pub(crate) fn write_files(&self, files: &BTreeMap<String, String>) {
        self.write("", "");
        for (name, text) in files {
            self.module.write(name, text).unwrap();
        }
    }

    pub(crate) fn module(&self) -> &Module {
        &self.module
    }

    /// The folder around the root module, for what a test needs beside it.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// With one more variable in Terraform's environment.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.module = self.module.env(name, value);
        self
    }

    // === Terraform ===

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.module.run(args).unwrap()
    }

    /// Applies, and gives what Terraform said. It must succeed.
    pub(crate) fn apply(&self) -> Ran {
        let ran = self.try_apply();
        assert!(ran.ok(), "apply:\n{}", ran.text);
        ran
    }

    pub(crate) fn try_apply(&self) -> Ran {
        self.run(&["apply", "-auto-approve", "-no-color"])
    }

    /// Applies, which must fail, and gives the message as it reads.
    pub(crate) fn apply_fails(&self) -> String {
        let ran = self.try_apply();
        assert!(!ran.ok(), "the apply went through:\n{}", ran.text);
        no_panic(&ran.text);
        ran.flat()
    }

    /// Destroys everything. It must succeed.
    pub(crate) fn destroy(&self) {
        let ran = self.run(&["destroy", "-auto-approve", "-no-color"]);
        assert!(ran.ok(), "destroy:\n{}", ran.text);
    }

    /// Plans, with and without a look at the store; nothing may be planned.
    pub(crate) fn plan_is_empty(&self) {
        for refresh in ["-refresh=true", "-refresh=false"] {
            let ran = self.run(&["plan", "-detailed-exitcode", "-no-color", refresh]);
            assert_eq!(
                ran.status, 0,
                "the plan with {refresh} is not empty:\n{}",
                ran.text
            );
        }
    }

    /// Plans; the plan must succeed.
    pub(crate) fn plan(&self) -> Plan {
        self.planned(&["plan", "-no-color", "-out=tfplan"])
    }

    /// Plans without a look at the store; the plan must succeed.
    pub(crate) fn plan_without_refresh(&self) -> Plan {
        self.planned(&["plan", "-no-color", "-out=tfplan", "-refresh=false"])
    }

    fn planned(&self, args: &[&str]) -> Plan {
        let ran = self.run(args);
        assert!(ran.ok(), "plan:\n{}", ran.text);
        Plan {
            json: self.module.show_plan("tfplan").unwrap(),
            text: ran.flat(),
        }
    }

    /// Plans, which must fail, and gives the message as it reads.
    pub(crate) fn plan_fails(&self) -> String {
        let ran = self.run(&["plan", "-no-color"]);
        assert!(!ran.ok(), "the plan went through:\n{}", ran.text);
        no_panic(&ran.text);
        ran.flat()
    }

    /// The attributes of every resource in the state, by address.
    pub(crate) fn state(&self) -> BTreeMap<String, Value> {
        let shown = self.module.show().unwrap();
        let resources = shown["values"]["root_module"]["resources"].as_array();
        let resources = resources.into_iter().flatten();
        resources
            .map(|one| (one["address"].as_str().unwrap().to_owned(), one["values"].clone()))
            .collect()
    }

    // === The store ===

    pub(crate) fn store_directory(&self) -> PathBuf {
        self.module.dir().join(".meshform")
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        records(&self.store_directory())
    }

    pub(crate) fn record(&self, key: &ResourceKey) -> Option<Record> {
        self.records().into_iter().find(|record| record.key == *key)
    }

    /// Takes a record away behind Terraform's back.
    pub(crate) fn forget(&self, key: &ResourceKey) {
        let store = open(&self.store_directory());
        wait(async {
            let record = store.get(key).await.unwrap().unwrap();
            store.delete(key, record.revision, &somebody()).await.unwrap();
        });
    }

    /// Changes a record behind Terraform's back.
    pub(crate) fn tamper(&self, key: &ResourceKey, change: impl FnOnce(&mut Value)) {
        let store = open(&self.store_directory());
        wait(async {
            let record = store.get(key).await.unwrap().unwrap();
            let mut draft = RecordDraft::new(record.key.clone(), record.body.clone());
            change(&mut draft.body);
            let author = Author {
                run: None,
                ..record.author.clone()
            };
            store
                .put(draft, Expected::At(record.revision), &author)
                .await
                .unwrap();
        });
    }
}

/// A plan, as JSON and as text.
pub(crate) struct Plan {
    pub(crate) json: Value,
    pub(crate) text: String,
}

impl Plan {
    /// What is planned for each resource that is not left alone: `update`, `create`, `delete`, `delete+create`.
    pub(crate) fn changes(&self) -> BTreeMap<String, String> {
        let changes = self.json["resource_changes"].as_array().into_iter().flatten();
        let named = changes.map(|change| {
            let actions = change["change"]["actions"].as_array().unwrap().iter();
            let actions: Vec<&str> = actions.map(|action| action.as_str().unwrap()).collect();
            (change["address"].as_str().unwrap().to_owned(), actions.join("+"))
        });
        named.filter(|(_, action)| action != "no-op").collect()
    }

    /// What is planned must be just this.
    pub(crate) fn is(&self, wanted: &[(&str, &str)]) {
        let wanted = wanted
            .iter()
            .map(|(address, action)| ((*address).to_owned(), (*action).to_owned()));
        assert_eq!(self.changes(), wanted.collect(), "{}", self.text);
    }

    /// The values before and after of a resource.
    pub(crate) fn before_and_after(&self, address: &str) -> (Value, Value) {
        let mut changes = self.json["resource_changes"].as_array().into_iter().flatten();
        let change = changes.find(|change| change["address"] == address).unwrap();
        (
            change["change"]["before"].clone(),
            change["change"]["after"].clone(),
        )
    }

    /// The leaves that differ before and after, as `path: before -> after`. Dates of the last write are left out.
    pub(crate) fn differences(&self, address: &str) -> Vec<String> {
        let (before, after) = self.before_and_after(address);
        let mut found = Vec::new();
        differences("", &before, &after, &mut found);
        found.retain(|line| !line.starts_with("last_updated_date"));
        found
    }
}

/// The leaves in which two values differ.
pub(crate) fn differences(path: &str, before: &Value, after: &Value, found: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(a), Value::Object(b)) => {
            let names: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for name in names {
                let (a, b) = (
                    a.get(name).unwrap_or(&Value::Null),
                    b.get(name).unwrap_or(&Value::Null),
                );
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                differences(&path, a, b, found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                differences(&format!("{path}[{index}]"), a, b, found);
            }
        }
        (a, b) if a == b => {}
        (a, b) => found.push(format!("{path}: {a} -> {b}")),
    }
}

/// A root module in `dir`, with the provider by a development override.
pub(crate) fn module(program: &Path, dir: &Path) -> Module {
    Module::new(program, dir, tools::provider().parent().unwrap()).unwrap()
}

/// Every record of a store.
pub(crate) fn records(directory: &Path) -> Vec<Record> {
    let store = open(directory);
    let listing = wait(store.list(&Prefix::all())).unwrap();
    assert_eq!(listing.unreadable, []);
    listing.records
}

pub(crate) fn open(directory: &Path) -> SqliteStore {
    SqliteStore::open(SqliteOptions::new(directory)).unwrap()
}

/// Whoever works behind Terraform's back.
pub(crate) fn somebody() -> Author {
    Author {
        owner: "terraform".to_owned(),
        actor: "somebody".to_owned(),
        run: None,
    }
}

/// Nothing that a user should never see.
pub(crate) fn no_panic(text: &str) {
    for word in [
        "panicked",
        "RUST_BACKTRACE",
        "stack trace",
        "plugin crashed",
        "unwrap()",
    ] {
        assert!(!text.contains(word), "{text}");
    }
}

/// Each of `words` is in `text`.
pub(crate) fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is not said in:\n{text}");
    }
}
