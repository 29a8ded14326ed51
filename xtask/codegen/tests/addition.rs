//! What a new kind and a new field need, shown in a copy: the schema; for a kind an arm where the rules ask what they say
//! of it, which proxies it concerns and what refers to it, and one where Kubernetes is told what its objects are called;
//! for a field that Envoy sees the lowering, the intermediate form, the message, and what `explain` says of it. All else
//! follows from the schema; a misspelt field does not compile.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test program"
)]

use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A kind that no one has: a limit for all requests to a virtual service.
fn kind() -> Value {
    let name = |description: &str| {
        json!({
            "description": description,
            "$ref": "shared.json#/$defs/resourceName",
            "x-identity": true,
            "x-terraform": {"required": true},
        })
    };
    let mut mesh = name("The mesh that the resource belongs to.");
    mesh["x-ref"] = json!("mesh");
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://meshform.dev/schemas/v1/rate-limit.json",
        "title": "Rate limit",
        "description": "How many requests a virtual service takes in a while.",
        "x-kind": {
            "name": "rateLimit",
            "terraform": "appmesh_rate_limit",
            "cloudformation": "Meshform::AppMesh::RateLimit",
            "key": ["meshName", "rateLimitName"],
            "sorts": 85,
            "stands": 65,
        },
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "meshName": mesh,
            "rateLimitName": name("The name of the limit."),
            "spec": {"$ref": "#/$defs/spec"},
            "tags": {"$ref": "shared.json#/$defs/tags"},
            "metadata": {"$ref": "shared.json#/$defs/metadata"},
            "status": {"$ref": "shared.json#/$defs/status"},
        },
        "required": ["spec"],
        "examples": [{
            "meshName": "apps",
            "rateLimitName": "api",
            "spec": {"virtualService": "api.apps.local", "requests": 100},
        }],
        "$defs": {"spec": {
            "description": "What is limited, and how.",
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "virtualService": {
                    "description": "The virtual service whose requests are counted.",
                    "$ref": "shared.json#/$defs/resourceName",
                    "x-ref": "virtualService",
                    "x-role": "profileDetail",
                },
                "requests": {
                    "description": "How many requests are let through in each `interval`.",
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 1_000_000,
                },
                "interval": {
                    "description": "The time in which they are counted.",
                    "$ref": "shared.json#/$defs/positiveDuration",
                    "default": {"unit": "s", "value": 1},
                },
                "over": {
                    "description": "What becomes of further requests.",
                    "type": "string",
                    "enum": ["REFUSE", "QUEUE"],
                    "default": "REFUSE",
                },
            },
            "required": ["virtualService", "requests"],
        }},
    })
}

/// What code can say of them.
const USE: &str = r#"//! What follows from the schemas of the new kind and the new field.

#[test]
fn all_of_it_is_there() {
    use meshform_model::kind::Kind;
    use meshform_model::key::ResourceKey;
    use meshform_model::mesh::{Change, Mesh, references};
    use meshform_model::resource::Resource;
    use meshform_model::spec::{Duration, HttpRoute, RateLimitOver, RateLimitSpec, RouteRule, RouteSpec, Spec};
    use serde_json::json;

    assert_eq!(Kind::from_name("rateLimit"), Some(Kind::RateLimit));
    assert_eq!(Kind::RateLimit.words(), "rate limit");
    assert_eq!(RateLimitSpec::DEFAULT_INTERVAL, Duration::seconds(1));
    assert_eq!(RateLimitOver::default().name(), "REFUSE");
    assert_eq!(RateLimitSpec::path().interval().value().to_string(), "/spec/interval/value");

    let key = ResourceKey::in_mesh("apps", Kind::RateLimit, "api");
    let spec = json!({"virtualService": "api.apps.local", "requests": 100});
    let limit = Resource::from_json(key.clone(), &spec).unwrap();
    assert_eq!(limit.spec.to_json(), spec);
    let named = references(&limit).into_iter().find(|reference| reference.to.kind == Kind::VirtualService).unwrap();
    assert_eq!((named.to.name.as_str(), named.pointer.to_string().as_str()), ("api.apps.local", "/spec/virtualService"));

    let mesh = Resource::from_json(ResourceKey::mesh("apps"), &json!({})).unwrap();
    let mut mesh = Mesh::new(vec![mesh]).unwrap();
    mesh.apply(vec![Change::Written(Box::new(limit))]).unwrap();
    assert!(mesh.contains(&key));
    assert_eq!(mesh.resources().len(), 2);
    mesh.apply(vec![Change::Deleted(key.clone())]).unwrap();
    assert!(!mesh.contains(&key));

    let route = json!({"httpRoute": {
        "match": {"prefix": "/"}, "action": {"weightedTargets": []}, "hedging": {"requests": 2},
    }});
    let Spec::Route(RouteSpec { rule, .. }) = Spec::from_json(Kind::Route, &route).unwrap() else { panic!() };
    let RouteRule::Http(HttpRoute { hedging: Some(hedging), .. }) = &rule else { panic!() };
    assert_eq!(hedging.requests, 2);
    assert_eq!(RouteSpec::path().rule(&rule).hedging().requests().to_string(), "/spec/httpRoute/hedging/requests");
    assert_eq!(meshform_model::schema::problems(), [""; 0]);
}
"#;

/// The crates that a kind or a field may concern: each is compiled in the copy.
const CRATES: [&str; 4] = ["model", "envoy-api", "envoy", "compiler"];

/// A copy of what these are built from.
struct Copy {
    root: PathBuf,
}

impl Copy {
    fn new(of: &Path) -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("addition");
        for name in CRATES {
            let _ = fs::remove_dir_all(root.join(name));
            copy(&of.join(name).join("src"), &root.join(name).join("src"));
            let manifest = fs::read_to_string(of.join(name).join("Cargo.toml")).unwrap();
            let (manifest, _) = manifest.split_once("[dev-dependencies]").unwrap();
            fs::write(root.join(name).join("Cargo.toml"), manifest).unwrap();
        }
        for folder in ["schemas", "templates"] {
            let _ = fs::remove_dir_all(root.join(folder));
            copy(&of.join(folder), &root.join(folder));
        }
        fs::copy(of.join("Cargo.lock"), root.join("Cargo.lock")).unwrap();
        let workspace = fs::read_to_string(of.join("Cargo.toml")).unwrap();
        let (_, rest) = workspace.split_once("members = [").unwrap();
        let (_, rest) = rest.split_once(']').unwrap();
        fs::write(
            root.join("Cargo.toml"),
            format!(
                "[workspace]\nresolver = \"3\"\nmembers = {CRATES:?}\n{}",
                without(rest, "default-members")
            ),
        )
        .unwrap();
        Self { root }
    }

    /// Changes a file of the copy.
    fn edit(&self, path: &str, change: impl FnOnce(String) -> String) {
        let path = self.root.join(path);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, change(text)).unwrap();
    }

    fn generate(&self) {
        for (path, bytes) in meshform_codegen::schemas::render(&self.root.join("schemas")).unwrap() {
            let path = self.root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }

    /// The errors of a crate, each with the file that it is in.
    fn errors(&self, package: &str) -> Vec<(String, String)> {
        let output = self.cargo(package, &["check", "--lib", "--all-features"]).stderr;
        let output = String::from_utf8(output).unwrap();
        let mut found = Vec::new();
        let mut lines = output.lines();
        while let Some(line) = lines.next() {
            if line.starts_with("error[") {
                let place = lines.next().unwrap_or_default();
                let place = place.trim().trim_start_matches("--> ");
                let (file, _) = place.split_once(':').unwrap_or((place, ""));
                found.push((file.to_owned(), line.to_owned()));
            }
        }
        found.sort();
        assert!(!found.is_empty() || !output.contains("error"), "{output}");
        found
    }

    fn cargo(&self, package: &str, arguments: &[&str]) -> Output {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", self.root.join("target"))
            .env("CARGO_PROFILE_DEV_DEBUG", "none")
            .args(arguments)
            .args(["--offline", "--quiet", "--package", package]);
        command.output().unwrap()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// A manifest without one of its lists.
fn without(text: &str, list: &str) -> String {
    match text.split_once(&format!("{list} = [")) {
        Some((before, after)) => format!("{before}{}", after.split_once(']').map_or("", |(_, rest)| rest)),
        None => text.to_owned(),
    }
}

/// Puts a line behind the only one that contains `after`.
fn behind(text: &str, after: &str, line: &str) -> String {
    assert_eq!(text.matches(after).count(), 1, "{after}");
    text.replacen(after, &format!("{after}\n{line}"), 1)
}

/// Adds a property to a definition of a schema. As text: what is generated follows the order of the file, which a parsed
/// object does not keep.
fn with_property(text: &str, definition: &str, name: &str, schema: &Value) -> String {
    let parts = text
        .split_once(&format!("\n    \"{definition}\": {{"))
        .and_then(|(before, after)| Some((before, after.split_once("\"properties\": {")?)));
    let Some((before, (head, properties))) = parts else {
        panic!("{definition} is no object of the schema");
    };
    format!("{before}\n    \"{definition}\": {{{head}\"properties\": {{\n\"{name}\": {schema},{properties}")
}

#[test]
fn a_kind_and_a_field_need_what_contributing_says_and_nothing_else() {
    let copy = Copy::new(&meshform_codegen::workspace_root());
    // The schemas: a file for the kind, a property for the field.
    fs::write(copy.root.join("schemas/rate-limit.json"), kind().to_string()).unwrap();
    let hedging = json!({
        "description": "Sends a request several times and takes the first answer.",
        "type": "object",
        "additionalProperties": false,
        "properties": {"requests": {
            "description": "How many times, at most.",
            "type": "integer",
            "minimum": 2,
            "maximum": 5,
        }},
        "required": ["requests"],
    });
    copy.edit("schemas/route.json", |text| {
        with_property(&text, "httpRoute", "hedging", &hedging)
    });
    let idle = json!({
        "description": "How long a try may stand still.",
        "$ref": "shared.json#/$defs/duration",
    });
    copy.edit("schemas/shared.json", |text| {
        with_property(&text, "httpRetryPolicy", "perTryIdleTimeout", &idle)
    });
    copy.generate();
    fs::create_dir_all(copy.root.join("model/tests")).unwrap();
    fs::write(copy.root.join("model/tests/addition.rs"), USE).unwrap();

    // Without the rules' arms the compiler names the places.
    let missing = copy.errors("meshform-model");
    let uncovered = |found: &[(String, String)]| {
        let all = found
            .iter()
            .all(|(_, error)| error.contains("Kind::RateLimit` not covered"));
        assert!(all, "{found:?}");
    };
    uncovered(&missing);
    assert_eq!(
        files(&missing),
        [
            "model/src/mesh/reach.rs",
            "model/src/rules/subjects.rs",
            "model/src/rules/telling.rs"
        ]
    );

    // The rules: which proxies a change concerns, and what is asked of the resource.
    copy.edit("model/src/mesh/reach.rs", |text| {
        behind(
            &text,
            "            Kind::ProxyProfile => self.profile(mesh, key),",
            "            Kind::RateLimit => self.all(mesh),",
        )
    });
    copy.edit("model/src/rules/subjects.rs", |text| {
        behind(
            &text,
            "            Kind::Mesh => self.mesh(report),",
            "            Kind::RateLimit => {}",
        )
    });
    copy.edit("model/src/rules/telling.rs", |text| {
        behind(
            &text,
            "        Kind::VirtualGateway => of(mesh.virtual_gateways()),",
            "        Kind::RateLimit => Vec::new(),",
        )
    });
    let tested = copy.cargo("meshform-model", &["test", "--test", "addition"]);
    let output =
        String::from_utf8_lossy(&tested.stdout).into_owned() + &String::from_utf8_lossy(&tested.stderr);
    assert!(tested.status.success(), "{output}");

    // A field that no schema has.
    copy.edit("model/tests/addition.rs", |text| {
        text.replace(".hedging().requests()", ".hedging().reqeusts()")
    });
    let refused = String::from_utf8(
        copy.cargo("meshform-model", &["test", "--no-run", "--test", "addition"])
            .stderr,
    )
    .unwrap();
    assert!(refused.contains("no method named `reqeusts`"), "{refused}");

    // What manifests call the kind's objects; nothing else asks for a kind by its name.
    let missing = copy.errors("meshform-compiler");
    uncovered(&missing);
    assert_eq!(files(&missing), ["compiler/src/kubernetes/names.rs"]);
    copy.edit("compiler/src/kubernetes/names.rs", |text| {
        behind(
            &text,
            "        Kind::ProxyProfile => \"ProxyProfile\",",
            "        Kind::RateLimit => \"RateLimit\",",
        )
    });
    assert_eq!(copy.errors("meshform-compiler"), []);

    // The intermediate form has the field: what makes it, and what is told of it, have to follow.
    assert_eq!(copy.errors("meshform-envoy"), []);
    copy.edit("envoy/src/ir/route.rs", |text| {
        behind(
            &text,
            "    pub per_try: Option<Duration>,",
            "    /// How long a try may stand still.\n    pub per_try_idle: Option<Duration>,",
        )
    });
    let missing = copy.errors("meshform-envoy");
    let named = missing.iter().all(|(_, error)| error.contains("per_try_idle"));
    assert!(named, "{missing:?}");
    assert_eq!(
        files(&missing),
        ["envoy/src/effective/route.rs", "envoy/src/lower/retry.rs"]
    );
    copy.edit("envoy/src/lower/retry.rs", |text| {
        let text = text.replace("back_off: None,", "back_off: None,\n        per_try_idle: None,");
        let text = behind(
            &text,
            "        let retry = policy(&events, retries, per_try);",
            "        let mut retry = retry;\n        if let RouteRule::Http(HttpRoute { retry_policy: Some(policy), .. }) = rule {\n            \
             retry.per_try_idle = policy.per_try_idle_timeout.map(Into::into);\n        }",
        );
        assert!(text.contains("per_try_idle: None"), "{text}");
        text
    });
    copy.edit("envoy/src/effective/route.rs", |text| {
        let text = behind(&text, "                per_try: _,", "                per_try_idle,");
        behind(
            &text,
            "            out.add(\"retry on\", policy, on);",
            "            out.add(\"per try at rest\", policy, |_| per_try_idle.as_ref().map_or(\"no limit\".to_owned(), time));",
        )
    });
    copy.edit("envoy/src/out/route.rs", |text| {
        behind(
            &text,
            "        per_try_timeout: retry.per_try.map(duration),",
            "        per_try_idle_timeout: retry.per_try_idle.map(duration),",
        )
    });
    assert_eq!(copy.errors("meshform-envoy"), []);
}

fn files(errors: &[(String, String)]) -> Vec<&str> {
    let mut files: Vec<&str> = errors.iter().map(|(file, _)| file.as_str()).collect();
    files.dedup();
    files
}
