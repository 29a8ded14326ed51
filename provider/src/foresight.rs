//! What a plan would make of a mesh, as the rules judge it: errors are told at the plan, at the attribute that makes
//! them, and not first by the apply.
//!
//! Terraform plans one resource at a time and says of none whether another follows. So a problem is told with the last
//! of the resources that it is about: those that this configuration plans, and those that another owner has written,
//! which it will not plan. What nobody in this process plans, though it is this owner's, may be in another state, and is
//! left to the answer of the write.
//!
//! What the store has is the process's one view of the mesh, shared until something is planned that changes it.

use crate::problem;
use meshform_envoy::codes::CLOUD_MAP;
use meshform_model::diag::{Diagnostic as Problem, ProblemLocation, Severity};
use meshform_model::key::ResourceKey;
use meshform_model::mesh::{Change, Mesh};
use meshform_model::pointer::Pointer;
use meshform_model::resource::Resource;
use meshform_model::rules::{Options, Verdicts, check_alone, missing};
use meshform_registry::Views;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::Mutex;

/// The meshes of which something was planned.
#[derive(Debug, Default)]
pub(crate) struct Foresight {
    meshes: Mutex<BTreeMap<String, PlannedMesh>>,
}

/// What becomes of a resource.
#[derive(Debug)]
pub(crate) enum PlannedChange {
    /// It stays as it is.
    Unchanged,
    /// It is created, or becomes this.
    Written(Box<Resource>),
    Gone,
    /// A part of it is not known yet.
    Unknown,
}

/// One mesh: what the store has, and over it what was planned.
#[derive(Debug, Default)]
struct PlannedMesh {
    /// The mesh with what was planned, and what the rules say of it; `None` where there is nothing.
    judged: Option<(Arc<Mesh>, Verdicts)>,
    /// What was wrong before: every plan of the mesh says so already.
    before: BTreeSet<String>,
    /// What will not be planned here: other owners' resources.
    others: BTreeSet<ResourceKey>,
    planned: BTreeSet<ResourceKey>,
    /// New problems that were not told, by whom they were asked of.
    pending: BTreeMap<ResourceKey, Vec<Problem>>,
    told: BTreeSet<String>,
}

/// Whose plans these are, and what the store has.
#[derive(Debug)]
pub(crate) struct Planner<'s> {
    pub(crate) views: &'s Views,
    pub(crate) owner: &'s str,
    pub(crate) rules: Options,
}

impl Foresight {
    /// Remembers what is planned for a resource, and says what is then wrong with its mesh, as far as it is certain.
    pub(crate) async fn plan(
        &self,
        key: &ResourceKey,
        planned: PlannedChange,
        by: Planner<'_>,
    ) -> Vec<Problem> {
        let mut meshes = self.meshes.lock().await;
        if !meshes.contains_key(&key.mesh) {
            match PlannedMesh::load(&key.mesh, &by).await {
                Some(foreseen) => drop(meshes.insert(key.mesh.clone(), foreseen)),
                // What is wrong with the store is told by whoever needs it.
                None => return Vec::new(),
            }
        }
        let Some(foreseen) = meshes.get_mut(&key.mesh) else {
            return Vec::new();
        };
        foreseen.plan(key, planned, by.rules);
        foreseen.certain(key)
    }
}

impl Foresight {
    /// What is worth a look in a mesh of which something was planned; see [`of_the_whole`].
    pub(crate) async fn worth_a_look(&self, mesh: &str) -> Vec<Problem> {
        let meshes = self.meshes.lock().await;
        let judged = meshes.get(mesh).and_then(|foreseen| foreseen.judged.as_ref());
        let Some((mesh, verdicts)) = judged.filter(|(_, verdicts)| !verdicts.has_errors()) else {
            return Vec::new();
        };
        of_the_whole(&verdicts.diagnostics(), |key| mesh.get(key))
    }
}

impl PlannedMesh {
    async fn load(mesh: &str, by: &Planner<'_>) -> Option<Self> {
        let (snapshot, writes) = by.views.written(mesh, None).await.ok()?;
        let others = writes.into_iter();
        let others = others.filter(|(_, last)| !last.belongs_to(by.owner));
        let mut foreseen = Self {
            others: others.map(|(key, _)| key).collect(),
            ..Self::default()
        };
        let mesh = snapshot.mesh;
        if !mesh.is_empty() {
            let verdicts = Verdicts::of(&mesh, by.rules.clone());
            foreseen.before = verdicts.diagnostics().iter().map(identity).collect();
            foreseen.judged = Some((mesh, verdicts));
        }
        Some(foreseen)
    }

    /// Takes a plan up, and judges anew what it can concern.
    fn plan(&mut self, key: &ResourceKey, planned: PlannedChange, options: Options) {
        self.others.remove(key);
        let (change, alone) = match planned {
            PlannedChange::Unchanged => {
                self.planned.insert(key.clone());
                return;
            }
            PlannedChange::Unknown => {
                self.planned.remove(key);
                return;
            }
            PlannedChange::Written(resource) => {
                let alone = check_alone(Resource::clone(&resource));
                (Change::Written(resource), alone)
            }
            PlannedChange::Gone => (Change::Deleted(key.clone()), Vec::new()),
        };
        self.planned.insert(key.clone());
        // What a resource has by itself, the validation has told.
        self.told.extend(alone.iter().map(identity));
        let subjects = match (&mut self.judged, change) {
            (Some((mesh, verdicts)), change) => {
                let Ok(applied) = Arc::make_mut(mesh).apply(vec![change]) else {
                    return;
                };
                if mesh.is_empty() {
                    self.judged = None;
                    self.pending.clear();
                    return;
                }
                verdicts.again(mesh, &applied.subjects);
                applied.subjects
            }
            (None, Change::Written(resource)) => {
                let Ok(mesh) = Mesh::new(vec![*resource]) else {
                    return;
                };
                let verdicts = Verdicts::of(&mesh, options);
                self.judged = Some((Arc::new(mesh), verdicts));
                BTreeSet::from([key.clone()])
            }
            (None, Change::Deleted(_)) => return,
        };
        let Some((mesh, verdicts)) = &self.judged else {
            return;
        };
        for subject in subjects {
            let fresh = verdicts.of_subject(&subject).iter();
            let fresh = fresh.filter(|problem| {
                let identity = || identity(problem);
                problem.is_error()
                    && is_of_what_is_there(problem, mesh)
                    && !self.before.contains(&identity())
                    && !self.told.contains(&identity())
            });
            let fresh: Vec<Problem> = fresh.cloned().collect();
            match fresh.is_empty() {
                true => drop(self.pending.remove(&subject)),
                false => drop(self.pending.insert(subject, fresh)),
            }
        }
    }

    /// The problems that no later plan of this process can take back, told with this resource.
    fn certain(&mut self, key: &ResourceKey) -> Vec<Problem> {
        let mut out = Vec::new();
        let (planned, others) = (&self.planned, &self.others);
        let is_settled = |one: &ResourceKey| planned.contains(one) || others.contains(one);
        for problems in self.pending.values_mut() {
            problems.retain(|problem| {
                let settled = concerned(problem).iter().all(is_settled);
                if settled && self.told.insert(identity(problem)) {
                    out.push(at_resource(problem.clone(), key));
                }
                !settled
            });
        }
        self.pending.retain(|_, problems| !problems.is_empty());
        out
    }
}

/// The resources that a problem is about; of a route also what it lies in.
fn concerned(problem: &Problem) -> BTreeSet<ResourceKey> {
    let keys = problem.places.iter().filter_map(|place| place.resource.as_ref());
    let mut all = BTreeSet::new();
    for key in keys {
        let container = key.container().filter(|_| key.parent.is_some());
        all.extend(container);
        all.insert(key.clone());
    }
    all
}

/// Whether a problem is between resources that are there; what is missing may be planned later, and an apply tells it.
fn is_of_what_is_there(problem: &Problem, mesh: &Mesh) -> bool {
    missing(problem).is_none() && concerned(problem).iter().all(|key| mesh.contains(key))
}

/// Of a mesh's problems those that are worth a look and that no resource shows alone: a caller's timeout that is longer than
/// the called one's, a router without routes. What a resource has by itself, its own validation tells.
pub(crate) fn of_the_whole(
    problems: &[Problem],
    resource: impl Fn(&ResourceKey) -> Option<Resource>,
) -> Vec<Problem> {
    let is_own = |problem: &Problem| {
        let subject = problem.places.first().and_then(|place| place.resource.as_ref());
        let alone = subject.and_then(&resource).map(check_alone).unwrap_or_default();
        alone.iter().any(|own| identity(own) == identity(problem))
    };
    problems
        .iter()
        .filter(|one| one.severity == Severity::Warning && one.code != CLOUD_MAP && !is_own(one))
        .cloned()
        .collect()
}

/// The same problem again has the same words at the same places.
fn identity(problem: &Problem) -> String {
    let mut text = problem.to_string();
    for place in &problem.places {
        if let Some(key) = &place.resource {
            text.push_str(&key.path());
        }
        text.push_str(&place.pointer.to_string());
    }
    text
}

/// A problem as the plan of one of its resources tells it: a warning, because other writes may mend it.
fn at_resource(mut problem: Problem, key: &ResourceKey) -> Problem {
    let own = problem
        .places
        .iter()
        .position(|place| place.resource.as_ref() == Some(key));
    match own {
        Some(at) => {
            let place = problem.places.remove(at);
            problem.places.insert(0, place);
        }
        None => problem
            .places
            .insert(0, ProblemLocation::of(key, &Pointer::root())),
    }
    problem::until_mended(&mut problem);
    problem
}
