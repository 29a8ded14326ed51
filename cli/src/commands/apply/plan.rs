//! What is to be done to bring a store to an input.

use crate::commands::drafts;
use meshform_compiler::diff::{self, ChangeKind, FieldChange};
use meshform_model::diag::{Diagnostic, ProblemLocation, Severity};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use meshform_model::pointer::Pointer;
use meshform_model::resource::Resource;
use meshform_model::rules::Options;
use meshform_registry::{Overwrites, Writer, belongs_to, is_same};
use meshform_store::{Record, RecordDraft};
use std::collections::{BTreeMap, BTreeSet};

/// What is to be done with a resource.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Todo {
    Create,
    Update(Vec<FieldChange>),
    Delete,
    /// The store has the same.
    Keep,
    /// Another owner wrote it: it stays as it is, and a problem says so.
    Refused,
    /// It was tried, and a problem says why it was not done.
    Failed,
}

/// One resource, and what is to be done with it.
#[derive(Debug, Clone)]
pub(super) struct ApplyStep {
    pub(super) key: ResourceKey,
    pub(super) todo: Todo,
}

/// An input beside what a store has.
pub(super) struct Plan {
    owner: String,
    wanted: Vec<(Resource, RecordDraft)>,
    records: BTreeMap<ResourceKey, Record>,
    /// What the store has, typed; a record that cannot be read is not among them.
    there: BTreeMap<ResourceKey, Resource>,
}

impl Plan {
    pub(super) fn new(resources: &[Resource], records: Vec<Record>, owner: &str) -> Self {
        let drafts = drafts::sorted(resources).into_iter();
        let typed = records.iter().cloned();
        Self {
            owner: owner.to_owned(),
            wanted: drafts
                .map(|resource| (resource.clone(), meshform_registry::draft(resource)))
                .collect(),
            there: typed
                .filter_map(|record| meshform_registry::resource(record).ok())
                .map(|resource| (resource.key.clone(), resource))
                .collect(),
            records: records
                .into_iter()
                .map(|record| (record.key.clone(), record))
                .collect(),
        }
    }

    pub(super) fn record(&self, key: &ResourceKey) -> Option<&Record> {
        self.records.get(key)
    }

    pub(super) fn draft(&self, key: &ResourceKey) -> Option<RecordDraft> {
        let found = self.wanted.iter().find(|(resource, _)| resource.key == *key);
        found.map(|(_, draft)| draft.clone())
    }

    /// Everything that is to be done, in the order of the writes: what contains others first, and deleted last.
    pub(super) fn steps(&self, prune: bool) -> Vec<ApplyStep> {
        let wanted = self.wanted.iter().map(|(resource, draft)| ApplyStep {
            key: resource.key.clone(),
            todo: self.todo(resource, draft),
        });
        let mut steps: Vec<ApplyStep> = wanted.collect();
        if prune {
            let mut gone = self.lacking();
            gone.sort_by_key(|key| (depth(key.kind), (*key).clone()));
            steps.extend(gone.into_iter().rev().map(|key| ApplyStep {
                key: key.clone(),
                todo: Todo::Delete,
            }));
        }
        steps
    }

    fn writer(&self) -> Writer<'_> {
        Writer::new(&self.owner, &Overwrites::Own)
    }

    fn todo(&self, resource: &Resource, draft: &RecordDraft) -> Todo {
        match self.records.get(&resource.key) {
            None => Todo::Create,
            Some(record) if is_same(draft.key.kind, &record.body, &draft.body) => Todo::Keep,
            Some(record) if self.writer().may_change(record) => Todo::Update(self.changes(resource)),
            Some(_) => Todo::Refused,
        }
    }

    fn changes(&self, resource: &Resource) -> Vec<FieldChange> {
        let Some(before) = self.there.get(&resource.key) else {
            return Vec::new();
        };
        let found = diff::diff(std::slice::from_ref(before), std::slice::from_ref(resource));
        found
            .into_iter()
            .find_map(|change| match change.what {
                ChangeKind::Changed(fields) => Some(fields),
                _ => None,
            })
            .unwrap_or_default()
    }

    /// What this owner has, and the input lacks.
    fn lacking(&self) -> Vec<&ResourceKey> {
        let wanted: BTreeSet<&ResourceKey> = self.wanted.iter().map(|(resource, _)| &resource.key).collect();
        let own = self
            .records
            .values()
            .filter(|record| belongs_to(record, &self.owner));
        own.map(|record| &record.key)
            .filter(|key| !wanted.contains(key))
            .collect()
    }

    /// The same, where it is not to be deleted.
    pub(super) fn left(&self, prune: bool) -> Vec<ResourceKey> {
        match prune {
            true => Vec::new(),
            false => self.lacking().into_iter().cloned().collect(),
        }
    }

    pub(super) fn is_idle(&self, prune: bool) -> bool {
        let mut steps = self.steps(prune).into_iter();
        steps.all(|step| matches!(step.todo, Todo::Keep | Todo::Refused))
    }

    /// That another owner has what is to be changed.
    pub(super) fn refused(&self) -> Vec<Diagnostic> {
        let refused = self
            .steps(false)
            .into_iter()
            .filter(|step| step.todo == Todo::Refused);
        let told = refused.filter_map(|step| {
            let record = self.records.get(&step.key)?;
            let (owner, actor) = (&record.author.owner, &record.author.actor);
            Some(
                Diagnostic::error(
                    meshform_registry::codes::OTHER_OWNER,
                    format!(
                        "{} belongs to the owner `{owner}`; `{actor}` wrote it at {}",
                        step.key, record.last_updated_at
                    ),
                )
                .help(format!(
                    "change it there, or, where it is yours, apply with `--owner {owner}`"
                ))
                .at(ProblemLocation::of(&step.key, &Pointer::root())),
            )
        });
        told.collect()
    }

    /// The meshes that the writes are about.
    pub(super) fn meshes(&self, prune: bool) -> BTreeSet<&str> {
        let gone = if prune { self.lacking() } else { Vec::new() };
        let wanted = self.wanted.iter().map(|(resource, _)| resource.key.mesh.as_str());
        wanted
            .chain(gone.into_iter().map(|key| key.mesh.as_str()))
            .collect()
    }

    /// What would be wrong with the meshes.
    pub(super) fn foreseen(&self, prune: bool, rules: &Options) -> Vec<Diagnostic> {
        let mut after = self.there.clone();
        for step in self.steps(prune) {
            match step.todo {
                Todo::Delete => drop(after.remove(&step.key)),
                Todo::Create | Todo::Update(_) => {
                    let found = self.wanted.iter().find(|(resource, _)| resource.key == step.key);
                    after.extend(found.map(|(resource, _)| (step.key, resource.clone())));
                }
                Todo::Keep | Todo::Refused | Todo::Failed => {}
            }
        }
        let mut problems = Vec::new();
        for mesh in self.meshes(prune) {
            let resources = after.values().filter(|resource| resource.key.mesh == mesh);
            let resources: Vec<Resource> = resources.cloned().collect();
            match Mesh::new(resources) {
                Ok(mesh) => problems.extend(mesh.check_with(rules)),
                Err(found) => problems.extend(found),
            }
        }
        problems.retain(|problem| problem.severity == Severity::Error);
        problems
    }
}

/// What is inside others goes before these.
fn depth(kind: Kind) -> usize {
    match (kind, kind.parent()) {
        (Kind::Mesh, _) => 0,
        (_, None) => 1,
        (_, Some(_)) => 2,
    }
}
