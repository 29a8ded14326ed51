//! The effective proxy profile, field by field, with whose each field is.

use super::index::{Index, IndexedResource, entry};
use crate::ir::{Origin, Source, Sourced};
use meshform_model::key::ResourceKey;
use meshform_model::path::{FieldOf, Path};
use meshform_model::spec::{Interception, ProxyProfileSpec};

/// A node's or gateway's own profile over the mesh's.
#[derive(Debug)]
pub(crate) struct Profile<'m> {
    own: Option<IndexedResource<'m, ProxyProfileSpec>>,
    default: Option<IndexedResource<'m, ProxyProfileSpec>>,
    /// The default's fields below the own ones.
    pub(crate) merged: ProxyProfileSpec,
}

impl<'m> Index<'m> {
    /// How the Envoy of a node or a gateway is run.
    pub(crate) fn profile(&self, key: &ResourceKey) -> Profile<'m> {
        // By name: of two for one proxy, which is an error of the mesh, the first holds.
        let own = self.whole.profile_of(Some(key)).map(entry);
        Profile::new(own, self.default_profile.clone())
    }
}

impl<'m> Profile<'m> {
    pub(crate) fn new(
        own: Option<IndexedResource<'m, ProxyProfileSpec>>,
        default: Option<IndexedResource<'m, ProxyProfileSpec>>,
    ) -> Self {
        let merged = match (&own, &default) {
            (Some(own), Some(default)) => own.spec.clone().over(default.spec),
            (Some(only), None) | (None, Some(only)) => only.spec.clone(),
            (None, None) => ProxyProfileSpec::default(),
        };
        Self { own, default, merged }
    }

    /// A field of the spec, from the profile that has it: the own one wins.
    pub(crate) fn get<T, F>(
        &self,
        field: FieldOf<ProxyProfileSpec, F>,
        get: impl Fn(&'m ProxyProfileSpec) -> Option<T>,
    ) -> Option<Sourced<T>> {
        [&self.own, &self.default]
            .into_iter()
            .flatten()
            .find_map(|profile| {
                let value = get(profile.spec)?;
                let place = field(ProxyProfileSpec::path());
                Some(Sourced::written(value, Origin::at(&profile.key, place)))
            })
    }

    /// A field below a field: the profile that has the upper one decides alone.
    pub(crate) fn below<T, U, F>(
        &self,
        field: FieldOf<ProxyProfileSpec, U>,
        upper: impl Fn(&'m ProxyProfileSpec) -> Option<&'m U>,
        lower: FieldOf<U, F>,
        get: impl FnOnce(&'m U) -> Option<T>,
    ) -> Option<Sourced<T>>
    where
        U: 'm,
    {
        let found = self.get(field, upper)?;
        let value = get(found.value)?;
        Some(match found.source {
            Source::Field(origin) => Sourced::written(value, origin.below(lower)),
            source => Sourced { value, source },
        })
    }

    /// Whose port of interception it is: the profile's that says it, otherwise nobody's.
    pub(crate) fn interception_port(&self, inbound: bool) -> Source {
        let port = |of: &Interception| match of {
            Interception::Transparent(transparent) if inbound => transparent.ingress_port,
            Interception::Transparent(transparent) => transparent.egress_port,
            Interception::Explicit(explicit) => explicit.port,
        };
        let found = self.get(Path::<ProxyProfileSpec>::interception, |profile| {
            profile.interception.as_ref()
        });
        match found {
            Some(Sourced {
                value,
                source: Source::Field(origin),
            }) if port(value).is_some() => {
                Source::Field(origin.below(|at: Path<Interception>| match value {
                    Interception::Transparent(_) if inbound => at.transparent().ingress_port(),
                    Interception::Transparent(_) => at.transparent().egress_port(),
                    Interception::Explicit(_) => at.explicit().port(),
                }))
            }
            Some(Sourced {
                value: Interception::Explicit(_),
                ..
            }) => Source::Meshform,
            _ => Source::AppMesh,
        }
    }

    /// Where lines would have to be added: the own profile, else the mesh's.
    pub(crate) fn name(&self) -> Option<&str> {
        self.own
            .as_ref()
            .or(self.default.as_ref())
            .map(|profile| profile.key.name.as_str())
    }
}
