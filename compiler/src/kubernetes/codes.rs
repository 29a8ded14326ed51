//! The codes of what custom resources cannot say.

use meshform_model::diag::{Diagnostic, ProblemLocation};
use meshform_model::key::ResourceKey;
use meshform_model::pointer::Pointer;

meshform_model::codes! {
    NOT_EXPRESSIBLE "MF0643" "mesh resource that Kubernetes manifests cannot express"
        "The controller's custom resources lack some fields of the API: a preference of IP versions for one node, the \
         preferences that fall back to the other version, tags. What would change how requests flow is an error, and \
         nothing is written; what would not is a warning."
    NO_PODS "MF0644" "proxy without pods, or pods of several proxies"
        "The `podSelector` of a virtual node or gateway says which pods its proxy stands beside. Where no manifest of \
         the inputs makes such pods, only the configuration is written. Pods that several select were refused by the \
         controller too."
    INTERCEPTION "MF0645" "transparent interception without an image that sets it up"
        "With transparent interception a container that runs before the others redirects connections to the proxy, \
         with the capability `NET_ADMIN`. `--init-image` names its image: App Mesh's \
         `aws-appmesh-proxy-route-manager`, or one that takes its variables. With explicit interception, in the proxy \
         profile, no such container is needed."
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
