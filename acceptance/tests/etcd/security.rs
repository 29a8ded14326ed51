//! Users, their rights, and TLS.

use crate::certificates::Authority;
use crate::cluster::{Cluster, bytes, wait};
use meshform_store::Expected;
use meshform_store::testing::{author, node};
use serde_json::json;

const USER: &str = "MESHFORM_ETCD_USER";
const PASSWORD: &str = "MESHFORM_ETCD_PASSWORD";

/// Gives a cluster the users `root` and `mesh`, and the latter the prefix `mine`; they hold once that is switched on.
pub(crate) fn with_users(cluster: &Cluster) {
    for (name, role) in [("root", "root"), ("mesh", "mesh")] {
        cluster.ask(
            "/v3/auth/user/add",
            &json!({ "name": name, "password": "secret" }),
        );
        cluster.ask("/v3/auth/role/add", &json!({ "name": role }));
        cluster.ask("/v3/auth/user/grant", &json!({ "user": name, "role": role }));
    }
    let range = json!({ "permType": 2, "key": bytes("mine/"), "range_end": bytes("mine0") });
    cluster.ask("/v3/auth/role/grant", &json!({ "name": "mesh", "perm": range }));
}

#[test]
fn a_user_needs_a_password_and_the_right_to_the_prefix() {
    let cluster = Cluster::start(1);
    with_users(&cluster);
    // Before there are users, a name does no harm.
    let store = cluster.store_with("mine", &[(USER, "mesh"), (PASSWORD, "secret")]);
    assert_eq!(wait(store.identity()).unwrap(), None);
    cluster.ask("/v3/auth/enable", &json!({}));
    let first = wait(store.put(node("a", 1), Expected::Absent, &author("x"))).unwrap();
    for (prefix, variables, code, said) in [
        ("mine", vec![], "MF0471", "user name is empty"),
        (
            "mine",
            vec![(USER, "mesh"), (PASSWORD, "wrong")],
            "MF0471",
            "authentication failed",
        ),
        ("mine", vec![(USER, "mesh")], "MF0471", "has no password"),
        (
            "others",
            vec![(USER, "mesh"), (PASSWORD, "secret")],
            "MF0472",
            "permission denied",
        ),
    ] {
        let store = cluster.store_with(prefix, &variables);
        let error = wait(store.get(&first.key)).unwrap_err();
        assert_eq!(error.code().0, code, "{variables:?}: {error}");
        assert!(error.to_string().contains(said), "{variables:?}: {error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    // A token that is not known any more is asked for again.
    let second = wait(store.put(node("a", 2), Expected::At(first.revision), &author("x"))).unwrap();
    assert!(second.revision > first.revision);
}

/// A cluster that shows a certificate of this authority, and wants one of it to be shown.
pub(crate) fn with_certificates(ours: &Authority) -> Cluster {
    Cluster::with(1, "etcds", |folder| {
        let served = ours.write(folder, "served", &["localhost"]);
        let file = |name: &str| served.join(name).display().to_string();
        vec![
            format!("--cert-file={}", file("tls.crt")),
            format!("--key-file={}", file("tls.key")),
            format!("--trusted-ca-file={}", file("ca.crt")),
            "--client-cert-auth".to_owned(),
        ]
    })
}

#[test]
fn both_sides_show_certificates() {
    let (ours, others) = (Authority::new("ours"), Authority::new("others"));
    let cluster = with_certificates(&ours);
    let client = ours.write(cluster.folder(), "client", &["client"]);
    let stranger = others.write(cluster.folder(), "stranger", &["client"]);
    let file = |folder: &std::path::Path, name: &str| folder.join(name).display().to_string();
    let variables = |authority: &std::path::Path, shown: &std::path::Path| {
        [
            ("MESHFORM_ETCD_CA_FILE", file(authority, "ca.crt")),
            ("MESHFORM_ETCD_CERT_FILE", file(shown, "tls.crt")),
            ("MESHFORM_ETCD_KEY_FILE", file(shown, "tls.key")),
        ]
    };
    let open = |variables: &[(&'static str, String)]| {
        let texts: Vec<(&str, &str)> = variables.iter().map(|(n, v)| (*n, v.as_str())).collect();
        cluster.store_with("s", &texts)
    };
    let store = open(&variables(&client, &client));
    let record = wait(store.put(node("a", 1), Expected::Absent, &author("x"))).unwrap();
    assert_eq!(wait(store.get(&record.key)).unwrap(), Some(record.clone()));
    for (case, wrong) in [
        ("another authority", variables(&stranger, &client).to_vec()),
        ("another client", variables(&client, &stranger).to_vec()),
        ("no client certificate", variables(&client, &client)[..1].to_vec()),
        (
            "a file that is not there",
            vec![("MESHFORM_ETCD_CA_FILE", "/no/such/ca.crt".to_owned())],
        ),
    ] {
        let error = wait(open(&wrong).get(&record.key)).unwrap_err();
        assert_eq!(error.code().0, "MF0475", "{case}: {error}");
        assert!(
            error.help().contains("MESHFORM_ETCD_CA_FILE"),
            "{case}: {}",
            error.help()
        );
    }
}
