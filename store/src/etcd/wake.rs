//! etcd tells when a mesh was written; what was written the log says.
//!
//! One stream follows the heads of all meshes. Whenever it begins anew, everybody looks: what was missed is in the log,
//! whatever etcd itself has compacted.

use super::client::{Client, authorise};
use super::keys::{Keys, end_of};
use crate::error::Result;
use crate::r#gen::watch_client::WatchClient;
use crate::r#gen::{WatchCreateRequest, WatchRequest, watch_request};
use crate::trouble::ServiceFailure;
use futures_util::stream::{self, StreamExt as _};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::Request;
use tonic::metadata::AsciiMetadataValue;

/// After this time somebody who waits looks anyway: a stream that is open and silent says nothing of what it has
/// missed.
const ANYWAY: Duration = Duration::from_secs(30);
/// The pause before a stream is begun again, so that a member that refuses it is not asked without end.
const PAUSE: Duration = Duration::from_millis(200);

/// Tells that something was written.
#[derive(Debug)]
pub(super) struct Wake {
    client: Arc<Client>,
    heads: String,
    turns: watch::Sender<u64>,
    task: OnceLock<Option<JoinHandle<()>>>,
}

/// What somebody has seen who waits for more.
pub(super) struct SeenHeads(watch::Receiver<u64>);

impl Wake {
    pub(super) fn new(client: Arc<Client>, keys: &Keys) -> Self {
        Self {
            client,
            heads: keys.heads(),
            turns: watch::Sender::new(0),
            task: OnceLock::new(),
        }
    }

    /// What is written from now on ends [`SeenHeads::another`].
    pub(super) fn turn(&self) -> Result<SeenHeads> {
        let handle = self.client.background()?;
        self.task.get_or_init(|| {
            let (client, heads, turns) = (self.client.clone(), self.heads.clone(), self.turns.clone());
            Some(handle.spawn(async move {
                loop {
                    if let Err(error) = follow(&client, &heads, &turns).await {
                        tracing::debug!(%error, "etcd does not tell what is written; it is asked again");
                    }
                    client.turn_away();
                    turns.send_modify(|turn| *turn += 1);
                    tokio::time::sleep(PAUSE).await;
                }
            }))
        });
        Ok(SeenHeads(self.turns.subscribe()))
    }
}

impl SeenHeads {
    pub(super) async fn another(mut self) {
        // Where the store is gone, whoever waits is, too.
        let _ = tokio::time::timeout(ANYWAY, self.0.changed()).await;
    }
}

/// One stream, until it ends.
async fn follow(client: &Client, heads: &str, turns: &watch::Sender<u64>) -> Result<()> {
    let broken = |detail: String| client.error(ServiceFailure::Etcd, "follow", detail);
    let (channel, token) = client.stream_to().await?;
    let create = WatchCreateRequest {
        key: heads.into(),
        range_end: end_of(heads),
        start_revision: 0,
    };
    let create = WatchRequest {
        request_union: Some(watch_request::RequestUnion::CreateRequest(create)),
    };
    let mut request = Request::new(stream::iter([create]).chain(stream::pending()));
    authorise(&mut request, token);
    // A member that has lost the others ends the stream instead of being silent for ever.
    request
        .metadata_mut()
        .insert("hasleader", AsciiMetadataValue::from_static("true"));
    let answer = WatchClient::new(channel).watch(request).await;
    let mut answers = answer
        .map_err(|status| broken(status.message().to_owned()))?
        .into_inner();
    loop {
        let answer = answers.message().await;
        match answer.map_err(|status| broken(status.message().to_owned()))? {
            None => return Err(broken("the stream ended".to_owned())),
            Some(answer) if answer.canceled => return Err(broken(answer.cancel_reason)),
            Some(answer) if answer.created || !answer.events.is_empty() => {
                turns.send_modify(|turn| *turn += 1);
            }
            Some(_) => {}
        }
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        if let Some(Some(task)) = self.task.get() {
            task.abort();
        }
    }
}
