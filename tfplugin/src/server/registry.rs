//! What the provider offers, with schemas that are built when somebody asks.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use super::{guard_sync, mistake};
use crate::function::Signature;
use crate::provider::{Provider, Registry};
use crate::schema::{IdentitySchema, Schema};
use crate::{DataSource, Diagnostic, Diagnostics, Function, ListResource, Path, Resource};

/// A thing that is built once, or the reason why it could not be.
type Once<T> = OnceLock<Result<Arc<T>, Diagnostic>>;

pub(crate) struct ResourceSchemas {
    pub(crate) schema: Schema,
    pub(crate) identity: Option<IdentitySchema>,
}

#[derive(Clone)]
pub(crate) struct ResourceEntry {
    pub(crate) resource: Arc<dyn Resource>,
    schemas: Arc<Once<ResourceSchemas>>,
}

pub(crate) struct DataEntry {
    pub(crate) source: Arc<dyn DataSource>,
    schema: Once<Schema>,
}

pub(crate) struct FunctionEntry {
    pub(crate) function: Arc<dyn Function>,
    signature: Once<Signature>,
}

pub(crate) struct ListEntry {
    pub(crate) list: Arc<dyn ListResource>,
    schema: Once<Schema>,
}

pub(crate) struct Entries {
    provider: Arc<dyn Provider>,
    config: Once<Schema>,
    meta: Once<Option<Schema>>,
    pub(crate) resources: BTreeMap<Arc<str>, ResourceEntry>,
    pub(crate) data_sources: BTreeMap<Arc<str>, DataEntry>,
    pub(crate) functions: BTreeMap<Arc<str>, FunctionEntry>,
    pub(crate) list_resources: BTreeMap<Arc<str>, ListEntry>,
}

fn once<T>(cell: &Once<T>, what: &str, build: impl FnOnce() -> T) -> Result<Arc<T>, Diagnostic> {
    cell.get_or_init(|| guard_sync(what, build).map(Arc::new)).clone()
}

fn none_such(kind: &str, name: &str) -> Diagnostic {
    Diagnostic::error(
        format!("Unknown {kind}"),
        format!("This version of the provider has no {kind} named `{name}`."),
    )
}

impl ResourceEntry {
    pub(crate) fn schemas(&self) -> Result<Arc<ResourceSchemas>, Diagnostic> {
        once(&self.schemas, "The schema", || ResourceSchemas {
            schema: self.resource.schema(),
            identity: self.resource.identity(),
        })
    }
}

impl DataEntry {
    pub(crate) fn schema(&self) -> Result<Arc<Schema>, Diagnostic> {
        once(&self.schema, "The schema", || self.source.schema())
    }
}

impl FunctionEntry {
    pub(crate) fn signature(&self) -> Result<Arc<Signature>, Diagnostic> {
        once(&self.signature, "The signature", || self.function.signature())
    }
}

impl ListEntry {
    pub(crate) fn schema(&self) -> Result<Arc<Schema>, Diagnostic> {
        once(&self.schema, "The schema", || self.list.schema())
    }
}

impl Entries {
    pub(crate) fn new(provider: Arc<dyn Provider>, registry: Registry) -> Self {
        let mut shared: BTreeMap<usize, Arc<Once<ResourceSchemas>>> = BTreeMap::new();
        let resources = registry.resources.into_iter().map(|(name, resource)| {
            // One implementation under several names has one schema in memory.
            let address = Arc::as_ptr(&resource).cast::<()>() as usize;
            let zero_sized = size_of_val(&*resource) == 0;
            let fresh = || Arc::new(OnceLock::new());
            let schemas = if zero_sized {
                fresh()
            } else {
                Arc::clone(shared.entry(address).or_insert_with(fresh))
            };
            (name, ResourceEntry { resource, schemas })
        });
        Self {
            provider,
            config: OnceLock::new(),
            meta: OnceLock::new(),
            resources: resources.collect(),
            data_sources: registry
                .data_sources
                .into_iter()
                .map(|(name, source)| {
                    (
                        name,
                        DataEntry {
                            source,
                            schema: OnceLock::new(),
                        },
                    )
                })
                .collect(),
            functions: registry
                .functions
                .into_iter()
                .map(|(name, function)| {
                    (
                        name,
                        FunctionEntry {
                            function,
                            signature: OnceLock::new(),
                        },
                    )
                })
                .collect(),
            list_resources: registry
                .list_resources
                .into_iter()
                .map(|(name, list)| {
                    (
                        name,
                        ListEntry {
                            list,
                            schema: OnceLock::new(),
                        },
                    )
                })
                .collect(),
        }
    }

    pub(crate) fn config(&self) -> Result<Arc<Schema>, Diagnostic> {
        once(&self.config, "The provider's schema", || self.provider.schema())
    }

    pub(crate) fn meta(&self) -> Result<Arc<Option<Schema>>, Diagnostic> {
        once(&self.meta, "The provider's meta schema", || {
            self.provider.meta_schema()
        })
    }

    pub(crate) fn resource(&self, name: &str) -> Result<&ResourceEntry, Diagnostic> {
        self.resources
            .get(name)
            .ok_or_else(|| none_such("resource type", name))
    }

    pub(crate) fn data_source(&self, name: &str) -> Result<&DataEntry, Diagnostic> {
        self.data_sources
            .get(name)
            .ok_or_else(|| none_such("data source", name))
    }

    pub(crate) fn function(&self, name: &str) -> Result<&FunctionEntry, Diagnostic> {
        self.functions
            .get(name)
            .ok_or_else(|| none_such("function", name))
    }

    pub(crate) fn list(&self, name: &str) -> Result<&ListEntry, Diagnostic> {
        self.list_resources
            .get(name)
            .ok_or_else(|| none_such("list resource", name))
    }

    /// What Terraform would refuse about any of the schemas.
    pub(crate) fn problems(&self) -> Diagnostics {
        let mut found = Diagnostics::new();
        let mut texts = Vec::new();
        let mut take = |outcome: Result<Vec<String>, Diagnostic>| match outcome {
            Ok(problems) => texts.extend(problems),
            Err(diagnostic) => found.push(diagnostic),
        };
        take(self.config().map(|schema| schema.problems_of_provider()));
        take(self.meta().map(|meta| {
            meta.as_ref()
                .as_ref()
                .map_or(vec![], |meta| meta.problems("provider_meta"))
        }));
        for (name, entry) in &self.resources {
            take(entry.schemas().map(|schemas| {
                let identity = schemas
                    .identity
                    .as_ref()
                    .map_or(vec![], |identity| identity.problems(name));
                schemas
                    .schema
                    .problems(name)
                    .into_iter()
                    .chain(identity)
                    .collect()
            }));
        }
        for (name, entry) in &self.data_sources {
            take(entry.schema().map(|schema| schema.problems_of_data(name)));
        }
        for (name, entry) in &self.functions {
            take(entry.signature().map(|signature| signature.problems(name)));
        }
        for (name, entry) in &self.list_resources {
            take(entry.schema().map(|schema| schema.problems_of_data(name)));
            let has_identity = self
                .resources
                .get(name)
                .map(|one| one.schemas().is_ok_and(|all| all.identity.is_some()));
            if has_identity != Some(true) {
                take(Ok(vec![format!(
                    "list {name}: needs a resource of this name with an identity"
                )]));
            }
        }
        found.extend(texts.into_iter().map(|text| mistake(&Path::root(), text)));
        found
    }
}
