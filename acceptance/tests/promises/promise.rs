//! What must be so when an apply has ended well and said nothing.

use meshform_model::kind::Kind;
use meshform_store::{Prefix, Store};
use serde_json::Value;
use std::path::Path;

/// `count` nodes, each a proxy of its own.
pub(crate) fn nodes(count: usize, port: u16) -> String {
    format!(
        r#"
resource "appmesh_mesh" "m" {{
  name = "m"
}}

resource "appmesh_virtual_node" "n" {{
  count     = {count}
  name      = "n${{count.index}}"
  mesh_name = appmesh_mesh.m.name
  spec {{
    listener {{
      port_mapping {{
        port     = {port}
        protocol = "http"
      }}
    }}
    service_discovery {{
      dns {{
        hostname = "n${{count.index}}.local"
      }}
    }}
  }}
}}
"#
    )
}

/// What Terraform says must hold no warning.
pub(crate) fn no_warning(said: &str) {
    // Terraform warns of the provider's development override.
    let rest = said.replace("Warning: Provider development overrides are in effect", "");
    assert!(!rest.contains("Warning"), "{said}");
}

/// The pointer stands at the store's revision, and each directory has, whole, what the pointer says.
pub(crate) async fn is_kept(store: &dyn Store, directories: &[&Path]) {
    let listing = store.list(&Prefix::mesh("m")).await.unwrap();
    let pointer = store.pointer("m", "release").await.unwrap().unwrap();
    let pointer: Value = serde_json::from_str(&pointer.value).unwrap();
    assert_eq!(pointer["judged"], listing.revision.0, "{pointer:#}");
    assert_eq!(pointer["broken"], Value::Null, "{pointer:#}");
    let proxies: Vec<String> = listing
        .records
        .iter()
        .filter(|record| record.key.kind == Kind::VirtualNode)
        .map(|record| format!("m/virtualNode/{}", record.key.name))
        .collect();
    for directory in directories {
        let ledger = ledger(directory);
        assert_eq!(ledger["complete"], true, "{}: {ledger:#}", directory.display());
        assert_eq!(
            ledger["release"],
            pointer["current"],
            "{}: {ledger:#}",
            directory.display()
        );
        for proxy in &proxies {
            let current = directory.join(proxy).join("current/lds.json");
            assert!(current.is_file(), "{} is not there", current.display());
        }
    }
}

fn ledger(directory: &Path) -> Value {
    let own = std::fs::read_dir(directory.join(".meshform")).unwrap();
    let mut ledgers = own
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let text = std::fs::read(ledgers.next().unwrap()).unwrap();
    serde_json::from_slice(&text).unwrap()
}
