//! Measures a control plane: `meshform serve` and a reference server, with many proxies and meshes of several sizes.
//!
//! - `stage`: the mesh, the servers, what they take.
//! - `fleet`: the proxies.
//! - `measure`: the figures of one server with so many proxies.
//! - `reference`: the server to compare with.

mod fleet;
mod measure;
mod reference;
mod stage;

use measure::{Case, Row};
use stage::Stage;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
#[derive(Debug)]
struct LoadArguments {
    meshform: PathBuf,
    envoy: PathBuf,
    streams: Vec<usize>,
    nodes: Vec<usize>,
    changes: usize,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "meshform-load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> io::Result<()> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build()?;
    if let [first, file] = arguments
        && first == "reference"
    {
        return runtime.block_on(reference::serve(Path::new(file)));
    }
    let wishes = wishes(arguments)?;
    allow_connections()?;
    for nodes in &wishes.nodes {
        let stage = Stage::new(&wishes.meshform, *nodes)?;
        runtime.block_on(of_a_mesh(&wishes, &stage, *nodes))?;
    }
    Ok(())
}

async fn of_a_mesh(wishes: &LoadArguments, stage: &Stage, nodes: usize) -> io::Result<()> {
    let recorded = stage.record(&wishes.envoy).await?;
    for streams in &wishes.streams {
        let case = Case {
            stage,
            recorded: recorded.clone(),
            streams: *streams,
            changes: wishes.changes,
        };
        print(
            &format!("{streams} streams, a mesh of {nodes} nodes"),
            &case.ours().await?,
        )?;
        print("  the reference server", &case.reference().await?)?;
    }
    Ok(())
}

fn print(title: &str, rows: &[Row]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "  {title}")?;
    for (name, value) in rows {
        writeln!(out, "    {name:<50}  {value}")?;
    }
    out.flush()
}

/// Each stream is a file.
fn allow_connections() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    Ok(setrlimit(Resource::Nofile, most)?)
}

fn wishes(arguments: &[String]) -> io::Result<LoadArguments> {
    let mut wishes = LoadArguments {
        meshform: PathBuf::from("meshform"),
        envoy: PathBuf::from("envoy"),
        streams: vec![100, 1000],
        nodes: vec![50, 300, 1000],
        changes: 10,
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let value = rest.next();
        let value = value.ok_or_else(|| io::Error::other(format!("{argument} needs a value")))?;
        let numbers = || -> io::Result<Vec<usize>> {
            let each = value.split(',').map(|one| one.parse().map_err(io::Error::other));
            each.collect()
        };
        match argument.as_str() {
            "--meshform" => wishes.meshform = PathBuf::from(value),
            "--envoy" => wishes.envoy = PathBuf::from(value),
            "--streams" => wishes.streams = numbers()?,
            "--nodes" => wishes.nodes = numbers()?,
            "--changes" => wishes.changes = value.parse().map_err(io::Error::other)?,
            other => return Err(io::Error::other(format!("`{other}` is not understood"))),
        }
    }
    if wishes.nodes.iter().any(|nodes| *nodes < 5) {
        return Err(io::Error::other("--nodes: a mesh has at least 5"));
    }
    // For a while one of them reads nothing, and what the others get is measured.
    if wishes.streams.iter().any(|streams| *streams < 2) {
        return Err(io::Error::other("--streams: there are at least 2"));
    }
    Ok(wishes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(arguments: &[&str]) -> io::Result<LoadArguments> {
        let arguments: Vec<String> = arguments.iter().map(|one| (*one).to_owned()).collect();
        wishes(&arguments)
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        assert_eq!(asked(&["--streams", "2,10"]).unwrap().streams, [2, 10]);
        for (arguments, told) in [
            (["--streams", "10,1"], "--streams: there are at least 2"),
            (["--streams", "0"], "--streams: there are at least 2"),
            (["--nodes", "4"], "--nodes: a mesh has at least 5"),
        ] {
            assert_eq!(asked(&arguments).unwrap_err().to_string(), told);
        }
    }
}
