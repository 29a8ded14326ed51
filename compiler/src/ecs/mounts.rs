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

/// Whether it is known that an image holds none of a user's files: it is Envoy's own, from whichever registry.
pub fn is_stock(image: &str) -> bool {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    let name = match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    };
    let mut parts = name.rsplit('/');
    let (last, owner) = (parts.next(), parts.next());
    owner == Some("envoyproxy") && last.is_some_and(|last| last == "envoy" || last.starts_with("envoy-"))
}

/// A problem for each file that nothing brings into the container: an error where the task would certainly not run,
/// because its image is Envoy's own and the configuration stands in the task itself; otherwise a warning. `mounted`:
/// the folders that are mounted.
pub(super) fn missing(
    task: &Task<'_>,
    image: Option<&str>,
    mounted: &[String],
    read_only: bool,
) -> Vec<Diagnostic> {
    let alone = matches!(task.delivery, Delivery::Static(_) | Delivery::Ads(_));
    let certain = alone && image.is_some_and(is_stock);
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
    let problem = |(file, all): (&NeededFile, Vec<&NeededFile>)| {
        let folder = file.path.rsplit_once('/').map_or("/", |(folder, _)| folder);
        let help = match file.written {
            true => format!(
                "log to `/dev/stdout`, or mount a volume at `{folder}` in the proxy's container that its user may write to"
            ),
            false => format!(
                "mount a volume with it at `{folder}` in the proxy's container, or name an image that holds it in the \
                 proxy profile (`image`){}",
                match task.delivery {
                    Delivery::Static(_) => "; a static configuration reads certificates once, at its start",
                    _ => "",
                }
            ),
        };
        let message = format!(
            "no volume mounts the {} `{}` into the proxy's container",
            file.what, file.path
        );
        let problem = match certain {
            true => Diagnostic::error(codes::NOT_MOUNTED, message),
            false => Diagnostic::warning(codes::NOT_MOUNTED, message),
        };
        all.into_iter()
            .fold(problem.help(help), |problem, file| problem.at(file.place.clone()))
    };
    told.into_values().map(problem).collect()
}

#[cfg(test)]
mod tests {
    use super::is_stock;

    #[test]
    fn an_image_is_envoys_own_by_its_repository() {
        for image in [
            "envoyproxy/envoy",
            "envoyproxy/envoy:v1.40.0",
            "registry.example:5000/mirror/envoyproxy/envoy:v1.40.0@sha256:00",
            "envoyproxy/envoy-distroless:v1.40.0",
        ] {
            assert!(is_stock(image), "{image}");
        }
        for image in [
            "shop/envoy:1",
            "envoy",
            "registry.example:5000/envoyproxy",
            "envoyproxy/gateway:1",
        ] {
            assert!(!is_stock(image), "{image}");
        }
    }
}
