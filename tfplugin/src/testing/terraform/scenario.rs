//! Steps with a real Terraform, each followed by the checks that always hold.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::programs::{Version, Versions};
use super::step::{Check, Kind, Moment, ScenarioStep};
use super::workspace::{Command, Workspace};

/// How long a run may take to come to the moment at which it is to be interrupted.
const PATIENCE: Duration = Duration::from_secs(60);

/// Steps in one workspace, with everything destroyed at the end.
pub struct Scenario {
    terraform: PathBuf,
    provider: String,
    program: PathBuf,
    steps: Vec<ScenarioStep>,
    gone: Vec<Check>,
    only: Versions,
    required: Versions,
}

/// What a scenario did: for each step, whether this version of Terraform was one that it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// What it ran with.
    pub version: Version,
    /// In the order of the steps.
    pub steps: Vec<bool>,
}

impl Scenario {
    /// Steps with the provider of this name (`acme/note`) built as this program.
    pub fn new(terraform: &Path, provider: &str, program: &Path) -> Self {
        Self {
            terraform: terraform.to_path_buf(),
            provider: provider.to_owned(),
            program: program.to_path_buf(),
            steps: Vec::new(),
            gone: Vec::new(),
            only: Versions::ANY,
            required: Versions::ANY,
        }
    }

    /// Adds a step.
    #[must_use]
    pub fn step(mut self, step: ScenarioStep) -> Self {
        self.steps.push(step);
        self
    }

    /// A check after everything was destroyed.
    #[must_use]
    pub fn destroyed(
        mut self,
        check: impl Fn(&Workspace) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.gone.push(Box::new(check));
        self
    }

    /// With other versions nothing is run, which [`Ran`] then says.
    #[must_use]
    pub fn only(mut self, versions: Versions) -> Self {
        self.only = versions;
        self
    }

    /// With other versions the scenario fails.
    #[must_use]
    pub fn require(mut self, versions: Versions) -> Self {
        self.required = versions;
        self
    }

    /// Runs the steps. In their configurations `${SCRATCH}` stands for a directory of the workspace.
    ///
    /// # Errors
    /// Says which step went wrong and how.
    pub fn run(self) -> Result<Ran, String> {
        let text = |error: Command| error.to_string();
        let version = Version::of(&self.terraform).map_err(text)?;
        if !self.required.contain(version) {
            return Err(format!("this needs {}, and here is {version}", self.required));
        }
        let mine = |step: &ScenarioStep| self.only.contain(version) && step.versions.contain(version);
        let steps: Vec<bool> = self.steps.iter().map(mine).collect();
        let ran = Ran { version, steps };
        if !ran.steps.contains(&true) {
            return Ok(ran);
        }
        let workspace = Workspace::new(&self.terraform, &self.provider, &self.program).map_err(text)?;
        let mut outcome = Ok(());
        for (index, (step, mine)) in self.steps.iter().zip(&ran.steps).enumerate() {
            if *mine {
                outcome = take(&workspace, step)
                    .map_err(|problem| format!("{version}, step {}: {problem}", index + 1));
            }
            if outcome.is_err() {
                break;
            }
        }
        // Also after a failure: what was made must go.
        let destroyed = workspace.destroy().map_err(text);
        outcome?;
        destroyed?;
        self.gone.iter().try_for_each(|check| check(&workspace))?;
        Ok(ran)
    }
}

fn squeeze(text: &str) -> String {
    // Terraform draws boxes around errors and wraps their lines.
    let plain: String = text
        .chars()
        .map(|c| {
            if matches!(c, '│' | '╷' | '╵') {
                ' '
            } else {
                c
            }
        })
        .collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn take(workspace: &Workspace, step: &ScenarioStep) -> Result<(), String> {
    step.before.iter().try_for_each(|work| work(workspace))?;
    let mut said = String::new();
    let outcome = match &step.kind {
        Kind::Config(hcl) => configured(workspace, step, hcl, &mut said),
        Kind::Generate(hcl) => generated(workspace, step, hcl, &mut said),
        Kind::Import { address, id, ignore } => imported(workspace, address, id, ignore),
        Kind::Query(hcl) => queried(workspace, hcl, &mut said),
        Kind::Refresh => {
            let arguments = [
                "apply",
                "-refresh-only",
                "-auto-approve",
                "-no-color",
                "-input=false",
            ];
            run(workspace, &arguments, &mut said)
        }
        Kind::Destroy => workspace
            .destroy()
            .map(|text| said.push_str(&text))
            .map_err(|error| error.to_string()),
    };
    match (&step.error, outcome) {
        (None, outcome) => outcome?,
        (Some(text), Err(problem)) if squeeze(&problem).contains(&squeeze(text)) => said.push_str(&problem),
        (Some(text), Err(problem)) => return Err(format!("failed without {text:?}:\n{problem}")),
        (Some(text), Ok(())) => return Err(format!("should have failed with {text:?}")),
    }
    let printed = squeeze(&said);
    if let Some(text) = step.says.iter().find(|text| !printed.contains(&squeeze(text))) {
        return Err(format!("it did not say {text:?}:\n{said}"));
    }
    step.checks.iter().try_for_each(|check| check(workspace))
}

fn run(workspace: &Workspace, arguments: &[&str], said: &mut String) -> Result<(), String> {
    let text = workspace.run(arguments).map_err(|error| error.to_string())?;
    said.push_str(&text);
    Ok(())
}

fn with_scratch(workspace: &Workspace, hcl: &str) -> String {
    hcl.replace("${SCRATCH}", &workspace.scratch().display().to_string())
}

fn configured(
    workspace: &Workspace,
    step: &ScenarioStep,
    hcl: &str,
    said: &mut String,
) -> Result<(), String> {
    workspace
        .config(&with_scratch(workspace, hcl))
        .map_err(|error| error.to_string())?;
    applied(workspace, step, said)
}

fn generated(workspace: &Workspace, step: &ScenarioStep, hcl: &str, said: &mut String) -> Result<(), String> {
    workspace
        .config(&with_scratch(workspace, hcl))
        .map_err(|error| error.to_string())?;
    let arguments = [
        "plan",
        "-no-color",
        "-input=false",
        "-generate-config-out=generated.tf",
    ];
    run(workspace, &arguments, said)?;
    applied(workspace, step, said)
}

/// Plans and applies what is there.
fn applied(workspace: &Workspace, step: &ScenarioStep, said: &mut String) -> Result<(), String> {
    let text = |error: Command| error.to_string();
    let plan = workspace.plan(&[]).map_err(text)?;
    said.push_str(&plan.text);
    step.plan_checks.iter().try_for_each(|check| check(&plan))?;
    if step.plan_only {
        return Ok(());
    }
    let apply = ["apply", "-no-color", "-input=false", "saved.tfplan"];
    match &step.interrupt {
        None => run(workspace, &apply, said)?,
        Some(moment) => interrupted(workspace, &apply, moment, said)?,
    }
    if step.non_empty {
        return Ok(());
    }
    for more in [&["-refresh=false"][..], &[]] {
        let again = workspace.plan(more).map_err(text)?;
        if !again.changed().is_empty() {
            return Err(format!("a second plan {more:?} is not empty:\n{}", again.text));
        }
    }
    Ok(())
}

/// Runs a command, and asks it to stop once it has come so far.
fn interrupted(
    workspace: &Workspace,
    arguments: &[&str],
    moment: &Moment,
    said: &mut String,
) -> Result<(), String> {
    let child = workspace.command(arguments).spawn();
    let mut child = child.map_err(|error| error.to_string())?;
    let start = Instant::now();
    let reached = loop {
        if moment(workspace) {
            break true;
        }
        let over = child.try_wait().map_err(|error| error.to_string())?.is_some();
        if over || start.elapsed() > PATIENCE {
            break false;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    if reached {
        // Terraform alone, not its children: what a provider hears of it comes over the protocol.
        let pid = child.id().to_string();
        let sent = std::process::Command::new("kill")
            .args(["-s", "INT", &pid])
            .status();
        if !sent.is_ok_and(|status| status.success()) {
            let _ = child.kill();
        }
    } else {
        let _ = child.kill();
    }
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    let text = super::workspace::both(&output);
    if !reached {
        return Err(format!(
            "it never came to the moment at which it was to be interrupted:\n{text}"
        ));
    }
    if output.status.success() {
        said.push_str(&text);
        return Ok(());
    }
    Err(text)
}

fn queried(workspace: &Workspace, hcl: &str, said: &mut String) -> Result<(), String> {
    let file = workspace.root().join("main.tfquery.hcl");
    std::fs::write(&file, with_scratch(workspace, hcl)).map_err(|error| error.to_string())?;
    let outcome = run(workspace, &["query", "-no-color"], said);
    // Other commands would read it too.
    std::fs::remove_file(&file).map_err(|error| error.to_string())?;
    outcome
}

fn imported(workspace: &Workspace, address: &str, id: &str, ignore: &[String]) -> Result<(), String> {
    let text = |error: Command| error.to_string();
    let before = workspace.state(address).map_err(text)?;
    // The command wants a state in which the object is not there yet.
    let (kept, aside) = (
        workspace.root().join("terraform.tfstate"),
        workspace.scratch().join("aside.tfstate"),
    );
    std::fs::rename(&kept, &aside).map_err(|error| error.to_string())?;
    let outcome = workspace
        .run(&["import", "-no-color", "-input=false", address, id])
        .and_then(|_| workspace.state(address))
        .map_err(text);
    std::fs::rename(&aside, &kept).map_err(|error| error.to_string())?;
    let after = outcome?;
    let names = before.entries().into_iter().flatten().map(|(name, _)| name);
    let differing: Vec<String> = names
        .filter(|name| !ignore.contains(&name.to_string()) && before.get(name) != after.get(name))
        .map(|name| format!("{name}: {:?} became {:?}", before.get(name), after.get(name)))
        .collect();
    if differing.is_empty() {
        Ok(())
    } else {
        Err(format!("the import differs: {}", differing.join("; ")))
    }
}
