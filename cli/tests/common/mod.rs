//! What the tests of the command need: a folder with inputs, and commands told in process.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    dead_code,
    reason = "tests, of which each uses a part"
)]

pub(crate) mod ecs;

use meshform::Exit;
use meshform::io::Io;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// A stream that a test looks into.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

pub(crate) struct Ran {
    pub(crate) exit: Exit,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Everything, for a snapshot.
    pub(crate) fn all(&self) -> String {
        format!(
            "exit {}\n--- out\n{}--- err\n{}",
            self.exit.code(),
            self.out,
            self.err
        )
    }
}

/// A folder with inputs, in which commands run.
pub(crate) struct World {
    folder: tempfile::TempDir,
    pub(crate) env: BTreeMap<String, String>,
}

impl World {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let world = Self {
            folder,
            env: BTreeMap::new(),
        };
        for (name, text) in files {
            world.write(name, text);
        }
        world
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, "")
    }

    pub(crate) fn run_with(&self, arguments: &[&str], stdin: &str) -> Ran {
        let (out, err) = (Buffer::default(), Buffer::default());
        let mut io = Io {
            stdin: Box::new(std::io::Cursor::new(stdin.as_bytes().to_vec())),
            stdout: Box::new(out.clone()),
            stderr: Box::new(err.clone()),
            env: self.env.clone(),
            directory: self.path().to_owned(),
            program: Some(self.path().join("bin/meshform")),
            manner: meshform::io::OutputStyle::default(),
            lost: None,
        };
        let arguments = std::iter::once("meshform").chain(arguments.iter().copied());
        let exit = meshform::run(arguments.map(Into::into).collect(), &mut io);
        let shown = |buffer: &Buffer| {
            buffer
                .text()
                .replace(&self.path().display().to_string(), "<folder>")
        };
        Ran {
            exit,
            out: shown(&out),
            err: shown(&err),
        }
    }
}
