//! `meshform release`, `pin`, `unpin`, `history`: what proxies are given, from a store.

mod watch;

use super::quotas::QuotaArgument;
use super::said::{
    CommandReport, MeshArguments, Report, delivery_json, entry_json, only, refused_words, run, short, words,
};
use crate::codes;
use crate::exit::Exit;
use crate::io::Io;
use crate::store;
use meshform_model::diag::Diagnostic;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Release valid meshes to the proxies
#[derive(Debug, clap::Args)]
pub(crate) struct ReleaseArguments {
    #[command(flatten)]
    of: MeshArguments,
    /// Also publish to this directory or bucket; may be given several times
    #[arg(long, value_name = "DIR|URL")]
    publish: Vec<String>,
    #[command(flatten)]
    quotas: QuotaArgument,
    /// Keep running: release and publish what is written to the store, until interrupted
    #[arg(long)]
    watch: bool,
    /// Release nothing; forget a directory or bucket that proxies no longer read, so that `status` and plans no
    /// longer report it as behind. What was published there stays
    #[arg(long, value_name = "DIR|URL", conflicts_with_all = ["watch", "publish"])]
    forget: Option<String>,
}

/// End a pin: let the proxies of a mesh follow releases again, and release what was written meanwhile
#[derive(Debug, clap::Args)]
pub(crate) struct UnpinArguments {
    #[command(flatten)]
    of: MeshArguments,
    /// Also publish to this directory or bucket; may be given several times
    #[arg(long, value_name = "DIR|URL")]
    publish: Vec<String>,
    #[command(flatten)]
    quotas: QuotaArgument,
}

/// Hold the proxies of a mesh at a release of its history
#[derive(Debug, clap::Args)]
pub(crate) struct PinArguments {
    /// The release, or the beginning of it
    release: String,
    #[command(flatten)]
    of: MeshArguments,
    /// Also publish to this directory or bucket; may be given several times
    #[arg(long, value_name = "DIR|URL")]
    publish: Vec<String>,
}

pub(crate) fn release(arguments: &ReleaseArguments, io: &mut Io) -> Exit {
    if let Some(target) = &arguments.forget {
        return forget(arguments, target, io);
    }
    if arguments.watch {
        let followed = arguments.of.open(io).and_then(|store| {
            let releaser = store::releaser(io, Arc::clone(&store), &arguments.publish)?;
            let releaser = releaser.with_rules(arguments.quotas.options());
            watch::follow(&arguments.of, io, &store, &releaser)
        });
        return followed.unwrap_or_else(|problem| Report::of(&arguments.of, Err(problem)).tell(io));
    }
    run(&arguments.of, io, |io, store, meshes| {
        let releaser = store::releaser(io, store, &arguments.publish)?;
        let releaser = releaser.with_rules(arguments.quotas.options()).verifying();
        let mut said = CommandReport::default();
        for mesh in meshes {
            let outcome = store::wait(releaser.release(mesh))?.map_err(|error| store::told(&error))?;
            said.outcome(&releaser, &outcome);
            // "Nothing to release" is to be true of every place where proxies look.
            let behind = store::wait(releaser.behind_elsewhere(mesh))?;
            said.behind(behind.map_err(|error| store::told(&error))?);
        }
        Ok(said)
    })
}

/// Forgets a target in every mesh that remembers it. Its name is that of `meshform status`, or a directory as it is written
/// here.
fn forget(arguments: &ReleaseArguments, target: &str, io: &mut Io) -> Exit {
    run(&arguments.of, io, |io, store, meshes| {
        let releaser = store::releaser(io, store, &[])?;
        let here = store::target(io, target).map(|target| target.name());
        let names: BTreeSet<String> = std::iter::once(target.to_owned()).chain(here.ok()).collect();
        let mut said = CommandReport::default();
        let mut known = BTreeSet::new();
        for mesh in meshes {
            for name in &names {
                match store::wait(releaser.forget(mesh, name))?.map_err(|error| store::told(&error))? {
                    Ok(()) => {
                        said.lines
                            .push(format!("mesh `{mesh}`: {name} is forgotten; its files stay"));
                        said.json.push(json!({"mesh": mesh, "forgotten": name}));
                    }
                    Err(others) => known.extend(others),
                }
            }
        }
        if said.lines.is_empty() {
            let unknown = Diagnostic::error(
                codes::UNKNOWN_TARGET,
                format!("`{target}` is no target that a release was published to"),
            );
            let known: Vec<String> = known.into_iter().collect();
            said.problems.push(match known.as_slice() {
                [] => unknown.help("the store has no publish target"),
                known => unknown.help(format!("known are: {}", known.join(", "))),
            });
        }
        Ok(said)
    })
}

pub(crate) fn unpin(arguments: &UnpinArguments, io: &mut Io) -> Exit {
    run(&arguments.of, io, |io, store, meshes| {
        let releaser = store::releaser(io, store, &arguments.publish)?;
        let releaser = releaser.with_rules(arguments.quotas.options());
        let mut said = CommandReport::default();
        let mesh = only(meshes)?;
        let (was_pinned, outcome) =
            store::wait(releaser.unpin(mesh))?.map_err(|error| store::told(&error))?;
        said.lines.push(match was_pinned {
            true => format!("mesh `{mesh}` is no longer pinned"),
            false => format!("mesh `{mesh}` was not pinned"),
        });
        said.outcome(&releaser, &outcome);
        let behind = store::wait(releaser.behind_elsewhere(mesh))?;
        said.behind(behind.map_err(|error| store::told(&error))?);
        if let Some(fields) = said.json.last_mut().and_then(Json::as_object_mut) {
            fields.insert("wasPinned".to_owned(), json!(was_pinned));
        }
        Ok(said)
    })
}

pub(crate) fn pin(arguments: &PinArguments, io: &mut Io) -> Exit {
    run(&arguments.of, io, |io, store, meshes| {
        let releaser = store::releaser(io, store, &arguments.publish)?;
        let mesh = only(meshes)?;
        let (entry, deliveries) =
            store::wait(releaser.pin(mesh, &arguments.release))?.map_err(|error| store::told(&error))?;
        let mut said = CommandReport {
            lines: vec![format!(
                "mesh `{mesh}`: pinned to {}; `meshform unpin` ends that",
                short(&entry)
            )],
            json: vec![json!({
                "mesh": mesh,
                "pinned": true,
                "release": entry_json(&entry),
                "published": deliveries.iter().map(delivery_json).collect::<Vec<_>>(),
            })],
            problems: Vec::new(),
        };
        said.deliveries(&releaser, mesh, &deliveries);
        Ok(said)
    })
}

pub(crate) fn history(arguments: &MeshArguments, io: &mut Io) -> Exit {
    run(arguments, io, |io, store, meshes| {
        let releaser = store::releaser(io, store, &[])?;
        let mut said = CommandReport::default();
        for mesh in meshes {
            let entries = store::wait(releaser.history(mesh))?.map_err(|error| store::told(&error))?;
            said.lines.push(format!("mesh `{mesh}`"));
            let refusals = store::wait(releaser.all_refusals(mesh))?.map_err(|error| store::told(&error))?;
            for entry in &entries {
                said.lines.push(format!("  {}", words(entry)));
                let refused = refusals.get(&entry.release);
                said.lines.extend(refused.into_iter().flat_map(refused_words));
            }
            if entries.is_empty() {
                said.lines.push("  no release yet".to_owned());
            }
            let listed = entries.iter().map(|entry| {
                let mut listed = entry_json(entry);
                if let (Some(refused), Some(fields)) = (refusals.get(&entry.release), listed.as_object_mut())
                {
                    fields.insert("refused".to_owned(), json!(refused));
                }
                listed
            });
            let listed: Vec<Json> = listed.collect();
            said.json.push(json!({"mesh": mesh, "releases": listed}));
        }
        Ok(said)
    })
}
