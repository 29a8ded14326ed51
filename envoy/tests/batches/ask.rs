//! Many proxies in one start of Envoy: their listeners and clusters side by side, distinguished by name and port.

use crate::support;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A proxy to be asked of: of which mesh, whose it is, and its static form.
pub(crate) struct Asked {
    pub(crate) seed: u64,
    pub(crate) proxy: String,
    pub(crate) config: Value,
}

/// What Envoy refuses.
pub(crate) struct Refusal {
    pub(crate) seed: u64,
    pub(crate) proxy: String,
    pub(crate) words: String,
}

impl Asked {
    fn refused(&self, log: &str) -> Refusal {
        Refusal {
            seed: self.seed,
            proxy: format!("seed {}, {}", self.seed, self.proxy),
            words: essence(log),
        }
    }
}

/// What Envoy means, out of a log that also repeats the configuration.
fn essence(log: &str) -> String {
    let text = log
        .split_once("error initializing configuration")
        .map_or(log, |(_, text)| text);
    let text = text
        .rsplit_once("Proto constraint")
        .map_or(text, |(_, text)| text);
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(600).collect()
}

/// All the proxies' listeners and clusters. When Envoy refuses a batch, its proxies are asked of one by one.
pub(crate) fn listeners_and_clusters(proxies: &[Asked], work: &Path) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for (number, batch) in proxies.chunks(100).enumerate() {
        let file = work.join(format!("batch-{number}.json"));
        std::fs::write(&file, together(batch).to_string()).unwrap();
        if support::validate(&file).is_ok() {
            continue;
        }
        for one in batch {
            std::fs::write(&file, together(std::slice::from_ref(one)).to_string()).unwrap();
            if let Err(words) = support::validate(&file) {
                refusals.push(one.refused(&words));
            }
        }
    }
    refusals
}

/// The parts of a bootstrap beside listeners and clusters of the mesh, which are one for a whole Envoy.
const PARTS: [&str; 5] = [
    "admin",
    "stats_sinks",
    "stats_config",
    "stats_flush_interval",
    "overload_manager",
];

/// Every form of every part, as few starts as the part with the most forms needs.
pub(crate) fn bootstraps(proxies: &[Asked], work: &Path) -> Vec<Refusal> {
    let forms: Vec<Vec<(&Asked, &Value)>> = PARTS.iter().map(|part| forms(proxies, part)).collect();
    let most = forms.iter().map(Vec::len).max().unwrap_or_default();
    let mut refusals = Vec::new();
    for at in 0..most {
        // The node's names are plain texts.
        let mut config = json!({"node": {"id": "node", "cluster": "node"}});
        let mut whose = Vec::new();
        for (part, forms) in PARTS.iter().zip(&forms) {
            if let Some((proxy, form)) = forms.get(at % forms.len().max(1)) {
                config[*part] = (*form).clone();
                whose.push(*proxy);
            }
        }
        let file = work.join("bootstrap.json");
        std::fs::write(&file, config.to_string()).unwrap();
        if let Err(words) = support::validate(&file) {
            refusals.extend(whose.iter().map(|one| one.refused(&words)));
        }
    }
    refusals
}

/// The forms that a part has, each with the first proxy that has it.
fn forms<'a>(proxies: &'a [Asked], part: &str) -> Vec<(&'a Asked, &'a Value)> {
    let mut seen = BTreeSet::new();
    let with = proxies
        .iter()
        .filter_map(|proxy| Some((proxy, proxy.config.get(part)?)));
    with.filter(|(_, form)| {
        let mut form = (*form).clone();
        same(&mut form);
        seen.insert(form.to_string())
    })
    .collect()
}

/// Ports and the values of tags are all alike.
fn same(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(same),
        Value::Object(fields) => {
            for (name, field) in fields {
                match name.as_str() {
                    "port_value" | "fixed_value" => *field = Value::Null,
                    _ => same(field),
                }
            }
        }
        _ => {}
    }
}

/// One bootstrap with the resources of all.
fn together(proxies: &[Asked]) -> Value {
    let mut ports = 1024..=u16::MAX;
    let (mut listeners, mut clusters) = (Vec::new(), Vec::new());
    for (number, proxy) in proxies.iter().enumerate() {
        let own = &proxy.config["static_resources"];
        let list = |what: &str| own[what].as_array().cloned().unwrap_or_default();
        let names: BTreeSet<String> = list("clusters")
            .iter()
            .filter_map(|cluster| Some(cluster["name"].as_str()?.to_owned()))
            .collect();
        let mut moved = BTreeMap::new();
        for mut listener in list("listeners") {
            let port = &mut listener["address"]["socket_address"]["port_value"];
            // Sockets of one proxy that clash must still clash.
            let port_there = port.as_u64().unwrap();
            *port = json!(
                *moved
                    .entry(port_there)
                    .or_insert_with(|| ports.next().expect("a port"))
            );
            listener["name"] = json!(format!("{number}:{}", listener["name"].as_str().unwrap()));
            rename(&mut listener, &names, number);
            listeners.push(listener);
        }
        for mut cluster in list("clusters") {
            rename(&mut cluster, &names, number);
            clusters.push(cluster);
        }
    }
    let first = &proxies[0].config;
    json!({
        "node": {"id": "node", "cluster": "node"},
        "layered_runtime": first["layered_runtime"],
        "static_resources": {"listeners": listeners, "clusters": clusters},
    })
}

/// Every text that is the name of a cluster, with the proxy's number before it.
fn rename(value: &mut Value, names: &BTreeSet<String>, number: usize) {
    match value {
        Value::String(text) if names.contains(text) => *text = format!("{number}:{text}"),
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, names, number)),
        Value::Object(fields) => fields.values_mut().for_each(|field| rename(field, names, number)),
        _ => {}
    }
}
