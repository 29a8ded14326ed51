//! The four services that hand out temporary credentials, each on this machine and as strict as the real one: what they
//! give is taken by the S3 server beside them, and nothing else is.

use crate::certificates::Authority;
use crate::desk::{Answer, Asked, Desk};
use crate::server::{Account, Accounts, now};
use serde_json::json;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// What the file of a web identity holds.
pub(crate) const IDENTITY: &str = "eyJhbGciOiJSUzI1NiJ9.the-web-identity.of-this-run";
/// What a container's agent knows it by.
pub(crate) const CONTAINER: &str = "the-container's-token";
/// What the metadata service gives first.
const MACHINE: &str = "the-machine's-token";
/// The role that the web identity may take.
pub(crate) const ROLE: &str = "arn:aws:iam::123456789012:role/meshes";
/// What the session is called.
pub(crate) const SESSION: &str = "run-4711";

/// Makes temporary credentials that the S3 server takes.
pub(crate) struct Mint {
    accounts: Accounts,
    name: &'static str,
    made: AtomicUsize,
    seconds: AtomicUsize,
    /// What is answered instead, while there is such a thing.
    instead: Mutex<Option<Answer>>,
}

struct Made {
    key: String,
    secret: String,
    session: String,
    expiration: String,
}

impl Mint {
    /// Its keys' names begin so, and they are good for an hour.
    pub(crate) fn new(accounts: &Accounts, name: &'static str) -> Arc<Self> {
        Arc::new(Self {
            accounts: accounts.clone(),
            name,
            made: AtomicUsize::new(0),
            seconds: AtomicUsize::new(3600),
            instead: Mutex::default(),
        })
    }

    /// From now on keys are good for so long.
    pub(crate) fn lasting(&self, seconds: usize) {
        self.seconds.store(seconds, Ordering::Relaxed);
    }

    /// From now on this is answered to everyone.
    pub(crate) fn answer(&self, answer: Option<Answer>) {
        *self.instead.lock().unwrap() = answer;
    }

    pub(crate) fn made(&self) -> usize {
        self.made.load(Ordering::Relaxed)
    }

    /// The id of the keys that were made as number `number`, from 1.
    pub(crate) fn key(&self, number: usize) -> String {
        format!("ASIA{}{number}", self.name)
    }

    fn make(&self) -> Made {
        let number = self.made.fetch_add(1, Ordering::Relaxed) + 1;
        let seconds = self.seconds.load(Ordering::Relaxed);
        let until = now().plus_millis(i64::try_from(seconds).unwrap() * 1000);
        let made = Made {
            key: self.key(number),
            secret: format!("{}/the-secret+{number}", self.name),
            session: format!("{}/the-session=={number}", self.name),
            expiration: until.to_string(),
        };
        let account = Account {
            secret: made.secret.clone(),
            session: Some(made.session.clone()),
            until: Some(until),
        };
        self.accounts.add(&made.key, account);
        made
    }

    /// All that nobody may read anywhere.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let made = 1..=self.made();
        made.flat_map(|number| {
            ["secret+", "session=="].map(|what| format!("{}/the-{what}{number}", self.name))
        })
        .chain([IDENTITY, CONTAINER, MACHINE].map(str::to_owned))
        .collect()
    }

    fn instead(&self) -> Option<Answer> {
        self.instead.lock().unwrap().clone()
    }
}

/// STS: `AssumeRoleWithWebIdentity`.
pub(crate) fn sts(mint: &Arc<Mint>, authority: &Authority) -> Desk {
    let mint = Arc::clone(mint);
    Desk::start_with_tls(authority, move |asked| {
        if let Some(answer) = mint.instead() {
            return answer;
        }
        let is = |name, value| asked.parameter(name) == value;
        let refused = |status: u16, code: &str, message: &str| {
            let error =
                format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>");
            Answer::new(status, format!("<ErrorResponse>{error}</ErrorResponse>"))
        };
        if asked.method != "POST"
            || asked.path != "/"
            || !is("Action", "AssumeRoleWithWebIdentity")
            || !is("Version", "2011-06-15")
        {
            return refused(400, "InvalidAction", "Could not find operation");
        }
        if !is("WebIdentityToken", IDENTITY) {
            return refused(
                400,
                "InvalidIdentityToken",
                "The ID Token provided is not a valid JWT",
            );
        }
        if !is("RoleArn", ROLE) || !is("RoleSessionName", SESSION) {
            let message = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
            return refused(403, "AccessDenied", message);
        }
        let made = mint.make();
        let text = format!(
            "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
             <AssumeRoleWithWebIdentityResult><SubjectFromWebIdentityToken>repo:shop</SubjectFromWebIdentityToken>\
             <Credentials><SessionToken>{}</SessionToken><SecretAccessKey>{}</SecretAccessKey>\
             <Expiration>{}</Expiration><AccessKeyId>{}</AccessKeyId></Credentials>\
             </AssumeRoleWithWebIdentityResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>\
             </AssumeRoleWithWebIdentityResponse>",
            made.session, made.secret, made.expiration, made.key
        );
        Answer::new(200, text)
    })
}

/// The agent of ECS or EKS, at `/v1/credentials`; as a proxy, for the address that cannot be chosen.
pub(crate) fn agent(mint: &Arc<Mint>, wants: &'static str) -> (Desk, Arc<AtomicBool>) {
    let mint = Arc::clone(mint);
    let trusts = Arc::new(AtomicBool::new(true));
    let trusted = Arc::clone(&trusts);
    let desk = Desk::start(move |asked| {
        if let Some(answer) = mint.instead() {
            return answer;
        }
        let path = asked
            .path
            .strip_prefix("http://169.254.170.2")
            .unwrap_or(&asked.path);
        if asked.method != "GET" || path != "/v1/credentials" {
            return Answer::new(404, "{}");
        }
        if asked.header("authorization") != wants || !trusted.load(Ordering::Relaxed) {
            let message = format!("Nobody is known by `{}`.", asked.header("authorization"));
            let refusal = json!({"code": "AccessDeniedException", "message": message});
            return Answer::new(403, refusal.to_string());
        }
        Answer::new(200, json_of(&mint.make()))
    });
    (desk, trusts)
}

/// The metadata service of a machine, in its second version: nothing without a token.
pub(crate) fn machine(mint: &Arc<Mint>) -> Desk {
    let mint = Arc::clone(mint);
    Desk::start(move |asked: &Asked| {
        if let Some(answer) = mint.instead() {
            return answer;
        }
        if (asked.method.as_str(), asked.path.as_str()) == ("PUT", "/latest/api/token") {
            let seconds = asked.header("x-aws-ec2-metadata-token-ttl-seconds").parse();
            return match seconds {
                Ok(1..=21600) => Answer::new(200, MACHINE),
                _ => Answer::new(400, ""),
            };
        }
        if asked.header("x-aws-ec2-metadata-token") != MACHINE {
            return Answer::new(401, "");
        }
        match asked.path.as_str() {
            "/latest/meta-data/iam/security-credentials/" => Answer::new(200, "builder"),
            "/latest/meta-data/iam/security-credentials/builder" => Answer::new(200, json_of(&mint.make())),
            _ => Answer::new(404, ""),
        }
    })
}

fn json_of(made: &Made) -> String {
    json!({
        "Code": "Success",
        "AccessKeyId": made.key,
        "SecretAccessKey": made.secret,
        "Token": made.session,
        "Expiration": made.expiration,
    })
    .to_string()
}
