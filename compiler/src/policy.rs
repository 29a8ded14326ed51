//! What AWS must allow those who use a bucket of S3: IAM policies for the role of a proxy's task, of whoever writes a
//! mesh, and of a mesh's poller of endpoints. Each gets its own part of the bucket and nothing else.
//!
//! The names of objects are part of the format that publishers and agents share; a test of the whole holds these
//! policies against what each of them asks of a server.

use meshform_model::file_name::file_name;
use meshform_model::key::ResourceKey;
use serde_json::{Value as Json, json};

/// A store in a bucket of S3, as policies name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    partition: String,
    name: String,
    /// What all keys begin with; empty, or with a slash at its end.
    prefix: String,
}

/// A mesh in a bucket. The store spells its name in another way than what proxies read, where it has capitals or signs.
#[derive(Debug, Clone, Copy)]
pub struct MeshPrefix<'a> {
    pub mesh: &'a str,
    /// What the keys of its records begin with, such as `m/apps`: the store says it.
    pub records: &'a str,
}

impl Bucket {
    /// Of `s3://bucket/prefix`; none of what is no bucket of S3.
    pub fn parse(store: &str) -> Option<Self> {
        let place = store.strip_prefix("s3://")?.trim_end_matches('/');
        let (name, prefix) = place.split_once('/').unwrap_or((place, ""));
        (!name.is_empty()).then(|| Self {
            partition: "aws".to_owned(),
            name: name.to_owned(),
            prefix: if prefix.is_empty() {
                String::new()
            } else {
                format!("{prefix}/")
            },
        })
    }

    /// In another partition of AWS, such as `aws-cn`.
    #[must_use]
    pub fn in_partition(mut self, partition: &str) -> Self {
        partition.clone_into(&mut self.partition);
        self
    }

    /// The ARN of an object, or of several where the key has a `*`.
    pub fn object(&self, key: &str) -> Json {
        json!(format!(
            "arn:{}:s3:::{}/{}{key}",
            self.partition, self.name, self.prefix
        ))
    }

    fn objects(&self, keys: &[String]) -> Json {
        keys.iter().map(|key| self.object(key)).collect()
    }

    /// Leave to list the bucket where the listing is of one of these prefixes.
    fn listing(&self, prefixes: &[String]) -> Json {
        let mut named: Vec<String> = Vec::new();
        for prefix in prefixes {
            named.push(format!("{}{prefix}", self.prefix));
        }
        json!({
            "Sid": "List",
            "Effect": "Allow",
            "Action": ["s3:ListBucket"],
            "Resource": [format!("arn:{}:s3:::{}", self.partition, self.name)],
            "Condition": {"StringLike": {"s3:prefix": named}},
        })
    }
}

impl MeshPrefix<'_> {
    /// What the keys of its objects begin with, in both spellings.
    fn all(&self) -> Vec<String> {
        let mut all = vec![published(self.mesh)];
        if self.records != published(self.mesh) {
            all.push(self.records.to_owned());
        }
        all
    }

    fn below(&self) -> Vec<String> {
        self.all()
            .into_iter()
            .map(|prefix| format!("{prefix}/*"))
            .collect()
    }
}

/// What the keys of that begin with what proxies of a mesh read.
fn published(mesh: &str) -> String {
    format!("m/{}", file_name(mesh))
}

/// The role of a proxy with the agent: it reads its own configuration and the mesh's endpoints, and writes how it is.
/// `object` makes an ARN of the key of an object.
pub fn proxy(key: &ResourceKey, object: impl Fn(&str) -> Json) -> Json {
    let mesh = published(&key.mesh);
    let own = format!("{}/{}", key.kind.name(), file_name(&key.name));
    json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "ReadConfiguration",
                "Effect": "Allow",
                "Action": ["s3:GetObject"],
                "Resource": [
                    object(&format!("{mesh}/endpoints/*")),
                    object(&format!("{mesh}/proxies/{own}/*")),
                ],
            },
            {
                "Sid": "WriteStatus",
                "Effect": "Allow",
                "Action": ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"],
                "Resource": [
                    object(&format!("{mesh}/rejected/{own}/*")),
                    object(&format!("{mesh}/status/{own}/*")),
                ],
            },
        ],
    })
}

/// Whoever applies, releases and pins one mesh of a store that is there. `wake` is a hint for those who follow the store.
pub fn writer(mesh: MeshPrefix<'_>, bucket: &Bucket) -> Json {
    let mut objects = mesh.below();
    objects.extend(["runs/*".to_owned(), "wake".to_owned()]);
    let mut listed = mesh.below();
    // The names of the meshes, and the runs that are under way.
    listed.extend(["m/".to_owned(), "runs/*".to_owned()]);
    json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "WriteMesh",
                "Effect": "Allow",
                "Action": ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"],
                "Resource": bucket.objects(&objects),
            },
            {
                "Sid": "ReadStore",
                "Effect": "Allow",
                "Action": ["s3:GetObject"],
                "Resource": bucket.objects(&["store.json".to_owned(), "settings/*".to_owned()]),
            },
            bucket.listing(&listed),
        ],
    })
}

/// The poller of a mesh's endpoints: it reads what it is to look up, asks Cloud Map, and writes sets of endpoints, which
/// of them each proxy is to use, and its lease.
pub fn endpoints(mesh: MeshPrefix<'_>, bucket: &Bucket) -> Json {
    let published = published(mesh.mesh);
    let read = [
        format!("{published}/endpoints/*"),
        format!("{published}/proxies/*"),
    ];
    // Its lease lies beside the sets.
    let written = [
        format!("{published}/endpoints/*"),
        format!("{published}/proxies/*/current.json"),
    ];
    json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "ReadMesh",
                "Effect": "Allow",
                "Action": ["s3:GetObject"],
                "Resource": bucket.objects(&read),
            },
            {
                "Sid": "WriteEndpoints",
                "Effect": "Allow",
                "Action": ["s3:PutObject"],
                "Resource": bucket.objects(&written),
            },
            // Without it what is not there yet is refused, and not missing.
            bucket.listing(&[format!("{published}/*")]),
            {
                "Sid": "ReadCloudMap",
                "Effect": "Allow",
                "Action": ["servicediscovery:DiscoverInstances"],
                "Resource": "*",
            },
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use meshform_model::kind::Kind;

    fn resources(policy: &Json) -> Vec<String> {
        let statements = policy["Statement"].as_array().unwrap();
        let resources = statements
            .iter()
            .filter_map(|statement| statement["Resource"].as_array());
        resources
            .flatten()
            .map(|arn| arn.as_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn each_policy_names_its_own_part_of_the_bucket() {
        let bucket = Bucket::parse("s3://meshes/prod/").unwrap().in_partition("aws-cn");
        let key = ResourceKey::in_mesh("Apps", Kind::VirtualGateway, "a b");
        let named = resources(&proxy(&key, |key| bucket.object(key)));
        assert_eq!(
            named,
            [
                "arn:aws-cn:s3:::meshes/prod/m/Apps/endpoints/*",
                "arn:aws-cn:s3:::meshes/prod/m/Apps/proxies/virtualGateway/a%20b/*",
                "arn:aws-cn:s3:::meshes/prod/m/Apps/rejected/virtualGateway/a%20b/*",
                "arn:aws-cn:s3:::meshes/prod/m/Apps/status/virtualGateway/a%20b/*",
            ]
        );
        let mesh = MeshPrefix {
            mesh: "Apps",
            records: "m/=41pps",
        };
        let written = writer(mesh, &bucket);
        let named = resources(&written);
        assert!(
            named.contains(&"arn:aws-cn:s3:::meshes/prod/m/=41pps/*".to_owned()),
            "{named:?}"
        );
        assert!(
            named.contains(&"arn:aws-cn:s3:::meshes/prod/m/Apps/*".to_owned()),
            "{named:?}"
        );
        assert!(!named.iter().any(|arn| arn.ends_with("prod/*")), "{named:?}");
        let prefixes = &written["Statement"][2]["Condition"]["StringLike"]["s3:prefix"];
        assert_eq!(prefixes[0], "prod/m/Apps/*");
        let polled = endpoints(mesh, &bucket).to_string();
        assert!(
            polled.contains("prod/m/Apps/endpoints/*") && !polled.contains("records"),
            "{polled}"
        );
    }

    #[test]
    fn only_buckets_of_s3_have_such_policies() {
        for store in ["", "s3://", "s3:///x", "gs://b/p", "/srv/store"] {
            assert_eq!(Bucket::parse(store), None, "{store}");
        }
        assert_eq!(
            Bucket::parse("s3://b").unwrap().object("wake"),
            "arn:aws:s3:::b/wake"
        );
    }
}
