//! The files, read and compiled once. What a file gets wrong is reported by [`problems`], which a test holds empty.

use super::build::{Compiler, Located, any};
use super::generated::FILES;
use super::raw::RawSchema;
use super::{ByDialect, KindSchema, SchemaNode};
use crate::kind::Kind;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The file that describes no kind, but what runs beside proxies.
const WORKLOADS: &str = "workload.json";

pub(super) struct Compiled {
    kinds: BTreeMap<Kind, KindSchema>,
    workloads: &'static SchemaNode,
    nothing: KindSchema,
    problems: Vec<String>,
}

pub(super) fn compiled() -> &'static Compiled {
    static COMPILED: OnceLock<Compiled> = OnceLock::new();
    COMPILED.get_or_init(|| {
        let mut problems = Vec::new();
        let mut files = BTreeMap::new();
        for (name, text) in FILES.iter().filter(|(name, _)| *name != "meta.json") {
            match serde_json::from_str::<RawSchema>(text) {
                Ok(schema) => drop(files.insert(*name, schema)),
                Err(error) => problems.push(format!("{name}: {error}")),
            }
        }
        run(&files, problems)
    })
}

/// What is wrong with the embedded files; empty, as a test holds.
pub fn problems() -> &'static [String] {
    &compiled().problems
}

impl Compiled {
    pub(super) fn kind(&self, kind: Kind) -> &KindSchema {
        self.kinds.get(&kind).unwrap_or(&self.nothing)
    }

    pub(super) fn workloads(&self) -> &'static SchemaNode {
        self.workloads
    }
}

/// Compiles the files that were read.
fn run(files: &BTreeMap<&str, RawSchema>, problems: Vec<String>) -> Compiled {
    let mut compiler = Compiler::new(files, problems);
    let mut kinds = BTreeMap::new();
    for (file, schema) in files {
        let Some(raw) = &schema.x_kind else { continue };
        match Kind::from_name(&raw.name) {
            Some(kind) => {
                let compiled = compiler.kind(kind, raw, Located { file, schema });
                kinds.insert(kind, compiled);
            }
            None => compiler.problem(file, format!("x-kind: there is no kind `{}`", raw.name)),
        }
    }
    for kind in Kind::ALL {
        if !kinds.contains_key(&kind) {
            compiler.problem("schemas", format!("no file describes the kind `{}`", kind.name()));
        }
    }
    let workloads = files.get_key_value(WORKLOADS).map(|(file, schema)| {
        let at = Located { file, schema };
        compiler.node(at)
    });
    Compiled {
        kinds,
        workloads: workloads.unwrap_or_else(any),
        nothing: nothing(),
        problems: compiler.problems,
    }
}

/// Stands for a kind whose file is broken; see [`problems`].
fn nothing() -> KindSchema {
    KindSchema {
        kind: Kind::Mesh,
        title: String::new(),
        doc: String::new(),
        root: any(),
        types: ByDialect::default(),
        key: Vec::new(),
        examples: Vec::new(),
    }
}
