//! What is looked at: pictures, differences, the pages of the console, and when a browser has painted them.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use meshform_acceptance::browser::Browser;
use meshform_acceptance::http::Client;
use serde_json::{Value, json};

use super::Bench;
use super::figures::{Times, row};
use crate::failure::{Failure, Result};
use crate::tools::{self, Tool};

pub(super) fn run(bench: &Bench<'_>) -> Result<()> {
    for (count, aim) in [(300, "50 ms"), (3000, "1 s")] {
        let mesh = written(bench, &format!("see-{count}.json"), &mesh(count))?;
        let times = timed(bench, |command| {
            command.arg("graph").arg(&mesh).args(["--format", "svg"])
        })?;
        row(
            &format!("graph of {count}"),
            &format!("{} (aim {aim})", times.shown()),
        );
    }
    let before = mesh(10_000);
    let mut after = before.clone();
    if let Some(weight) = after
        .iter_mut()
        .rev()
        .find_map(|one| one.pointer_mut("/spec/httpRoute/action/weightedTargets/0/weight"))
    {
        *weight = json!(31);
    }
    let before = written(bench, "see-before.json", &before)?;
    let after = written(bench, "see-after.json", &after)?;
    let times = timed(bench, |command| command.arg("diff").args([&before, &after]))?;
    row(
        "diff of two meshes of 10,000, one change",
        &format!("{} (aim 300 ms)", times.shown()),
    );
    for count in [300, 3000] {
        console(bench, count)?;
    }
    Ok(())
}

fn timed<'c>(
    bench: &Bench<'_>,
    arguments: impl for<'a> Fn(&'a mut Command) -> &'a mut Command + 'c,
) -> Result<Times> {
    let mut times = Vec::new();
    for _ in 0..bench.runs {
        let mut command = Command::new(&bench.meshform);
        arguments(&mut command);
        let begun = Instant::now();
        let output = bench.children.run(&mut command)?;
        times.push(begun.elapsed());
        // A difference ends with 1.
        if output.status.code().is_none_or(|code| code > 1) {
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(Failure::new(format!("{command:?} failed:\n{told}")));
        }
    }
    Ok(Times::of(times))
}

/// The pages of a mesh of that size: the median of each, and the first paint of the first.
fn console(bench: &Bench<'_>, count: usize) -> Result<()> {
    let mesh = written(bench, &format!("console-{count}.json"), &mesh(count))?;
    let store = bench.work.path().join(format!("console-{count}"));
    let mut apply = Command::new(&bench.meshform);
    apply
        .arg("apply")
        .arg(&mesh)
        .args(["--owner", "bench", "--store"])
        .arg(&store);
    let applied = bench.children.run(&mut apply)?;
    if !applied.status.success() {
        return Err(Failure::new(
            String::from_utf8_lossy(&applied.stderr).into_owned(),
        ));
    }
    let port = meshform_acceptance::ports::free().map_err(|error| Failure::new(error.to_string()))?;
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let mut serve = Command::new(&bench.meshform);
    serve
        .args(["serve", "--rate", "0", "--listen"])
        .arg(address.to_string());
    serve.arg("--store").arg(&store);
    let log = bench.work.path().join(format!("console-{count}.log"));
    let server = bench.children.start("meshform serve", &mut serve, &log)?;
    let mut client = Client::new(address);
    let host = address.to_string();
    let until = Instant::now() + Duration::from_secs(20);
    while client.get(&host, "/console/m/bench", &[]).is_err() {
        if Instant::now() > until {
            return Err(Failure::new("the console does not answer"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let pages = [
        ("mesh", ""),
        ("proxies", "/proxies"),
        ("proxy", "/proxies/virtualNode/node-1"),
        ("releases", "/releases"),
        ("resources", "/resources"),
        ("resource", "/resources/virtualNode/node-1"),
        (
            "route",
            "/route?node=virtualNode/node-1&host=service-2.local:8080",
        ),
        ("certificates", "/certificates"),
    ];
    for (name, path) in pages {
        let path = format!("/console/m/bench{path}");
        let mut times = Vec::new();
        for _ in 0..bench.runs * 5 {
            let begun = Instant::now();
            let answer = client.get(&host, &path, &[]);
            times.push(begun.elapsed());
            if !answer.is_ok_and(|answer| answer.status == 200) {
                return Err(Failure::new(format!("{path} is not answered with 200")));
            }
        }
        row(
            &format!("console at {count}: {name}"),
            &format!("{} (aim 20 ms)", Times::of(times).shown()),
        );
    }
    if count == 300 && cfg!(target_os = "linux") {
        let toolbox = tools::ensure(bench.checkout, &[Tool::Chromium])?;
        let painted = painted(
            bench,
            &toolbox.path(Tool::Chromium),
            &format!("http://{host}/console/m/bench"),
        )?;
        row(
            &format!("first paint of the mesh at {count}"),
            &format!("{} (aim 200 ms)", painted.shown()),
        );
    }
    server.end();
    Ok(())
}

/// From the start of navigation to the first contents that are painted.
fn painted(bench: &Bench<'_>, chromium: &Path, url: &str) -> Result<Times> {
    let failed = |error: std::io::Error| Failure::new(error.to_string());
    let mut browser = Browser::start(chromium, &bench.work.path().join("profile")).map_err(failed)?;
    let mut tab = browser.tab(1280, 800, false).map_err(failed)?;
    let mut times = Vec::new();
    for _ in 0..bench.runs {
        tab.open(url).map_err(failed)?;
        // The paint may come after the page has loaded.
        let paint = "new Promise(done => new PerformanceObserver(list => list.getEntries().forEach(entry => \
            entry.name === 'first-contentful-paint' && done(entry.startTime))).observe({type: 'paint', buffered: true}))";
        let millis = tab.value(paint).map_err(failed)?;
        times.push(Duration::from_secs_f64(millis.as_f64().unwrap_or_default() / 1e3));
    }
    Ok(Times::of(times))
}

fn written(bench: &Bench<'_>, name: &str, mesh: &[Value]) -> Result<std::path::PathBuf> {
    let place = bench.work.path().join(name);
    fs::write(&place, Value::from(mesh.to_vec()).to_string()).map_err(Failure::io("write", &place))?;
    Ok(place)
}

/// So many resources: services of a router, a route and two nodes, each calling up to three that come after it.
fn mesh(count: usize) -> Vec<Value> {
    let services = count / 5;
    let mut all = vec![json!({"meshName": "bench", "spec": {}})];
    let name = |at: usize| format!("service-{at}.local");
    let listeners = json!([{"portMapping": {"port": 8080, "protocol": "http"}}]);
    for at in 0..services {
        let calls = (1..=at % 4)
            .map(|far| at + far * (1 + at % 7))
            .filter(|to| *to < services);
        let backends: Vec<Value> = calls
            .map(|to| json!({"virtualService": {"virtualServiceName": name(to)}}))
            .collect();
        let nodes = [2 * at, 2 * at + 1].map(|node| format!("node-{node}"));
        for node in &nodes {
            let spec = json!({"listeners": listeners, "backends": backends,
                "serviceDiscovery": {"dns": {"hostname": format!("{node}.internal")}}});
            all.push(json!({"meshName": "bench", "virtualNodeName": node, "spec": spec}));
        }
        let router = format!("router-{at}");
        let targets = nodes.map(|node| json!({"virtualNode": node, "weight": 50}));
        let spec = json!({"httpRoute": {"match": {"prefix": "/"}, "action": {"weightedTargets": targets}}});
        all.push(json!({"meshName": "bench", "virtualRouterName": router, "spec": {"listeners": listeners}}));
        all.push(json!({"meshName": "bench", "virtualRouterName": router, "routeName": "all", "spec": spec}));
        let provider = json!({"virtualRouter": {"virtualRouterName": router}});
        all.push(
            json!({"meshName": "bench", "virtualServiceName": name(at), "spec": {"provider": provider}}),
        );
    }
    all
}
