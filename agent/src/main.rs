//! `meshform-agent`: runs beside each Envoy. See `meshform-agent --help`.

mod appnet;
mod aws;
mod certificates;
mod config;
mod control_plane;
mod credentials;
mod envoy;
mod exports;
mod follow;
mod http;
mod kept;
mod log;
mod poller;
mod process;
mod prometheus;
mod report;
mod run;
mod server;
mod shared;
mod sigv4;
mod store;
mod task;

use ::http::Method;
use std::io::Write as _;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::task::LocalSet;

const HELP: &str = "\
meshform-agent brings releases to the Envoy beside it, and reports how it is.

  meshform-agent run -- envoy [ARGUMENT…]   follow releases and run Envoy; the main process of its container
  meshform-agent endpoints                  look up the addresses of nodes in Cloud Map; one for each mesh
  meshform-agent health                     exit 0 if Envoy serves, else 1 with the reasons: for health checks
  meshform-agent delay [--seconds N] -- CMD run an application that is told to stop N seconds (10) after this is
  meshform-agent --version

`run` starts Envoy once there is a release, or the last good one on its disk. It adds -c, --drain-time-s 20 and
--disable-hot-restart unless they are given. A release that Envoy refuses is taken back, reported, and not tried
again. SIGTERM drains: health fails, listeners drain, Envoy ends when nothing is under way, at the latest before
MESHFORM_STOP_TIMEOUT. It ends with Envoy's own status.

`endpoints` writes what it finds where proxies read, for all that call a node with Cloud Map discovery. Where
MESHFORM_STORE is a directory that Envoys read themselves, it writes their files. Of several, one works and the others
wait. It needs the right to servicediscovery:DiscoverInstances.

Set by variables:

";

const CREDENTIALS: &str = "\
Credentials for a bucket are those of the task, pod or machine, or AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
AWS_SESSION_TOKEN. AWS_REGION, AWS_ENDPOINT_URL_S3 and AWS_CA_BUNDLE are understood as the AWS CLI does. None of them is a
field of the file that MESHFORM_CONFIG names.

Messages carry a code; docs/guides/errors.md says what each means. The exit status is Envoy's own, 1 where the agent could not
begin, 2 for wrong use; `health`: 0 or 1.
";

/// The exit status for wrong arguments, as `meshform` has it; 1 is for what went wrong while running.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let own = words.split(|word| *word == "--").next().unwrap_or_default();
    if own.iter().any(|word| ["--help", "-h", "help"].contains(word)) {
        return say(&help(), 0);
    }
    let outcome = match words.as_slice() {
        ["--version" | "-V"] => {
            return say(&format!("meshform-agent {}\n", env!("CARGO_PKG_VERSION")), 0);
        }
        ["run", "--", _, ..] => block_on(run::run(arguments.iter().skip(2).cloned().collect())),
        ["delay", "--", _, ..] => {
            let command = arguments.iter().skip(2).cloned().collect();
            block_on(run::delay(command, Duration::from_secs(10)))
        }
        ["delay", "--seconds", seconds, "--", _, ..] => match seconds.parse() {
            Ok(seconds @ 0..=config::DAY) => {
                let command = arguments.iter().skip(4).cloned().collect();
                block_on(run::delay(command, Duration::from_secs(seconds)))
            }
            _ => {
                let bounds = format!("a whole number from 0 to {}", config::DAY);
                return wrong_use(&format!("--seconds is `{seconds}`; expected {bounds}"));
            }
        },
        ["endpoints"] => block_on(poller::run()),
        ["health"] => block_on(health()),
        [] => return wrong_use("no command is given"),
        ["run", ..] => {
            return wrong_use("`run` takes Envoy's command after `--`: meshform-agent run -- envoy");
        }
        ["delay", ..] => {
            return wrong_use(
                "`delay` takes a command after `--`: meshform-agent delay [--seconds N] -- CMD",
            );
        }
        [command @ ("endpoints" | "health"), ..] => {
            return wrong_use(&format!("`{command}` takes no arguments; variables set it up"));
        }
        [other, ..] => return wrong_use(&format!("there is no command `{other}`")),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            log::error(&error);
            ExitCode::FAILURE
        }
    }
}

fn help() -> String {
    let lines = |variables: &[(&str, &str)]| {
        let line = |(name, meaning): &(&str, &str)| match name.len() {
            0..=22 => format!("  {name:<22} {meaning}\n"),
            _ => format!("  {name}\n  {:<22} {meaning}\n", ""),
        };
        variables.iter().map(line).collect::<String>()
    };
    format!(
        "{HELP}{}\nOf App Mesh's own image these mean what they meant there; others are ignored, and the log says why:\n\n{}\n{CREDENTIALS}",
        lines(config::VARIABLES),
        lines(config::APP_MESH)
    )
}

fn wrong_use(what: &str) -> ExitCode {
    log::error(&format!(
        "{what}; `meshform-agent --help` lists commands and settings"
    ));
    ExitCode::from(USAGE)
}

fn say(text: &str, code: u8) -> ExitCode {
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::from(code)
}

/// On one thread; what must block gets a second one for as long as it does.
fn block_on(work: impl Future<Output = Result<u8, String>>) -> Result<u8, String> {
    // Behind a pointer, so that the scheduler is compiled once and not for each command.
    let work: Pin<&mut dyn Future<Output = _>> = std::pin::pin!(work);
    let runtime = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(2)
        .thread_keep_alive(Duration::from_secs(1))
        .build()
        .map_err(|error| error.to_string())?;
    let outcome = LocalSet::new().block_on(&runtime, work);
    // Whatever is still asked of a store is not waited for.
    runtime.shutdown_background();
    outcome
}

/// Asks the agent that runs here.
async fn health() -> Result<u8, String> {
    let address = config::Config::listen_address()?;
    let asked = http::Request::new(Method::GET, &format!("http://{address}/health"))?;
    let answer = asked.send().await.map_err(|error| {
        meshform_bundle::codes::told(
            meshform_bundle::codes::NOT_SERVING,
            format!("no agent runs here: {error}"),
        )
    })?;
    let _ = writeln!(std::io::stdout(), "{}", answer.text());
    Ok(u8::from(!answer.status.is_success()))
}
