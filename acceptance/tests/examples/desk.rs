//! A reader at work: takes a guide, and does what it says, in order.
//!
//! In a guide, a fenced block
//! - `terraform PATH` or `yaml PATH` is a file to write;
//! - `sh` is run by a shell, the same for all blocks; `sh fails` must fail;
//! - `text` is what was said: each of its lines is in the output of the last shell block (`…` stands for anything).
//!
//! The reader's home, Terraform's configuration and plugin folder are a test's own.

use crate::shell::Shell;
use meshform_acceptance::tools;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A reader's desk: an empty home and a directory to work in.
pub(crate) struct Desk {
    folder: tempfile::TempDir,
    /// What stands in the guide, and what is written instead: ports that are free.
    ports: Vec<(String, String)>,
}

/// Whether a program is to be found.
fn on_path(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

struct Block {
    language: String,
    rest: String,
    text: String,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let desk = Self {
            folder,
            ports: Vec::new(),
        };
        for name in ["home", "bin", "work", "notes"] {
            fs::create_dir(desk.path(name)).unwrap();
        }
        desk.program("terraform", &tools::terraform());
        desk.program("meshform", &tools::meshform());
        if !on_path("curl") {
            desk.stand_in_for_curl();
        }
        fs::write(desk.path("home/cli.tfrc"), "disable_checkpoint = true\n").unwrap();
        desk
    }

    /// The guides use curl, as readers do; the tests need no more than what the project needs.
    fn stand_in_for_curl(&self) {
        let script = self.path("notes/curl.py");
        fs::write(&script, include_str!("curl.py")).unwrap();
        let python = tools::python();
        self.script(
            "curl",
            &format!("exec '{}' '{}' \"$@\"", python.display(), script.display()),
        );
    }

    /// With a program on the reader's path. (A script, because some programs look for parts of themselves beside the
    /// name by which they were started.)
    pub(crate) fn program(&self, name: &str, program: &Path) {
        self.script(name, &format!("exec '{}' \"$@\"", program.display()));
    }

    /// Puts a script on the reader's path. What is to be executed is written by a process of its own: were it open for
    /// writing in this one, another test's child could hold it open, and the system would call it busy.
    fn script(&self, name: &str, line: &str) {
        use std::os::unix::fs::PermissionsExt;
        let draft = self.path("notes").join(format!("{name}.draft"));
        fs::write(&draft, format!("#!/bin/sh\n{line}\n")).unwrap();
        fs::set_permissions(&draft, fs::Permissions::from_mode(0o755)).unwrap();
        let copied = Command::new("cp")
            .arg(&draft)
            .arg(self.path("bin").join(name))
            .status()
            .unwrap();
        assert!(copied.success(), "cannot write {name}");
    }

    /// Something answers for hashicorp/aws while a state names it. Its own binary is most of a gigabyte, and Terraform
    /// asks it for no more than a schema.
    pub(crate) fn stand_in_for_aws(&self) {
        let system = match (std::env::consts::OS, std::env::consts::ARCH) {
            (os, "x86_64") => format!("{os}_amd64"),
            (os, "aarch64") => format!("{os}_arm64"),
            (os, arch) => format!("{os}_{arch}"),
        }
        .replace("macos", "darwin");
        let plugins = "home/.terraform.d/plugins/registry.terraform.io/hashicorp/aws/5.100.0";
        let folder = self.path(plugins).join(system);
        fs::create_dir_all(&folder).unwrap();
        symlink(tools::provider(), folder.join("terraform-provider-aws_v5.100.0")).unwrap();
    }

    /// Something answers for the AWS command: it keeps what is deployed, by the stack's name, and gives that back.
    pub(crate) fn stand_in_for_the_aws_command(&self) {
        let script = self.path("notes/aws.py");
        fs::write(&script, include_str!("aws.py")).unwrap();
        let python = tools::python();
        let line = format!("exec '{}' '{}' \"$@\"", python.display(), script.display());
        self.script("aws", &line);
        fs::write(self.path("work/meshform-cfn_linux_arm64.zip"), "an archive").unwrap();
        // Stacks from before, with the template that the guide shows.
        fs::create_dir(self.path("home/stacks")).unwrap();
        let guide = include_str!("../../../docs/guides/from-cloudformation.md");
        let (_, rest) = guide.split_once("cat > shop.yaml <<'END'\n").unwrap();
        let (template, _) = rest.split_once("\nEND").unwrap();
        for name in ["shop", "old-shop"] {
            fs::write(self.path("home/stacks").join(name), template).unwrap();
        }
    }

    /// Installs the provider as a reader would.
    pub(crate) fn install(&self) {
        let (ended_well, said) = self.shell().run("meshform install-provider", false);
        assert!(ended_well, "{said}");
    }

    /// Copies a file, or what a folder holds, of the examples to the work directory.
    pub(crate) fn copy(&self, example: &str) {
        let from = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../examples")
            .join(example);
        match from.is_dir() {
            true => copy(&from, &self.path("work")),
            false => drop(fs::copy(&from, self.path("work").join(example)).unwrap()),
        }
    }

    /// Copies a file of the examples to a place of the work directory.
    pub(crate) fn copy_as(&self, example: &str, to: &str) {
        let from = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../examples")
            .join(example);
        let to = self.path("work").join(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    }

    /// Takes the programs away, and gives their release archives instead.
    pub(crate) fn archives(&self) {
        fs::remove_file(self.path("bin/meshform")).unwrap();
        let version = env!("CARGO_PKG_VERSION");
        for (program, binary, inside) in [
            ("meshform", tools::meshform(), "meshform".to_owned()),
            (
                "terraform-provider-appmesh",
                tools::provider(),
                format!("terraform-provider-appmesh_v{version}"),
            ),
        ] {
            let archive = self
                .path("work")
                .join(format!("{program}_{version}_linux_amd64.zip"));
            let script = "import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1], 'w')\ni = zipfile.ZipInfo(sys.argv[3])\n\
                          i.external_attr = 0o755 << 16\nz.writestr(i, open(sys.argv[2], 'rb').read())\nz.close()\n";
            let packed = Command::new(tools::python())
                .args(["-c", script])
                .args([&archive, &binary, Path::new(&inside)])
                .status()
                .unwrap();
            assert!(packed.success(), "{}", archive.display());
        }
        if !on_path("unzip") {
            self.stand_in_for_unzip();
        }
    }

    /// As much of `unzip` as the guide uses: patterns of archives, and a folder behind `-d`.
    fn stand_in_for_unzip(&self) {
        let script = self.path("notes/unzip.py");
        let text = "import glob, os, sys, zipfile\na = [x for x in sys.argv[1:] if not x.startswith('-')]\n\
                    for path in glob.glob(a[0]):\n    z = zipfile.ZipFile(path)\n    for i in z.infolist():\n        \
                    os.chmod(z.extract(i, a[1]), i.external_attr >> 16)\n";
        fs::write(&script, text).unwrap();
        let python = tools::python();
        self.script(
            "unzip",
            &format!("exec '{}' '{}' \"$@\"", python.display(), script.display()),
        );
    }

    /// Takes free ports in the place of a guide's.
    pub(crate) fn free_ports(&mut self, ports: &[u16]) {
        for port in ports {
            self.port(*port, meshform_acceptance::ports::free().unwrap());
        }
    }

    /// Takes a port on which something listens already in the place of a guide's.
    pub(crate) fn port(&mut self, guide: u16, real: u16) {
        self.ports.push((guide.to_string(), real.to_string()));
    }

    /// Follows a guide from its beginning to its end.
    pub(crate) fn follow(&self, guide: &str) {
        let place = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../docs/guides")
            .join(guide);
        let text = fs::read_to_string(place).unwrap();
        let mut shell = self.shell();
        let mut said = String::new();
        let mut ran = 0;
        for block in blocks(&text) {
            let text = self.with_free_ports(&block.text);
            match block.language.as_str() {
                "terraform" | "yaml" if !block.rest.is_empty() => {
                    let file = self.path("work").join(&block.rest);
                    fs::create_dir_all(file.parent().unwrap()).unwrap();
                    fs::write(file, &text).unwrap();
                }
                "sh" => {
                    let (ended_well, output) = shell.run(&text, block.rest == "fails");
                    assert_eq!(
                        ended_well,
                        block.rest != "fails",
                        "{guide}:\n{text}\nsaid:\n{output}"
                    );
                    said = flat(&output);
                    ran += 1;
                }
                "text" => {
                    for line in text.lines() {
                        assert!(holds(&said, line), "{guide}: `{line}` is not in:\n{said}");
                    }
                }
                _ => {}
            }
        }
        assert!(ran > 3, "{guide} has only {ran} commands");
    }

    /// Runs the commands of a page's blocks that hold `marker`, word for word. What they need lies in the work directory.
    pub(crate) fn run_block(&self, page: &str, marker: &str) {
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(page);
        let text = fs::read_to_string(place).unwrap();
        let mut found = blocks(&text);
        found.retain(|block| block.language == "sh" && block.text.contains(marker));
        assert!(!found.is_empty(), "{page} has no commands with `{marker}`");
        let mut shell = self.shell();
        for block in found {
            // Line by line, so that a failure names the command.
            for line in block.text.lines() {
                let line = self.with_free_ports(line);
                let (ended_well, said) = shell.run(&line, false);
                assert!(ended_well, "{page}: {line}\nsaid:\n{said}");
            }
        }
    }

    /// A file in the work directory.
    pub(crate) fn file(&self, name: &str, text: &str) {
        fs::write(self.path("work").join(name), text).unwrap();
    }

    /// A file that the work has made.
    pub(crate) fn made(&self, name: &str) -> String {
        fs::read_to_string(self.path("work").join(name)).unwrap_or_default()
    }

    /// The reader's shell, in the work directory.
    fn shell(&self) -> Shell {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut shell = Command::new("sh");
        shell.current_dir(self.path("work"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TF_") || name == "CI") {
            shell.env_remove(name);
        }
        shell
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("HOME", self.path("home"))
            .env("TF_CLI_CONFIG_FILE", self.path("home/cli.tfrc"))
            .env("TF_CLI_ARGS", "-no-color")
            .env("TF_CLI_ARGS_apply", "-no-color -auto-approve")
            .env("TF_INPUT", "0")
            .env_remove("XDG_DATA_HOME")
            .env_remove("XDG_DATA_DIRS");
        Shell::start(&mut shell, &self.path("notes"))
    }

    /// The text with each number that is a guide's port replaced: whole numbers, each once.
    fn with_free_ports(&self, text: &str) -> String {
        let is_digit = |c: char| c.is_ascii_digit();
        let mut replaced = String::new();
        let mut rest = text;
        while let Some(start) = rest.find(is_digit) {
            let (before, from) = rest.split_at(start);
            let (number, after) = from.split_at(from.find(|c| !is_digit(c)).unwrap_or(from.len()));
            let free = self.ports.iter().find(|(guide, _)| guide == number);
            replaced.push_str(before);
            replaced.push_str(free.map_or(number, |(_, free)| free));
            rest = after;
        }
        replaced + rest
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// What a guide starts beside the reader, it notes in files that end in `.pid`.
impl Drop for Desk {
    fn drop(&mut self) {
        let entries = fs::read_dir(self.path("work")).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()) {
            if path.extension().is_some_and(|extension| extension == "pid") {
                let id = fs::read_to_string(path).unwrap_or_default();
                let mut end = Command::new("kill");
                end.arg(id.trim()).stdout(Stdio::null()).stderr(Stdio::null());
                let _ = end.status();
            }
        }
    }
}

fn blocks(text: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        match line.strip_prefix("```") {
            Some(_) if open => open = false,
            Some(info) => {
                let (language, rest) = info.split_once(' ').unwrap_or((info, ""));
                found.push(Block {
                    language: language.to_owned(),
                    rest: rest.to_owned(),
                    text: String::new(),
                });
                open = true;
            }
            None if open => {
                let block = found.last_mut().unwrap();
                block.text.push_str(line);
                block.text.push('\n');
            }
            None => {}
        }
    }
    found
}

/// White space and the bars of Terraform's messages as one blank, however they were wrapped.
fn flat(text: &str) -> String {
    let text = text.replace(['│', '╷', '╵'], " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn holds(said: &str, line: &str) -> bool {
    let mut rest = said;
    for part in line.split('…').map(flat) {
        match rest.find(&part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}

#[test]
fn a_line_with_gaps_is_found_in_order_only() {
    assert!(holds(
        "installed /a/b/provider_v1 done",
        "installed … provider_v…"
    ));
    assert!(!holds("provider_v1 installed", "installed … provider_v…"));
}
