//! The provider block, read once.

mod etcd;
mod quotas;

use crate::codes;
use crate::tags::TagRules;
use meshform_model::resource::{DEFAULT_ACCOUNT, DEFAULT_REGION};
use meshform_model::rules::Quotas;
use meshform_model::validate::{readable, seen};
use meshform_registry::IgnoredTags;
use meshform_release::{Target, Timing};
use meshform_store::{Access, Location, Seed, Service};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use tfplugin::schema::{Attribute, NestedBlock, Schema};
use tfplugin::{Diagnostic, Diagnostics, Path as AttributePath, Value, timeouts};

/// Where the embedded store lies when the provider block does not say: beside the root module.
const DEFAULT_STORE: &str = meshform_store::DEFAULT_LOCATION;
/// The owner of what is written when the provider block names none.
const DEFAULT_OWNER: &str = "terraform";
/// How long a write waits for its release when the provider block does not say. A release takes seconds; who waits
/// longer wants to know that it hangs, and Terraform's own limits begin at minutes.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(60);

/// What the provider block says.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) store: Location,
    /// How it is reached, where it is a bucket.
    pub(crate) access: Access,
    /// What the store is created with.
    pub(crate) seed: Seed,
    /// The team or state that the resources belong to.
    pub(crate) owner: String,
    /// The person or machine that runs Terraform.
    pub(crate) actor: String,
    pub(crate) publish: Vec<Target>,
    /// How long a write waits for its release.
    pub(crate) release_timeout: Duration,
    /// How long a release is held that takes the last route away.
    pub(crate) hold_time: Duration,
    /// Refuse every delete of what something refers to.
    pub(crate) strict_deletes: bool,
    /// What is said about tags.
    pub(crate) tags: TagRules,
    /// How many of each a mesh may have.
    pub(crate) quotas: Quotas,
}

/// What the process is told by its surroundings, read in one place.
#[derive(Debug, Clone)]
pub(crate) struct ProcessEnvironment {
    /// The root module's directory, which relative paths start from.
    pub(crate) directory: PathBuf,
    /// Whether this is a CI runner, whose disk is forgotten.
    pub(crate) in_ci: bool,
    /// Who runs Terraform, as records and the history name it: a person, or a machine of CI.
    pub(crate) actor: String,
    /// What the environment says of buckets and etcd: credentials, regions, endpoints.
    pub(crate) access: Access,
}

/// The schema of the provider block.
pub(crate) fn schema() -> Schema {
    let text = |name: &'static str, doc: &str| Attribute::string(name).optional().description(doc.to_owned());
    Schema::new()
        .description("Manages the resources of App Mesh in a store of your own, and publishes them to Envoy.")
        .attribute(text(
            "store",
            "Where the resources are kept. For teams and for CI a bucket: `s3://bucket/prefix`, \
             `gs://bucket/prefix`, `az://container/prefix`, or `file:///directory` for a directory that is \
             treated as one; or a cluster of etcd: `etcd://host,host/prefix`, `etcds://…` for TLS. Otherwise the directory of the embedded store, relative to the root module. Default: \
             `.meshform`. In CI the store must be named, because a runner's disk is forgotten after the run.",
        ))
        .attribute(text(
            "account_id",
            &format!(
                "The account in the ARNs of a store that is created: twelve digits. Default: `{DEFAULT_ACCOUNT}`. An \
                 existing store keeps its own."
            ),
        ))
        .attribute(text(
            "region",
            &format!(
                "The region in the ARNs of a store that is created. Default: `{DEFAULT_REGION}`. An existing store \
                 keeps its own."
            ),
        ))
        .attribute(text(
            "owner",
            "The team or state that the resources belong to. What another owner's resource refers to is not \
             deleted. Default: `terraform`.",
        ))
        .attribute(Attribute::string_list("publish").optional().description(
            "Where running proxies find their configuration: directories, relative to the root module, and buckets \
             that agents read (`s3://BUCKET/PREFIX`). An apply that leaves a mesh valid ends when each of them has \
             it, or says in a warning which proxies are behind and which command updates them. A store in a bucket \
             is always one of them. Default: nothing else is published.",
        ))
        .attribute(text(
            "publish_directory",
            "One directory to publish to: the older name of `publish`, which takes several.",
        ))
        .attribute(text(
            "release_timeout",
            "How long a write waits until the release that it led to is published, such as `30s` or `2m`. After \
             that, or when the apply is interrupted, it ends with a warning that names what is behind. Default: `60s`.",
        ))
        .attribute(text(
            "hold_time",
            "How long a release is held that would leave a virtual router, or a virtual service that had a \
             destination, without any route, such as `10s`: the write that replaces the route may be on its way. \
             After that it is released with a warning. A delete that is the last write under way holds it for one \
             second: Terraform continues only after its answer. `0s` holds nothing. Default: `10s`.",
        ))
        .attribute(Attribute::bool("strict_deletes").optional().description(
            "Refuse to delete what any other resource refers to, as App Mesh did. Default: `false`: only what \
             another owner's resource refers to is refused.",
        ))
        .block(
            NestedBlock::list("s3")
                .max_items(1)
                .description(
                    "How a store in `s3://…` is reached. Credentials come from the environment, a web identity, \
                     the container or the machine, as in AWS's own tools; profiles are not read.",
                )
                .attribute(text(
                    "region",
                    "The bucket's region. Default: `AWS_REGION` or `AWS_DEFAULT_REGION`, else `us-east-1`.",
                ))
                .attribute(text(
                    "endpoint",
                    "The address of a server with the interface of S3, such as `https://minio.example.com`. \
                     Default: `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL`, else Amazon's. `http://` is not \
                     encrypted.",
                ))
                .attribute(Attribute::bool("use_path_style").optional().description(
                    "Whether the bucket is in the path of a request, not in its host name. Default: `true` with an \
                     endpoint.",
                )),
        )
        .block(
            NestedBlock::list("gcs")
                .max_items(1)
                .description(
                    "How a store in `gs://…` is reached. Credentials come from the environment \
                     (`GOOGLE_APPLICATION_CREDENTIALS`, `GOOGLE_BEARER_TOKEN` and related variables), or from the \
                     machine.",
                )
                .attribute(text(
                    "storage_custom_endpoint",
                    "The address of another server with the interface of Cloud Storage. Default: `GOOGLE_BASE_URL`, \
                     else Google's.",
                )),
        )
        .block(
            NestedBlock::list("azure")
                .max_items(1)
                .description(
                    "How a store in `az://…` is reached. Credentials come from the environment \
                     (`AZURE_STORAGE_ACCOUNT_KEY`, `AZURE_CLIENT_ID` and related variables), or from the machine.",
                )
                .attribute(text(
                    "storage_account_name",
                    "The storage account. Default: `AZURE_STORAGE_ACCOUNT_NAME`.",
                ))
                .attribute(text(
                    "endpoint",
                    "The address of another server with the interface of Blob Storage. Default: \
                     `AZURE_STORAGE_ENDPOINT`, else Azure's.",
                )),
        )
        .block(etcd::schema())
        .block(
            NestedBlock::list("default_tags").max_items(1).description("Tags of every resource.").attribute(
                Attribute::string_map("tags").optional().description("The tags; a resource's own tags take \
                                                                      precedence."),
            ),
        )
        .block(
            NestedBlock::list("ignore_tags")
                .max_items(1)
                .description("Tags that others write and Terraform leaves alone.")
                .attribute(Attribute::string_set("keys").optional().description("Their keys."))
                .attribute(
                    Attribute::string_set("key_prefixes").optional().description("Prefixes of their keys."),
                ),
        )
        .block(quotas::schema())
}

impl ProcessEnvironment {
    /// Reads working directory and environment.
    pub(crate) fn read() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let user = variable("USER")
            .or_else(|| variable("LOGNAME"))
            .unwrap_or_else(|| "unknown".to_owned());
        let host = variable("HOSTNAME").or_else(|| std::fs::read_to_string("/etc/hostname").ok());
        let host = host.map(|name| format!("@{}", name.trim())).unwrap_or_default();
        Self {
            directory: std::env::current_dir().unwrap_or_default(),
            in_ci: meshform_store::location::in_ci(variable),
            actor: seen(&format!("{user}{host}")),
            access: Access::of_environment(std::env::vars_os()),
        }
    }
}

impl Settings {
    /// Reads a provider block. `None` while a part that decides where things are is not known yet.
    pub(crate) fn from_block(
        block: &Value,
        around: &ProcessEnvironment,
    ) -> Result<Option<Self>, Diagnostics> {
        let unknown = [
            "store",
            "account_id",
            "region",
            "owner",
            "publish_directory",
            "release_timeout",
            "hold_time",
            "strict_deletes",
        ];
        if unknown.iter().any(|name| block.get(name).is_unknown())
            || block.get("publish").is_unknown()
            || block.get("publish").items().iter().any(Value::is_unknown)
            || BLOCKS.iter().any(|(name, _)| has_unknown(&first(block, name)))
            || has_unknown(&first(block, etcd::BLOCK))
            || has_unknown(&first(block, quotas::BLOCK))
        {
            return Ok(None);
        }
        let mut problems = Diagnostics::new();
        let store = location(block.str("store"), around).unwrap_or_else(|problem| {
            problems.push(problem);
            Location::Directory(PathBuf::new())
        });
        let seed = Seed::default();
        let region = block.str("region").unwrap_or(seed.region());
        let account = block.str("account_id").unwrap_or(seed.account());
        let seed = Seed::new(seed.partition(), region, account).unwrap_or_else(|error| {
            let place = if block
                .str("account_id")
                .is_some_and(|id| error.to_string().contains(id))
            {
                "account_id"
            } else {
                "region"
            };
            problems.push(crate::problem::plain(&error.diagnostic()).at(AttributePath::root().attr(place)));
            Seed::default()
        });
        let access = access(block, around, &store);
        let publish = targets(block, around, &access, &mut problems);
        let release_timeout = duration(block, "release_timeout", RELEASE_TIMEOUT, &mut problems);
        let hold_time = duration(block, "hold_time", Timing::HOLD, &mut problems);
        let quotas = quotas::read(&first(block, quotas::BLOCK), &mut problems);
        let owner = block.str("owner").unwrap_or(DEFAULT_OWNER);
        problems.extend(unreadable(owner));
        if !problems.has_errors() {
            problems.extend(blocks_of_others(block, &store));
        }
        if problems.has_errors() {
            return Err(problems);
        }
        Ok(Some(Self {
            access,
            store,
            seed,
            owner: owner.to_owned(),
            actor: around.actor.clone(),
            publish,
            release_timeout,
            hold_time,
            strict_deletes: block.get("strict_deletes").as_bool().unwrap_or(false),
            tags: tag_rules(block),
            quotas,
        }))
    }
}

/// Owners are told apart by how they read, in messages and in the console.
fn unreadable(owner: &str) -> Option<Diagnostic> {
    let why = readable(owner).err()?;
    let summary = codes::summary(meshform_model::codes::NAME);
    let problem = Diagnostic::error(summary, format!("`owner` cannot be used: {why}."));
    Some(problem.at(AttributePath::root().attr("owner")))
}

/// The blocks that say how a bucket is reached.
const BLOCKS: [(&str, Service); 3] = [
    ("s3", Service::S3),
    ("gcs", Service::Google),
    ("azure", Service::Azure),
];

fn location(store: Option<&str>, around: &ProcessEnvironment) -> Result<Location, Diagnostic> {
    let path = AttributePath::root().attr("store");
    match store {
        None if around.in_ci => Err(Diagnostic::error(
            codes::summary(meshform_store::codes::EMBEDDED_IN_CI),
            "This is a CI runner, whose disk is forgotten after the run, and the store would be forgotten with \
             it. Name a bucket:\n\n  provider \"appmesh\" {\n    store = \"s3://bucket/prefix\"\n  }\n\nor a \
             directory that outlives the run.",
        )
        .at(path)),
        None => Ok(Location::Directory(around.directory.join(DEFAULT_STORE))),
        Some(name) => Location::parse(name, &around.directory)
            .map_err(|error| crate::problem::plain(&error.diagnostic()).at(path)),
    }
}

/// Blocks about another kind of store than the one that is named.
fn blocks_of_others(block: &Value, store: &Location) -> Vec<Diagnostic> {
    let service = service(store);
    let others = BLOCKS
        .iter()
        .filter(|(name, of)| !first(block, name).is_null() && service != Some(*of));
    others
        .map(|(name, _)| says_nothing(block, name, "a bucket"))
        .chain(
            (!first(block, etcd::BLOCK).is_null() && !matches!(store, Location::Etcd(_)))
                .then(|| says_nothing(block, etcd::BLOCK, "a cluster, `etcd://host,host/prefix`")),
        )
        .collect()
}

/// That a block is about another kind of store.
fn says_nothing(block: &Value, name: &str, name_instead: &str) -> Diagnostic {
    let named = block.str("store").unwrap_or(DEFAULT_STORE);
    Diagnostic::error(
        codes::summary(codes::OTHER_STORE),
        format!(
            "Remove the block `{name}`, or set `store` to {name_instead}: the store `{named}` does not use it."
        ),
    )
    .at(AttributePath::root().attr(name))
}

fn service(store: &Location) -> Option<Service> {
    match store {
        Location::Bucket(url) => Some(url.service()),
        Location::Directory(_) | Location::Etcd(_) => None,
    }
}

fn access(block: &Value, around: &ProcessEnvironment, store: &Location) -> Access {
    let service = service(store);
    let own = BLOCKS.iter().find(|(_, of)| service == Some(*of));
    let own = own.map_or_else(Value::default, |(name, _)| first(block, name));
    let text = |name: &str| own.str(name).filter(|text| !text.is_empty()).map(str::to_owned);
    Access {
        endpoint: text("endpoint").or_else(|| text("storage_custom_endpoint")),
        region: text("region"),
        path_style: own.get("use_path_style").as_bool(),
        account: text("storage_account_name"),
        environment: etcd::over(&around.access.environment, &first(block, etcd::BLOCK)),
    }
}

/// The first block of that name.
fn first(block: &Value, name: &str) -> Value {
    block.get(name).items().first().cloned().unwrap_or_default()
}

fn has_unknown(block: &Value) -> bool {
    let attributes = block.entries().into_iter().flatten();
    block.is_unknown() || attributes.into_iter().any(|(_, value)| value.is_unknown())
}

/// Where to publish, each place once.
fn targets(
    block: &Value,
    around: &ProcessEnvironment,
    access: &Access,
    problems: &mut Diagnostics,
) -> Vec<Target> {
    let list = AttributePath::root().attr("publish");
    let items = block.get("publish").items();
    let several = items.iter().enumerate();
    let several = several.map(|(index, value)| (value.as_str().unwrap_or_default(), list.index(index)));
    let one = block.str("publish_directory");
    let one = one.map(|name| (name, AttributePath::root().attr("publish_directory")));
    let mut found: Vec<Target> = Vec::new();
    for (name, place) in one.into_iter().chain(several) {
        match Target::open(name, &around.directory, access) {
            Ok(target) if found.iter().any(|known| known.name() == target.name()) => {}
            Ok(target) => found.push(target),
            Err(error) => problems.push(crate::problem::plain(&error.diagnostic()).at(place)),
        }
    }
    found
}

/// A duration as the provider block says it.
fn duration(block: &Value, name: &str, usual: Duration, problems: &mut Diagnostics) -> Duration {
    let Some(text) = block.str(name) else {
        return usual;
    };
    timeouts::parse(text).unwrap_or_else(|| {
        problems.push(
            Diagnostic::error(
                codes::summary(codes::BAD_DURATION),
                format!("{text:?} is not a duration such as `500ms`, `30s` or `2m`."),
            )
            .at(AttributePath::root().attr(name)),
        );
        usual
    })
}

fn tag_rules(block: &Value) -> TagRules {
    let texts = |value: &Value| -> Vec<String> {
        value
            .items()
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    };
    let (defaults, ignored) = (first(block, "default_tags"), first(block, "ignore_tags"));
    let defaults: BTreeMap<String, String> = defaults
        .get("tags")
        .entries()
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.to_string(), value.as_str()?.to_owned())))
        .collect();
    TagRules {
        defaults,
        ignored: IgnoredTags {
            keys: texts(ignored.get("keys")),
            prefixes: texts(ignored.get("key_prefixes")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(in_ci: bool) -> ProcessEnvironment {
        ProcessEnvironment {
            directory: "/root-module".into(),
            in_ci,
            actor: "me@here".to_owned(),
            access: Access::default(),
        }
    }

    fn read(block: Value, in_ci: bool) -> Result<Option<Settings>, Diagnostics> {
        let block = schema().conform(block).unwrap();
        Settings::from_block(&block, &around(in_ci))
    }

    #[test]
    fn an_empty_block_has_defaults_beside_the_root_module() {
        let settings = read(Value::object([("store", Value::Null)]), false)
            .unwrap()
            .unwrap();
        assert_eq!(
            settings.store,
            Location::Directory("/root-module/.meshform".into())
        );
        assert_eq!(settings.owner, "terraform");
        assert!(settings.publish.is_empty());
    }

    #[test]
    fn releases_are_published_to_each_directory_once() {
        let block = Value::object([
            ("publish", Value::list(["a", "/b", "./a"])),
            ("publish_directory", Value::from("a")),
            ("release_timeout", Value::from("1m30s")),
            ("hold_time", Value::from("0s")),
        ]);
        let settings = read(block, false).unwrap().unwrap();
        let names: Vec<String> = settings.publish.iter().map(Target::name).collect();
        assert_eq!(names, ["/root-module/a", "/b"]);
        assert_eq!(settings.release_timeout, Duration::from_secs(90));
        assert_eq!(settings.hold_time, Duration::ZERO);
        let wrong = Value::object([
            ("publish", Value::list(["a", "http://bucket", "s3://bucket/p"])),
            ("hold_time", Value::from("soon")),
        ]);
        let text = format!("{:?}", read(wrong, false).unwrap_err());
        assert!(
            !text.contains("Index(2)"),
            "a bucket is a place to publish to: {text}"
        );
        for part in ["http://bucket", "Index(1)", "MF0714", "soon"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn in_ci_the_embedded_store_must_be_named() {
        let error = read(Value::object([("owner", Value::from("a"))]), true).unwrap_err();
        let text = format!("{error:?}");
        assert!(
            text.contains("MF0701") && text.contains("store = \\\"s3://bucket/prefix\\\""),
            "{text}"
        );
        let settings = read(Value::object([("store", Value::from("here"))]), true)
            .unwrap()
            .unwrap();
        assert_eq!(settings.store, Location::Directory("/root-module/here".into()));
    }

    #[test]
    fn an_owner_reads_as_it_is_written() {
        for owner in ["team-\u{202e}a", "team\u{0}", "\u{2066}team", ""] {
            let block = Value::object([("owner", Value::from(owner)), ("store", Value::from("here"))]);
            let text = format!("{:?}", read(block, false).unwrap_err());
            assert!(
                text.contains("visible characters") && text.contains("owner"),
                "{text}"
            );
        }
        let block = Value::object([("owner", Value::from("équipe a")), ("store", Value::from("here"))]);
        assert_eq!(read(block, false).unwrap().unwrap().owner, "équipe a");
    }

    #[test]
    fn a_wrong_account_is_reported_at_its_attribute() {
        let error = read(Value::object([("account_id", Value::from("12"))]), false).unwrap_err();
        let first = error.iter().next().unwrap();
        assert!(format!("{first:?}").contains("account_id"), "{first:?}");
    }

    #[test]
    fn a_bucket_is_reached_as_its_block_says() {
        let block = |name: &str, attribute: &str, value: Value| {
            Value::object([
                ("store", Value::from("s3://b/p")),
                (name, Value::list([Value::object([(attribute, value)])])),
            ])
        };
        let settings = read(block("s3", "endpoint", Value::from("http://here")), true)
            .unwrap()
            .unwrap();
        assert_eq!(settings.access.endpoint.as_deref(), Some("http://here"));
        assert!(matches!(settings.store, Location::Bucket(url) if url.to_string() == "s3://b/p"));
        let error = read(block("azure", "storage_account_name", Value::from("x")), false).unwrap_err();
        assert!(format!("{error:?}").contains("MF0702"), "{error:?}");
        assert!(
            read(block("s3", "region", Value::UNKNOWN), false)
                .unwrap()
                .is_none()
        );
        assert!(
            read(Value::object([("store", Value::UNKNOWN)]), false)
                .unwrap()
                .is_none()
        );
        let error = read(Value::object([("store", Value::from("ftp://x"))]), false).unwrap_err();
        assert!(format!("{error:?}").contains("MF0415"), "{error:?}");
    }
}
