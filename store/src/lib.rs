//! Records over time: revisions, owners, change feed, behind one contract.
//!
//! - [`Store`] is the contract: what object storage, etcd and a file can all do.
//! - [`record`], [`change`], [`blob`], [`setting`], [`identity`], [`time`], [`ids`]: what it speaks of.
//! - [`error`]: what may go wrong, with the way out.
//! - [`location`]: how stores are named.
//! - [`create`](mod@create): what is built on the contract alone.
//! - [`sqlite`]: the embedded default, one file under `.meshform/`.
//! - `bucket` (feature): a store in object storage, for teams.
//! - `storage` (with it): object storage itself, and what is published there.
//! - `etcd` (feature): a cluster of etcd, which pushes changes.
//! - `testing` (feature): the suite that every backend must pass.

#[cfg(feature = "bucket")]
mod background;
pub mod blob;
#[cfg(feature = "bucket")]
pub mod bucket;
pub mod change;
pub mod codes;
pub mod contract;
pub mod create;
pub mod error;
#[cfg(feature = "etcd")]
pub mod etcd;
#[cfg(feature = "bucket")]
pub mod fuzzing;
#[cfg(feature = "etcd")]
mod r#gen;
pub mod identity;
pub mod ids;
pub mod location;
mod next;
#[cfg(feature = "bucket")]
mod open;
pub mod record;
#[cfg(feature = "bucket")]
mod seal;
pub mod setting;
pub mod sqlite;
#[cfg(feature = "bucket")]
pub mod storage;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod time;
pub mod trouble;

pub use blob::{BlobInfo, Digest, NamedPointer};
#[cfg(feature = "bucket")]
pub use bucket::{BucketOptions, BucketStore};
pub use change::{Action, Change, ChangedRecords, Feed};
pub use contract::{PointerWrite, RunState, Store};
pub use create::{Created, create, expect_identity};
pub use error::{Conflict, PointerConflict, Result, StoreError};
#[cfg(feature = "etcd")]
pub use etcd::EtcdStore;
pub use identity::{Seed, StoreIdentity};
pub use ids::{Ids, RandomIds, RunId};
pub use location::{BucketUrl, DEFAULT_LOCATION, EtcdUrl, Location, Service};
pub use record::{
    Author, Expected, ImportedIdentity, Listing, Prefix, Record, RecordDraft, RecordIdentity, Revision,
    Unreadable,
};
pub use setting::{Setting, SettingWrite};
pub use sqlite::{SqliteOptions, SqliteStore};
#[cfg(feature = "bucket")]
pub use storage::{
    Access, AwsKeys, ListedObject, ObjectVersion, PublishedObjects, records_prefix, tls_roots,
};
pub use time::{Clock, SystemClock, Timestamp};
pub use trouble::{ServiceFailure, StorageError};
