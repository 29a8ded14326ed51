//! Listing what exists, for `terraform query` (1.14 and later).

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::schema::Schema;
use crate::value::Value;
use crate::{Context, Diagnostics};

/// Lists the objects of a resource type that has an identity.
#[async_trait]
pub trait ListResource: Send + Sync + 'static {
    /// The schema of the `config` block of a list; asked once.
    fn schema(&self) -> Schema;

    /// Checks such a block. Any part may be unknown.
    async fn validate(&self, _cx: &Context, _config: &Value, _found: &mut Diagnostics) {}

    /// Finds objects and hands over each.
    async fn list(&self, cx: &Context, request: ListRequest, found: &mut ListSink)
    -> Result<(), Diagnostics>;
}

/// What `terraform query` asks for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ListRequest {
    /// The `config` block of the `list` block: what narrows the search.
    pub config: Value,
    /// Whether the states of the objects are wanted, not only their identities.
    pub include_state: bool,
    /// How many objects are wanted at most.
    pub limit: usize,
}

/// One object that exists and that Terraform may import.
#[derive(Debug, Clone)]
pub struct Listed {
    pub(crate) identity: Value,
    pub(crate) display_name: String,
    pub(crate) state: Option<Value>,
    pub(crate) diagnostics: Diagnostics,
}

impl Listed {
    /// An object by its identity and a name for people.
    pub fn new(identity: Value, display_name: impl Into<String>) -> Self {
        let (display_name, diagnostics) = (display_name.into(), Diagnostics::new());
        Self {
            identity,
            display_name,
            state: None,
            diagnostics,
        }
    }

    /// Its state; sent when it is wanted.
    #[must_use]
    pub fn state(mut self, state: Value) -> Self {
        self.state = Some(state);
        self
    }

    /// Adds diagnostics about this object; the listing goes on.
    #[must_use]
    pub fn diagnostics(mut self, more: impl Into<Diagnostics>) -> Self {
        self.diagnostics.extend(more.into());
        self
    }
}

/// Sends listed objects to Terraform as they are found.
#[derive(Debug)]
pub struct ListSink {
    pub(crate) sender: mpsc::Sender<Listed>,
    pub(crate) left: usize,
}

impl ListSink {
    /// Hands over an object and says whether more are wanted.
    pub async fn push(&mut self, listed: Listed) -> bool {
        if self.left == 0 || self.sender.send(listed).await.is_err() {
            return false;
        }
        self.left -= 1;
        self.left > 0
    }
}
