//! Ten owners, ten states, one mesh: all apply at once, and all destroy at once.

use crate::world::{World, no_panic};
use meshform_model::kind::Kind;
use serde_json::Value;
use std::fs;
use std::path::Path;

const WRITERS: usize = 10;

/// A node, a router, a route and a service; the node calls the next writer's service, and the route leads to a node of
/// one's own and to the next writer's.
fn team(n: usize) -> String {
    let next = (n + 1) % WRITERS;
    format!(
        r#"
resource "appmesh_virtual_node" "it" {{
  name      = "n{n}"
  mesh_name = "m"
  spec {{
    listener {{
      port_mapping {{
        port     = 8080
        protocol = "http"
      }}
    }}
    backend {{
      virtual_service {{
        virtual_service_name = "s{next}.local"
      }}
    }}
    service_discovery {{
      dns {{
        hostname = "n{n}.local"
      }}
    }}
  }}
}}

resource "appmesh_virtual_router" "it" {{
  name      = "r{n}"
  mesh_name = "m"
  spec {{
    listener {{
      port_mapping {{
        port     = 8080
        protocol = "http"
      }}
    }}
  }}
}}

resource "appmesh_route" "it" {{
  name                = "rt{n}"
  mesh_name           = "m"
  virtual_router_name = appmesh_virtual_router.it.name
  spec {{
    http_route {{
      match {{
        prefix = "/"
      }}
      action {{
        weighted_target {{
          virtual_node = "n{n}"
          weight       = 90
        }}
        weighted_target {{
          virtual_node = "n{next}"
          weight       = 10
        }}
      }}
    }}
  }}
}}

resource "appmesh_virtual_service" "it" {{
  name      = "s{n}.local"
  mesh_name = "m"
  spec {{
    provider {{
      virtual_router {{
        virtual_router_name = appmesh_virtual_router.it.name
      }}
    }}
  }}
}}
"#
    )
}

#[test]
fn ten_writers_make_one_whole_mesh_and_take_it_away_again() {
    let platform = World::new("resource \"appmesh_mesh\" \"it\" {\n  name = \"m\"\n}\n");
    platform.apply();
    let published = platform.folder().join("published");
    let place = |path: &Path| Value::from(path.to_string_lossy());
    let teams: Vec<World> = (0..WRITERS)
        .map(|n| {
            let settings = format!(
                "owner = \"team-{n}\"\nstore = {}\npublish_directory = {}",
                place(&platform.store_directory()),
                place(&published)
            );
            World::with_provider(&settings, &team(n))
        })
        .collect();
    at_once(&teams, |team| {
        let said = team.apply();
        no_panic(&said.text);
    });
    // Nothing is lost, and each record is its writer's.
    let records = platform.records();
    assert_eq!(records.len(), 1 + 4 * WRITERS);
    for record in records.iter().filter(|record| record.key.kind != Kind::Mesh) {
        let number = record
            .key
            .name
            .trim_end_matches(".local")
            .trim_start_matches(char::is_alphabetic);
        assert_eq!(record.author.owner, format!("team-{number}"), "{}", record.key);
    }
    for team in &teams {
        team.plan_is_empty();
    }
    // The last one to write has published the whole: every proxy knows the next writer's service and both its targets.
    for n in 0..WRITERS {
        let (next, after) = ((n + 1) % WRITERS, (n + 2) % WRITERS);
        let text = text_below(&published.join(format!("m/virtualNode/n{n}")));
        for part in [
            format!("s{next}.local"),
            format!("n{next}.local"),
            format!("n{after}.local"),
        ] {
            assert!(text.contains(&part), "{part} is not in what n{n} was given");
        }
    }
    // What another owner's route still leads to stays, so who lets go last has to be waited for: routes go first.
    at_once(&teams, |team| {
        let ran = team.run(&[
            "destroy",
            "-auto-approve",
            "-no-color",
            "-target=appmesh_route.it",
        ]);
        assert!(ran.ok(), "{}", ran.text);
    });
    at_once(&teams, World::destroy);
    platform.destroy();
    assert_eq!(platform.records(), []);
}

fn at_once(teams: &[World], work: impl Fn(&World) + Sync) {
    std::thread::scope(|scope| {
        let running: Vec<_> = teams.iter().map(|team| scope.spawn(|| work(team))).collect();
        for one in running {
            one.join().unwrap();
        }
    });
}

/// All text in the files below a directory, through links.
fn text_below(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            text.push_str(&text_below(&path));
        } else {
            text.push_str(&fs::read_to_string(path).unwrap_or_default());
        }
    }
    text
}
