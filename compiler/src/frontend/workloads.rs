//! Files of workloads: the short form of what runs beside proxies (`schemas/workload.json`), for those who have no task
//! definition.

use super::Reading;
use super::codes;
use super::text::place;
use meshform_model::arn::Arn;
use meshform_model::diag::{Diagnostic, has_errors};
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::schema;
use meshform_model::validate;
use meshform_model::value::{Node, Span, Value};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What runs beside a proxy.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Workload {
    /// The mesh; none where there is but one.
    pub mesh_name: Option<String>,
    /// The virtual node that the application is; or a gateway.
    pub virtual_node: Option<String>,
    pub virtual_gateway: Option<String>,
    pub image: Option<String>,
    pub port: Option<u16>,
    /// Its command, in place of the image's.
    pub command: Vec<String>,
    /// A command that tells whether it is well.
    pub health_check: Vec<String>,
    /// CPU units of the task.
    pub cpu: Option<u64>,
    /// Memory of the task in MiB.
    pub memory: Option<u64>,
    pub count: Option<u64>,
    #[serde(skip)]
    pub environment: BTreeMap<String, String>,
    /// The application's secret variables, and from where each comes.
    #[serde(skip)]
    pub secrets: BTreeMap<String, String>,
    /// How traffic gets to the proxy, where no profile says it.
    pub interception: Option<Interception>,
    /// What takes the proxy's traces and statistics.
    pub companions: Option<Companions>,
    #[serde(skip)]
    pub span: Option<Span>,
}

/// How traffic gets to a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Interception {
    /// The application uses the proxy.
    Explicit,
    /// The application's connections are redirected to the proxy by iptables.
    Transparent,
}

/// What takes a proxy's traces and statistics in its own task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Companions {
    /// A container with AWS Distro for OpenTelemetry's collector.
    Collector,
    None,
}

impl Workload {
    /// Which proxy it runs beside, in a mesh of that name.
    pub fn key(&self, mesh: &str) -> Option<ResourceKey> {
        let of = |kind, name: &String| ResourceKey::in_mesh(mesh, kind, name);
        let node = self.virtual_node.as_ref();
        let gateway = self.virtual_gateway.as_ref();
        node.map(|name| of(Kind::VirtualNode, name))
            .or_else(|| gateway.map(|name| of(Kind::VirtualGateway, name)))
    }

    /// A problem of it, at its place.
    pub fn problem(&self, problem: Diagnostic) -> Diagnostic {
        match self.span {
            Some(span) => problem.at(place(span)),
            None => problem,
        }
    }
}

/// Whether a document is a file of workloads.
pub(super) fn recognise(document: &Node) -> bool {
    document.get("workloads").is_some()
}

/// Takes the workloads out of a file.
pub(super) fn read(document: &Node, reading: &mut Reading) {
    let problems = validate::against(schema::workloads(), document);
    let refused = has_errors(&problems);
    reading.problems.extend(problems);
    if refused {
        return;
    }
    let mesh = document.get("meshName").and_then(Node::as_str);
    let list = document.get("workloads").and_then(Node::as_list);
    for node in list.unwrap_or_default() {
        match one(node, mesh) {
            Ok(workload) => reading.workloads.push(workload),
            Err(problems) => reading.problems.extend(problems),
        }
    }
}

fn one(node: &Node, mesh: Option<&str>) -> Result<Workload, Vec<Diagnostic>> {
    let mut problems = Vec::new();
    let environment = texts(node, "environment", &mut problems);
    let secrets = texts(node, "secrets", &mut problems);
    for (name, from) in &secrets {
        if !Arn::parse(from).is_some_and(|arn| ["secretsmanager", "ssm"].contains(&arn.service)) {
            let message =
                format!("the secret `{name}` comes from `{from}`, which is not the ARN of a secret");
            let problem = Diagnostic::error(codes::WORKLOAD, message).help(
                "give `arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME` or \
                 `arn:aws:ssm:REGION:ACCOUNT:parameter/NAME`",
            );
            problems.push(at(
                problem,
                node.get("secrets").and_then(|secrets| secrets.get(name)),
            ));
        }
    }
    for name in environment.keys().filter(|name| secrets.contains_key(*name)) {
        let message = format!("`{name}` is both in `environment` and in `secrets`");
        let problem = Diagnostic::error(codes::WORKLOAD, message).help(
            "remove one of the two: ECS accepts each \
                                                                        variable once",
        );
        problems.push(at(problem, node.get("environment").and_then(|all| all.get(name))));
    }
    if node.get("virtualGateway").is_some_and(|name| !name.is_null()) {
        let of_application = [
            "image",
            "port",
            "command",
            "healthCheck",
            "environment",
            "secrets",
            "interception",
        ];
        for field in of_application
            .into_iter()
            .filter(|field| node.get(field).is_some_and(|n| !n.is_null()))
        {
            let message = format!("a virtual gateway runs no application, and `{field}` is of one");
            let problem = Diagnostic::error(codes::WORKLOAD, message).help("leave it out");
            problems.push(at(problem, node.get(field)));
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let json = node.to_json().map(|mut json| {
        // Null is as good as nothing.
        if let Some(fields) = json.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
        }
        json
    });
    let read = json.map(serde_json::from_value::<Workload>);
    match read {
        Some(Ok(read)) => Ok(Workload {
            mesh_name: read.mesh_name.clone().or_else(|| mesh.map(str::to_owned)),
            environment,
            secrets,
            span: node.span,
            ..read
        }),
        // The schema has let it pass, so this is a value that only CloudFormation's functions could give.
        _ => {
            let problem = Diagnostic::error(codes::WORKLOAD, "a workload with values that are not plain");
            Err(vec![at(
                problem.help("write literal strings and numbers"),
                Some(node),
            )])
        }
    }
}

fn at(problem: Diagnostic, node: Option<&Node>) -> Diagnostic {
    match node.and_then(|node| node.span) {
        Some(span) => problem.at(place(span)),
        None => problem,
    }
}

/// A field from names to texts.
fn texts(node: &Node, field: &str, problems: &mut Vec<Diagnostic>) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let fields = node.get(field).and_then(Node::as_object);
    for variable in fields.into_iter().flatten() {
        let text = match &variable.node.value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.as_text().to_owned(),
            Value::Bool(value) => value.to_string(),
            other => {
                let message = format!(
                    "the variable `{}` has {} for a value",
                    variable.name,
                    other.noun()
                );
                let problem = Diagnostic::error(codes::WORKLOAD, message).help("give a text");
                problems.push(at(problem, Some(&variable.node)));
                continue;
            }
        };
        all.insert(variable.name.clone(), text);
    }
    all
}
