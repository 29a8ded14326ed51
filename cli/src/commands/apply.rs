//! `meshform apply`: any form brought to a store, and from there to the proxies.
//!
//! It keeps the promise of Terraform's apply: when it ends with status 0, what it wrote is released and published.

mod plan;
mod report;
#[cfg(test)]
mod tests;

use super::drafts;
use super::load::{Loaded, load};
use super::quotas::QuotaArgument;
use super::said::CommandReport;
use crate::codes;
use crate::exit::Exit;
use crate::input::InputArguments;
use crate::io::Io;
use crate::render::{self, FormatArgument};
use crate::store::{self, StoreArgument};
use meshform_model::diag::{Diagnostic, Sources, has_errors};
use meshform_model::key::ResourceKey;
use meshform_registry::{Policy, Registry, Update};
use meshform_release::{EnvoyBuilder, HoldPolicy, Releaser};
use meshform_store::{Author, Created, Prefix, Store};
use plan::{ApplyStep, Plan, Todo};
use std::sync::Arc;

/// Write the resources of any input form to a store, and release them to the proxies
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    store: StoreArgument,
    /// The owner of the resources; those of other owners are not changed
    #[arg(long, value_name = "NAME", value_parser = super::readable::name)]
    owner: String,
    /// Also delete this owner's resources that are not in the input, in any mesh or in that of `--mesh`
    #[arg(long)]
    prune: bool,
    /// Write nothing, only show what would be done
    #[arg(long)]
    dry_run: bool,
    /// Also publish to this directory or bucket; may be given several times
    #[arg(long, value_name = "DIR|URL")]
    publish: Vec<String>,
    #[command(flatten)]
    quotas: QuotaArgument,
    #[command(flatten)]
    format: FormatArgument,
}

/// What was done, or would be.
#[derive(Default)]
struct ApplyReport {
    steps: Vec<ApplyStep>,
    /// Whether the steps were done; not so with `--dry-run`.
    wrote: bool,
    /// What the store has of this owner, and the input lacks.
    left: Vec<ResourceKey>,
    releases: CommandReport,
}

pub(crate) fn run(arguments: &Arguments, io: &mut Io) -> Exit {
    if arguments.input.paths.is_empty() {
        io.tell("error: nothing to apply; give files or folders, or `-` for standard input\n");
        return Exit::WrongUse;
    }
    // A store that is forgotten would look as if nothing had ever been there.
    if arguments.store.is_default() && meshform_store::location::in_ci(|name| io.var(name)) {
        let problem = Diagnostic::error(
            meshform_store::codes::EMBEDDED_IN_CI,
            "in CI the default store would be lost with the runner's disk",
        );
        let problem = problem.help("choose a store that survives the run: `--store s3://BUCKET/PREFIX`");
        render::tell(io, &Sources::default(), &[problem]);
        return Exit::WrongUse;
    }
    let Some(mut loaded) = load(&arguments.input, io) else {
        return Exit::WrongUse;
    };
    loaded.demand_values();
    if arguments.prune && loaded.resources.is_empty() {
        loaded.add(vec![
            Diagnostic::error(
                codes::EMPTY_PRUNE,
                "the input holds no resource, so everything would be deleted",
            )
            .help(
                "check the path of the input; to delete everything on purpose, give an input with only the \
                       mesh, or run `terraform destroy`",
            ),
        ]);
    }
    let mut done = None;
    if !has_errors(&loaded.problems) {
        let applied = store::wait(apply(arguments, io, &mut loaded)).and_then(|applied| applied);
        match applied {
            Ok(applied) => done = Some(applied),
            Err(problem) => loaded.add(vec![*problem]),
        }
    }
    report::report(arguments, io, &loaded, done.as_ref())
}

type Problem = Box<Diagnostic>;

async fn apply(arguments: &Arguments, io: &Io, loaded: &mut Loaded) -> Result<ApplyReport, Problem> {
    let seed = drafts::seed(&loaded.resources);
    let store = store::open_or_create(io, &arguments.store.store, &seed);
    let store = store.map_err(|error| Box::new(error.diagnostic()))?;
    apply_to(&store, arguments, io, loaded).await
}

async fn apply_to(
    store: &Arc<dyn Store>,
    arguments: &Arguments,
    io: &Io,
    loaded: &mut Loaded,
) -> Result<ApplyReport, Problem> {
    let prefix = arguments
        .input
        .mesh
        .as_deref()
        .map_or_else(Prefix::all, Prefix::mesh);
    let listing = store
        .list(&prefix)
        .await
        .map_err(|error| Box::new(error.diagnostic()))?;
    let plan = Plan::new(&loaded.resources, listing.records, &arguments.owner);
    let refused = loaded.placed(plan.refused());
    let writes = refused.is_empty() && !arguments.dry_run;
    loaded.add(refused);
    if !writes {
        let foreseen = plan.foreseen(arguments.prune, &arguments.quotas.options());
        let foreseen = loaded.placed(foreseen);
        loaded.add(foreseen);
        return Ok(ApplyReport {
            steps: plan.steps(arguments.prune),
            left: plan.left(arguments.prune),
            wrote: false,
            releases: CommandReport::default(),
        });
    }
    let mut author = Author {
        owner: arguments.owner.clone(),
        ..store::author(io)
    };
    let run = match plan.is_idle(arguments.prune) {
        true => None,
        false => {
            let run = store.open_run(&author.actor).await;
            Some(run.map_err(|error| Box::new(error.diagnostic()))?)
        }
    };
    author.run.clone_from(&run);
    let registry = Registry::new(Arc::clone(store));
    let steps = write(arguments, &plan, &registry, &author, loaded).await;
    // From here on something is written, which is told whatever comes.
    let releaser = Releaser::new(Arc::clone(store), Arc::new(EnvoyBuilder), author)
        .with_views(Arc::clone(registry.views()));
    let releases = release(arguments, io, releaser, &plan).await;
    let releases = releases.unwrap_or_else(|problem| {
        loaded.add(vec![*problem]);
        CommandReport::default()
    });
    if let Some(run) = &run
        && let Err(error) = store.close_run(run).await
    {
        loaded.add(vec![error.diagnostic()]);
    }
    Ok(ApplyReport {
        steps,
        left: plan.left(arguments.prune),
        wrote: true,
        releases,
    })
}

/// Writes one after the other. What cannot be written is a problem, and does not keep the rest.
async fn write(
    arguments: &Arguments,
    plan: &Plan,
    registry: &Registry,
    author: &Author,
    loaded: &mut Loaded,
) -> Vec<ApplyStep> {
    let mut steps = plan.steps(arguments.prune);
    for step in &mut steps {
        let written = one(plan, registry, author, step).await;
        if let Err(error) = written {
            step.todo = Todo::Failed;
            let problems = loaded.placed(error.diagnostics());
            loaded.add(problems);
        }
    }
    steps
}

async fn one(
    plan: &Plan,
    registry: &Registry,
    author: &Author,
    step: &mut ApplyStep,
) -> meshform_registry::Result<()> {
    let policy = Policy::default();
    match &step.todo {
        Todo::Create => {
            let Some(draft) = plan.draft(&step.key) else {
                return Ok(());
            };
            if let Created::Adopted(_) = registry.create(draft, author).await? {
                step.todo = Todo::Keep;
            }
        }
        Todo::Update(_) => {
            let (Some(mut draft), Some(record)) = (plan.draft(&step.key), plan.record(&step.key)) else {
                return Ok(());
            };
            // It has an identity already, whatever the form brings.
            draft.imported = meshform_store::ImportedIdentity::default();
            let update = Update {
                draft,
                seen: Some(record.revision),
                base: || None,
            };
            registry.update(update, author, &policy).await?;
        }
        Todo::Delete => {
            let seen = plan.record(&step.key).map(|record| record.revision);
            registry.delete(&step.key, seen, author, &policy).await?;
        }
        Todo::Keep | Todo::Refused | Todo::Failed => {}
    }
    Ok(())
}

/// Releases every mesh that was looked at, also where nothing was written: what an earlier run could not publish is
/// published now.
async fn release(
    arguments: &Arguments,
    io: &Io,
    releaser: Releaser,
    plan: &Plan,
) -> Result<CommandReport, Problem> {
    let mut releaser = releaser.with_rules(arguments.quotas.options());
    for name in &arguments.publish {
        releaser = releaser.publish_to(store::target(io, name)?);
    }
    let mut said = CommandReport::default();
    for mesh in plan.meshes(arguments.prune) {
        let outcome = releaser.follow(mesh, HoldPolicy::Over).await;
        said.outcome(&releaser, &outcome.map_err(|error| store::told(&error))?);
        // Success says that every proxy has it, also where others publish.
        let behind = releaser.behind_elsewhere(mesh).await;
        said.behind(behind.map_err(|error| store::told(&error))?);
    }
    Ok(said)
}
