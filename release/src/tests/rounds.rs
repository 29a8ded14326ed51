//! How many requests to a bucket follow each other until a write is released: with a bucket far away, that is what an
//! apply waits for.

use super::{Tokens, write_mesh, write_node};
use crate::{HoldPolicy, ReleaseVerdict, Releaser};
use async_trait::async_trait;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use meshform_store::testing::author;
use meshform_store::{BucketOptions, BucketStore, Store};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Numbers requests by rounds: one that begins after another has ended is in a later round than that.
#[derive(Debug, Clone, Default)]
struct Rounds {
    inner: Arc<InMemory>,
    ended: Arc<AtomicUsize>,
}

impl fmt::Display for Rounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rounds")
    }
}

impl Rounds {
    fn so_far(&self) -> usize {
        self.ended.load(Ordering::SeqCst)
    }

    async fn count<T>(&self, name: String, request: impl Future<Output = T>) -> T {
        // The hint is written in the background, and nobody waits for it.
        if name.ends_with("wake") {
            return request.await;
        }
        let round = self.so_far() + 1;
        // What is asked at the same time begins before this ends.
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
        let answer = request.await;
        self.ended.fetch_max(round, Ordering::SeqCst);
        answer
    }
}

#[async_trait]
impl ObjectStore for Rounds {
    async fn put_opts(&self, to: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let put = self.inner.put_opts(to, payload, options);
        self.count(to.to_string(), put).await
    }

    async fn put_multipart_opts(
        &self,
        to: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(to, options).await
    }

    async fn get_opts(&self, from: &Path, options: GetOptions) -> Result<GetResult> {
        let get = self.inner.get_opts(from, options);
        self.count(from.to_string(), get).await
    }

    fn delete_stream(&self, all: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(all)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (rounds, prefix) = (self.clone(), prefix.cloned());
        let listed = async move {
            let all = rounds.inner.list(prefix.as_ref()).collect::<Vec<_>>();
            let all = rounds.count(String::new(), all).await;
            Ok::<_, object_store::Error>(futures_util::stream::iter(all))
        };
        futures_util::stream::once(listed).try_flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let list = self.inner.list_with_delimiter(prefix);
        self.count(String::new(), list).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

#[tokio::test]
async fn a_write_to_a_bucket_is_released_after_seven_requests() {
    let rounds = Rounds::default();
    let options = BucketOptions::new("memory://p", "p");
    let store: Arc<dyn Store> = Arc::new(BucketStore::new(Arc::new(rounds.clone()), options));
    let releaser = Releaser::new(store.clone(), Arc::new(Tokens), author("test"));
    write_mesh(&*store, "1").await;
    write_node(&*store, "a", "1").await;
    releaser.release("apps").await.unwrap();
    let mut most = 0;
    // Longer than the history. The first release that drops one sweeps, which is not counted.
    for change in 2..16 {
        let before = rounds.so_far();
        // Looks first, as nothing else has told it what is there: one request.
        write_node(&*store, "a", &change.to_string()).await;
        let outcome = releaser.follow("apps", HoldPolicy::Allowed).await.unwrap();
        assert!(
            matches!(outcome.verdict, ReleaseVerdict::Released { .. }),
            "{outcome:?}"
        );
        assert!(outcome.is_published());
        if change != 10 {
            most = most.max(rounds.so_far() - before - 1);
        }
    }
    // The record; pointer; records; blobs, bundle and a look at the bucket together; pointer; what the proxy runs; what
    // the target has, together with the hint.
    assert_eq!(most, 7);
}
