//! The codes of what custom resources cannot say.

use meshform_model::diag::{Diagnostic, ProblemLocation};
use meshform_model::key::ResourceKey;
use meshform_model::pointer::Pointer;

meshform_model::codes! {
    NOT_EXPRESSIBLE "MF0643" "mesh resource that Kubernetes manifests cannot express"
        "The controller's custom resources lack some fields of the API: the IP version preference of a single \
         node, the preferences that fall back to the other version, tags. A field that affects how requests flow \
         is an error, and nothing is written; any other is a warning."
    NO_PODS "MF0644" "proxy without pods, or pods of several proxies"
        "The `podSelector` of a virtual node or gateway selects the pods that get its proxy. If no manifest of the \
         inputs creates such pods, only the configuration is written. The controller too rejected pods that \
         several select."
    INTERCEPTION "MF0645" "transparent interception without an init image"
        "With transparent interception an init container with the capability `NET_ADMIN` redirects connections to \
         the proxy. Set its image with `--init-image`: App Mesh's `aws-appmesh-proxy-route-manager`, or one that \
         understands its variables. Explicit interception, in the proxy profile, needs no such container."
}

/// That a part of a resource would be lost that changes how requests flow.
pub(super) fn lost(key: &ResourceKey, why: &str) -> Diagnostic {
    at(
        Diagnostic::error(NOT_EXPRESSIBLE, format!("{key} cannot be written: {why}")),
        key,
    )
}

/// That a part of a resource is left out.
pub(super) fn not_said(key: &ResourceKey, why: &str) -> Diagnostic {
    at(
        Diagnostic::warning(NOT_EXPRESSIBLE, format!("{key} is only partly written: {why}")),
        key,
    )
}

fn at(problem: Diagnostic, key: &ResourceKey) -> Diagnostic {
    problem.at(ProblemLocation::of(key, &Pointer::root()))
}
