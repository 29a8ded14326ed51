//! Sessions: a key of an hour, for people and for CI. What it allows travels in the session token, sealed, so that the
//! server keeps nothing; the secret follows from the token for whoever has the master key.

use super::{Caller, Rights};
use crate::codes;
use crate::fault::{Fault, FaultKind};
use crate::seal::Sealer;
use meshform_store::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// What a session is sealed for.
const PURPOSE: &str = "session";
/// What the id of a session's key begins with.
pub(crate) const PREFIX: &str = "MFS";
/// How long a session holds, in milliseconds: an hour, which SDKs expect of temporary credentials and renew in time. A
/// key that is revoked ends its sessions with it.
const LIFE: i64 = 3_600_000;

/// What a session token says.
#[derive(Debug, Serialize, Deserialize)]
struct Statement {
    key: String,
    name: String,
    owner: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mesh: Option<String>,
    rights: Rights,
    until: i64,
}

/// A new session of a caller, in the form that AWS's clients take from a `credential_process`.
pub(crate) fn begin(sealer: &Sealer, caller: &Caller, now: Timestamp) -> Result<Json, Fault> {
    let random = || Fault::internal("no session can be made: the system's random number generator failed");
    let bytes = Sealer::random().ok_or_else(random)?;
    let letters = bytes.iter().take(17).map(|byte| char::from(b'A' + byte % 26));
    let key: String = PREFIX.chars().chain(letters).collect();
    let until = now.plus_millis(LIFE);
    let statement = Statement {
        key: key.clone(),
        name: caller.name.clone(),
        owner: caller.owner.clone(),
        mesh: caller.mesh.clone(),
        rights: caller.rights,
        until: until.0,
    };
    let bytes = serde_json::to_vec(&statement).map_err(Fault::internal)?;
    let token = sealer.seal(PURPOSE, &bytes).ok_or_else(random)?;
    Ok(json!({
        "Version": 1,
        "AccessKeyId": key,
        "SecretAccessKey": sealer.derive(&token),
        "SessionToken": token,
        "Expiration": until.to_string(),
    }))
}

/// Who a session is for, and the secret of its key.
pub(crate) fn find(
    sealer: &Sealer,
    key: &str,
    token: &str,
    now: Timestamp,
) -> Result<(Caller, String), Fault> {
    let opened = sealer.open(PURPOSE, token);
    let statement: Option<Statement> = opened.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let Some(statement) = statement.filter(|statement| statement.key == key) else {
        let message = "the session token is not one of this server's";
        return Err(Fault::new(
            FaultKind::UnrecognizedClient,
            codes::UNKNOWN_KEY,
            message,
        ));
    };
    if statement.until < now.0 {
        let message = format!(
            "the session expired at {}; create another",
            Timestamp(statement.until)
        );
        return Err(Fault::new(FaultKind::Expired, codes::UNKNOWN_KEY, message));
    }
    let caller = Caller {
        id: statement.key,
        name: statement.name,
        owner: statement.owner,
        mesh: statement.mesh,
        rights: statement.rights,
        from: String::new(),
    };
    Ok((caller, sealer.derive(token)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_holds_for_an_hour_and_for_its_own_key() {
        let sealer = Sealer::new(&[7; 32]).unwrap();
        let mut caller = Caller::anyone("team", String::new());
        caller.rights = Rights::Write;
        let session = begin(&sealer, &caller, Timestamp(0)).unwrap();
        let text = |name: &str| session[name].as_str().unwrap().to_owned();
        let (key, token) = (text("AccessKeyId"), text("SessionToken"));
        let (found, secret) = find(&sealer, &key, &token, Timestamp(LIFE)).unwrap();
        assert_eq!((found.owner.as_str(), found.rights), ("team", Rights::Write));
        assert_eq!(secret, text("SecretAccessKey"));
        assert_eq!(text("Expiration"), "1970-01-01T01:00:00Z");
        let late = find(&sealer, &key, &token, Timestamp(LIFE + 1)).unwrap_err();
        assert_eq!(late.kind, FaultKind::Expired);
        assert!(find(&sealer, "MFSOTHER", &token, Timestamp(0)).is_err());
        assert!(find(&sealer, &key, "forged", Timestamp(0)).is_err());
    }
}
