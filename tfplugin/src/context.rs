//! What every call to a provider comes with.

use std::any::Any;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::Diagnostic;

/// What a call comes with besides its own input: who is asked, what the provider's configuration led to, and
/// whether the user wants it to end.
#[derive(Clone)]
pub struct Context {
    pub(crate) type_name: Arc<str>,
    pub(crate) terraform_version: Option<Arc<str>>,
    pub(crate) data: Option<Arc<dyn Any + Send + Sync>>,
    pub(crate) cancel: CancellationToken,
}

impl Context {
    /// The type under which the resource, data source or function is called; one implementation may serve
    /// several.
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// The calling Terraform's version, once the provider was configured.
    pub fn terraform_version(&self) -> Option<&str> {
        self.terraform_version.as_deref()
    }

    /// What [`Provider::configure`](crate::Provider::configure) returned.
    ///
    /// # Errors
    /// When the provider was not configured (it is not while configurations are validated), or returned
    /// something of another type.
    pub fn data<T: Send + Sync + 'static>(&self) -> Result<Arc<T>, Diagnostic> {
        self.try_data().ok_or_else(|| {
            Diagnostic::error(
                "Provider is not configured",
                format!(
                    "`{}` needs the provider's configuration, which Terraform has not given yet. Values in the \
                     provider block that are known only after apply are the usual cause: create what they \
                     come from first (`terraform apply -target=…`).",
                    self.type_name
                ),
            )
        })
    }

    /// As [`data`](Self::data), but `None` where the provider was not configured or has data of another type.
    pub fn try_data<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.data.clone().and_then(|data| data.downcast::<T>().ok())
    }

    /// Ends when the user asks for work to stop. What has been done so far should then be returned.
    pub async fn cancelled(&self) {
        self.cancel.cancelled().await;
    }

    /// Whether the user has asked for work to stop.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// The token behind [`cancelled`](Self::cancelled), for code that passes one on.
    pub fn cancellation(&self) -> CancellationToken {
        self.cancel.clone()
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("type_name", &self.type_name)
            .finish_non_exhaustive()
    }
}
