//! Object storage: how it is reached, and objects by name. A store in a bucket is made of it, and so is what releases are
//! published to; neither needs the other.

mod access;
mod container;
mod credentials;
mod failure;
mod files;
pub mod http;
mod objects;
mod published;

pub(crate) use access::Remote;
pub use access::{Access, AwsKeys, tls_roots};
pub(crate) use failure::failure;
pub use objects::records_prefix;
pub(crate) use objects::{
    NamedObject, ObjectContent, Objects, Storage, by_mesh, name_of_part, number, numbered, numbered_name,
    part,
};
pub use published::{ListedObject, ObjectVersion, PublishedObjects};
