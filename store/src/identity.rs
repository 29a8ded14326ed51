//! Who a store is: an id, and the partition, region and account that its ARNs carry. Fixed at creation.

use crate::error::StoreError;
use crate::time::Timestamp;
use meshform_model::arn::{Arn, is_account};
use meshform_model::key::ResourceKey;
use meshform_model::resource::{DEFAULT_ACCOUNT, DEFAULT_PARTITION, DEFAULT_REGION};
use serde::{Deserialize, Serialize};

/// Who a store is. Terraform's private state keeps the id, so that another or an empty store is noticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreIdentity {
    /// Made at random when the store is created.
    pub id: String,
    /// What ARNs made here carry.
    #[serde(flatten)]
    pub seed: Seed,
    /// When the store was created.
    pub created_at: Timestamp,
}

/// What a store is created with: the parts of its ARNs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seed {
    partition: String,
    region: String,
    account: String,
}

/// Refuses the card of a store that a newer version made, before the rest of it is read: that may be said in another way.
#[cfg(feature = "bucket")]
pub(crate) fn check_format(
    card: &serde_json::Value,
    known: i64,
    path: impl FnOnce() -> std::path::PathBuf,
) -> Result<(), StoreError> {
    match card.get("format").and_then(serde_json::Value::as_i64) {
        Some(found) if found <= known => Ok(()),
        Some(found) => Err(StoreError::Newer {
            path: path(),
            found,
            known,
        }),
        None => Err(StoreError::Foreign {
            path: path(),
            what: "it has no format number".to_owned(),
        }),
    }
}

// === impl Seed ===

/// The region and the account that hold where nothing is said.
impl Default for Seed {
    fn default() -> Self {
        Self {
            partition: DEFAULT_PARTITION.to_owned(),
            region: DEFAULT_REGION.to_owned(),
            account: DEFAULT_ACCOUNT.to_owned(),
        }
    }
}

impl Seed {
    /// Checks the parts: an account has twelve digits, partition and region are lower-case words.
    pub fn new(partition: &str, region: &str, account: &str) -> Result<Self, StoreError> {
        let bad = |field: &'static str, value: &str| StoreError::Seed {
            field,
            value: value.to_owned(),
        };
        let word = |text: &str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        if !word(partition) {
            return Err(bad("partition", partition));
        }
        if !word(region) {
            return Err(bad("region", region));
        }
        if !is_account(account) {
            return Err(bad("account", account));
        }
        Ok(Self {
            partition: partition.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
        })
    }

    /// The parts of an ARN that was made elsewhere, so that a store filled from it goes on with the same.
    pub fn from_arn(arn: &str) -> Option<Self> {
        let arn = Arn::parse(arn).filter(|arn| arn.service == "appmesh")?;
        Self::new(arn.partition, arn.region, arn.account).ok()
    }

    /// `aws`, or another of AWS's partitions.
    pub fn partition(&self) -> &str {
        &self.partition
    }

    pub fn region(&self) -> &str {
        &self.region
    }

    /// The account: the owner of what is made here, unless something else is said.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The ARN of a resource that `account` owns.
    pub fn arn(&self, account: &str, key: &ResourceKey) -> String {
        let arn = Arn {
            partition: &self.partition,
            service: "appmesh",
            region: &self.region,
            account,
            resource: &key.path(),
        };
        arn.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use meshform_model::kind::Kind;

    #[test]
    fn a_seed_is_taken_from_an_arn_and_makes_the_same_arn() {
        let arn = "arn:aws-cn:appmesh:cn-north-1:123456789012:mesh/apps/virtualRouter/r/route/x";
        let seed = Seed::from_arn(arn).unwrap();
        let router = ResourceKey::in_mesh("apps", Kind::VirtualRouter, "r");
        let route = ResourceKey::child(&router, Kind::Route, "x");
        assert_eq!(seed.arn(seed.account(), &route), arn);
        assert_eq!(
            Seed::from_arn("arn:aws:ecs:us-east-1:123456789012:service/x"),
            None
        );
        assert_eq!(Seed::from_arn("apps"), None);
    }

    #[test]
    fn an_account_of_eleven_digits_is_refused() {
        let error = Seed::new("aws", "eu-west-1", "12345678901").unwrap_err();
        assert!(error.to_string().contains("`12345678901`"), "{error}");
        assert!(Seed::new("aws", "", "123456789012").is_err());
        assert!(Seed::new("AWS", "eu-west-1", "123456789012").is_err());
    }
}
