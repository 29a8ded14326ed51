//! Templates that wait for their expressions to be asked for.

use super::{Keys, Symbolic, SymbolicResource, keep};
use crate::frontend::Options;
use crate::frontend::cloudformation::scope::TemplateScope;
use crate::frontend::cloudformation::stacks::Stacks;
use meshform_model::diag::Diagnostic;

/// Templates whose expressions are wanted once the values of their resources are no longer needed: both together would
/// be most of the memory.
#[derive(Debug, Clone)]
pub(crate) struct ReadTemplates {
    pub(crate) stacks: Stacks,
    pub(crate) keys: Keys,
    pub(crate) options: Options,
}

impl ReadTemplates {
    /// The mesh's part of the templates with its expressions, but for the resources, which are handed over one by one;
    /// and what is told of the expressions.
    pub(crate) fn expressions(&self, each: &mut dyn FnMut(SymbolicResource)) -> (Symbolic, Vec<Diagnostic>) {
        let mut scope = TemplateScope::new(&self.stacks, &self.options);
        let symbolic = keep(
            &self.stacks,
            &mut scope,
            &self.keys,
            self.options.mesh.as_deref(),
            each,
        );
        (symbolic, scope.finish())
    }
}
