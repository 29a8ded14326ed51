//! `meshform console`: the console as pages in a folder.

use super::load::load;
use crate::codes;
use crate::exit::Exit;
use crate::input::InputArguments;
use crate::io::Io;
use crate::output::{self, Files};
use crate::render;
use crate::store;
use crate::store::FromStoreArgument;
use meshform_console::{Site, View, files};
use meshform_model::diag::{Diagnostic, Sources, has_errors};
use meshform_model::mesh::Mesh;
use meshform_model::rules::Options as Rules;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Write the console as static pages: the graph, proxies, releases, resources, certificates
///
/// Of files there are no releases and no running proxies. The pages load nothing from elsewhere; open `index.html`. A mesh
/// with errors has its pages too, with the errors in them; the exit status is then 1, as it is when a part of the input
/// could not be read.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    from: FromStoreArgument,
    /// The folder to write to; files of an earlier run that are no longer made are removed
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

type Problem = Box<Diagnostic>;

pub(crate) fn run(arguments: &Arguments, io: &mut Io) -> Exit {
    let mut made = Files::default();
    let done = if arguments.input.paths.is_empty() {
        of_store(arguments, io, &mut made).map(|problems| {
            render::tell(io, &Sources::default(), &problems);
            match has_errors(&problems) {
                true => Exit::Found,
                false => Exit::Fine,
            }
        })
    } else {
        let Some(mut loaded) = load(&arguments.input, io) else {
            return Exit::WrongUse;
        };
        let refused = has_errors(&loaded.problems);
        let meshes = loaded.meshes(&Rules::default());
        render::tell(io, &loaded.reading.sources, &loaded.problems);
        if refused && meshes.is_empty() {
            return Exit::Found;
        }
        of_files(meshes, &loaded.problems, &mut made).map(|()| loaded.exit())
    };
    let written = done.and_then(|exit| {
        let changed = output::write(&io.path(&arguments.out), &made).map_err(Box::new)?;
        Ok((exit, changed))
    });
    match written {
        Ok((exit, changed)) => {
            io.print(&format!(
                "{} files in {}, {changed} changed\n",
                made.len(),
                arguments.out.display()
            ));
            exit
        }
        Err(problem) => render::refused(io, *problem),
    }
}

fn of_files(meshes: Vec<Mesh>, problems: &[Diagnostic], made: &mut Files) -> Result<(), Problem> {
    let views = meshes.into_iter().map(|mesh| {
        let of = |problem: &&Diagnostic| {
            let key = problem.places.first().and_then(|place| place.resource.as_ref());
            key.is_none_or(|key| key.mesh == mesh.name())
        };
        let own = problems.iter().filter(of).cloned().collect();
        View::of_files(mesh, own)
    });
    let views: Vec<View> = views.collect();
    store::wait(files(&views, None, &mut |path, text| {
        made.file(path, text);
        Ok(())
    }))?
}

/// Gives what is wrong with the meshes of the store.
fn of_store(arguments: &Arguments, io: &Io, made: &mut Files) -> Result<Vec<Diagnostic>, Problem> {
    let name = arguments
        .from
        .name()
        .unwrap_or(Path::new(meshform_store::DEFAULT_LOCATION));
    let opened = store::open(io, name)?;
    let site = Site::new(Arc::clone(&opened), store::releaser(io, opened, &[])?);
    store::wait(async {
        let mut views = Vec::new();
        let asked = arguments.input.mesh.as_ref();
        let mut meshes = site.meshes().await?;
        meshes.retain(|mesh| asked.is_none_or(|asked| asked == mesh));
        for mesh in &meshes {
            views.extend(site.view(mesh, Vec::new()).await?);
        }
        if let (Some(asked), true) = (asked, views.is_empty()) {
            let message = format!("the store has no mesh `{asked}`");
            return Err(Box::new(Diagnostic::error(codes::NOT_THERE, message)));
        }
        files(&views, Some(&site), &mut |path, text| {
            made.file(path, text);
            Ok(())
        })
        .await?;
        let problems = views
            .iter()
            .flat_map(|view| view.records.problems.iter().cloned());
        Ok(problems.collect())
    })?
}
