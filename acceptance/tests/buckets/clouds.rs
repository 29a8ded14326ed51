//! Google's and Azure's storage: the contract, a life with Terraform, credentials and refusals, each against a server in
//! this process that is written from the service's documentation. The real services were not asked.

use crate::azure::{self, Azure};
use crate::blobs::refused;
use crate::contract::keeps_the_contract;
use crate::desk::Answer;
use crate::google::{self, Google};
use crate::world::{World, says, wait};
use crate::{MESH, meshform_alone, nodes, opened};
use meshform_store::{Prefix, Seed, Store};
use std::sync::Arc;

/// A store, and how it is reached.
#[derive(Clone)]
struct Cloud {
    url: String,
    variables: Vec<(&'static str, String)>,
}

impl Cloud {
    fn google(google: &Google, prefix: &str) -> Self {
        Self {
            url: format!("gs://meshes/{prefix}"),
            variables: vec![
                ("GOOGLE_BASE_URL", google.desk.url("")),
                ("GOOGLE_BEARER_TOKEN", google::TOKEN.to_owned()),
            ],
        }
    }

    fn azure(azure: &Azure, prefix: &str) -> Self {
        Self {
            url: format!("az://meshes/{prefix}"),
            variables: vec![
                ("AZURE_STORAGE_ENDPOINT", azure.desk.url("")),
                ("AZURE_STORAGE_ACCOUNT_NAME", azure::ACCOUNT.to_owned()),
                ("AZURE_STORAGE_ACCOUNT_KEY", azure::KEY.to_owned()),
            ],
        }
    }

    /// Without one variable, and with others.
    fn but(&self, without: &str, with: &[(&'static str, &str)]) -> Self {
        let kept = self
            .variables
            .iter()
            .filter(|(name, _)| *name != without)
            .cloned();
        let with = with.iter().map(|(name, value)| (*name, (*value).to_owned()));
        Self {
            url: self.url.clone(),
            variables: kept.chain(with).collect(),
        }
    }

    fn store(&self) -> Arc<dyn Store> {
        let variables = self.variables.iter();
        let environment = variables.map(|(name, value)| ((*name).to_owned(), value.clone()));
        opened(&self.url, environment.collect())
    }

    /// What `meshform` says, with these variables and none of this process's.
    fn meshform(&self, arguments: &[&str]) -> (bool, String) {
        meshform_alone(&self.url, arguments, &self.variables)
    }

    fn status_is_told(&self) {
        let (ended_well, said) = self.meshform(&["status"]);
        assert!(ended_well, "{said}");
    }

    fn status_fails(&self, words: &[&str]) -> String {
        let (ended_well, said) = self.meshform(&["status"]);
        assert!(!ended_well, "it ended well, without {words:?}: {said}");
        says(&said, words);
        said
    }
}

#[test]
fn google_keeps_the_contract() {
    let google = Google::start();
    keeps_the_contract(|prefix| Cloud::google(&google, prefix).store());
}

#[test]
fn azure_keeps_the_contract_whether_or_not_it_heeds_where_a_list_begins() {
    for heeds in [true, false] {
        let azure = Azure::heeding_start(heeds);
        keeps_the_contract(|prefix| Cloud::azure(&azure, prefix).store());
        let asked = azure.desk.asked();
        assert!(asked.iter().any(|asked| asked.query.contains_key("startFrom")));
        assert!(
            asked.iter().any(|asked| asked.query.contains_key("marker")),
            "no list had two pages"
        );
    }
}

// === a life with Terraform ===

/// Two owners, from the first apply to the last destroy; what is logged has no secret.
fn a_life(cloud: &Cloud, block: &str, secret: &str) {
    let settings = |owner: &str| format!("store = \"{}\"\nowner = \"{owner}\"\n{block}\n", cloud.url);
    let world = |owner: &str, configuration: &str| {
        let world = World::with_provider(&settings(owner), configuration);
        let variables = cloud.variables.iter();
        variables.fold(world.env("CI", "true"), |world, (name, value)| {
            world.env(name, value)
        })
    };
    let log = tempfile::NamedTempFile::new().unwrap();
    let first = world("terraform", &format!("{MESH}{}", nodes("a", 6)));
    let first = first.env("TF_LOG", "trace");
    let first = first.env("TF_LOG_PATH", &log.path().to_string_lossy());
    let second = world("team-b", &nodes("b", 6));
    std::thread::scope(|scope| {
        let other = scope.spawn(|| second.apply());
        first.apply();
        other.join().unwrap();
    });
    let logged = std::fs::read_to_string(log.path()).unwrap();
    says(&logged, &["provider"]);
    assert!(!logged.contains(secret), "a secret is logged");
    first.plan_is_empty();
    second.plan_is_empty();
    let records = || wait(cloud.store().list(&Prefix::all())).unwrap().records;
    assert_eq!(records().len(), 13);
    let published = tempfile::tempdir().unwrap();
    let directory = published.path().to_string_lossy().into_owned();
    for (arguments, words) in [
        (vec!["status"], "valid, nothing to release"),
        (vec!["history"], "mesh `m`"),
        (vec!["release", "--publish", &directory], "mesh `m`"),
    ] {
        let (ended_well, said) = cloud.meshform(&arguments);
        assert!(ended_well, "{said}");
        says(&said, &[words]);
    }
    first.write(
        &settings("terraform"),
        &format!("{MESH}{}", nodes("a", 6).replace("= 80", "= 81")),
    );
    first.apply();
    first.plan_is_empty();
    second.destroy();
    first.destroy();
    assert_eq!(records(), []);
}

#[test]
fn terraform_on_google_by_a_service_account_from_apply_to_destroy() {
    let google = Google::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("account.json");
    std::fs::write(&file, Google::service_account().to_string()).unwrap();
    let file = file.to_string_lossy().into_owned();
    let cloud = Cloud::google(&google, "teams/shop").but(
        "GOOGLE_BEARER_TOKEN",
        &[("GOOGLE_APPLICATION_CREDENTIALS", &file)],
    );
    let block = format!(
        "gcs {{\n  storage_custom_endpoint = \"{}\"\n}}",
        google.desk.url("")
    );
    a_life(&cloud, &block, google::KEY_LINE);
}

#[test]
fn terraform_on_azure_by_the_accounts_key_from_apply_to_destroy() {
    let azure = Azure::start();
    let cloud = Cloud::azure(&azure, "teams/shop");
    let block = format!(
        "azure {{\n  storage_account_name = \"{}\"\n  endpoint = \"{}\"\n}}",
        azure::ACCOUNT,
        azure.desk.url("")
    );
    a_life(&cloud, &block, azure::KEY);
}

// === credentials ===

#[test]
fn google_is_shown_a_token_a_signed_claim_or_the_machines_token() {
    let google = Google::start();
    let by_token = Cloud::google(&google, "p");
    wait(by_token.store().establish(&Seed::default())).unwrap();
    by_token.status_is_told();
    let without = |with: &[(&'static str, &str)]| by_token.but("GOOGLE_BEARER_TOKEN", with);
    let key = Google::service_account().to_string();
    without(&[("GOOGLE_SERVICE_ACCOUNT_KEY", &key)]).status_is_told();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("account.json");
    std::fs::write(&file, &key).unwrap();
    without(&[("GOOGLE_SERVICE_ACCOUNT", &file.to_string_lossy())]).status_is_told();
    let metadata = google::metadata();
    let host = metadata.url("").replace("http://", "");
    without(&[("GCE_METADATA_HOST", &host)]).status_is_told();
    assert!(!metadata.asked().is_empty());
    // And what is not taken.
    without(&[("GOOGLE_BEARER_TOKEN", "another-token")]).status_fails(&["MF0419", "AuthenticationRequired"]);
    let missing = ("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/account.json");
    without(&[missing]).status_fails(&["MF0419", "Google's credentials in /nowhere/account.json"]);
    let file = folder.path().join("federated.json");
    std::fs::write(&file, "{\"type\": \"external_account\"}").unwrap();
    let file = file.to_string_lossy().into_owned();
    let federated = ("GOOGLE_APPLICATION_CREDENTIALS", file.as_str());
    without(&[federated]).status_fails(&["MF0419", &file, "external_account"]);
    let closed = format!("127.0.0.1:{}", meshform_acceptance::ports::free().unwrap());
    let nobody = [
        ("GCE_METADATA_HOST", closed.as_str()),
        ("GCE_METADATA_IP", &closed),
    ];
    without(&nobody).status_fails(&["MF0419", "no GOOGLE_APPLICATION_CREDENTIALS", "metadata service"]);
}

#[test]
fn azure_is_shown_a_signature_by_the_key_a_shared_one_or_a_workloads_token() {
    let azure = Azure::start();
    let by_key = Cloud::azure(&azure, "p");
    wait(by_key.store().establish(&Seed::default())).unwrap();
    by_key.status_is_told();
    let without = |with: &[(&'static str, &str)]| by_key.but("AZURE_STORAGE_ACCOUNT_KEY", with);
    let shared = format!("{}{}", azure::SAS, azure::SIG);
    without(&[("AZURE_STORAGE_SAS_TOKEN", &shared)]).status_is_told();
    let entra = azure::entra();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, azure::ASSERTION).unwrap();
    let (file, authority) = (file.to_string_lossy().into_owned(), entra.url(""));
    let workload = without(&[
        ("AZURE_CLIENT_ID", "the-client"),
        ("AZURE_TENANT_ID", "the-tenant"),
        ("AZURE_FEDERATED_TOKEN_FILE", &file),
        ("AZURE_AUTHORITY_HOST", &authority),
    ]);
    workload.status_is_told();
    assert!(!entra.asked().is_empty());
    let machine = azure::identity();
    let by_machine = without(&[
        ("IDENTITY_ENDPOINT", &machine.url("/msi/token")),
        ("IDENTITY_HEADER", azure::SIG),
    ]);
    by_machine.status_is_told();
    assert!(!machine.asked().is_empty());
    // The emulator: its own account, in the path.
    let emulator = Cloud {
        url: by_key.url.clone(),
        variables: vec![
            ("AZURE_STORAGE_USE_EMULATOR", "true".to_owned()),
            ("AZURITE_BLOB_STORAGE_URL", azure.desk.url("")),
        ],
    };
    emulator.status_is_told();
    // And what is not taken.
    let other = "YW5vdGhlci1rZXk=";
    without(&[("AZURE_STORAGE_ACCOUNT_KEY", other)]).status_fails(&["MF0419", "AuthenticationFailed"]);
    let forged = format!("{}Zm9yZ2Vk", azure::SAS);
    let said =
        without(&[("AZURE_STORAGE_SAS_TOKEN", &forged)]).status_fails(&["MF0419", "AuthenticationFailed"]);
    assert!(!said.contains("Zm9yZ2Vk"), "{said}");
    std::fs::write(&file, "eyJhbGci.a-stale-assertion").unwrap();
    let said = workload.status_fails(&["MF0419", "AZURE_FEDERATED_TOKEN_FILE", "the-client", "401"]);
    assert!(!said.contains("a-stale-assertion"), "{said}");
    let closed = format!(
        "http://127.0.0.1:{}/msi/token",
        meshform_acceptance::ports::free().unwrap()
    );
    without(&[("IDENTITY_ENDPOINT", &closed)]).status_fails(&["MF0419", "managed identity", &closed]);
    let nameless = by_key.but("AZURE_STORAGE_ACCOUNT_NAME", &[]);
    nameless.status_fails(&["MF0419", "AZURE_STORAGE_ACCOUNT_NAME", "storage_account_name"]);
}

/// Some variables, and what shows that they were used.
type Way<'a> = (&'a str, &'a [(&'static str, &'a str)]);

/// With all of the ways, then without the first, and so on: the first that is left is used.
fn are_used_in_order(rest: &Cloud, ways: &[Way<'_>], used: impl Fn() -> String) {
    for first in 0..ways.len() {
        let left = ways[first..].iter();
        let with: Vec<(&'static str, &str)> = left.flat_map(|(_, way)| way.to_vec()).collect();
        rest.but("", &with).status_is_told();
        assert_eq!(used(), ways[first].0);
    }
}

#[test]
fn of_several_credentials_of_google_the_first_are_used() {
    let (google, metadata) = (Google::start(), google::metadata());
    let cloud = Cloud::google(&google, "p");
    wait(cloud.store().establish(&Seed::default())).unwrap();
    let mut account = Google::service_account();
    let key = account.to_string();
    account["private_key_id"] = "2".into();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), account.to_string()).unwrap();
    let file = file.path().to_string_lossy().into_owned();
    let host = metadata.url("").replace("http://", "");
    let rest = cloud.but("GOOGLE_BEARER_TOKEN", &[]);
    let ways: [Way<'_>; 4] = [
        ("token", &[("GOOGLE_BEARER_TOKEN", google::TOKEN)]),
        ("claims by the key 1", &[("GOOGLE_SERVICE_ACCOUNT_KEY", &key)]),
        (
            "claims by the key 2",
            &[("GOOGLE_APPLICATION_CREDENTIALS", &file)],
        ),
        ("machine", &[("GCE_METADATA_HOST", &host)]),
    ];
    are_used_in_order(&rest, &ways, || {
        let last = google.desk.asked().pop().unwrap();
        if metadata.asked().is_empty() {
            google::way(last.header("authorization"))
        } else {
            "machine".to_owned()
        }
    });
}

#[test]
fn of_several_credentials_of_azure_the_first_are_used() {
    let (azure, entra, machine) = (Azure::start(), azure::entra(), azure::identity());
    let cloud = Cloud::azure(&azure, "p");
    wait(cloud.store().establish(&Seed::default())).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), azure::ASSERTION).unwrap();
    let file = file.path().to_string_lossy().into_owned();
    let shared = format!("{}{}", azure::SAS, azure::SIG);
    let (client, tenant) = (
        ("AZURE_CLIENT_ID", "the-client"),
        ("AZURE_TENANT_ID", "the-tenant"),
    );
    let authority = entra.url("");
    let rest = cloud.but(
        "AZURE_STORAGE_ACCOUNT_KEY",
        &[("AZURE_AUTHORITY_HOST", &authority)],
    );
    let endpoint = machine.url("/msi/token");
    let ways: [Way<'_>; 6] = [
        ("Bearer", &[("AZURE_STORAGE_TOKEN", azure::TOKEN)]),
        ("SharedKey", &[("AZURE_STORAGE_ACCOUNT_KEY", azure::KEY)]),
        (
            "workload",
            &[client, tenant, ("AZURE_FEDERATED_TOKEN_FILE", &file)],
        ),
        (
            "application",
            &[client, tenant, ("AZURE_CLIENT_SECRET", azure::SECRET)],
        ),
        ("shared signature", &[("AZURE_STORAGE_SAS_TOKEN", &shared)]),
        (
            "machine",
            &[("IDENTITY_ENDPOINT", &endpoint), ("IDENTITY_HEADER", azure::SIG)],
        ),
    ];
    are_used_in_order(&rest, &ways, || {
        let last = azure.desk.asked().pop().unwrap();
        let scheme = last.header("authorization").split(' ').next().unwrap_or_default();
        let form = entra.asked().pop().map(|asked| asked.body);
        let shown = form.map(|form| String::from_utf8_lossy(&form).contains("client_secret="));
        match (shown, machine.asked().is_empty()) {
            (Some(true), true) => "application",
            (Some(false), true) => "workload",
            (None, false) => "machine",
            _ if last.query.contains_key("sig") => "shared signature",
            _ => scheme,
        }
        .to_owned()
    });
}

// === refusals ===

#[test]
fn what_google_and_azure_refuse_is_told_with_the_object_and_the_way_out() {
    let (google, azure) = (Google::start(), Azure::start());
    let throttled = "GET /meshes/p/store.json";
    let clouds = [
        (
            Cloud::google(&google, "p"),
            &google.blobs,
            [
                (403, "AccessDenied", ["MF0407", "roles/storage.objectUser"]),
                (429, "SlowDown", ["MF0418", "wait and try again"]),
                (503, "ServiceUnavailable", ["MF0418", "wait and try again"]),
                (500, "InternalError", ["MF0410", "try again"]),
            ],
        ),
        (
            Cloud::azure(&azure, "p"),
            &azure.blobs,
            [
                (
                    403,
                    "AuthorizationPermissionMismatch",
                    ["MF0407", "Storage Blob Data Contributor"],
                ),
                (
                    403,
                    "AuthorizationFailure",
                    ["MF0407", "Storage Blob Data Contributor"],
                ),
                (503, "ServerBusy", ["MF0418", "wait and try again"]),
                (500, "InternalError", ["MF0410", "try again"]),
            ],
        ),
    ];
    for (cloud, blobs, refusals) in clouds {
        wait(cloud.store().establish(&Seed::default())).unwrap();
        for (status, code, words) in refusals {
            blobs.fail(Some((throttled, refused(status, code, "As told."))));
            let place = format!("{}/store.json", cloud.url);
            cloud.status_fails(&[words[0], words[1], code, &place]);
        }
        // What heeds no condition, and says so.
        blobs.fail(Some(("PUT", refused(501, "NotImplemented", "Not here."))));
        let other = Cloud {
            url: cloud.url.replace("/p", "/other"),
            ..cloud.clone()
        };
        let error = wait(other.store().establish(&Seed::default())).unwrap_err();
        assert_eq!(error.code().0, "MF0422");
        // What writes over what is there.
        blobs.fail(Some(("PUT", Answer::new(201, "").with("etag", "\"1\""))));
        let error = wait(other.store().establish(&Seed::default())).unwrap_err();
        assert_eq!(error.code().0, "MF0422");
        blobs.fail(None);
        cloud.status_is_told();
        let nowhere = Cloud {
            url: cloud.url.replace("meshes", "elsewhere"),
            ..cloud.clone()
        };
        nowhere.status_fails(&["MF0416", "elsewhere/p", "reate the bucket"]);
    }
}
