//! Whole meshes by chance, from the whole schema: every kind, every field, every member of every union.
//!
//! What holds a mesh together is chosen first (names, protocols, ports) and given back wherever the schema refers to
//! it; all else is whatever the schema lets stand there. Most such meshes break rules: [`crate::heal`] takes out what
//! the rules blame.

use crate::support::random::Random;
use crate::words;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::schema::{self, Field, ObjectShape, SchemaNode, Shape};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A resource by its key: `{"spec": …, "extensions": …}`.
pub(crate) type Resources = BTreeMap<ResourceKey, Value>;

const PROTOCOLS: [&str; 4] = ["http", "http2", "grpc", "tcp"];

pub(crate) fn mesh(seed: u64) -> Resources {
    let mut random = Random::new(seed);
    let name = random
        .one(&["apps", "apps", "m.1", "ünï", "a%b", "a b"])
        .to_owned();
    let named = |random: &mut Random, letter: &str, most: usize| -> Vec<String> {
        let count = 1 + random.below(most);
        (0..count)
            .map(|at| format!("{letter}{at}{}", random.one(words::ENDINGS)))
            .collect()
    };
    let names = BTreeMap::from([
        (Kind::Mesh, vec![name.clone()]),
        (Kind::VirtualNode, named(&mut random, "n", 4)),
        (Kind::VirtualRouter, named(&mut random, "r", 2)),
        (Kind::VirtualGateway, named(&mut random, "g", 2)),
        (Kind::VirtualService, {
            let count = 1 + random.below(4);
            (0..count)
                .map(|_| words::pick(&mut random, words::SERVICES))
                .collect()
        }),
    ]);
    let main = random.one(&PROTOCOLS);
    let mut make = Make {
        random,
        names,
        main,
        protocol: main,
        listeners: BTreeMap::new(),
        kind: Kind::Mesh,
        parent: None,
    };
    make.resources(&name)
}

/// A mesh on its way.
struct Make {
    random: Random,
    names: BTreeMap<Kind, Vec<String>>,
    /// What most of the mesh speaks.
    main: &'static str,
    /// What is spoken at the place that is being made.
    protocol: &'static str,
    /// Protocol and port of what listens, by kind and name.
    listeners: BTreeMap<(Kind, String), Vec<(&'static str, u16)>>,
    kind: Kind,
    /// The router or gateway of the route that is being made.
    parent: Option<(Kind, String)>,
}

impl Make {
    fn resources(&mut self, mesh: &str) -> Resources {
        let mut out = Resources::new();
        out.insert(ResourceKey::mesh(mesh), self.resource(Kind::Mesh, ""));
        for kind in [
            Kind::VirtualNode,
            Kind::VirtualRouter,
            Kind::VirtualGateway,
            Kind::VirtualService,
        ] {
            for name in self.names[&kind].clone() {
                out.insert(
                    ResourceKey::in_mesh(mesh, kind, &name),
                    self.resource(kind, &name),
                );
            }
        }
        for (kind, parent) in [
            (Kind::Route, Kind::VirtualRouter),
            (Kind::GatewayRoute, Kind::VirtualGateway),
        ] {
            for of in self.names[&parent].clone() {
                self.parent = Some((parent, of.clone()));
                for at in 0..self.random.below(8) {
                    let name = format!("x{at}{}", self.random.one(words::ENDINGS));
                    let key = ResourceKey::child(&ResourceKey::in_mesh(mesh, parent, &of), kind, &name);
                    out.insert(key, self.resource(kind, &name));
                }
            }
        }
        self.parent = None;
        for at in 0..self.random.below(4) {
            let name = format!("p{at}");
            let key = ResourceKey::in_mesh(mesh, Kind::ProxyProfile, &name);
            out.insert(key, self.resource(Kind::ProxyProfile, &name));
        }
        out
    }

    fn resource(&mut self, kind: Kind, name: &str) -> Value {
        self.kind = kind;
        self.protocol = self.main;
        let root = schema::kind(kind).root.object().unwrap();
        let mut out = Map::new();
        for part in ["spec", "extensions"] {
            let Some(field) = root.field(part) else { continue };
            if part == "spec" || self.random.below(2) == 0 {
                let value = self.value(field.node, &mut vec![part.to_owned()]);
                out.insert(part.to_owned(), value);
            }
        }
        let found = out["spec"]["listeners"].as_array().cloned().unwrap_or_default();
        let mapping = |listener: &Value| {
            let mapping = &listener["portMapping"];
            let protocol = PROTOCOLS.into_iter().find(|one| mapping["protocol"] == *one)?;
            Some((protocol, u16::try_from(mapping["port"].as_u64()?).ok()?))
        };
        let listeners = found.iter().filter_map(mapping).collect();
        self.listeners.insert((kind, name.to_owned()), listeners);
        Value::Object(out)
    }

    fn value(&mut self, node: &SchemaNode, path: &mut Vec<String>) -> Value {
        let at = path.last().cloned().unwrap_or_default();
        match &node.shape {
            Shape::Object(_) if at == "portMapping" => {
                json!({"port": self.random.one(words::PORTS), "protocol": self.protocol})
            }
            Shape::Object(shape) if shape.field("unit").is_some() => json!({
                "unit": self.random.one(&["s", "ms"]),
                "value": if self.random.often() { 1 + self.random.below(100) as i64 } else { self.random.one(words::DURATIONS) },
            }),
            Shape::Object(shape) => self.object(shape, path),
            Shape::Union(shape) => {
                let field = self.member(shape);
                json!({ field.name.as_str(): self.field(field, path) })
            }
            Shape::List(list) => {
                let most = list.max.unwrap_or(3).min(list.min.max(1) + 2);
                let count = list.min.max(usize::from(self.random.often())) + self.random.below(2);
                (0..count.min(most))
                    .map(|_| {
                        if at == "listeners" {
                            self.protocol = self.some_protocol();
                        }
                        self.value(list.items, path)
                    })
                    .collect()
            }
            Shape::Text(shape) if !shape.choices.is_empty() => match at.as_str() {
                "protocol" => json!(self.protocol),
                _ => json!(self.random.one(&shape.choices)),
            },
            Shape::Text(_) => json!(words::pick(&mut self.random, words::of(path))),
            Shape::Int(_) if is_port(&at) => json!(self.random.one(words::PORTS)),
            Shape::Int(bounds) => {
                let low = bounds.min.map_or(0, |min| min as i64);
                let high = bounds.max.map(|max| max as i64);
                json!(match self.random.below(4) {
                    0 => low,
                    1 => high.unwrap_or_else(|| self.random.one(words::LARGE)),
                    _ =>
                        low + self
                            .random
                            .below(high.map_or(100, |high| (high - low + 1) as usize))
                            as i64,
                })
            }
            Shape::Number(_) => json!(self.random.one(&[0.0, 0.001, 12.5, 100.0])),
            Shape::Bool => json!(self.random.below(2) == 0),
            Shape::Any => json!({}),
        }
    }

    fn object(&mut self, shape: &ObjectShape, path: &mut Vec<String>) -> Value {
        let (mut kept, mut left_out): (Vec<&String>, Vec<&String>) = Default::default();
        for (group, needed) in (shape.one_of.iter().map(|group| (group, true)))
            .chain(shape.at_most_one.iter().map(|group| (group, false)))
        {
            let protocol = format!("{}Route", self.spoken());
            let fits = group.iter().position(|name| *name == protocol);
            let keep = match fits {
                Some(fits) if self.random.below(20) > 0 => fits,
                _ if needed || self.random.below(6) > 0 => self.random.below(group.len()),
                _ => group.len(),
            };
            for (at, name) in group.iter().enumerate() {
                if at == keep { &mut kept } else { &mut left_out }.push(name);
            }
        }
        let mut out = Map::new();
        for field in &shape.fields {
            let wanted = field.required || kept.contains(&&field.name) || self.wanted(field, path);
            if wanted && !field.computed && !left_out.contains(&&field.name) {
                out.insert(field.name.clone(), self.field(field, path));
            }
        }
        if out.contains_key("weight") && out.contains_key("virtualNode") {
            self.target(&mut out);
        }
        Value::Object(out)
    }

    /// Points a weighted target at a listener of the route's protocol, where there is one.
    fn target(&mut self, target: &mut Map<String, Value>) {
        let spoken = self.spoken();
        let fitting: Vec<(String, u16)> = self
            .listeners
            .iter()
            .filter(|((kind, _), _)| *kind == Kind::VirtualNode)
            .flat_map(|((_, name), listeners)| listeners.iter().map(move |one| (name.clone(), *one)))
            .filter(|(_, (protocol, _))| *protocol == spoken)
            .map(|(name, (_, port))| (name, port))
            .collect();
        if !fitting.is_empty() && self.random.below(20) > 0 {
            let (node, port) = self.random.one(&fitting);
            target.insert("virtualNode".to_owned(), json!(node));
            target.insert("port".to_owned(), json!(port));
        }
    }

    fn field(&mut self, field: &Field, path: &mut Vec<String>) -> Value {
        if let Some(names) = field.refers_to.and_then(|kind| self.names.get(&kind))
            && !matches!(field.node.shape, Shape::List(_))
        {
            return json!(self.random.one(names));
        }
        path.push(field.name.clone());
        let value = if path.ends_with(&["match".to_owned(), "port".to_owned()]) {
            json!(self.parents_port())
        } else {
            self.value(field.node, path)
        };
        path.pop();
        value
    }

    /// Whether a field that may be left out is there.
    fn wanted(&mut self, field: &Field, path: &[String]) -> bool {
        let likely = match field.name.as_str() {
            "listeners" | "serviceDiscovery" | "provider" | "backends" => 90,
            "port" if path.last().is_some_and(|last| last == "match") => 80,
            "sdsSocketPath" | "certificates" | "endpoints" => 60,
            "headers" | "metadata" | "match" | "path" | "rewrite" | "prefix" | "hostname" => 65,
            "queryParameters" | "tls" | "clientPolicy" => 60,
            _ => 40,
        };
        self.random.below(100) < likely
    }

    /// A member of a union; of those that are named after protocols mostly the one that is spoken.
    fn member<'s>(&mut self, shape: &'s ObjectShape) -> &'s Field {
        let spoken = shape.fields.iter().find(|field| field.name == self.protocol);
        match spoken {
            Some(field) if self.random.below(20) > 0 => field,
            _ => &shape.fields[self.random.below(shape.fields.len())],
        }
    }

    fn some_protocol(&mut self) -> &'static str {
        let protocol = if self.random.often() {
            self.main
        } else {
            self.random.one(&PROTOCOLS)
        };
        // A gateway has none of TCP.
        if self.kind == Kind::VirtualGateway && protocol == "tcp" {
            "http"
        } else {
            protocol
        }
    }

    /// What the listener of the route's parent speaks, else what most of the mesh does.
    fn spoken(&self) -> &'static str {
        let listeners = self.parent.as_ref().and_then(|parent| self.listeners.get(parent));
        listeners
            .and_then(|all| all.first())
            .map_or(self.main, |(protocol, _)| protocol)
    }

    fn parents_port(&mut self) -> u16 {
        let listeners = self.parent.as_ref().and_then(|parent| self.listeners.get(parent));
        match listeners.and_then(|all| all.first()) {
            Some((_, port)) if self.random.below(20) > 0 => *port,
            _ => self.random.one(words::PORTS),
        }
    }
}

fn is_port(name: &str) -> bool {
    name == "ports" || name.to_lowercase().ends_with("port") || name == "ignoredPorts"
}
