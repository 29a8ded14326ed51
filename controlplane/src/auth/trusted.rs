//! Identities of AWS that may log in, each with what it may do, among the settings of the store.

use super::{Caller, Rights};
use crate::auth::aws;
use crate::codes;
use meshform_model::arn::{Arn, is_account};
use meshform_model::diag::Diagnostic;
use meshform_model::validate::readable;
use meshform_store::{Author, Digest, SettingWrite, Store, StoreError, Timestamp};
use serde::{Deserialize, Serialize};

/// Where they stand among the store's settings, by the digest of the ARN.
const PREFIX: &str = "identities/";

/// An identity that may log in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trusted {
    /// A role or a user: `arn:aws:iam::123456789012:role/web`, without the role's path.
    pub arn: String,
    /// To whom belongs what it writes.
    pub owner: String,
    /// The only mesh that it may use; none: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mesh: Option<String>,
    pub rights: Rights,
    pub made_by: String,
    /// When, in milliseconds since 1970.
    pub made_at: Timestamp,
}

/// Lets an identity log in, or changes what it may do.
///
/// # Errors
/// When its ARN is not that of a role or user, or the store cannot be written.
pub async fn trust(store: &dyn Store, trusted: &Trusted, author: &Author) -> Result<(), Box<Diagnostic>> {
    check(&trusted.arn)?;
    let write = SettingWrite {
        name: name(&trusted.arn),
        expected: version(store, &trusted.arn)
            .await
            .map_err(|error| error.diagnostic())?,
        value: serde_json::to_string(trusted).ok(),
    };
    let written = store.set_setting(write, author).await;
    written.map(drop).map_err(|error| Box::new(error.diagnostic()))
}

/// Lets an identity log in no more. Whether it could.
///
/// # Errors
/// When the store cannot be written.
pub async fn distrust(store: &dyn Store, arn: &str, author: &Author) -> Result<bool, StoreError> {
    let Some(version) = version(store, arn).await? else {
        return Ok(false);
    };
    let write = SettingWrite {
        name: name(arn),
        expected: Some(version),
        value: None,
    };
    store.set_setting(write, author).await?;
    Ok(true)
}

/// The identities that may log in, by ARN.
///
/// # Errors
/// When the store cannot be read.
pub async fn list(store: &dyn Store) -> Result<Vec<Trusted>, StoreError> {
    let settings = store.settings(PREFIX).await?;
    let all = settings
        .iter()
        .filter_map(|setting| serde_json::from_str(&setting.value).ok());
    let mut all: Vec<Trusted> = all.collect();
    all.sort_by(|one, other| one.arn.cmp(&other.arn));
    Ok(all)
}

/// What somebody may do of whom STS says this ARN; none: nothing.
pub(crate) async fn find(store: &dyn Store, arn: &str, from: &str) -> Result<Option<Caller>, StoreError> {
    let setting = store.setting(&name(&aws::principal(arn))).await?;
    let trusted = setting.and_then(|setting| serde_json::from_str::<Trusted>(&setting.value).ok());
    Ok(trusted.map(|trusted| Caller {
        id: trusted.arn,
        // Whose session of the role it was, for the change feed.
        name: arn.to_owned(),
        owner: trusted.owner,
        mesh: trusted.mesh,
        rights: trusted.rights,
        from: from.to_owned(),
    }))
}

async fn version(store: &dyn Store, arn: &str) -> Result<Option<u64>, StoreError> {
    Ok(store.setting(&name(arn)).await?.map(|setting| setting.version))
}

fn name(arn: &str) -> String {
    format!("{PREFIX}{}", Digest::of(arn.as_bytes()))
}

/// Refuses what STS would never say of anybody.
fn check(arn: &str) -> Result<(), Box<Diagnostic>> {
    let of_iam = Arn::parse(arn).filter(|parts| parts.service == "iam" && parts.region.is_empty());
    let is_known = of_iam.is_some_and(|parts| {
        is_account(parts.account)
            && match parts.resource.split_once('/') {
                Some(("role", name)) => !name.is_empty() && !name.contains('/'),
                Some(("user", name)) => !name.is_empty(),
                _ => false,
            }
    });
    match is_known && readable(arn).is_ok() {
        true => Ok(()),
        false => Err(Box::new(
            Diagnostic::error(
                codes::LOGIN,
                format!("`{arn}` is not the ARN of an IAM role or user as STS names it"),
            )
            .help("write `arn:aws:iam::123456789012:role/NAME`, without the role's path, or `arn:aws:iam::123456789012:user/NAME`"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use meshform_store::{SqliteOptions, SqliteStore};

    fn trusted(arn: &str, owner: &str) -> Trusted {
        Trusted {
            arn: arn.to_owned(),
            owner: owner.to_owned(),
            mesh: Some("apps".to_owned()),
            rights: Rights::Write,
            made_by: "ann".to_owned(),
            made_at: Timestamp(1),
        }
    }

    #[tokio::test]
    async fn a_role_is_let_in_until_it_is_not() {
        let directory = tempfile::TempDir::new().unwrap();
        let store = SqliteStore::open(SqliteOptions::new(directory.path().join("store"))).unwrap();
        let author = Author {
            owner: "ops".to_owned(),
            actor: "ann".to_owned(),
            run: None,
        };
        let role = "arn:aws:iam::123456789012:role/web";
        let session = "arn:aws:sts::123456789012:assumed-role/web/task-1";
        store.establish(&meshform_store::Seed::default()).await.unwrap();
        assert_eq!(find(&store, session, "x").await.unwrap(), None);
        trust(&store, &trusted(role, "one"), &author).await.unwrap();
        trust(&store, &trusted(role, "two"), &author).await.unwrap();
        let found = find(&store, session, "x").await.unwrap().unwrap();
        assert_eq!((found.owner.as_str(), found.name.as_str()), ("two", session));
        for other in [
            "arn:aws:sts::123456789012:assumed-role/web2/task-1",
            "arn:aws:sts::210987654321:assumed-role/web/task-1",
            "arn:aws:iam::123456789012:user/web",
        ] {
            assert_eq!(find(&store, other, "x").await.unwrap(), None, "{other}");
        }
        assert_eq!(list(&store).await.unwrap().len(), 1);
        assert!(distrust(&store, role, &author).await.unwrap());
        assert!(!distrust(&store, role, &author).await.unwrap());
        assert_eq!(find(&store, session, "x").await.unwrap(), None);
    }

    #[test]
    fn an_arn_that_nobody_has_is_refused() {
        assert!(check("arn:aws:iam::123456789012:user/team/ann").is_ok());
        for arn in [
            "web",
            "arn:aws:sts::123456789012:assumed-role/web/x",
            "arn:aws:iam::123456789012:role/path/web",
            "arn:aws:iam::123456789012:root",
            "arn:aws:iam::12:role/web",
            "arn:aws:iam::123456789012:user/a\u{202e}b",
        ] {
            assert!(check(arn).is_err(), "{arn}");
        }
    }
}
