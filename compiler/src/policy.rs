//! What AWS must allow those who use a bucket of S3: IAM policies for the role of a proxy's task, of whoever writes a
//! mesh, and of a mesh's poller of endpoints. Each gets its own part of the bucket and nothing else.
//!
//! The names of objects are part of the format that publishers and agents share; a test of the whole holds these
//! policies against what each of them asks of a server.

use meshform_model::exported::{CertificatePart, Exported};
use meshform_model::file_name::file_name;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use meshform_model::mesh::Mesh;
use meshform_model::spec::{CertificateSource, ListenerCertificate};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

/// A store in a bucket of S3, as policies name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    partition: String,
    name: String,
    /// What all keys begin with; empty, or with a slash at its end.
    prefix: String,
}

/// What a proxy's agent needs of AWS besides its part of the bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// The ARNs of certificates of ACM that the proxy shows to others, and so needs with their keys.
    pub exported: BTreeSet<String>,
    /// The ARNs of those of which it only wants the authorities, and of authorities of AWS Private CA.
    pub trusted: BTreeSet<String>,
    /// Whether it asks Cloud Map itself, without a poller.
    pub discovery: bool,
}

/// A mesh in a bucket. The store spells its name in another way than what proxies read, where it has capitals or signs.
#[derive(Debug, Clone, Copy)]
pub struct MeshPrefix<'a> {
    pub mesh: &'a str,
    /// What the keys of its records begin with, such as `m/apps`: the store says it.
    pub records: &'a str,
}

impl Bucket {
    /// Of `s3://bucket/prefix`; none of what is not an S3 bucket.
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

impl Needs {
    /// What the profile of a proxy says comes from ACM: its listeners' certificates with their keys, and of all others,
    /// which callers are held against, the authorities.
    pub fn of(mesh: &Mesh, key: &ResourceKey) -> Self {
        let listeners = match key.kind {
            Kind::VirtualGateway => mesh.virtual_gateway(&key.name).map(|gateway| {
                let listeners = gateway.spec.listeners.iter();
                let tls = listeners.filter_map(|listener| listener.tls.as_ref());
                tls.map(|tls| &tls.certificate).collect()
            }),
            _ => mesh.virtual_node(&key.name).map(|node| {
                let listeners = node.spec.listeners.iter();
                let tls = listeners.filter_map(|listener| listener.tls.as_ref());
                tls.map(|tls| &tls.certificate).collect()
            }),
        };
        let shown: Vec<&ListenerCertificate> = listeners.unwrap_or_default();
        let mut found = Self::default();
        for certificate in mesh.profile_for(key).certificates {
            let CertificateSource::Acm(acm) = certificate.source else {
                continue;
            };
            let is_shown = |one: &&&ListenerCertificate| match one {
                ListenerCertificate::Acm(acm) => acm.certificate_arn == certificate.reference,
                _ => false,
            };
            let set = match shown.iter().find(is_shown) {
                Some(_) => &mut found.exported,
                None => &mut found.trusted,
            };
            set.insert(acm.certificate_arn.unwrap_or(certificate.reference));
        }
        found
    }

    /// What these ARNs stand for where nobody knows more: certificates that the proxy shows, and authorities that it trusts.
    pub fn named(arns: impl IntoIterator<Item = String>) -> Self {
        let mut named = Self::default();
        for arn in arns {
            let set = match is_authority(&arn) {
                true => &mut named.trusted,
                false => &mut named.exported,
            };
            set.insert(arn);
        }
        named
    }

    /// What a role must be allowed for them.
    fn statements(&self) -> Vec<Json> {
        let (authorities, trusted): (BTreeSet<String>, BTreeSet<String>) =
            self.trusted.iter().cloned().partition(|arn| is_authority(arn));
        let statement = |id: &str, actions: &[&str], arns: &BTreeSet<String>| {
            let statement = json!({"Sid": id, "Effect": "Allow", "Action": actions, "Resource": arns});
            (!arns.is_empty()).then_some(statement)
        };
        let export = ["acm:DescribeCertificate", "acm:ExportCertificate"];
        [
            statement("ExportCertificates", &export, &self.exported),
            statement("ReadAuthorities", &["acm:GetCertificate"], &trusted),
            statement(
                "ReadPrivateAuthorities",
                &["acm-pca:GetCertificateAuthorityCertificate"],
                &authorities,
            ),
            self.discovery.then(read_cloud_map),
        ]
        .into_iter()
        .flatten()
        .collect()
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

fn is_authority(arn: &str) -> bool {
    Exported::new(arn, CertificatePart::Authorities).is_some_and(|one| one.is_authority())
}

fn read_cloud_map() -> Json {
    json!({
        "Sid": "ReadCloudMap",
        "Effect": "Allow",
        "Action": ["servicediscovery:DiscoverInstances"],
        "Resource": "*",
    })
}

/// What the keys of that begin with what proxies of a mesh read.
fn published(mesh: &str) -> String {
    format!("m/{}", file_name(mesh))
}

/// The role of a proxy with the agent: it reads its own configuration and the mesh's endpoints, writes how it is, and
/// takes its certificates from ACM. `object` makes an ARN of the key of an object.
pub fn proxy(key: &ResourceKey, needs: &Needs, object: impl Fn(&str) -> Json) -> Json {
    let mesh = published(&key.mesh);
    let own = format!("{}/{}", key.kind.name(), file_name(&key.name));
    let mut read = vec![
        object(&format!("{mesh}/endpoints/*")),
        object(&format!("{mesh}/proxies/{own}/*")),
    ];
    if needs.discovery {
        read.push(object(&format!("{mesh}/proxies/discovery.json")));
    }
    let mut statements = vec![
        json!({
            "Sid": "ReadConfiguration",
            "Effect": "Allow",
            "Action": ["s3:GetObject"],
            "Resource": read,
        }),
        json!({
            "Sid": "WriteStatus",
            "Effect": "Allow",
            "Action": ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"],
            "Resource": [
                object(&format!("{mesh}/rejected/{own}/*")),
                object(&format!("{mesh}/status/{own}/*")),
            ],
        }),
    ];
    statements.extend(needs.statements());
    json!({"Version": "2012-10-17", "Statement": statements})
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
            read_cloud_map(),
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use meshform_model::resource::Resource;

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
        let none = Needs::default();
        let named = resources(&proxy(&key, &none, |key| bucket.object(key)));
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
    fn a_proxy_may_export_the_certificates_that_it_shows_and_no_others() {
        let arn = |id: &str| format!("arn:aws:acm:eu-west-1:000000000000:certificate/{id}");
        let tls = |id: &str| json!({"mode": "STRICT", "certificate": {"acm": {"certificateArn": arn(id)}}});
        let node = |id: &str| {
            json!({
                "listeners": [{"portMapping": {"port": 8080, "protocol": "http"}, "tls": tls(id)}],
                "serviceDiscovery": {"dns": {"hostname": "x.local"}},
            })
        };
        let sources = json!({"certificates": [
            {"reference": arn("a"), "source": {"acm": {}}},
            {"reference": arn("b"), "source": {"acm": {"certificateArn": arn("b2")}}},
            {"reference": arn("c"), "source": {"file": {"trustChain": "/ca.crt"}}},
        ]});
        let texts = [
            ("mesh/apps", json!({})),
            ("mesh/apps/virtualNode/a", node("a")),
            ("mesh/apps/virtualNode/b", node("b")),
            ("mesh/apps/proxyProfile/all", sources),
        ];
        let resources =
            texts.map(|(at, spec)| Resource::from_json(ResourceKey::from_path(at).unwrap(), &spec).unwrap());
        let mesh = Mesh::new(resources.to_vec()).unwrap();
        let of = |name: &str| {
            let key = ResourceKey::in_mesh("apps", Kind::VirtualNode, name);
            Needs::of(&mesh, &key)
        };
        let set = |id: &str| BTreeSet::from([arn(id)]);
        assert_eq!(
            of("a"),
            Needs {
                exported: set("a"),
                trusted: set("b2"),
                discovery: false,
            }
        );
        assert_eq!(
            of("b"),
            Needs {
                exported: set("b2"),
                trusted: set("a"),
                discovery: false,
            }
        );
        let key = ResourceKey::in_mesh("apps", Kind::VirtualNode, "a");
        let policy = proxy(&key, &of("a"), |key| json!(key));
        let granted = &policy["Statement"][2];
        assert_eq!(
            granted["Action"],
            json!(["acm:DescribeCertificate", "acm:ExportCertificate"])
        );
        assert_eq!(granted["Resource"], json!([arn("a")]));
        assert_eq!(policy["Statement"][3]["Action"], json!(["acm:GetCertificate"]));
    }

    #[test]
    fn an_authority_of_private_ca_is_read_by_its_own_service() {
        let authority = "arn:aws:acm-pca:eu-west-1:000000000000:certificate-authority/a";
        let certificate = "arn:aws:acm:eu-west-1:000000000000:certificate/a";
        let needs = Needs::named([authority, certificate].map(str::to_owned));
        let key = ResourceKey::in_mesh("apps", Kind::VirtualNode, "a");
        let policy = proxy(&key, &needs, |key| json!(key));
        assert_eq!(policy["Statement"][2]["Resource"], json!([certificate]));
        let granted = &policy["Statement"][3];
        assert_eq!(
            granted["Action"],
            json!(["acm-pca:GetCertificateAuthorityCertificate"])
        );
        assert_eq!(granted["Resource"], json!([authority]));
        assert_eq!(policy["Statement"].as_array().unwrap().len(), 4);
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
