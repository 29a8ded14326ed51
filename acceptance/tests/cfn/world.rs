//! A bucket, the function on it, and what can be seen there.

use crate::lambda::Lambda;
use crate::policy::Asked;
use crate::server::Server;
pub(crate) use crate::wait::wait;
use crate::{Bucket, KEY, SECRET};
use meshform_acceptance::tools;
use meshform_compiler::frontend::{self, Input, Options};
use meshform_store::{Access, Location, Prefix, Record, Revision, Seed, Store};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) bucket: Bucket,
    pub(crate) lambda: Lambda,
}

impl World {
    /// With so many processes of the function: as many events as are served at the same time.
    pub(crate) fn new(processes: usize) -> Self {
        let server = Server::start();
        let bucket = server.bucket("mesh");
        let mut variables = environment(&bucket);
        variables.push(("MESHFORM_STORE".to_owned(), bucket.url.clone()));
        Self {
            lambda: Lambda::start(processes, &variables),
            server,
            bucket,
        }
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        self.store_at(&self.bucket)
    }

    fn store_at(&self, bucket: &Bucket) -> Arc<dyn Store> {
        let access = Access {
            environment: environment(bucket),
            ..Access::default()
        };
        let location = Location::parse(&bucket.url, Path::new("/")).unwrap();
        location.open(&access, &Seed::default()).unwrap()
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        wait(self.store().list(&Prefix::all())).unwrap().records
    }

    /// Everything of the records that can be seen, but for revisions, which never come again.
    pub(crate) fn seen(&self) -> Vec<Record> {
        let mut all = self.records();
        all.iter_mut()
            .for_each(|record| record.revision = Revision::default());
        all
    }

    /// The paths of the records.
    pub(crate) fn paths(&self) -> Vec<String> {
        let short = |record: Record| record.key.path().replace("mesh/apps", "");
        self.records().into_iter().map(short).collect()
    }

    /// What was asked of the bucket so far: by the function, and by whoever looks at the store.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        let requests = self.server.requests().into_iter();
        requests
            .map(|line| {
                let (method, rest) = line.split_once(' ').unwrap();
                let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
                let path = decoded(path);
                let key = path
                    .trim_start_matches("/meshes")
                    .trim_start_matches('/')
                    .to_owned();
                let prefix = query.split('&').find_map(|pair| pair.strip_prefix("prefix="));
                let (action, name) = match (method, prefix) {
                    ("GET", Some(prefix)) => ("s3:ListBucket", decoded(prefix)),
                    ("GET" | "HEAD", None) => ("s3:GetObject", key),
                    ("PUT", _) => ("s3:PutObject", key),
                    ("DELETE", _) => ("s3:DeleteObject", key),
                    _ => panic!("{line}"),
                };
                Asked { action, name }
            })
            .collect()
    }

    /// The bodies of the records, by path.
    pub(crate) fn bodies(&self) -> BTreeMap<String, Value> {
        bodies(&self.records())
    }

    /// What `meshform` prints, with the bucket as its store.
    pub(crate) fn meshform(&self, folder: &Path, arguments: &[&str]) -> String {
        let mut command = Command::new(tools::meshform());
        command
            .current_dir(folder)
            .args(arguments)
            .envs(environment(&self.bucket));
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What `meshform adopt` makes of a template in a store of its own.
    pub(crate) fn adopted(&self, folder: &Path, prefix: &str, arguments: &[&str]) -> BTreeMap<String, Value> {
        let bucket = self.server.bucket(prefix);
        self.meshform(folder, &[&["adopt", "--store", &bucket.url], arguments].concat());
        bodies(&wait(self.store_at(&bucket).list(&Prefix::all())).unwrap().records)
    }

    /// Whether a proxy's bundle was published.
    pub(crate) fn is_published(&self, proxy: &str) -> bool {
        let folder = format!("mesh/m/apps/proxies/{proxy}");
        self.server.names(&folder).contains(&"current.json".to_owned())
    }
}

fn bodies(records: &[Record]) -> BTreeMap<String, Value> {
    records
        .iter()
        .map(|record| (record.key.path(), record.body.clone()))
        .collect()
}

/// Text of a URL.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend(before.as_bytes());
        bytes.push(u8::from_str_radix(&after[..2], 16).unwrap());
        rest = &after[2..];
    }
    bytes.extend(rest.as_bytes());
    String::from_utf8(bytes).unwrap()
}

fn environment(bucket: &Bucket) -> Vec<(String, String)> {
    [
        ("AWS_ACCESS_KEY_ID", KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_ENDPOINT_URL_S3", &bucket.endpoint),
        ("AWS_REGION", "us-east-1"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// A template of YAML with CloudFormation's short functions as the JSON that CloudFormation makes of it.
pub(crate) fn template(text: &str) -> Value {
    let input = Input {
        name: "template.yaml".to_owned(),
        bytes: text.as_bytes().to_vec(),
        named: true,
    };
    let options = Options {
        whole: true,
        ..Options::default()
    };
    frontend::read(vec![input], &options)
        .whole
        .pop()
        .unwrap()
        .to_json()
}
