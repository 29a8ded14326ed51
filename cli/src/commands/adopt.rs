//! `meshform adopt`: from any form into a store, with the identity that the form knows.

mod report;

use super::drafts;
use super::load::{Loaded, load, load_text};
use crate::api::Api;
use crate::codes;
use crate::exit::Exit;
use crate::input::InputArguments;
use crate::io::Io;
use crate::render::{self, DocumentFormat};
use crate::store::{self, StoreArgument};
use meshform_model::diag::{Diagnostic, Sources, has_errors};
use meshform_model::resource::Resource;
use meshform_registry::{Adoption, Registry};
use meshform_store::Author;
use serde_json::Value as Json;

/// Write what any input form holds into a store, with ARN, uid, owner and dates where the form has them
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    store: StoreArgument,
    /// The owner that the records get: the provider's `owner` argument, so that an apply may change them
    #[arg(long, value_name = "NAME", value_parser = super::readable::name, default_value = "terraform")]
    owner: String,
    /// Adopt all that a server of the App Mesh API has, such as another `meshform serve`; requests are signed with
    /// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
    #[arg(long, value_name = "URL", conflicts_with = "paths")]
    from_api: Option<String>,
    /// Write nothing, only show what would be written
    #[arg(long)]
    dry_run: bool,
    /// The form of the report, on standard output
    #[arg(long, value_enum, default_value = "text")]
    format: DocumentFormat,
}

pub(crate) fn run(arguments: &Arguments, io: &mut Io) -> Exit {
    if arguments.input.paths.is_empty() && arguments.from_api.is_none() {
        io.tell("error: nothing to adopt; give files or folders, or `-` for standard input\n");
        return Exit::WrongUse;
    }
    let loaded = match &arguments.from_api {
        None => load(&arguments.input, io),
        Some(url) => from_api(url, &arguments.input, io),
    };
    let Some(mut loaded) = loaded else {
        return Exit::WrongUse;
    };
    loaded.demand_values();
    let mut fates = Vec::new();
    if !has_errors(&loaded.problems) {
        match store::wait(adopt(arguments, io, &loaded.resources)) {
            Ok(Ok((done, problems))) => {
                fates = done;
                let problems = loaded.placed(problems);
                loaded.add(problems);
            }
            Ok(Err(error)) => loaded.problems.extend(error.diagnostics()),
            Err(problem) => loaded.problems.push(*problem),
        }
    }
    report::report(arguments.format, io, &loaded, &fates)
}

/// What the API has no words for, so that nobody takes a copy for the whole.
const NOT_TOLD: &str = "note: the App Mesh API returns no proxy profiles, no other extensions and no owners: \
                        adopted resources belong to `--owner`, and profiles have to be written again\n";

/// What a server of the API has. `None` where it cannot be asked; that has been told.
fn from_api(url: &str, input: &InputArguments, io: &mut Io) -> Option<Loaded> {
    let everything = Api::new(io, url)
        .and_then(|api| store::wait(async move { api.everything(input.mesh.as_deref()).await })?);
    match everything {
        Ok(found) if found.is_empty() => {
            let of = input
                .mesh
                .as_ref()
                .map(|mesh| format!(" `{mesh}`"))
                .unwrap_or_default();
            let problem = Diagnostic::error(codes::NOT_THERE, format!("{url} has no mesh{of} that may be read"))
                .help("look at its meshes with `aws appmesh list-meshes --endpoint-url URL`; a key may be for one mesh only");
            render::tell(io, &Sources::default(), &[problem]);
            None
        }
        Ok(found) => {
            io.tell(NOT_TOLD);
            load_text(url, &Json::Array(found).to_string(), input, io)
        }
        Err(problem) => {
            render::tell(io, &Sources::default(), &[*problem]);
            None
        }
    }
}

type Adoptions = (Vec<(Resource, Adoption)>, Vec<Diagnostic>);

async fn adopt(
    arguments: &Arguments,
    io: &Io,
    resources: &[Resource],
) -> meshform_registry::Result<Adoptions> {
    // A store that is made now goes on with the account and region of what it takes over.
    let store = store::open_or_create(io, &arguments.store.store, &drafts::seed(resources))?;
    let mut author = Author {
        owner: arguments.owner.clone(),
        ..store::author(io)
    };
    let run = match arguments.dry_run {
        true => None,
        false => Some(store.open_run(&author.actor).await?),
    };
    author.run.clone_from(&run);
    let result = each(arguments, &Registry::new(store.clone()), &author, resources).await;
    if let Some(run) = &run {
        store.close_run(run).await?;
    }
    result
}

async fn each(
    arguments: &Arguments,
    registry: &Registry,
    author: &Author,
    resources: &[Resource],
) -> meshform_registry::Result<Adoptions> {
    let (mut done, mut problems) = (Vec::new(), Vec::new());
    for resource in drafts::sorted(resources) {
        let draft = meshform_registry::draft(resource);
        let (adoption, found) = registry.adopt(draft, author, arguments.dry_run).await?;
        problems.extend(found);
        done.push((resource.clone(), adoption));
    }
    Ok((done, problems))
}
