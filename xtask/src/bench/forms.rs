//! CloudFormation in, a checked mesh, CloudFormation out: the command beside what makes or checks such templates.
//!
//! cfn-lint comes with the tools. The others take part where they are named: `MESHFORM_BENCH_TROPOSPHERE`, a Python that has
//! troposphere, and `MESHFORM_BENCH_CDK`, a folder whose `node_modules` hold aws-cdk-lib. Each starts as its users start
//! it: a process for one template.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::Bench;
use super::figures::{Times, row};
use super::usage::{Program, Usage};
use crate::failure::{Failure, Result};
use crate::tools::{self, Tool};

const SIZES: [usize; 2] = [1_000, 10_000];
/// Resources of a service: node, router, route, and the service itself.
const EACH: usize = 4;
/// cfn-lint takes minutes for more.
const LINTED: usize = 1_000;

pub(super) fn run(bench: &Bench<'_>) -> Result<()> {
    let lint = tools::ensure(bench.checkout, &[Tool::CfnLint])?.path(Tool::CfnLint);
    let troposphere = std::env::var_os("MESHFORM_BENCH_TROPOSPHERE").map(PathBuf::from);
    let cdk = std::env::var_os("MESHFORM_BENCH_CDK").map(PathBuf::from);
    let work = bench.work.path().join("forms");
    fs::create_dir_all(&work).map_err(Failure::io("create", &work))?;
    let script = |name: &str, text: &str| {
        let path = work.join(name);
        fs::write(&path, text).map_err(Failure::io("write", &path))?;
        Ok::<PathBuf, Failure>(path)
    };
    let build = script("build.py", include_str!("troposphere.py"))?;
    let synth = script("synth.js", include_str!("cdk.js"))?;
    for size in SIZES {
        let text = template(size / EACH).to_string();
        let path = work.join(format!("{size}.json"));
        fs::write(&path, &text).map_err(Failure::io("write", &path))?;
        let services = (size / EACH).to_string();
        let ours = measure(bench, "meshform", &bench.meshform, |command| {
            command.arg("convert").arg(&path).args(["--to", "cloudformation"]);
        })?;
        row(
            &format!(
                "{size} resources ({} KiB), ours: read, check, write",
                text.len() / 1024
            ),
            &ours.shown(None),
        );
        if let Some(python) = &troposphere {
            let theirs = measure(bench, "troposphere", python, |command| {
                command.arg(&build).arg(&services);
            })?;
            row(
                &format!("{size} resources, troposphere: write"),
                &theirs.shown(Some(&ours)),
            );
        }
        if let Some(folder) = &cdk {
            let theirs = measure(bench, "cdk", Path::new("node"), |command| {
                command.arg(&synth).arg(&services).current_dir(folder);
                command.env("NODE_PATH", folder.join("node_modules"));
            })?;
            row(
                &format!("{size} resources, aws-cdk-lib: synth"),
                &theirs.shown(Some(&ours)),
            );
        }
        if size <= LINTED {
            // It finds more resources than a stack may have, and says so.
            let theirs = measure(bench, "cfn-lint", &lint, |command| {
                command.arg(&path);
            })?;
            row(
                &format!("{size} resources, cfn-lint: check"),
                &theirs.shown(Some(&ours)),
            );
        }
    }
    Ok(())
}

/// What a program took, several times.
pub(super) struct Measured {
    times: Times,
    usage: Usage,
}

impl Measured {
    pub(super) fn shown(&self, ours: Option<&Self>) -> String {
        let ratio = ours.map(|ours| format!(", {} ours", self.times.ratio(&ours.times)));
        format!(
            "{}; {}{}",
            self.times.shown(),
            self.usage.brief(),
            ratio.unwrap_or_default()
        )
    }
}

pub(super) fn measure(
    bench: &Bench<'_>,
    name: &'static str,
    program: &Path,
    arguments: impl Fn(&mut Command),
) -> Result<Measured> {
    let watched = Program::new(&bench.work.path().join(format!("watched-{name}")), name, program)?;
    let mut all: Vec<Duration> = Vec::new();
    let mut usage = Usage::default();
    for _ in 0..bench.runs {
        let watching = watched.watch();
        let mut command = Command::new(watched.path());
        arguments(&mut command);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let begun = Instant::now();
        let status = command.status();
        all.push(begun.elapsed());
        usage = watching.end();
        status.map_err(|error| Failure::new(format!("cannot start {name}: {error}")))?;
    }
    Ok(Measured {
        times: Times::of(all),
        usage,
    })
}

/// A template of one mesh with so many services.
fn template(services: usize) -> Value {
    let mesh = json!({"Fn::GetAtt": ["Mesh", "MeshName"]});
    let mut all = Map::new();
    all.insert(
        "Mesh".to_owned(),
        json!({"Type": "AWS::AppMesh::Mesh", "Properties": {"MeshName": "large"}}),
    );
    for at in 0..services {
        let (node, router) = (format!("Node{at}"), format!("Router{at}"));
        let port = json!({"Port": 8080, "Protocol": "http"});
        let mut add = |id: &str, ty: &str, properties: Value| {
            all.insert(
                id.to_owned(),
                json!({"Type": format!("AWS::AppMesh::{ty}"), "Properties": properties}),
            );
        };
        add(
            &node,
            "VirtualNode",
            json!({"MeshName": mesh, "VirtualNodeName": format!("node-{at}"), "Spec": {
                "Listeners": [{"PortMapping": port, "Timeout": {"HTTP": {"PerRequest": {"Unit": "s", "Value": 15}}}}],
                "ServiceDiscovery": {"DNS": {"Hostname": format!("node-{at}.large.internal")}}}}),
        );
        add(
            &router,
            "VirtualRouter",
            json!({"MeshName": mesh, "VirtualRouterName": format!("router-{at}"), "Spec": {
                "Listeners": [{"PortMapping": port}]}}),
        );
        add(
            &format!("Route{at}"),
            "Route",
            json!({"MeshName": mesh, "VirtualRouterName": {"Fn::GetAtt": [router, "VirtualRouterName"]},
                "RouteName": "all", "Spec": {"HttpRoute": {"Match": {"Prefix": "/"}, "Action": {"WeightedTargets": [
                    {"VirtualNode": {"Fn::GetAtt": [node, "VirtualNodeName"]}, "Weight": 1}]}}}}),
        );
        add(
            &format!("Service{at}"),
            "VirtualService",
            json!({"MeshName": mesh, "VirtualServiceName": format!("service-{at}.large.internal"), "Spec": {
                "Provider": {"VirtualRouter": {"VirtualRouterName": {"Fn::GetAtt": [router, "VirtualRouterName"]}}}}}),
        );
    }
    json!({"Resources": all})
}
