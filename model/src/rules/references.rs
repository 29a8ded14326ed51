//! References that lead nowhere, and services that nobody provides.

use super::{Findings, codes, named, place};
use crate::diag::{Code, Diagnostic, ProblemLocation};
use crate::key::ResourceKey;
use crate::kind::Kind;
use crate::mesh::{Mesh, Reference, Role};
use crate::pointer::Pointer;
use crate::spec::VirtualServiceSpec;

/// Resources of a mesh that is not there.
pub(super) fn absent_mesh(mesh: &Mesh, report: &mut Findings) {
    let key = mesh.key();
    let message = format!(
        "mesh `{}` itself does not exist, only resources of it",
        mesh.name()
    );
    let problem = Diagnostic::error(codes::NO_MESH, message)
        .help(format!("create mesh `{}`", mesh.name()))
        .at(place(&key, Pointer::root()));
    // What does not exist stands nowhere; what belongs to it does.
    let first = mesh
        .referrers(&key)
        .next()
        .map(|reference| reference.from.clone());
    // Routes refer to their router, not to the mesh.
    let first = first.or_else(|| mesh.resources().into_iter().next().map(|resource| resource.key));
    report.add(first.iter().fold(problem, |problem, first| {
        problem.at(ProblemLocation::of(first, &Pointer::root()).label("belongs to it"))
    }));
}

/// All references to one resource.
pub(super) fn to<'r>(
    mesh: &Mesh,
    to: &ResourceKey,
    references: impl Iterator<Item = &'r Reference>,
    report: &mut Findings,
) {
    // That the mesh is missing is said once.
    if to.kind == Kind::Mesh {
        return;
    }
    if !mesh.contains(to) {
        references.for_each(|reference| dangling(reference, report));
        return;
    }
    let service = mesh
        .virtual_service(&to.name)
        .filter(|_| to.kind == Kind::VirtualService);
    if service.is_some_and(|service| service.spec.provider.is_none()) {
        references
            .filter(|reference| matches!(reference.role, Role::Backend | Role::GatewayTarget))
            .for_each(|reference| unprovided(reference, report));
    }
}

fn dangling(reference: &Reference, report: &mut Findings) {
    let (code, cure): (Code, &str) = match reference.role {
        Role::Container => (codes::NO_PARENT, "delete the route"),
        Role::Provider => (codes::NO_PROVIDER, "give the virtual service another provider"),
        Role::Target => (codes::NO_TARGET, "remove the target from the route"),
        Role::Backend => (codes::NO_BACKEND, "remove the backend from the node"),
        Role::GatewayTarget => (codes::NO_GATEWAY_TARGET, "send to another virtual service"),
        Role::ProfileSubject | Role::ProfileDetail => (codes::NO_SUBJECT, "remove it from the proxy profile"),
    };
    let from = match reference.role {
        // The parent comes next.
        Role::Container => format!("{} `{}`", reference.from.kind, reference.from.name),
        _ => named(&reference.from),
    };
    let to = named(&reference.to);
    let message = format!("{from} {} {to}, which does not exist", reference.role.verb());
    let diagnostic = match reference.role {
        Role::ProfileSubject | Role::ProfileDetail => Diagnostic::warning(code, message),
        _ => Diagnostic::error(code, message),
    };
    report.add(
        diagnostic
            .help(format!("create {to}, or {cure}"))
            .at(ProblemLocation::of(&reference.from, &reference.pointer))
            .at(place(&reference.to, Pointer::root()).label("missing")),
    );
}

/// A service that exists, is called, and has nobody to answer.
fn unprovided(reference: &Reference, report: &mut Findings) {
    let (from, to) = (named(&reference.from), named(&reference.to));
    report.add(
        Diagnostic::warning(
            codes::UNPROVIDED,
            format!("{from} {} {to}, which has no provider", reference.role.verb()),
        )
        .help(format!("give {to} a provider: until then callers get 404"))
        .at(ProblemLocation::of(&reference.from, &reference.pointer))
        .at(place(&reference.to, VirtualServiceSpec::path()).label("no provider")),
    );
}
