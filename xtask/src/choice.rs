//! Which parts of a task are done: `--only NAME`, as often as wanted or with commas, and `--list`.

use crate::failure::{Failure, Result};

/// A part that has a name.
pub(crate) trait Part {
    fn name(&self) -> &'static str;
}

/// The parts to do, in their order; nothing when they are only to be listed. `task` is its name, `noun` what its parts are.
pub(crate) fn chosen<P: Part>(
    task: &str,
    noun: &str,
    all: &'static [P],
    arguments: &[String],
) -> Result<Option<Vec<&'static P>>> {
    let mut names = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--list" => return Ok(None),
            "--only" => {
                let name = rest
                    .next()
                    .ok_or_else(|| Failure::new(format!("--only needs the name of a {noun}")))?;
                names.extend(name.split(','));
            }
            other => {
                return Err(
                    Failure::new(format!("`{other}` is not understood")).help("see `cargo xtask help`")
                );
            }
        }
    }
    let known = |name: &&str| all.iter().any(|part| part.name() == *name);
    if let Some(name) = names.iter().find(|name| !known(name)) {
        return Err(Failure::new(format!("there is no {noun} `{name}`"))
            .help(format!("`cargo xtask {task} --list` names them")));
    }
    let is_chosen = |part: &&P| names.is_empty() || names.contains(&part.name());
    Ok(Some(all.iter().filter(is_chosen).collect()))
}
