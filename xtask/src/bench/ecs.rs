//! Workloads in their short form, stacks out: the command beside troposphere, which makes the same resources from a program.
//!
//! troposphere takes part where `MESHFORM_BENCH_TROPOSPHERE` names a Python that has it. It is given no mesh, and so checks
//! none; both write a file for each workload.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::Bench;
use super::figures::row;
use super::forms::measure;
use crate::failure::{Failure, Result};

const SIZES: [usize; 2] = [100, 1_000];

pub(super) fn run(bench: &Bench<'_>) -> Result<()> {
    let troposphere = std::env::var_os("MESHFORM_BENCH_TROPOSPHERE").map(PathBuf::from);
    let work = bench.work.path().join("ecs");
    fs::create_dir_all(&work).map_err(Failure::io("create", &work))?;
    let write = |name: String, text: &str| {
        let path = work.join(name);
        fs::write(&path, text).map_err(Failure::io("write", &path))?;
        Ok::<PathBuf, Failure>(path)
    };
    let build = write("build.py".to_owned(), include_str!("troposphere_ecs.py"))?;
    // Every run writes all of its files anew.
    let number = AtomicUsize::new(0);
    let fresh = || work.join(format!("out-{}", number.fetch_add(1, Ordering::Relaxed)));
    for size in SIZES {
        let mesh = write(format!("mesh-{size}.json"), &mesh(size).to_string())?;
        let workloads = write(format!("workloads-{size}.json"), &workloads(size).to_string())?;
        let ours = measure(bench, "meshform", &bench.meshform, |command| {
            command.arg("compile").args([&mesh, &workloads]);
            command.args(["--target", "ecs", "--out"]).arg(fresh());
        })?;
        let first = work.join(format!("out-{}", number.load(Ordering::Relaxed) - 1));
        let written = files(&first)?;
        if written <= size {
            return Err(Failure::new(format!(
                "{written} files were written for {size} workloads"
            )));
        }
        row(
            &format!("{size} workloads, ours: read, check, {written} stacks"),
            &ours.shown(None),
        );
        if let Some(python) = &troposphere {
            let theirs = measure(bench, "troposphere", python, |command| {
                command.arg(&build).arg(size.to_string()).arg(fresh());
            })?;
            row(
                &format!("{size} workloads, troposphere: stacks"),
                &theirs.shown(Some(&ours)),
            );
        }
    }
    Ok(())
}

/// How many stacks a folder holds.
fn files(folder: &Path) -> Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(folder).map_err(Failure::io("read", folder))? {
        let path = entry.map_err(Failure::io("read", folder))?.path();
        count += match path.is_dir() {
            true => files(&path)?,
            false => usize::from(path.ends_with("stack.json")),
        };
    }
    Ok(count)
}

/// A mesh of so many services in a row: each calls the next.
fn mesh(services: usize) -> Value {
    let mut all = vec![
        json!({"meshName": "large", "spec": {}}),
        json!({"meshName": "large", "proxyProfileName": "all", "spec": {"interception": {"transparent": {}}}}),
    ];
    for at in 0..services {
        let backends: Vec<Value> = (at + 1 < services)
            .then(
                || json!({"virtualService": {"virtualServiceName": format!("service-{}.large.svc", at + 1)}}),
            )
            .into_iter()
            .collect();
        all.push(
            json!({"meshName": "large", "virtualNodeName": format!("node-{at}"), "spec": {
            "listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}],
            "serviceDiscovery": {"dns": {"hostname": format!("node-{at}.large.internal")}},
            "backends": backends}}),
        );
        all.push(
            json!({"meshName": "large", "virtualServiceName": format!("service-{at}.large.svc"), "spec": {
            "provider": {"virtualNode": {"virtualNodeName": format!("node-{at}")}}}}),
        );
    }
    Value::Array(all)
}

fn workloads(services: usize) -> Value {
    let all = (0..services).map(|at| {
        json!({"virtualNode": format!("node-{at}"), "image": "registry.example/app:7", "port": 8080, "cpu": 256, "memory": 512,
            "environment": {"STAGE": "production", "REGION": "eu-central-1"},
            "secrets": {"KEY": format!("arn:aws:secretsmanager:eu-central-1:111122223333:secret:node-{at}-AbCdEf")}})
    });
    json!({"meshName": "large", "workloads": all.collect::<Vec<Value>>()})
}
