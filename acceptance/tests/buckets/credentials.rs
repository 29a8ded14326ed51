//! Credentials that are not in the environment: those of a web identity, of a container, of the machine. Each service
//! that gives them is on this machine, and the S3 server takes what it gave and nothing else.

use crate::certificates::Authority;
use crate::desk::{Answer, Desk};
use crate::issuers::{CONTAINER, IDENTITY, Mint, ROLE, SESSION, agent, machine, sts};
use crate::server::{Fault, Server};
use crate::world::{says, wait};
use crate::{Bucket, KEY, MESH, SECRET, meshform_alone, nodes};
use meshform_store::{Seed, Store};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A variable and its value.
type Variable = (&'static str, String);

/// A store that is there, on a server that from now on takes no keys but those that are made for it.
fn stored() -> (Server, Bucket) {
    let server = Server::start();
    let bucket = server.bucket("p");
    wait(bucket.store().establish(&Seed::default())).unwrap();
    server.accounts().forget(KEY);
    server.signers();
    server.requests();
    (server, bucket)
}

/// `meshform status` with these variables and none of this process's.
fn status(bucket: &Bucket, variables: &[Variable]) -> (bool, String) {
    let place = [
        ("AWS_ENDPOINT_URL_S3", bucket.endpoint.clone()),
        ("AWS_REGION", "us-east-1".to_owned()),
    ];
    meshform_alone(&bucket.url, &["status"], &[&place, variables].concat())
}

fn status_is_told(bucket: &Bucket, variables: &[Variable]) {
    let (ended_well, said) = status(bucket, variables);
    assert!(ended_well, "{said}");
}

/// It must fail for want of credentials, and say all of these and no secret.
fn status_fails(bucket: &Bucket, variables: &[Variable], mint: &Mint, words: &[&str]) {
    let (ended_well, said) = status(bucket, variables);
    assert!(!ended_well, "{said}");
    says(&said, &["MF0419", "s3://meshes/p", "AWS_ACCESS_KEY_ID"]);
    says(&said, words);
    tells_no_secret(&said, mint);
}

fn tells_no_secret(said: &str, mint: &Mint) {
    for secret in mint.secrets() {
        assert!(!said.contains(&secret), "{secret:?} is said in:\n{said}");
    }
}

/// The store, as the programs open it, in this process.
fn opened(bucket: &Bucket, variables: &[Variable]) -> Arc<dyn Store> {
    let all = variables.iter().cloned();
    let all = all.chain([("AWS_ENDPOINT_URL_S3", bucket.endpoint.clone())]);
    let environment = all.map(|(name, value)| (name.to_owned(), value));
    crate::opened(&bucket.url, environment.collect())
}

/// Reads what is never kept: a list of what is in the store.
fn read(store: &Arc<dyn Store>) {
    wait(store.list(&meshform_store::Prefix::all())).unwrap();
}

/// A web identity: its token and the authority of its STS lie in a folder.
struct WebIdentity {
    folder: tempfile::TempDir,
    desk: Desk,
}

impl WebIdentity {
    fn start(mint: &Arc<Mint>) -> Self {
        let authority = Authority::new("an authority for tests");
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), IDENTITY).unwrap();
        std::fs::write(folder.path().join("ca.pem"), &authority.pem).unwrap();
        let desk = sts(mint, &authority);
        Self { folder, desk }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    fn variables(&self) -> Vec<Variable> {
        vec![
            ("AWS_WEB_IDENTITY_TOKEN_FILE", self.path("token")),
            ("AWS_ROLE_ARN", ROLE.to_owned()),
            ("AWS_ROLE_SESSION_NAME", SESSION.to_owned()),
            ("AWS_ENDPOINT_URL_STS", self.desk.url("")),
            ("SSL_CERT_FILE", self.path("ca.pem")),
        ]
    }
}

/// The variables with one of them changed.
fn but(variables: &[Variable], name: &'static str, value: &str) -> Vec<Variable> {
    let others = variables.iter().filter(|(other, _)| *other != name);
    others.cloned().chain([(name, value.to_owned())]).collect()
}

fn full_uri(desk: &Desk) -> Variable {
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", desk.url("/v1/credentials"))
}

// === what is given is taken ===

#[test]
fn terraform_works_by_a_web_identity_and_nothing_it_logs_is_secret() {
    let server = Server::start();
    server.accounts().forget(KEY);
    let mint = Mint::new(server.accounts(), "WEB");
    let identity = WebIdentity::start(&mint);
    let bucket = server.bucket("p");
    let log = identity.path("terraform.log");
    let mut world = bucket.world("terraform", &format!("{MESH}{}", nodes("a", 3)));
    let unset = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(|name| (name, String::new()));
    let logged = [("TF_LOG", "trace".to_owned()), ("TF_LOG_PATH", log.clone())];
    for (name, value) in identity.variables().into_iter().chain(unset).chain(logged) {
        world = world.env(name, &value);
    }
    let applied = world.apply();
    world.plan_is_empty();
    status_is_told(&bucket, &identity.variables());
    assert!(mint.made() > 0);
    let of_mint = |key: &String| key.starts_with("ASIAWEB");
    let signers = server.signers();
    assert!(signers.iter().all(of_mint) && !signers.is_empty(), "{signers:?}");
    let logged = std::fs::read_to_string(&log).unwrap();
    says(&logged, &["provider"]);
    for text in [logged, applied.text] {
        tells_no_secret(&text, &mint);
    }
    // And how it reads where the identity is not enough.
    mint.answer(Some(Answer::new(403, "<Error><Code>AccessDenied</Code></Error>")));
    let said = world.plan_fails();
    says(&said, &["MF0419", ROLE, "at https://localhost:", "AccessDenied"]);
    tells_no_secret(&said, &mint);
}

#[test]
fn a_container_is_known_by_a_token_in_a_file_by_one_in_the_environment_or_by_its_place() {
    let (server, bucket) = stored();
    let mint = Mint::new(server.accounts(), "BOX");
    let (desk, _) = agent(&mint, CONTAINER);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    // Whoever writes such files ends them with a line's end.
    std::fs::write(&file, format!("{CONTAINER}\n")).unwrap();
    let in_file = (
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        file.to_string_lossy().into_owned(),
    );
    let in_environment = ("AWS_CONTAINER_AUTHORIZATION_TOKEN", CONTAINER.to_owned());
    status_is_told(&bucket, &[full_uri(&desk), in_file.clone()]);
    assert_eq!(server.signers(), [mint.key(1)]);
    status_is_told(&bucket, &[full_uri(&desk), in_environment]);
    assert_eq!(server.signers(), [mint.key(2)]);
    // The file goes first: it is the one that is renewed.
    let stale = ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "stale".to_owned());
    status_is_told(&bucket, &[full_uri(&desk), stale, in_file]);
    assert_eq!(server.signers(), [mint.key(3)]);
    let open = Mint::new(server.accounts(), "OPEN");
    let (desk, _) = agent(&open, "");
    status_is_told(&bucket, &[full_uri(&desk)]);
    assert_eq!(server.signers(), [open.key(1)]);
    status_is_told(&bucket, &by_relative_uri(&desk));
    assert_eq!(server.signers(), [open.key(2)]);
    let last = desk.asked().pop().unwrap();
    assert_eq!(last.path, "http://169.254.170.2/v1/credentials");
}

/// The agent's address is fixed, so it is met as a proxy.
fn by_relative_uri(desk: &Desk) -> Vec<Variable> {
    vec![
        (
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "/v1/credentials".to_owned(),
        ),
        ("http_proxy", desk.url("")),
        ("no_proxy", "127.0.0.1".to_owned()),
    ]
}

#[test]
fn the_machine_is_asked_by_its_second_version_unless_that_is_forbidden() {
    let (server, bucket) = stored();
    let mint = Mint::new(server.accounts(), "HOST");
    let desk = machine(&mint);
    for (number, name) in ["AWS_METADATA_ENDPOINT", "AWS_EC2_METADATA_SERVICE_ENDPOINT"]
        .into_iter()
        .enumerate()
    {
        status_is_told(&bucket, &[(name, desk.url("/"))]);
        assert_eq!(server.signers(), [mint.key(number + 1)]);
    }
    desk.asked();
    server.requests();
    let forbidden = ("AWS_EC2_METADATA_DISABLED", "true".to_owned());
    let variables = [("AWS_METADATA_ENDPOINT", desk.url("")), forbidden];
    let words = [
        "no keys, web identity or container",
        "AWS_EC2_METADATA_DISABLED turns",
    ];
    status_fails(&bucket, &variables, &mint, &words);
    assert_eq!(desk.asked().len(), 0);
    assert_eq!(server.requests().len(), 0, "nothing is asked without credentials");
}

#[test]
fn the_order_is_environment_web_identity_container_machine() {
    let (server, bucket) = stored();
    let accounts = server.accounts();
    let of = |name| Mint::new(accounts, name);
    let (web, relative, full, host) = (of("WEB"), of("RELATIVE"), of("FULL"), of("HOST"));
    let identity = WebIdentity::start(&web);
    let (by_proxy, _) = agent(&relative, "");
    let (by_url, _) = agent(&full, "");
    let metadata = machine(&host);
    accounts.add(
        KEY,
        crate::server::Account {
            secret: SECRET.to_owned(),
            session: None,
            until: None,
        },
    );
    let keys = [
        ("AWS_ACCESS_KEY_ID", KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
    ];
    let layers: [(String, Vec<Variable>); 5] = [
        (KEY.to_owned(), keys.to_vec()),
        (web.key(1), identity.variables()),
        (relative.key(1), by_relative_uri(&by_proxy)),
        (full.key(1), vec![full_uri(&by_url)]),
        (host.key(1), vec![("AWS_METADATA_ENDPOINT", metadata.url(""))]),
    ];
    for first in 0..layers.len() {
        let (key, _) = &layers[first];
        let rest = layers[first..].iter();
        let variables: Vec<Variable> = rest.flat_map(|(_, variables)| variables.clone()).collect();
        status_is_told(&bucket, &variables);
        assert_eq!(server.signers(), std::slice::from_ref(key));
    }
}

// === as time passes ===

#[test]
fn what_expires_soon_is_fetched_anew_and_what_does_not_is_kept() {
    let (server, bucket) = stored();
    let (container, host) = (
        Mint::new(server.accounts(), "BOX"),
        Mint::new(server.accounts(), "HOST"),
    );
    let (agent, _) = agent(&container, "");
    let metadata = machine(&host);
    for (mint, variable) in [
        (&container, full_uri(&agent)),
        (&host, ("AWS_METADATA_ENDPOINT", metadata.url(""))),
    ] {
        // For an hour: once.
        server.signers();
        let store = opened(&bucket, std::slice::from_ref(&variable));
        read(&store);
        std::thread::sleep(Duration::from_millis(1200));
        read(&store);
        assert_eq!(mint.made(), 1);
        assert_eq!(server.signers(), [mint.key(1)]);
        // For a minute: before it is over.
        mint.lasting(60);
        let store = opened(&bucket, std::slice::from_ref(&variable));
        read(&store);
        let first = mint.made();
        server.signers();
        std::thread::sleep(Duration::from_millis(1200));
        read(&store);
        assert_eq!(mint.made(), first + 1);
        assert_eq!(server.signers(), [mint.key(first + 1)]);
        // Expired for real: the server would refuse them.
        mint.lasting(1);
        let store = opened(&bucket, &[variable]);
        read(&store);
        std::thread::sleep(Duration::from_millis(1200));
        read(&store);
    }
}

#[test]
fn a_command_outlives_the_credentials_of_its_web_identity() {
    let (server, bucket) = stored();
    let mint = Mint::new(server.accounts(), "WEB");
    let identity = WebIdentity::start(&mint);
    mint.lasting(1);
    server.fail_times("store.json", Fault::Held, 1);
    std::thread::scope(|scope| {
        let command = scope.spawn(|| status(&bucket, &identity.variables()));
        while server.requests().is_empty() {
            assert!(!command.is_finished(), "it ended without a request");
            std::thread::sleep(Duration::from_millis(10));
        }
        std::thread::sleep(Duration::from_millis(1200));
        server.heal();
        let (ended_well, said) = command.join().unwrap();
        assert!(ended_well, "{said}");
    });
    let signers = server.signers();
    assert!(signers.len() > 1, "{signers:?}");
}

#[test]
fn while_a_containers_agent_is_away_what_it_gave_is_used_until_it_expires() {
    let (server, bucket) = stored();
    let mint = Mint::new(server.accounts(), "BOX");
    let (desk, trusts) = agent(&mint, "");
    mint.lasting(60);
    let store = opened(&bucket, &[full_uri(&desk)]);
    read(&store);
    trusts.store(false, Ordering::Relaxed);
    std::thread::sleep(Duration::from_millis(1200));
    desk.asked();
    read(&store);
    assert!(!desk.asked().is_empty(), "it was asked again");
    assert_eq!(server.signers(), [mint.key(1)]);
}

// === what is refused ===

#[test]
fn wrong_sessions_and_keys_of_nobody_are_refused_by_the_server() {
    let (server, bucket) = stored();
    let mint = Mint::new(server.accounts(), "BOX");
    let (desk, _) = agent(&mint, "");
    status_is_told(&bucket, &[full_uri(&desk)]);
    let keys = |secret: &str, session: &str| {
        [
            ("AWS_ACCESS_KEY_ID", mint.key(1)),
            ("AWS_SECRET_ACCESS_KEY", secret.to_owned()),
            ("AWS_SESSION_TOKEN", session.to_owned()),
        ]
    };
    let (secret, session) = ("BOX/the-secret+1", "BOX/the-session==1");
    status_is_told(&bucket, &keys(secret, session));
    for (secret, session, code) in [
        (secret, "", "InvalidToken"),
        (secret, "BOX/another-session", "InvalidToken"),
        ("BOX/another-secret", session, "SignatureDoesNotMatch"),
    ] {
        status_fails(&bucket, &keys(secret, session), &mint, &[code]);
    }
    server.accounts().forget(&mint.key(1));
    status_fails(&bucket, &keys(secret, session), &mint, &["InvalidAccessKeyId"]);
}

#[test]
fn a_web_identity_that_is_refused_says_role_file_and_service() {
    let (server, bucket) = stored();
    let mint = Mint::new(server.accounts(), "WEB");
    let identity = WebIdentity::start(&mint);
    let good = identity.variables();
    let (token, sts) = (identity.path("token"), identity.desk.url(""));
    let fails = |variables: &[Variable], words: &[&str]| status_fails(&bucket, variables, &mint, words);
    fails(
        &but(&good, "AWS_ROLE_ARN", "arn:aws:iam::1:role/x"),
        &["AccessDenied", "arn:aws:iam::1:role/x", &token, &sts],
    );
    let other = identity.path("other");
    fails(
        &but(&good, "AWS_WEB_IDENTITY_TOKEN_FILE", &other),
        &[&other, "No such file"],
    );
    std::fs::write(&other, "not-a-token").unwrap();
    fails(
        &but(&good, "AWS_WEB_IDENTITY_TOKEN_FILE", &other),
        &["InvalidIdentityToken", "not a valid JWT"],
    );
    fails(
        &but(&good, "AWS_ROLE_ARN", ""),
        &["AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not"],
    );
    fails(
        &but(&good, "AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9"),
        &["AWS_ENDPOINT_URL_STS must begin with https://"],
    );
    // A certificate that this machine does not know.
    let strange = identity.path("strange.pem");
    std::fs::write(&strange, Authority::new("another").pem).unwrap();
    fails(&but(&good, "SSL_CERT_FILE", &strange), &[&sts, "certificate"]);
    let closed = format!(
        "https://localhost:{}",
        meshform_acceptance::ports::free().unwrap()
    );
    fails(
        &but(&good, "AWS_ENDPOINT_URL_STS", &closed),
        &[&closed, "Connection refused"],
    );
    mint.answer(Some(Answer::new(500, "")));
    fails(&good, &[&sts, "HTTP status 500"]);
    mint.answer(Some(Answer::new(200, "<html>a portal</html>")));
    fails(&good, &[&sts, "Invalid AssumeRoleWithWebIdentity response"]);
    assert_eq!(server.requests().len(), 0, "nothing is asked without credentials");
}

#[test]
fn a_container_that_is_refused_says_where_it_asked_and_what_was_answered() {
    let (server, bucket) = stored();
    let mint = Mint::new(server.accounts(), "BOX");
    let (desk, _) = agent(&mint, "another-token");
    let token = ("AWS_CONTAINER_AUTHORIZATION_TOKEN", CONTAINER.to_owned());
    let url = desk.url("/v1/credentials");
    let with = |url: &str| {
        vec![
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.to_owned()),
            token.clone(),
        ]
    };
    let fails = |variables: &[Variable], words: &[&str]| status_fails(&bucket, variables, &mint, words);
    fails(
        &with(&url),
        &[
            &url,
            "HTTP status 403: AccessDeniedException",
            "Nobody is known by `…`",
        ],
    );
    fails(
        &with(&desk.url("/elsewhere?secret=1")),
        &["/elsewhere: HTTP status 404"],
    );
    let nowhere = (
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "/nowhere/token".to_owned(),
    );
    fails(&[full_uri(&desk), nowhere], &["/nowhere/token", "No such file"]);
    fails(
        &with("http://example.com/v1/credentials"),
        &["http://example.com", "https://"],
    );
    fails(
        &with("nonsense"),
        &["AWS_CONTAINER_CREDENTIALS_FULL_URI is not a URL"],
    );
    let closed = format!(
        "http://127.0.0.1:{}/v1/credentials",
        meshform_acceptance::ports::free().unwrap()
    );
    fails(&with(&closed), &[&closed, "Connection refused"]);
    desk.asked();
    mint.answer(Some(Answer::new(500, "{\"code\": \"InternalServerException\"}")));
    fails(&with(&url), &[&url, "HTTP status 500: InternalServerException"]);
    assert!(desk.asked().len() > 1, "it was asked again");
    mint.answer(Some(Answer::new(200, "\"BOX/the-secret+1\"")));
    fails(&with(&url), &["not the JSON of credentials"]);
    assert_eq!(server.requests().len(), 0, "nothing is asked without credentials");
}

#[test]
fn a_machine_that_has_no_role_says_where_it_was_asked() {
    let (server, bucket) = stored();
    let mint = Mint::new(server.accounts(), "HOST");
    let desk = machine(&mint);
    let at = |url: String| [("AWS_METADATA_ENDPOINT", url)];
    let asked = format!("the machine's metadata service at {}", desk.url(""));
    for (status, said) in [(404, "HTTP status 404"), (500, "HTTP status 500")] {
        mint.answer(Some(Answer::new(status, "")));
        status_fails(&bucket, &at(desk.url("")), &mint, &[&asked, said]);
    }
    let closed = format!("http://127.0.0.1:{}", meshform_acceptance::ports::free().unwrap());
    let words = [
        "no keys, web identity or container",
        &closed,
        "Connection refused",
    ];
    status_fails(&bucket, &at(closed.clone()), &mint, &words);
    assert_eq!(server.requests().len(), 0, "nothing is asked without credentials");
}

#[test]
fn half_of_a_pair_of_keys_is_told() {
    let (server, bucket) = stored();
    let mint = Mint::new(server.accounts(), "NONE");
    let (key, secret) = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
    for (there, missing) in [(key, secret), (secret, key)] {
        let words = format!("{there} is set and {missing} is not");
        status_fails(&bucket, &[(there, "one".to_owned())], &mint, &[&words]);
    }
}
