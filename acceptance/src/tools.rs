//! Where the programs that tests drive are: in the variable that `cargo xtask test` sets, else where
//! `cargo xtask tools` and `cargo build` put them, else on PATH.
//!
//! A program that cannot be found ends the test with what to do; no test is left out for want of a tool.

#![allow(
    clippy::panic,
    reason = "a test without its tools has failed, and says what is missing"
)]

use std::env;
use std::path::{Path, PathBuf};

/// Terraform (or OpenTofu): the user's, or the newest that comes with the checkout's tools.
pub fn terraform() -> PathBuf {
    found(tool("MESHFORM_TERRAFORM", "terraform", &["terraform", "tofu"]))
}

/// The versions of Terraform that must all do.
pub fn terraform_matrix() -> Vec<PathBuf> {
    if let Some(named) = variable("MESHFORM_TERRAFORM_MATRIX") {
        return env::split_paths(&named)
            .map(|program| found(Ok(program)))
            .collect();
    }
    ["terraform-1.11", "terraform-1.15"]
        .map(|name| found(tool("", name, &[])))
        .to_vec()
}

/// The user's Terraform or one of the matrix, whose turn it is in this test: each test keeps its own, and together they
/// take all. `MESHFORM_TERRAFORM_TURN=1` gives each the next one.
pub fn terraform_in_turn() -> PathBuf {
    let mut all = vec![terraform()];
    all.extend(terraform_matrix());
    let thread = std::thread::current();
    let test = thread.name().unwrap_or_default();
    let turn = variable("MESHFORM_TERRAFORM_TURN").and_then(|turn| turn.to_str()?.parse::<usize>().ok());
    let place = test.bytes().map(usize::from).sum::<usize>() + turn.unwrap_or_default();
    let chosen = place % all.len();
    all.swap_remove(chosen)
}

/// Terraform's core out of a package, behind the script that makes it a command: what machines without a
/// `terraform` get.
pub fn terraform_shim() -> PathBuf {
    found(tool("", "terraform-1.15", &[]))
}

pub fn envoy() -> PathBuf {
    found(tool("MESHFORM_ENVOY", "envoy", &["envoy"]))
}

pub fn iptables() -> PathBuf {
    found(tool("MESHFORM_IPTABLES", "iptables", &["iptables"]))
}

/// `ip`, for links and addresses.
pub fn ip() -> PathBuf {
    found(tool("MESHFORM_IP", "ip", &["ip"]))
}

pub fn etcd() -> PathBuf {
    found(tool("MESHFORM_ETCD", "etcd", &["etcd"]))
}

pub fn chromium() -> PathBuf {
    found(tool(
        "MESHFORM_CHROMIUM",
        "chromium",
        &["chromium", "chromium-browser", "google-chrome"],
    ))
}

/// Prometheus, which counts what Envoys serve.
pub fn prometheus() -> PathBuf {
    found(tool("MESHFORM_PROMETHEUS_PROGRAM", "prometheus", &["prometheus"]))
}

/// cfn-lint, which checks CloudFormation templates.
pub fn cfn_lint() -> PathBuf {
    found(tool("MESHFORM_CFN_LINT", "cfn-lint", &["cfn-lint"]))
}

/// A Python with botocore, jsonschema, cfn-lint and kubernetes-validate.
pub fn python() -> PathBuf {
    found(tool("MESHFORM_PYTHON", "python", &[]))
}

/// moto, a server with the interface of S3.
pub fn moto() -> PathBuf {
    found(tool("MESHFORM_MOTO", "moto", &[]))
}

/// The Python that runs moto, with the AWS client for Python.
pub fn moto_python() -> PathBuf {
    found(beside(&moto(), "moto"))
}

/// The Python that runs the AWS command line. Tests run it in one process for many commands, because each start takes a second.
pub fn aws_python() -> PathBuf {
    found(beside(&found(tool("MESHFORM_AWS", "aws", &[])), "aws"))
}

/// The Python of a tool's package, which lies beside the folder of its launcher.
fn beside(launcher: &Path, package: &str) -> Result<PathBuf, String> {
    let tools = launcher.parent().and_then(Path::parent);
    let python = tools.map(|tools| tools.join(package).join("bin/python"));
    python
        .filter(|python| python.is_file())
        .ok_or_else(|| format!("the Python of {package} is not there: run `cargo xtask tools`"))
}

/// The provider as it was last built.
pub fn provider() -> PathBuf {
    found(built("MESHFORM_PROVIDER", "terraform-provider-appmesh"))
}

/// The `meshform` command as it was last built.
pub fn meshform() -> PathBuf {
    found(built("MESHFORM_CLI", "meshform"))
}

/// The agent as it was last built.
pub fn agent() -> PathBuf {
    found(built("MESHFORM_AGENT", "meshform-agent"))
}

/// The Lambda function for CloudFormation as it was last built.
pub fn cfn() -> PathBuf {
    found(built("MESHFORM_CFN", "meshform-cfn"))
}

/// A tool, or what to do for want of it.
fn tool(name_of_variable: &str, name: &str, on_path: &[&str]) -> Result<PathBuf, String> {
    if let Some(named) = variable(name_of_variable) {
        return Ok(PathBuf::from(named));
    }
    let ours = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../.tools/bin")
        .join(name);
    // Without the `..`, so that what a test prints can be read.
    if let Ok(folder) = ours.parent().unwrap_or(&ours).canonicalize()
        && folder.join(name).is_file()
    {
        return Ok(folder.join(name));
    }
    let folders: Vec<PathBuf> = env::var_os("PATH")
        .map(|path| env::split_paths(&path).collect())
        .unwrap_or_default();
    let places = on_path
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    places
        .into_iter()
        .find(|place| place.is_file())
        .ok_or_else(|| format!("{name} is not there: run `cargo xtask tools`"))
}

/// A program of ours, or what to do for want of it.
fn built(name_of_variable: &str, name: &str) -> Result<PathBuf, String> {
    if let Some(named) = variable(name_of_variable) {
        return Ok(PathBuf::from(named));
    }
    // Test programs lie in `<target>/<profile>/deps`, programs in `<target>/<profile>`.
    let this = env::current_exe().map_err(|error| format!("where am I? {error}"))?;
    let places = this.ancestors().skip(1).take(2).map(|folder| folder.join(name));
    places.into_iter().find(|place| place.is_file()).ok_or_else(|| {
        format!(
            "{name} is not built: run `cargo build`, or the tests by `cargo xtask test --only acceptance`"
        )
    })
}

fn variable(name: &str) -> Option<std::ffi::OsString> {
    if name.is_empty() {
        None
    } else {
        env::var_os(name).filter(|value| !value.is_empty())
    }
}

fn found(place: Result<PathBuf, String>) -> PathBuf {
    match place {
        Ok(place) if place.is_file() => place,
        Ok(place) => panic!("{} is not a program: run `cargo xtask tools`", place.display()),
        Err(missing) => panic!("{missing}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_tool_says_how_to_get_it() {
        let missing = tool("", "no-such-tool", &["no-such-program-on-path"]).unwrap_err();
        assert_eq!(missing, "no-such-tool is not there: run `cargo xtask tools`");
        let missing = built("", "no-such-program").unwrap_err();
        assert!(
            missing.starts_with("no-such-program is not built: run `cargo build`"),
            "{missing}"
        );
    }

    #[test]
    fn a_program_on_the_path_is_the_last_resort() {
        assert!(
            tool("", "no-such-tool", &["no-such-program-on-path", "sh"])
                .unwrap()
                .ends_with("sh")
        );
    }

    #[test]
    #[should_panic(expected = "/no/such/envoy is not a program")]
    fn a_variable_that_names_nothing_is_no_answer() {
        found(Ok(PathBuf::from("/no/such/envoy")));
    }
}
