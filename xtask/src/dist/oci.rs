//! Images without Docker: an OCI image layout with the agent alone, and with the agent beside a given Envoy.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::platform::Platform;
use super::{AGENT, VERSION, elf};
use crate::checkout::Checkout;
use crate::failure::{Failure, Result};
use crate::out;
use crate::tools::{self, Tool};

const WRITE: &str = include_str!("oci.py");

/// Where the agent keeps what it brought; a volume, so that it outlives a container.
const DIRECTORY: &str = "var/lib/meshform";

/// Whom App Mesh's interception lets pass. ECS makes the folder of an empty volume root's, unless the image has it.
const USER: u32 = 1337;

/// Whom to put beside the agent, and on what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Envoy {
    pub(super) program: Option<PathBuf>,
    /// A layout with the image that it stands on.
    pub(super) base: Option<PathBuf>,
}

/// Writes the layout: for each platform and its agent the images.
pub(super) fn write(
    checkout: &Checkout,
    agents: &[(Platform, PathBuf)],
    envoy: &Envoy,
    folder: &Path,
) -> Result<()> {
    let place = folder.join("oci");
    let mut images = Vec::new();
    for (platform, agent) in agents {
        images.push(image(platform, AGENT, agent, None, None));
        if let Some(program) = envoy.program.as_deref().filter(|_| platform.is_here()) {
            fits(program, envoy.base.as_deref())?;
            let name = format!("{AGENT}-envoy");
            images.push(image(
                platform,
                &name,
                agent,
                Some(program),
                envoy.base.as_deref(),
            ));
        }
    }
    fs::create_dir_all(&place).map_err(Failure::io("make", &place))?;
    let order = json!({"out": place, "version": VERSION, "images": images}).to_string();
    let python = tools::ensure(checkout, &[Tool::Python])?.path(Tool::Python);
    let failed = |error: std::io::Error| Failure::new(format!("cannot write the image layout: {error}"));
    let mut writer = Command::new(python);
    writer
        .args(["-c", WRITE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut running = writer.spawn().map_err(failed)?;
    if let Some(mut stdin) = running.stdin.take() {
        stdin.write_all(order.as_bytes()).map_err(failed)?;
    }
    let done = running.wait_with_output().map_err(failed)?;
    if !done.status.success() {
        return Err(Failure::new("cannot write the image layout"));
    }
    out::line(&format!(
        "\nimages in {}:\n{}",
        place.display(),
        String::from_utf8_lossy(&done.stdout).trim_end()
    ));
    out::line(
        "Copy one with skopeo: skopeo copy oci:FOLDER:meshform-agent-amd64 docker://REGISTRY/meshform-agent:TAG",
    );
    Ok(())
}

/// What the writer is told of one image.
fn image(platform: &Platform, name: &str, agent: &Path, envoy: Option<&Path>, base: Option<&Path>) -> Value {
    let mut layer = vec![
        json!({"path": "usr/local/bin/meshform-agent", "mode": "755", "from": agent}),
        json!({"path": DIRECTORY, "mode": "755", "owner": USER}),
        json!({"path": "tmp", "mode": "1777", "owner": 0}),
    ];
    if let Some(program) = envoy {
        layer.push(json!({"path": "usr/local/bin/envoy", "mode": "755", "from": program}));
    }
    let command = match envoy {
        Some(_) => json!(["run", "--", "envoy"]),
        None => json!(["--help"]),
    };
    json!({
        "name": name,
        "architecture": platform.arch(),
        "base": base,
        "layer": layer,
        "config": {
            "Entrypoint": ["/usr/local/bin/meshform-agent"],
            "Cmd": command,
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            "User": format!("{USER}:{USER}"),
            "Volumes": {format!("/{DIRECTORY}"): {}},
            "StopSignal": "SIGTERM",
        },
    })
}

/// That an Envoy which loads libraries gets a base that has them.
fn fits(program: &Path, base: Option<&Path>) -> Result<()> {
    let bytes = fs::read(program).map_err(Failure::io("read", program))?;
    match (elf::interpreter(&bytes), base) {
        (Some(loader), None) => Err(Failure::new(format!(
            "{} is not static: it asks for {loader}",
            program.display()
        ))
        .help(
            "give the layout of an image with that C library by --base, such as from `skopeo copy \
             docker://debian:stable-slim oci:base`",
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_with_envoy_is_what_the_dockerfile_makes() {
        let dockerfile = include_str!("../../../examples/agent/Dockerfile");
        let platform = super::super::platform::chosen(&["x86_64-unknown-linux-musl".to_owned()]).unwrap();
        let envoy = Some(Path::new("envoy"));
        let image = image(&platform[0], "x", Path::new("agent"), envoy, None);
        let config = &image["config"];
        let line = |name: &str, value: &Value| format!("\n{name} {}\n", value.to_string().replace(',', ", "));
        for expected in [
            line("ENTRYPOINT", &config["Entrypoint"]),
            line("CMD", &config["Cmd"]),
            format!("\nUSER {}\n", config["User"].as_str().unwrap()),
            format!("\nVOLUME /{DIRECTORY}\n"),
            format!("install -d -o {USER} -g {USER} /{DIRECTORY}\n"),
        ] {
            assert!(dockerfile.contains(&expected), "{expected}");
        }
        assert_eq!(image["architecture"], "amd64");
    }

    #[test]
    fn an_envoy_that_loads_libraries_asks_for_a_base() {
        let this = std::env::current_exe().unwrap();
        let error = fits(&this, None).unwrap_err().to_string();
        assert!(error.contains("is not static"), "{error}");
        assert!(fits(&this, Some(Path::new("base"))).is_ok());
    }
}
