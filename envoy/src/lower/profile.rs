//! The effective proxy profile, field by field, with whose each field is.

use super::index::Entry;
use crate::ir::{Origin, Sourced};
use meshform_model::path::Step;
use meshform_model::spec::ProxyProfileSpec;

/// A node's or gateway's own profile over the mesh's.
#[derive(Debug)]
pub(crate) struct Profile<'m> {
    own: Option<Entry<'m, ProxyProfileSpec>>,
    default: Option<Entry<'m, ProxyProfileSpec>>,
    /// Both as one.
    pub(crate) merged: ProxyProfileSpec,
}

impl<'m> Profile<'m> {
    pub(crate) fn new(
        own: Option<Entry<'m, ProxyProfileSpec>>,
        default: Option<Entry<'m, ProxyProfileSpec>>,
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
        field: Step<ProxyProfileSpec, F>,
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
        field: Step<ProxyProfileSpec, U>,
        upper: impl Fn(&'m ProxyProfileSpec) -> Option<&'m U>,
        lower: Step<U, F>,
        get: impl FnOnce(&'m U) -> Option<T>,
    ) -> Option<Sourced<T>>
    where
        U: 'm,
    {
        let found = self.get(field, upper)?;
        let value = get(found.value)?;
        Some(match found.source {
            crate::ir::Source::Field(origin) => Sourced::written(value, origin.below(lower)),
            source => Sourced { value, source },
        })
    }

    /// Where lines would have to be added: the own profile, else the mesh's.
    pub(crate) fn name(&self) -> Option<&str> {
        self.own
            .as_ref()
            .or(self.default.as_ref())
            .map(|profile| profile.key.name.as_str())
    }
}
