//! What each call of the protocol means, in terms of values: one file per call. Nothing here knows how
//! messages look on the wire, and nothing outside decides what they mean.

mod align;
pub(crate) mod apply_resource_change;
pub(crate) mod call_function;
pub(crate) mod configure_provider;
pub(crate) mod contract;
pub(crate) mod generate_resource_config;
mod guard;
pub(crate) mod identity;
pub(crate) mod import_resource_state;
pub(crate) mod list_resource;
pub(crate) mod move_resource_state;
pub(crate) mod plan_resource_change;
pub(crate) mod read_data_source;
pub(crate) mod read_resource;
pub(crate) mod registry;
pub(crate) mod tidy;
pub(crate) mod upgrade_resource_state;
pub(crate) mod validate_config;
mod walk;

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio_util::sync::CancellationToken;

pub(crate) use guard::{guard, guard_sync};
use registry::Entries;

use crate::provider::{Provider, Registry};
use crate::value::Misfit;
use crate::{Context, Diagnostic, Path};

/// A provider with all that is known of it while it runs.
pub(crate) struct Server {
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) entries: Entries,
    configured: RwLock<Configuration>,
    cancel: Mutex<CancellationToken>,
}

#[derive(Default, Clone)]
struct Configuration {
    data: Option<Arc<dyn Any + Send + Sync>>,
    terraform_version: Option<Arc<str>>,
}

impl Server {
    pub(crate) fn new(provider: Arc<dyn Provider>) -> Self {
        let mut registry = Registry::default();
        provider.register(&mut registry);
        Self {
            entries: Entries::new(Arc::clone(&provider), registry),
            provider,
            configured: RwLock::default(),
            cancel: Mutex::new(CancellationToken::new()),
        }
    }

    pub(crate) fn context(&self, type_name: &str) -> Context {
        let configured = self
            .configured
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        Context {
            type_name: type_name.into(),
            terraform_version: configured.terraform_version,
            data: configured.data,
            cancel: self.cancel.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Asks all running work to end. Later calls are not affected: with `--debug` the process serves on.
    pub(crate) fn stop(&self) {
        let mut cancel = self.cancel.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *cancel).cancel();
    }
}

/// A value that came from Terraform and does not fit the schema.
pub(crate) fn misfit_from_terraform(misfit: &Misfit) -> Diagnostic {
    Diagnostic::error(
        "Value does not fit the schema",
        format!("Terraform sent a value that the provider's schema does not allow: {misfit}."),
    )
    .at(misfit.path.addressable())
}

/// A mistake that only the provider's authors can mend.
pub(crate) fn mistake(path: &Path, what: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::error(
        "Mistake in the provider",
        format!("{what}\n\nThis is a bug in the provider, not in the configuration. Please report it there."),
    )
    .at(path.addressable())
}

/// A value from the provider that does not fit its own schema.
pub(crate) fn misfit_from_provider(during: &str, misfit: &Misfit) -> Diagnostic {
    let place = if misfit.path.is_root() {
        "The value".to_owned()
    } else {
        format!("Attribute `{}`", misfit.path)
    };
    mistake(
        &misfit.path,
        format!(
            "{place} returned by {during} does not fit the schema: {}.",
            misfit.problem
        ),
    )
}
