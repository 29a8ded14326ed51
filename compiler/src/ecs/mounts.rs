//! Files that the proxy's configuration names, held against what its container mounts: Envoy ends at once when one is
//! missing, and ECS says no more than that the container is not healthy.

use super::{Delivery, NeededFile, Task, codes};
use meshform_model::diag::Diagnostic;
use std::collections::BTreeMap;

/// What every container has: devices and processes come from the container runtime.
const ALWAYS: [&str; 2] = ["/dev", "/proc"];
/// What everybody may write to where the root file system is not read-only.
const TEMPORARY: [&str; 2] = ["/tmp", "/var/tmp"];

/// Whether a path is the folder or lies in it.
fn within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder.trim_end_matches('/'))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a file is written to where images let everybody write.
pub(super) fn is_temporary(file: &NeededFile) -> bool {
    file.written && TEMPORARY.iter().any(|folder| within(&file.path, folder))
}

/// A warning for each file that nothing brings into the container. `mounted`: the folders that are mounted.
pub(super) fn missing(task: &Task<'_>, mounted: &[String], read_only: bool) -> Vec<Diagnostic> {
    // A file is reported once, with every field that names it.
    let mut told: BTreeMap<&str, (&NeededFile, Vec<&NeededFile>)> = BTreeMap::new();
    for file in task.files {
        let there = ALWAYS.iter().any(|folder| within(&file.path, folder))
            || mounted.iter().any(|folder| within(&file.path, folder))
            || (!read_only && is_temporary(file));
        if !there {
            told.entry(&file.path).or_insert((file, Vec::new())).1.push(file);
        }
    }
    let warning = |(file, all): (&NeededFile, Vec<&NeededFile>)| {
        let folder = file.path.rsplit_once('/').map_or("/", |(folder, _)| folder);
        let help = match file.written {
            true => format!(
                "log to `/dev/stdout`, or mount a volume at `{folder}` in the proxy's container that its user may write to"
            ),
            false => format!(
                "mount a volume with it at `{folder}` in the proxy's container, or use an image that holds it{}",
                match task.delivery {
                    Delivery::Static(_) => "; a static configuration reads certificates once, at its start",
                    _ => "",
                }
            ),
        };
        let warning = Diagnostic::warning(
            codes::NOT_MOUNTED,
            format!(
                "no volume brings the {} `{}` to the proxy's container",
                file.what, file.path
            ),
        )
        .help(help);
        all.into_iter()
            .fold(warning, |warning, file| warning.at(file.place.clone()))
    };
    told.into_values().map(warning).collect()
}
