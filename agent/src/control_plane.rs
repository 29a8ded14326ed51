//! An Envoy that has its configuration by ADS. It waits for ever when its control plane is away at its start, so the
//! control plane is asked first, and where that is away Envoy is started with files.

use crate::config::Config;
use crate::http::Request;
use http::Method;
use meshform_bundle::codes::{DIRECTORY, FALLBACK, SETTING, told};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// The pause between two questions. They are small and end with the first answer, and a task that starts waits for
/// that.
const EVERY: Duration = Duration::from_millis(500);

/// How long one answer may take: a server that cannot answer so long is away, and there is time to ask again within
/// `MESHFORM_CONTROL_PLANE_WAIT`.
const ANSWER: Duration = Duration::from_secs(5);

/// Where in the agent's directory the bootstrap lies that the settings hold.
const BOOTSTRAP: &str = "ads.json";

/// What gives Envoy its bootstrap.
const OPTIONS: [&str; 2] = ["-c", "--config-path"];

/// The control plane that Envoy's bootstrap is for.
#[derive(Debug, Clone)]
pub(crate) struct ControlPlane {
    /// Where it says whether it is ready.
    ready: String,
    /// How long it has for that.
    wait: Duration,
    /// The bootstrap that Envoy is given.
    pub(crate) bootstrap: PathBuf,
}

impl ControlPlane {
    /// The one that settings and Envoy's command name together; none where Envoy is to follow files alone.
    pub(crate) fn of(config: &Config, command: &[String]) -> Result<Option<Self>, String> {
        if config.control_plane.is_none() && config.ads_bootstrap.is_some() {
            return Err(told(
                SETTING,
                "MESHFORM_ADS_BOOTSTRAP is set, but MESHFORM_CONTROL_PLANE (the address of `meshform serve`) is \
                 not: set both or neither",
            ));
        }
        let given = bootstrap(command);
        let follows_ads = given.as_deref().is_some_and(follows_ads);
        match (&config.control_plane, given) {
            (Some(base), Some(bootstrap)) if follows_ads => {
                let base = base.trim_end_matches('/');
                if !base.starts_with("http://") && !base.starts_with("https://") {
                    let error = format!(
                        "MESHFORM_CONTROL_PLANE is `{base}`: expected http://HOST:PORT or https://HOST:PORT"
                    );
                    return Err(told(SETTING, error));
                }
                Ok(Some(Self {
                    ready: format!("{base}/readyz"),
                    wait: config.control_plane_wait,
                    bootstrap,
                }))
            }
            (Some(_), given) => {
                let given = given.map_or("Envoy's command has no `-c FILE`".to_owned(), |file| {
                    format!("{} cannot be read, is not JSON or not for ADS", file.display())
                });
                Err(told(
                    SETTING,
                    format!(
                        "MESHFORM_CONTROL_PLANE is set, and {given}: write a bootstrap with `meshform bootstrap NODE --mode \
                         ads` and give it to Envoy, `meshform-agent run -- envoy -c FILE`; or leave the variable out"
                    ),
                ))
            }
            (None, Some(file)) if follows_ads => Err(told(
                SETTING,
                format!(
                    "{} is a bootstrap for ADS: set MESHFORM_CONTROL_PLANE to the address of `meshform serve`, which is asked \
                     whether it is ready; or leave -c out, and Envoy follows the releases of MESHFORM_STORE",
                    file.display()
                ),
            )),
            (None, _) => Ok(None),
        }
    }

    /// Why Envoy is not started yet.
    pub(crate) fn awaited(&self) -> String {
        told(
            FALLBACK,
            format!("Envoy is started once {} has answered", self.ready),
        )
    }

    /// Waits until it is ready, as long as it has for that; at once, where it is asked `once`. Otherwise why it is not.
    pub(crate) async fn becomes_ready(&self, once: bool) -> Result<(), String> {
        let until = Instant::now() + if once { Duration::ZERO } else { self.wait };
        loop {
            let Err(error) = self.is_ready().await else {
                return Ok(());
            };
            if Instant::now() + EVERY >= until {
                let when = if once {
                    "when Envoy ended".to_owned()
                } else {
                    format!("within {} s", self.wait.as_secs())
                };
                return Err(told(
                    FALLBACK,
                    format!(
                        "the control plane was not ready {when} ({error}): Envoy follows releases by files, and returns to ADS \
                         when it is next started"
                    ),
                ));
            }
            sleep(EVERY).await;
        }
    }

    pub(crate) async fn is_ready(&self) -> Result<(), String> {
        let answer = Request::new(Method::GET, &self.ready)?.send();
        match timeout(ANSWER, answer).await {
            Ok(Ok(answer)) if answer.status.is_success() => Ok(()),
            Ok(Ok(answer)) => Err(format!("{} answered {}", self.ready, answer.status.as_u16())),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(format!("{} did not answer", self.ready)),
        }
    }
}

/// Envoy's command with the bootstrap for ADS that the settings hold, as a file in the agent's directory.
pub(crate) fn with_bootstrap(config: &Config, mut command: Vec<String>) -> Result<Vec<String>, String> {
    let Some(text) = &config.ads_bootstrap else {
        return Ok(command);
    };
    if bootstrap(&command).is_some() {
        return Err(told(
            SETTING,
            "MESHFORM_ADS_BOOTSTRAP is set, and Envoy's command has `-c FILE`: use only one of them",
        ));
    }
    let file = config.dir.join(BOOTSTRAP);
    let beside = file.with_extension("new");
    std::fs::write(&beside, text)
        .and_then(|()| std::fs::rename(&beside, &file))
        .map_err(|error| {
            told(
                DIRECTORY,
                format!("{} cannot be written: {error}", file.display()),
            )
        })?;
    command.extend(["-c".to_owned(), file.display().to_string()]);
    Ok(command)
}

/// The file that a command names as Envoy's bootstrap.
fn bootstrap(command: &[String]) -> Option<PathBuf> {
    let mut rest = command.iter();
    while let Some(argument) = rest.next() {
        if OPTIONS.contains(&argument.as_str()) {
            return rest.next().map(PathBuf::from);
        }
        let value = argument.split_once('=');
        if let Some((_, value)) = value.filter(|(name, _)| OPTIONS.contains(name)) {
            return Some(PathBuf::from(value));
        }
    }
    None
}

/// Arguments of Envoy without those that name its bootstrap.
pub(crate) fn without_bootstrap(arguments: &[String]) -> Vec<String> {
    let mut left = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let name = argument.split('=').next().unwrap_or_default();
        if !OPTIONS.contains(&name) {
            left.push(argument.clone());
        } else if name == argument {
            let _ = rest.next();
        }
    }
    left
}

fn follows_ads(file: &Path) -> bool {
    let text = std::fs::read(file).unwrap_or_default();
    let bootstrap: Value = serde_json::from_slice(&text).unwrap_or_default();
    bootstrap.pointer("/dynamic_resources/ads_config").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_command_names_its_bootstrap_in_three_ways() {
        for line in [
            "envoy -c /a.json -l info",
            "envoy --config-path /a.json -l info",
            "envoy --config-path=/a.json -l info",
        ] {
            let command = words(line);
            assert_eq!(
                bootstrap(&command).as_deref(),
                Some(Path::new("/a.json")),
                "{line}"
            );
            assert_eq!(without_bootstrap(&command), words("envoy -l info"), "{line}");
        }
        assert_eq!(bootstrap(&words("envoy --config-yaml {}")), None);
    }
}
