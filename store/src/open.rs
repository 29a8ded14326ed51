//! Opening a store by its name.

use crate::bucket::BucketStore;
use crate::contract::Store;
use crate::error::Result;
use crate::identity::Seed;
use crate::location::Location;
use crate::sqlite::{SqliteOptions, SqliteStore};
use crate::storage::Access;
use std::sync::Arc;

impl Location {
    /// Opens the store; nothing is created. `seed` is what it is created with by its first write, and `access` how a
    /// bucket or a cluster of etcd is reached.
    pub fn open(&self, access: &Access, seed: &Seed) -> Result<Arc<dyn Store>> {
        Ok(match self {
            Self::Directory(directory) => {
                let mut options = SqliteOptions::new(directory);
                options.seed = seed.clone();
                Arc::new(SqliteStore::open(options)?)
            }
            Self::Bucket(url) => Arc::new(BucketStore::open(url, access.clone(), seed.clone())),
            #[cfg(feature = "etcd")]
            Self::Etcd(url) => Arc::new(crate::etcd::EtcdStore::open(url, access.clone(), seed.clone())),
            #[cfg(not(feature = "etcd"))]
            Self::Etcd(url) => {
                return Err(crate::error::StoreError::Location {
                    name: url.to_string(),
                    problem: "this program has no client for etcd".to_owned(),
                    help: "name a bucket or a directory".to_owned(),
                });
            }
        })
    }
}
