//! What it means to create, change, delete, adopt, list and watch a resource: the rules between whoever writes and the
//! store, once for the Terraform provider, the command and whatever else writes.
//!
//! - [`Registry`] has the operations. Each takes who writes ([`Author`](meshform_store::Author)) and by which
//!   [`Policy`], and answers with records or a [`RegistryError`].
//! - [`view`]: each mesh as this process last saw it, kept up to date by its change feed: who is inside, who refers to
//!   whom, and the typed mesh that releases are made of.
//! - [`Writer`]: whose a record is, and who may write over it.
//! - [`merge`]: two writers of one owner changed different fields.
//! - [`tags`]: tags that others write and a writer leaves alone.
//! - [`follow`](mod@follow): what happened to a mesh since a revision.

mod adopt;
pub mod codes;
mod collection;
mod delete;
mod error;
pub mod follow;
mod list;
pub mod merge;
mod owners;
mod policy;
mod records;
mod registry;
pub mod tags;
#[cfg(test)]
mod tests;
pub mod view;

pub use adopt::{Adoption, is_same};
pub use collection::Collection;
pub use error::{DeletionBlocker, RegistryError, Result};
pub use list::{Page, Paged};
pub use owners::{Overwrites, Ownership, Writer, belongs_to};
pub use policy::Policy;
pub use records::{draft, resource, resources};
pub use registry::{Registry, Update};
pub use tags::IgnoredTags;
pub use view::{
    AffectedByChanges, FollowedSnapshot, LastWrite, Missing, Snapshot, ViewVersion, Views, dangling,
};
