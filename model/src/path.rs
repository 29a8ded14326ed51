//! Typed paths of fields: a place in a resource, with the type of what is there.
//!
//! A path has a method for each field of its type, so that a field that a schema does not have is an error of the
//! compiler: `VirtualNodeSpec::path().listeners().at(0).tls().mode()` is `/spec/listeners/0/tls/mode`. Where a value is one
//! of several (a union, the rule of a route), `of(&value)` or `rule(&rule)` leads to the one that is there; its path has the
//! fields of all of them.

#[rustfmt::skip]
mod generated;

use crate::pointer::{Pointer, Segment};
use std::fmt;
use std::marker::PhantomData;

/// A place in a resource where a `T` stands, or one of a tuple's types.
pub struct Path<T> {
    pointer: Pointer,
    of: PhantomData<fn() -> T>,
}

/// From the place of a type to one of its fields: `Path::<Admin>::port`.
pub type FieldOf<T, F> = fn(Path<T>) -> Path<F>;

/// The methods of a type's path: name, name in JSON, type.
macro_rules! fields {
    ($of:ty { $($method:ident $name:literal $to:ty;)* }) => {
        impl Path<$of> {
            $(
                #[doc = concat!("`", $name, "`.")]
                pub fn $method(self) -> Path<$to> {
                    self.step($name)
                }
            )*
        }
    };
}
use fields;

impl<T> Path<T> {
    /// A part of a resource: `spec` or `extensions`.
    fn part(name: &'static str) -> Self {
        Self {
            pointer: Pointer::root().field(name),
            of: PhantomData,
        }
    }

    /// A place of which the caller knows that a `T` stands there.
    pub fn known(pointer: Pointer) -> Self {
        Self {
            pointer,
            of: PhantomData,
        }
    }

    fn step<U>(self, name: &'static str) -> Path<U> {
        self.down(Segment::Field(name.to_owned()))
    }

    fn down<U>(mut self, segment: Segment) -> Path<U> {
        self.pointer.push(segment);
        Path {
            pointer: self.pointer,
            of: PhantomData,
        }
    }

    /// The place without its type.
    pub fn pointer(&self) -> &Pointer {
        &self.pointer
    }
}

impl<T> Path<Vec<T>> {
    /// An element, counted from 0.
    pub fn at(self, index: usize) -> Path<T> {
        self.down(Segment::Index(index))
    }
}

impl<T> From<Path<T>> for Pointer {
    fn from(path: Path<T>) -> Self {
        path.pointer
    }
}

impl<T> From<&Path<T>> for Pointer {
    fn from(path: &Path<T>) -> Self {
        path.pointer.clone()
    }
}

impl<T> Clone for Path<T> {
    fn clone(&self) -> Self {
        Self {
            pointer: self.pointer.clone(),
            of: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Path<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Path({})", self.pointer)
    }
}

impl<T> fmt::Display for Path<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pointer.fmt(f)
    }
}

/// What a field is called in JSON: `name_of(Path::<Listener>::timeout)` is `timeout`.
pub fn name_of<T, F>(field: FieldOf<T, F>) -> String {
    last_name(&field(Path::known(Pointer::root()))).to_owned()
}

/// The name of the field at the end of a path; empty where that is an element of a list. No method, because a field may
/// be called `name`.
pub fn last_name<T>(path: &Path<T>) -> &str {
    match path.pointer.segments().last() {
        Some(Segment::Field(name)) => name,
        Some(Segment::Index(_)) | None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{HttpTimeout, RouteRule, RouteSpec, VirtualNodeSpec};
    use serde_json::json;

    #[test]
    fn a_path_is_the_place_in_json() {
        let listener = VirtualNodeSpec::path().listeners().at(1);
        let timeout = serde_json::from_value(json!({"http2": {}})).unwrap();
        assert_eq!(
            listener.clone().timeout().of(&timeout).per_request().to_string(),
            "/spec/listeners/1/timeout/http2/perRequest"
        );
        assert_eq!(last_name(&listener), "");
        assert_eq!(listener.tls().mode().to_string(), "/spec/listeners/1/tls/mode");
        assert_eq!(name_of(Path::<HttpTimeout>::per_request), "perRequest");
    }

    #[test]
    fn the_fields_of_one_of_several_are_those_of_each() {
        let route: RouteSpec = serde_json::from_value(json!({
            "grpcRoute": {"match": {}, "action": {"weightedTargets": []}},
        }))
        .unwrap();
        assert!(matches!(route.rule, RouteRule::Grpc(_)));
        let rule = RouteSpec::path().rule(&route.rule);
        assert_eq!(
            rule.clone().r#match().port().to_string(),
            "/spec/grpcRoute/match/port"
        );
        assert_eq!(
            rule.retry_policy().per_retry_timeout().to_string(),
            "/spec/grpcRoute/retryPolicy/perRetryTimeout"
        );
    }
}
