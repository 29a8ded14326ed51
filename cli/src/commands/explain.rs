//! `meshform explain` and `meshform route`: what a proxy does, and the way of one request.

use super::load::{Loaded, load_or_store, one_proxy};
use crate::codes;
use crate::exit::Exit;
use crate::input::InputArguments;
use crate::io::Io;
use crate::render::{self, Format, FormatArgument};
use crate::store::FromStoreArgument;
use meshform_compiler::graph::{self, Picture};
use meshform_envoy::ir::Source;
use meshform_envoy::route::{Explanation, Request, RouteOutcome, RouteSimulator, RouteVerdict};
use meshform_envoy::{self as envoy, Options};
use meshform_model::diag::{Diagnostic, Sources};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use meshform_model::rules::Options as Rules;
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Show every effective value of a proxy and where it comes from
#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArguments {
    /// The virtual node or virtual gateway (`virtualGateway/NAME` where both have the name)
    node: String,
    #[command(flatten)]
    from: From,
}

/// Show which route and targets a request would take, and why
#[derive(Debug, clap::Args)]
pub(crate) struct RouteArguments {
    #[command(flatten)]
    from: From,
    /// The virtual node beside which the application sends, or the virtual gateway that a client calls
    #[arg(long, value_name = "NAME")]
    node: String,
    /// The HTTP method of the request
    #[arg(long, default_value = "GET")]
    method: String,
    /// The `Host` header, with a port where it has one
    #[arg(long)]
    host: String,
    /// The path with its query
    #[arg(long, default_value = "/")]
    path: String,
    /// `http` or `https`, as a client of HTTP/2 says it. Without it, what Envoy sets for HTTP/1.1: by
    /// `x-forwarded-proto`, else by whether the connection is encrypted
    #[arg(long)]
    scheme: Option<String>,
    /// A header of the request; may be given several times
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// The port that the connection is made to
    #[arg(long)]
    port: Option<u16>,
    /// Also draw the mesh, with the path of the request marked, into this file: a page where it ends in `.html`, else SVG
    #[arg(long, value_name = "FILE")]
    graph: Option<PathBuf>,
}

/// Where the mesh is read from, and how to report.
#[derive(Debug, clap::Args)]
struct From {
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    store: FromStoreArgument,
    #[command(flatten)]
    format: FormatArgument,
}

/// What is shown to people, and to programs.
type Rendered = (String, Json);

pub(crate) fn explain(arguments: &ExplainArguments, io: &mut Io) -> Exit {
    run(&arguments.from, &arguments.node, io, |mesh, key| {
        let values = envoy::explain(mesh, key, &Options::new(Options::DEFAULT_ROOT))?;
        let mut text = String::new();
        let mut listed = Vec::new();
        let mut told = "";
        for value in &values {
            let (of, name) = value.path.rsplit_once(" / ").unwrap_or(("", &value.path));
            if of != told {
                text.push_str(&format!("{of}\n"));
                told = of;
            }
            text.push_str(&format!("  {name}: {} ({})\n", value.value, value.source));
            let (source, resource) = match &value.source {
                Source::Field(origin) => ("field", Some(origin.to_string())),
                Source::AppMesh => ("appMesh", None),
                Source::Envoy => ("envoy", None),
                Source::Meshform => ("meshform", None),
            };
            listed.push(json!({
                "path": value.path, "value": value.value, "source": source, "field": resource,
            }));
        }
        Ok((text, json!({"proxy": key.path(), "values": listed})))
    })
}

pub(crate) fn route(arguments: &RouteArguments, io: &mut Io) -> Exit {
    let mut headers = Vec::new();
    for header in &arguments.headers {
        let Some((name, value)) = header.split_once(':') else {
            io.tell(&format!(
                "error: `--header {header}` has no `:`; write `--header 'NAME: VALUE'`\n"
            ));
            return Exit::WrongUse;
        };
        let name = name.trim();
        if name.is_empty() || name.eq_ignore_ascii_case("host") {
            io.tell(&format!(
                "error: `--header '{header}'` names no ordinary header; say `Host` and `:authority` with `--host`, \
                 `:path` with `--path`, `:method` with `--method`, `:scheme` with `--scheme`\n"
            ));
            return Exit::WrongUse;
        }
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let request = Request {
        method: arguments.method.clone(),
        host: arguments.host.clone(),
        path: arguments.path.clone(),
        scheme: arguments.scheme.clone(),
        headers,
        port: arguments.port,
    };
    let faults = request.faults();
    if !faults.is_empty() {
        tell(&arguments.from, io, &Sources::default(), &faults, None);
        return Exit::WrongUse;
    }
    let mut drawn = None;
    let exit = run(&arguments.from, &arguments.node, io, |mesh, key| {
        let explanation = RouteSimulator::of(mesh, key)?.explain(&request);
        let json = explanation_json(&explanation);
        drawn = arguments
            .graph
            .as_deref()
            .map(|file| picture(mesh, key, &explanation).write(form(file)));
        Ok((format!("{}\n", explanation.to_string().trim_end()), json))
    });
    let Some((file, text)) = arguments.graph.as_deref().zip(drawn) else {
        return exit;
    };
    match std::fs::write(io.path(file), text) {
        Ok(()) => exit,
        Err(error) => {
            let problem = format!("`{}` cannot be written: {error}", file.display());
            let problem = Diagnostic::error(codes::CANNOT_WRITE, problem);
            render::tell(io, &Sources::default(), &[problem]);
            Exit::WrongUse
        }
    }
}

fn form(file: &Path) -> graph::Format {
    let is_page = file
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("html"));
    if is_page {
        graph::Format::Html
    } else {
        graph::Format::Svg
    }
}

/// The mesh with everything marked that the request passes.
fn picture(mesh: &Mesh, from: &ResourceKey, explanation: &Explanation) -> Picture {
    let mut taken = vec![from.clone()];
    let routes = explanation.passes.iter().flat_map(|pass| &pass.considered);
    for route in routes.filter(|route| route.verdict == RouteVerdict::Taken) {
        taken.push(ResourceKey::clone(&route.origin.key));
        taken.extend(route.origin.key.container());
    }
    let mut services: Vec<String> = Vec::new();
    if let RouteOutcome::Sent(sent) = &explanation.outcome {
        let node = |name: &str| ResourceKey::in_mesh(mesh.name(), Kind::VirtualNode, name);
        taken.extend(sent.targets.iter().map(|target| node(&target.node)));
        let host = sent.host.split(':').next().unwrap_or_default();
        services.push(host.to_lowercase());
    }
    let gateway_routes = mesh.gateway_routes().filter(|route| taken.contains(&route.key));
    services.extend(gateway_routes.map(|route| {
        let target = route.spec.rule.target();
        target.virtual_service.virtual_service_name.clone()
    }));
    let service = |name: String| ResourceKey::in_mesh(mesh.name(), Kind::VirtualService, name);
    taken.extend(services.into_iter().map(service));
    let mut picture = Picture::of(std::slice::from_ref(mesh), &[]);
    picture.highlight(taken);
    picture
}

fn run(
    from: &From,
    node: &str,
    io: &mut Io,
    work: impl FnOnce(&Mesh, &ResourceKey) -> Result<Rendered, Vec<Diagnostic>>,
) -> Exit {
    let Some(mut loaded) = load_or_store(&from.input, from.store.name(), io) else {
        return Exit::WrongUse;
    };
    loaded.demand_values();
    let meshes = loaded.meshes(&Rules::default());
    let mut shown = None;
    if let Some((mesh, key)) = one_proxy(&mut loaded, &meshes, node) {
        match work(mesh, &key) {
            Ok(found) => shown = Some(found),
            Err(problems) => {
                let problems = loaded.placed(problems);
                loaded.add(problems);
            }
        }
    }
    report(from, io, &loaded, shown)
}

fn report(from: &From, io: &mut Io, loaded: &Loaded, shown: Option<Rendered>) -> Exit {
    tell(from, io, &loaded.reading.sources, &loaded.problems, shown);
    loaded.exit()
}

fn tell(from: &From, io: &mut Io, sources: &Sources, problems: &[Diagnostic], shown: Option<Rendered>) {
    match from.format.format {
        Format::Json => {
            let report = json!({
                "problems": render::problems_json(sources, problems),
                "result": shown.map(|(_, json)| json),
            });
            io.print(&format!("{report:#}\n"));
        }
        Format::Text => {
            render::tell(io, sources, problems);
            if let Some((text, _)) = shown {
                io.print(&text);
            }
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn explanation_json(explanation: &Explanation) -> Json {
    let passes: Vec<Json> = explanation
        .passes
        .iter()
        .map(|pass| {
            let considered: Vec<Json> = pass
                .considered
                .iter()
                .map(|route| {
                    let (verdict, reason) = match &route.verdict {
                        RouteVerdict::Taken => ("taken", None),
                        RouteVerdict::Not(reason) => ("no", Some(reason)),
                        RouteVerdict::NotReached => ("notReached", None),
                    };
                    json!({
                        "route": route.route, "verdict": verdict, "reason": reason,
                        "origin": route.origin.to_string(),
                    })
                })
                .collect();
            json!({
                "listener": pass.listener, "table": pass.table, "virtualHost": pass.virtual_host,
                "considered": considered,
            })
        })
        .collect();
    let outcome = match &explanation.outcome {
        RouteOutcome::Sent(sent) => {
            let targets: Vec<Json> = sent
                .targets
                .iter()
                .map(|target| {
                    json!({"virtualNode": target.node, "cluster": target.cluster, "percent": target.percent})
                })
                .collect();
            json!({
                "outcome": "sent", "host": sent.host, "path": sent.path, "targets": targets,
                "timeoutMillis": millis(sent.timeout.value), "timeoutOrigin": sent.timeout.source.to_string(),
                "idleTimeoutMillis": sent.idle_timeout.as_ref().map(|idle| millis(idle.value)),
                "idleTimeoutOrigin": sent.idle_timeout.as_ref().map(|idle| idle.source.to_string()),
                "retry": sent.retry.as_ref().map(|retry| json!({
                    "retries": retry.value.retries,
                    "on": retry.value.on,
                    "statusCodes": retry.value.status_codes,
                    "perTryTimeoutMillis": retry.value.per_try.map(millis),
                    "origin": retry.source.to_string(),
                })),
            })
        }
        RouteOutcome::NotFound(why) => json!({"outcome": "notFound", "reason": why}),
        RouteOutcome::Closed(why) => json!({"outcome": "closed", "reason": why}),
        RouteOutcome::PassedOn => json!({"outcome": "passedOn"}),
    };
    json!({"passes": passes, "end": outcome})
}
