//! The releases on the way from one set of files to another, as a publisher goes.

use meshform_bundle::layout::{self, Files};
use meshform_bundle::transition::transition;
use meshform_model::digest::Digest;
use std::path::Path;

/// One release on the way.
pub(crate) struct UpdateStage {
    /// What its folder is called.
    pub(crate) digest: String,
    /// The files by their path in that folder.
    pub(crate) files: Files,
}

/// From the files of a step to what was built, which has them under `xds/`.
pub(crate) fn steps(old: &Files, built: &Files) -> Vec<UpdateStage> {
    let new: Files = built
        .iter()
        .filter_map(|(path, content)| Some((path.strip_prefix("xds/")?.to_owned(), content.clone())))
        .collect();
    let resources = |files: &Files| layout::resources(files).unwrap();
    transition(&resources(old), &resources(&new))
        .iter()
        .map(|set| {
            let files = layout::files(set, Path::new("/"));
            UpdateStage {
                digest: Digest::of(format!("{files:?}").as_bytes()).into(),
                files,
            }
        })
        .collect()
}
