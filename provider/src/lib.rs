//! What others may know of the provider without running it: the problems that it reports, for the documentation.

pub mod codes;
