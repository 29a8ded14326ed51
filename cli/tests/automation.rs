//! What other programs run: the hook of pre-commit and the example of a workflow on GitHub, by their own files.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test program"
)]

mod common;

use common::World;
use meshform_compiler::frontend::yaml;
use serde_json::{Value as Json, json};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PROGRAM: &str = env!("CARGO_BIN_EXE_meshform");

const MESH: &str = "\
- {meshName: shop, spec: {}}
- {meshName: shop, virtualRouterName: api, spec: {listeners: [{portMapping: {port: 8080, protocol: http}}]}}
- {meshName: shop, virtualServiceName: api.local, spec: {provider: {virtualRouter: {virtualRouterName: api}}}}
- {meshName: shop, virtualNodeName: web, spec: {backends: [{virtualService: {virtualServiceName: api.local}}]}}
- {meshName: shop, proxyProfileName: all, spec: {interception: {explicit: {port: 15001}}}}
";
const NODES: &str = "\
- meshName: shop
  virtualNodeName: one
  spec: {listeners: [{portMapping: {port: 8080, protocol: http}}], serviceDiscovery: {dns: {hostname: one.local}}}
- meshName: shop
  virtualNodeName: two
  spec: {listeners: [{portMapping: {port: 8080, protocol: http}}], serviceDiscovery: {dns: {hostname: two.local}}}
- meshName: shop
  virtualRouterName: api
  routeName: split
  spec:
    httpRoute:
      match: {prefix: /}
      action: {weightedTargets: [{virtualNode: one, weight: 75}, {virtualNode: two, weight: 25}]}
";

/// A file of this repository.
fn ours(path: &str) -> Json {
    let full = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    let text = std::fs::read_to_string(&full).unwrap();
    let (documents, problems) = yaml::read(&text, 0);
    assert_eq!((documents.len(), problems.len()), (1, 0), "{path}");
    documents[0].to_json().unwrap()
}

fn shown(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// The folder of the program, to be found there by its name.
fn path() -> String {
    let folder = Path::new(PROGRAM).parent().unwrap().display();
    format!("{folder}:{}", std::env::var("PATH").unwrap())
}

#[test]
fn the_hook_checks_the_meshes_of_a_repository_and_passes_over_all_else() {
    let hooks = ours(".pre-commit-hooks.yaml");
    let hook = &hooks[0];
    assert_eq!(hook["id"], "meshform-validate");
    for (field, wanted) in [
        ("language", json!("system")),
        ("pass_filenames", json!(false)),
        ("types_or", json!(["json", "yaml"])),
    ] {
        assert_eq!(hook[field], wanted, "{field}");
    }
    assert!(hook["name"].is_string() && hook["description"].is_string());
    let entry = hook["entry"].as_str().unwrap().split(' ');
    let more = hook["args"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one.as_str().unwrap());
    let words: Vec<&str> = entry.chain(more).collect();
    let run = |world: &World| {
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .env("PATH", path())
            .current_dir(world.path());
        command.output().unwrap()
    };
    // A mesh in two files, one of which refers to the other, among files of other tools.
    let world = World::new(&[
        ("mesh/mesh.yaml", MESH),
        ("mesh/nodes.yaml", NODES),
        ("package.json", "{\"name\": \"app\", \"scripts\": {}}"),
        ("deploy/chart.yaml", "name: {{ .Values.name }}\n"),
        (".github/workflows/ci.yml", "on: push\n"),
    ]);
    let fine = run(&world);
    assert_eq!(fine.status.code(), Some(0), "{}", shown(&fine));
    world.write("mesh/nodes.yaml", &NODES.replace("two, weight", "lost, weight"));
    let broken = run(&world);
    assert_eq!(broken.status.code(), Some(1), "{}", shown(&broken));
    assert!(shown(&broken).contains("lost"), "{}", shown(&broken));
    let none = World::new(&[("package.json", "{}")]);
    assert_eq!(run(&none).status.code(), Some(0), "{}", shown(&run(&none)));
}

/// A machine on which a workflow runs: a repository with a change of the mesh on a branch, and stand-ins for what is
/// GitHub's.
struct Runner {
    world: World,
    folder: PathBuf,
    /// Folders that steps put on the path.
    found: PathBuf,
}

impl Runner {
    /// The base has these files in `mesh/`, the branch has the mesh with another weight.
    fn new(base: &[(&str, &str)]) -> Self {
        let world = World::new(base);
        world.write("README", "");
        let folder = world.path().join(".runner");
        let runner = Self {
            found: folder.join("path"),
            folder,
            world,
        };
        let fakes = runner.folder.join("bin");
        std::fs::create_dir_all(&fakes).unwrap();
        std::fs::create_dir_all(runner.folder.join("temp")).unwrap();
        let script = |file: PathBuf, lines: &str| {
            std::fs::write(&file, format!("#!/bin/sh\n{lines}\n")).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        script(
            fakes.join("curl"),
            "for last; do :; done; cat \"${last#file://}\"",
        );
        script(
            fakes.join("gh"),
            "printf '%s\\n' \"$@\" > \"$RUNNER_TEMP/gh\"; test -n \"$GH_TOKEN\"",
        );
        if !Command::new("unzip")
            .arg("-v")
            .output()
            .is_ok_and(|ran| ran.status.success())
        {
            let unzip = "test \"$1 $3 $4\" = '-q meshform -d' && python3 -m zipfile -e \"$2\" \"$5\" && chmod +x \"$5/meshform\"";
            script(fakes.join("unzip"), unzip);
        }
        std::fs::write(&runner.found, "").unwrap();
        // As in a release archive, but for the program's size.
        script(runner.folder.join("meshform"), &format!("exec {PROGRAM} \"$@\""));
        for line in [
            "git init --quiet",
            "echo .runner > .git/info/exclude",
            "git add . && git commit --quiet -m base",
            "git update-ref refs/remotes/origin/trunk HEAD",
            "cd .runner && python3 -m zipfile -c release.zip meshform",
        ] {
            let ran = runner.shell(line, &[]);
            assert!(ran.status.success(), "{line}: {}", shown(&ran));
        }
        runner.world.write("mesh/mesh.yaml", MESH);
        runner
            .world
            .write("mesh/nodes.yaml", &NODES.replace("weight: 75", "weight: 50"));
        runner
    }

    /// As a runner does where no shell is named.
    fn shell(&self, script: &str, variables: &[(String, String)]) -> Output {
        let added = std::fs::read_to_string(&self.found).unwrap_or_default();
        let added: Vec<&str> = added.lines().collect();
        let fakes = self.folder.join("bin");
        let path = std::env::var("PATH").unwrap();
        let mut command = Command::new("bash");
        command
            .args(["-e", "-c", script])
            .current_dir(self.world.path())
            .env(
                "PATH",
                format!(
                    "{}{}:{path}",
                    added.iter().map(|one| format!("{one}:")).collect::<String>(),
                    fakes.display()
                ),
            )
            .env("RUNNER_TEMP", self.folder.join("temp"))
            .env("GITHUB_PATH", &self.found)
            .env("GITHUB_BASE_REF", "trunk")
            .env("HOME", &self.folder)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs(["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"].map(|name| (name, "a")))
            .envs(["GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"].map(|name| (name, "a@example.com")))
            .envs(variables.iter().cloned());
        command.output().unwrap()
    }

    /// What an expression says here.
    fn expression(&self, text: &str) -> String {
        match text.trim() {
            "vars.MESHFORM_URL" => format!("file://{}/release.zip", self.folder.display()),
            "github.event.number" => "7".to_owned(),
            "github.token" => "secret".to_owned(),
            other => panic!("an expression that is not known: {other}"),
        }
    }

    fn filled(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${{") {
            let (expression, after) = after.split_once("}}").unwrap();
            out.push_str(before);
            out.push_str(&self.expression(expression));
            rest = after;
        }
        out + rest
    }

    fn step(&self, workflow: &Json, name: &str) -> Output {
        let steps = workflow["jobs"]["mesh"]["steps"].as_array().unwrap();
        let step = steps.iter().find(|step| step["name"] == name).unwrap();
        let variables = step["env"].as_object().into_iter().flatten();
        let variables: Vec<(String, String)> = variables
            .map(|(name, value)| (name.clone(), self.filled(value.as_str().unwrap())))
            .collect();
        let script = step["run"].as_str().unwrap();
        assert!(
            !script.contains("${{"),
            "what others write is no part of a script: {script}"
        );
        self.shell(script, &variables)
    }

    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.world.path().join(path)).unwrap()
    }
}

#[test]
fn the_workflow_reports_a_pull_request_as_it_says() {
    let workflow = ours("examples/github-action/mesh.yml");
    assert_eq!(workflow["on"], json!({"pull_request": {"paths": ["mesh/**"]}}));
    assert_eq!(
        workflow["permissions"],
        json!({"contents": "read", "pull-requests": "write", "security-events": "write"})
    );
    let steps = workflow["jobs"]["mesh"]["steps"].as_array().unwrap();
    assert_eq!(
        steps[0]["with"]["fetch-depth"], 0,
        "the base is there to be compared with"
    );
    let upload = steps
        .iter()
        .find(|one| one["with"]["sarif_file"] == "mesh.sarif")
        .unwrap();
    assert_eq!(upload["if"], "always()", "problems are told when there are some");
    // Who proposes a change from elsewhere has a token that cannot write.
    let comment = steps.iter().find(|one| one["name"] == "Comment").unwrap();
    assert_eq!(
        comment["if"],
        "github.event.pull_request.head.repo.full_name == github.repository"
    );

    let runner = Runner::new(&[("mesh/mesh.yaml", MESH), ("mesh/nodes.yaml", NODES)]);
    for name in ["Install meshform", "Validate", "Compare with the base", "Comment"] {
        let ran = runner.step(&workflow, name);
        assert!(ran.status.success(), "{name}: {}", shown(&ran));
    }
    let report: Json = serde_json::from_str(&runner.read("mesh.sarif")).unwrap();
    assert_eq!(report["runs"][0]["results"], json!([]));
    let diff = runner.read("diff.md");
    assert!(
        diff.contains("`route api/split: weight of one 75 → 50`"),
        "{diff}"
    );
    let said = runner.read(".runner/temp/gh");
    assert_eq!(
        said.lines().collect::<Vec<_>>(),
        [
            "pr",
            "comment",
            "7",
            "--body-file",
            "diff.md",
            "--edit-last",
            "--create-if-none"
        ]
    );
    // What is wrong fails, and is in the report.
    runner
        .world
        .write("mesh/nodes.yaml", &NODES.replace("two, weight", "lost, weight"));
    assert_eq!(runner.step(&workflow, "Validate").status.code(), Some(1));
    let report: Json = serde_json::from_str(&runner.read("mesh.sarif")).unwrap();
    assert_eq!(report["runs"][0]["results"][0]["level"], "error");
    // What cannot be compared fails, too.
    runner.world.write("mesh/nodes.yaml", "{");
    let ran = runner.shell("git worktree remove --force base", &[]);
    assert!(ran.status.success(), "{}", shown(&ran));
    let failed = runner.step(&workflow, "Compare with the base");
    assert!(!failed.status.success(), "{}", shown(&failed));
}

#[test]
fn the_workflow_takes_a_mesh_that_is_new() {
    let workflow = ours("examples/github-action/mesh.yml");
    let runner = Runner::new(&[]);
    for name in ["Install meshform", "Compare with the base"] {
        let ran = runner.step(&workflow, name);
        assert!(ran.status.success(), "{name}: {}", shown(&ran));
    }
    let diff = runner.read("diff.md");
    assert!(diff.contains("`virtual node web: new`"), "{diff}");
}
