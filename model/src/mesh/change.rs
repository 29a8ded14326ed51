//! A mesh that follows its resources: written and deleted one by one, never sorted anew.

use super::reach::Reach;
use super::sort;
use super::{Mesh, Reference, references};
use crate::codes;
use crate::diag::{Diagnostic, ProblemLocation};
use crate::key::ResourceKey;
use crate::pointer::Pointer;
use crate::resource::Resource;
use crate::spec::Spec;
use std::collections::{BTreeMap, BTreeSet};

/// What happened to a resource.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// It is new, or says something else.
    Written(Box<Resource>),
    Deleted(ResourceKey),
}

/// What changes did to a mesh.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChangeEffects {
    /// What takes the changes back, for [`Mesh::apply`].
    pub undo: Vec<Change>,
    /// The proxies whose configuration may differ now, those that are gone included.
    pub proxies: BTreeSet<ResourceKey>,
    /// The resources of which the rules may say something else now; see [`Verdicts`](crate::rules::Verdicts).
    pub subjects: BTreeSet<ResourceKey>,
}

impl Change {
    pub fn key(&self) -> &ResourceKey {
        match self {
            Self::Written(resource) => &resource.key,
            Self::Deleted(key) => key,
        }
    }
}

impl Mesh {
    /// Changes some resources; of several changes of one the last holds. The mesh is then what [`Mesh::new`]
    /// makes of the resources that are there, at the cost of what changed. Deleting what is not there is
    /// nothing.
    ///
    /// # Errors
    /// Where a resource is of another mesh, or has a key of another kind; then nothing is changed.
    pub fn apply(&mut self, changes: Vec<Change>) -> Result<ChangeEffects, Vec<Diagnostic>> {
        let problems: Vec<Diagnostic> = changes.iter().filter_map(|change| self.unfit(change)).collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        let last: BTreeMap<ResourceKey, Change> = changes
            .into_iter()
            .map(|change| (change.key().clone(), change))
            .collect();
        let mut reach = Reach::default();
        for key in last.keys() {
            reach.follow(self, key);
        }
        let mut undo = Vec::new();
        for (key, change) in &last {
            let resource = match change {
                Change::Written(resource) => Some(Resource::clone(resource)),
                Change::Deleted(_) => None,
            };
            undo.push(match self.exchange(key, resource, &mut reach) {
                Some(before) => Change::Written(Box::new(before)),
                None => Change::Deleted(key.clone()),
            });
        }
        for key in last.keys() {
            reach.follow(self, key);
        }
        Ok(ChangeEffects {
            undo,
            proxies: reach.proxies,
            subjects: reach.subjects,
        })
    }

    /// Whether no resource is left, which [`Mesh::new`] would refuse.
    pub fn is_empty(&self) -> bool {
        // Everything that exists lies in the mesh, and says so.
        self.tables.mesh.is_none() && self.referrers.is_empty()
    }

    fn unfit(&self, change: &Change) -> Option<Diagnostic> {
        let key = change.key();
        if key.mesh != self.name {
            return Some(
                Diagnostic::error(
                    codes::SEVERAL_MESHES,
                    format!("{key} does not belong with mesh `{}`", self.name),
                )
                .help("give the resources of one mesh at a time")
                .at(ProblemLocation::of(key, &Pointer::root())),
            );
        }
        match change {
            Change::Written(resource) => sort::misfit(resource),
            Change::Deleted(_) => None,
        }
    }

    /// Puts a resource at its key, or takes it away where there is no new one; gives what was there.
    fn exchange(&mut self, key: &ResourceKey, new: Option<Resource>, reach: &mut Reach) -> Option<Resource> {
        let old = self.take(key);
        let before = old.as_ref().map(references).unwrap_or_default();
        let after = new.as_ref().map(references).unwrap_or_default();
        if before != after {
            let kept: BTreeSet<&Reference> = after.iter().collect();
            let had: BTreeSet<&Reference> = before.iter().collect();
            let gone: Vec<Reference> = before.iter().filter(|r| !kept.contains(r)).cloned().collect();
            let come: Vec<Reference> = after.iter().filter(|r| !had.contains(r)).cloned().collect();
            self.let_go(&gone);
            self.refer(&come);
            let ends = gone.iter().chain(&come).map(|reference| &reference.to);
            reach.subjects.extend(ends.cloned());
        }
        if let Some(resource) = new {
            self.insert(resource);
        }
        old
    }

    pub(super) fn refer(&mut self, references: &[Reference]) {
        for reference in references {
            // Most are referred to by several: looked up without a copy of the key.
            match self.referrers.get_mut(&reference.to) {
                Some(known) => drop(known.insert(reference.clone())),
                None => {
                    let only = BTreeSet::from([reference.clone()]);
                    self.referrers.insert(reference.to.clone(), only);
                }
            }
        }
    }

    fn let_go(&mut self, references: &[Reference]) {
        for reference in references {
            if let Some(known) = self.referrers.get_mut(&reference.to) {
                known.remove(reference);
                if known.is_empty() {
                    self.referrers.remove(&reference.to);
                }
            }
        }
    }

    fn insert(&mut self, resource: Resource) {
        self.note_profile(&resource);
        self.tables.insert(resource);
    }

    /// Takes a resource out, but for its references.
    fn take(&mut self, key: &ResourceKey) -> Option<Resource> {
        let taken = self.tables.take(key)?;
        self.forget_profile(&taken);
        Some(taken)
    }

    /// Remembers for whom a profile is.
    pub(super) fn note_profile(&mut self, resource: &Resource) {
        let Spec::ProxyProfile(spec) = &resource.spec else {
            return;
        };
        let names = match spec.subject(&self.name) {
            Some(subject) => self.own_profiles.entry(subject).or_default(),
            None => &mut self.default_profiles,
        };
        names.insert(resource.key.name.clone());
    }

    fn forget_profile(&mut self, resource: &Resource) {
        let Spec::ProxyProfile(spec) = &resource.spec else {
            return;
        };
        let name = &resource.key.name;
        match spec.subject(&self.name) {
            None => drop(self.default_profiles.remove(name)),
            Some(subject) => {
                let names = self.own_profiles.entry(subject.clone()).or_default();
                names.remove(name);
                if names.is_empty() {
                    self.own_profiles.remove(&subject);
                }
            }
        }
    }
}
