//! The provider itself: its configuration and what it offers.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::schema::Schema;
use crate::value::Value;
use crate::{Context, DataSource, Diagnostics, Function, ListResource, Resource};

/// A provider. Only [`register`](Self::register) is needed.
#[async_trait]
pub trait Provider: Send + Sync + 'static {
    /// Names what the provider offers. Called once, at the start: it should build no schemas.
    fn register(&self, registry: &mut Registry);

    /// The schema of the provider block.
    fn schema(&self) -> Schema {
        Schema::new()
    }

    /// The schema of `provider_meta` blocks in modules.
    fn meta_schema(&self) -> Option<Schema> {
        None
    }

    /// Checks a provider block as a whole. Any part may be unknown.
    async fn validate(&self, _cx: &Context, _config: &Value, _found: &mut Diagnostics) {}

    /// Takes the provider block. Parts may be unknown while planning: that is no error, what needs them fails
    /// later. With `--debug` one process is configured several times. What is returned reaches resources
    /// through [`Context::data`].
    async fn configure(&self, _cx: &Context, _config: Value) -> Result<Configured, Diagnostics> {
        Ok(Configured::default())
    }

    /// Called before the process ends, after all work. It may take about a second and a half.
    async fn shutdown(&self) {}
}

/// What configuring a provider led to.
#[derive(Default)]
pub struct Configured {
    pub(crate) data: Option<Arc<dyn Any + Send + Sync>>,
    pub(crate) diagnostics: Diagnostics,
}

impl Configured {
    /// This is what resources, data sources and lists need, typically a client.
    pub fn with<T: Send + Sync + 'static>(data: Arc<T>) -> Self {
        Self {
            data: Some(data),
            diagnostics: Diagnostics::new(),
        }
    }

    /// Adds warnings that Terraform shows after the provider was configured.
    #[must_use]
    pub fn diagnostics(mut self, more: impl Into<Diagnostics>) -> Self {
        self.diagnostics.extend(more.into());
        self
    }
}

impl std::fmt::Debug for Configured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Configured")
            .field("diagnostics", &self.diagnostics)
            .finish_non_exhaustive()
    }
}

/// What a provider offers, by name. One implementation may stand under several names.
#[derive(Default)]
pub struct Registry {
    pub(crate) resources: BTreeMap<Arc<str>, Arc<dyn Resource>>,
    pub(crate) data_sources: BTreeMap<Arc<str>, Arc<dyn DataSource>>,
    pub(crate) functions: BTreeMap<Arc<str>, Arc<dyn Function>>,
    pub(crate) list_resources: BTreeMap<Arc<str>, Arc<dyn ListResource>>,
}

impl Registry {
    /// Adds a resource type; its name begins with the provider's.
    pub fn resource(&mut self, name: impl Into<Arc<str>>, resource: Arc<dyn Resource>) -> &mut Self {
        self.resources.insert(name.into(), resource);
        self
    }

    /// Serves a data source under this full type name, such as `appmesh_mesh`.
    pub fn data_source(&mut self, name: impl Into<Arc<str>>, source: Arc<dyn DataSource>) -> &mut Self {
        self.data_sources.insert(name.into(), source);
        self
    }

    /// Adds a function; its name has no prefix.
    pub fn function(&mut self, name: impl Into<Arc<str>>, function: Arc<dyn Function>) -> &mut Self {
        self.functions.insert(name.into(), function);
        self
    }

    /// Adds a list for the resource type of the same name, which must have an identity.
    pub fn list_resource(&mut self, name: impl Into<Arc<str>>, list: Arc<dyn ListResource>) -> &mut Self {
        self.list_resources.insert(name.into(), list);
        self
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry")
            .field("resources", &self.resources.keys())
            .field("data_sources", &self.data_sources.keys())
            .field("functions", &self.functions.keys())
            .field("list_resources", &self.list_resources.keys())
            .finish()
    }
}
