//! What the files in a proxy's folder are called. Here because two crates that may not know each other need it: the one
//! that makes a proxy's files, and the one that publishes its bundle.
//!
//! ```text
//! <proxy>/bootstrap.json             what its Envoy is started with
//! <proxy>/current -> releases/<set>  what it follows
//! <proxy>/releases/<set>/lds.json    …
//! ```

/// What an Envoy that follows files is started with.
pub const BOOTSTRAP: &str = "bootstrap.json";

/// What an Envoy that follows nothing is started with: it holds everything.
pub const STATIC: &str = "static.json";

/// All listeners. It is there also when it lists none, because Envoy is told to read it.
pub const LISTENERS: &str = "lds.json";

/// All clusters; there like [`LISTENERS`].
pub const CLUSTERS: &str = "cds.json";

/// The link to the set of files that an Envoy follows.
pub const CURRENT: &str = "current";

/// The folder of these sets.
pub const RELEASES: &str = "releases";

/// The folder of what an Envoy follows, where it lies beside bootstraps.
pub const FOLLOWED: &str = "xds/";

/// The folder, in a directory that Envoys read, of what is not theirs: the publisher's, the poller's and the agent's.
pub const OWN: &str = ".meshform";
