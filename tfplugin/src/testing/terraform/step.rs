//! What to do in a step of a scenario, and what must be true of it.

use std::path::{Path, PathBuf};

use super::programs::Versions;
use super::workspace::{Plan, Workspace};
use crate::testing::Action;
use crate::value::Value;

pub(super) type Check = Box<dyn Fn(&Workspace) -> Result<(), String> + Send + Sync>;
pub(super) type PlanCheck = Box<dyn Fn(&Plan) -> Result<(), String> + Send + Sync>;
pub(super) type Moment = Box<dyn Fn(&Workspace) -> bool + Send + Sync>;

pub(super) enum Kind {
    Config(String),
    Generate(String),
    Import {
        address: String,
        id: String,
        ignore: Vec<String>,
    },
    Query(String),
    Refresh,
    Destroy,
}

/// One step of a scenario.
pub struct ScenarioStep {
    pub(super) kind: Kind,
    pub(super) before: Vec<Check>,
    pub(super) plan_checks: Vec<PlanCheck>,
    pub(super) checks: Vec<Check>,
    pub(super) error: Option<String>,
    pub(super) says: Vec<String>,
    pub(super) interrupt: Option<Moment>,
    pub(super) plan_only: bool,
    pub(super) non_empty: bool,
    pub(super) versions: Versions,
}

impl ScenarioStep {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            before: Vec::new(),
            plan_checks: Vec::new(),
            checks: Vec::new(),
            error: None,
            says: Vec::new(),
            interrupt: None,
            plan_only: false,
            non_empty: false,
            versions: Versions::ANY,
        }
    }

    /// Plans and applies a configuration. Afterwards a plan without and one with refresh must be empty.
    pub fn config(hcl: impl Into<String>) -> Self {
        Self::new(Kind::Config(hcl.into()))
    }

    /// Takes a configuration of `import` blocks, lets Terraform generate the resources for it (`plan
    /// -generate-config-out`), and then goes on as [`ScenarioStep::config`] with both.
    pub fn generate(hcl: impl Into<String>) -> Self {
        Self::new(Kind::Generate(hcl.into()))
    }

    /// Imports an object that an earlier step made into an empty state, and compares all attributes.
    pub fn import(address: impl Into<String>, id: impl Into<String>) -> Self {
        Self::new(Kind::Import {
            address: address.into(),
            id: id.into(),
            ignore: Vec::new(),
        })
    }

    /// Lists objects (`terraform query`, 1.14 and later) with these `list` blocks, beside the configuration of the step
    /// before.
    pub fn query(hcl: impl Into<String>) -> Self {
        Self::new(Kind::Query(hcl.into())).only(Versions::since(1, 14).terraform_only())
    }

    /// Reads everything again, and writes the state (`apply -refresh-only`).
    pub fn refresh() -> Self {
        Self::new(Kind::Refresh)
    }

    /// Removes everything; for a destroy that must fail, as the end of the scenario removes everything anyway.
    pub fn destroy() -> Self {
        Self::new(Kind::Destroy)
    }

    /// An import need not bring this attribute.
    #[must_use]
    pub fn ignore(mut self, attribute: &str) -> Self {
        if let Kind::Import { ignore, .. } = &mut self.kind {
            ignore.push(attribute.into());
        }
        self
    }

    /// Something to do before the step.
    #[must_use]
    pub fn before(mut self, work: impl Fn(&Workspace) -> Result<(), String> + Send + Sync + 'static) -> Self {
        self.before.push(Box::new(work));
        self
    }

    /// From this step on the provider is another build of it, as when a user takes a new version.
    #[must_use]
    pub fn program(self, program: impl AsRef<Path>) -> Self {
        let program: PathBuf = program.as_ref().to_path_buf();
        self.before(move |workspace| workspace.install(&program).map_err(|error| error.to_string()))
    }

    /// Interrupts Terraform's apply, as Ctrl-C does, as soon as this is so.
    #[must_use]
    pub fn interrupt_when(mut self, moment: impl Fn(&Workspace) -> bool + Send + Sync + 'static) -> Self {
        self.interrupt = Some(Box::new(moment));
        self
    }

    /// The plan must do this to an object.
    #[must_use]
    pub fn plans(self, address: &str, action: Action) -> Self {
        let address = address.to_owned();
        self.plan_check(move |plan| match plan.action(&address) {
            Some(found) if found == action => Ok(()),
            found => Err(format!(
                "{address}: planned {found:?}, not {action:?}\n{}",
                plan.text
            )),
        })
    }

    /// A check of the plan.
    #[must_use]
    pub fn plan_check(mut self, check: impl Fn(&Plan) -> Result<(), String> + Send + Sync + 'static) -> Self {
        self.plan_checks.push(Box::new(check));
        self
    }

    /// An attribute must have this value afterwards, also when the step failed as it must.
    #[must_use]
    pub fn state(self, address: &str, path: &str, value: impl Into<Value>) -> Self {
        let (address, path, value) = (address.to_owned(), crate::Path::from(path), value.into());
        self.check(move |workspace| {
            let state = workspace.state(&address).map_err(|error| error.to_string())?;
            let found = state.at(&path).unwrap_or(&Value::Null);
            if *found == value {
                Ok(())
            } else {
                Err(format!("{address}.{path} is {found:?}, not {value:?}"))
            }
        })
    }

    /// The object must be in the state afterwards and be marked to be made anew, or not.
    #[must_use]
    pub fn tainted(self, address: &str, tainted: bool) -> Self {
        let address = address.to_owned();
        self.check(move |workspace| {
            let found = workspace.tainted(&address).map_err(|error| error.to_string())?;
            if found == Some(tainted) {
                return Ok(());
            }
            Err(match found {
                None => format!("{address} is not in the state"),
                Some(true) => format!("{address} is tainted"),
                Some(false) => format!("{address} is not tainted"),
            })
        })
    }

    /// A check after the step, also when it failed as it must.
    #[must_use]
    pub fn check(mut self, check: impl Fn(&Workspace) -> Result<(), String> + Send + Sync + 'static) -> Self {
        self.checks.push(Box::new(check));
        self
    }

    /// The step must fail with this text; any run of spaces and line breaks counts as one space.
    #[must_use]
    pub fn fails(mut self, text: impl Into<String>) -> Self {
        self.error = Some(text.into());
        self
    }

    /// What Terraform prints must have this text in it, such as a warning or an object that was listed; any run of
    /// spaces and line breaks counts as one space.
    #[must_use]
    pub fn says(mut self, text: impl Into<String>) -> Self {
        self.says.push(text.into());
        self
    }

    /// Nothing is applied.
    #[must_use]
    pub fn plan_only(mut self) -> Self {
        self.plan_only = true;
        self
    }

    /// The plans afterwards need not be empty.
    #[must_use]
    pub fn changes_again(mut self) -> Self {
        self.non_empty = true;
        self
    }

    /// Left out with other versions.
    #[must_use]
    pub fn only(mut self, versions: Versions) -> Self {
        self.versions = versions;
        self
    }
}
