//! What a task's role must allow: the proxy's own part of the bucket, and nothing else.

use meshform_model::file_name::file_name;
use meshform_model::key::ResourceKey;
use serde_json::{Value as Json, json};

/// The policy of the role of a proxy with the agent. `resource` makes an ARN of the key of an object.
pub fn policy(key: &ResourceKey, resource: impl Fn(&str) -> Json) -> Json {
    let mesh = format!("m/{}", file_name(&key.mesh));
    let own = format!("{}/{}", key.kind.name(), file_name(&key.name));
    json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "ReadConfiguration",
                "Effect": "Allow",
                "Action": ["s3:GetObject"],
                "Resource": [
                    resource(&format!("{mesh}/endpoints/*")),
                    resource(&format!("{mesh}/proxies/{own}/*")),
                ],
            },
            {
                "Sid": "WriteStatus",
                "Effect": "Allow",
                "Action": ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"],
                "Resource": [
                    resource(&format!("{mesh}/rejected/{own}/*")),
                    resource(&format!("{mesh}/status/{own}/*")),
                ],
            },
        ],
    })
}

/// The resources of a store that is a text, such as `s3://bucket/prefix`; none of one that is no bucket of S3.
pub fn resources_of(store: &str) -> Option<impl Fn(&str) -> Json + use<>> {
    let place = store.strip_prefix("s3://")?.trim_end_matches('/').to_owned();
    let bucket = place.split('/').next()?;
    (!bucket.is_empty()).then_some(())?;
    Some(move |key: &str| json!(format!("arn:aws:s3:::{place}/{key}")))
}
