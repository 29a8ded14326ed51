//! `kill -9` of the provider in the middle of an apply, at random points: the next apply goes on from there. Nothing
//! is lost, and nothing is taken over that somebody else wrote.

use crate::world::{World, no_panic, says};
use meshform_acceptance::tools;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use std::fs;
use std::ops::Range;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const COUNT: usize = 50;
/// So many rounds are killed where nobody asks for more: `MESHFORM_KILL_ROUNDS=50`.
const ROUNDS: usize = 5;
/// The resources of a round: few, so that a round is cheap.
const FEW: usize = 8;

const MESH: &str = "resource \"appmesh_mesh\" \"it\" {\n  name = \"m\"\n}\n";

fn nodes(numbers: Range<usize>) -> String {
    format!(
        r#"
resource "appmesh_virtual_node" "it" {{
  for_each  = toset([for n in range({}, {}) : tostring(n)])
  name      = "n${{each.value}}"
  mesh_name = "m"
  spec {{
    listener {{
      port_mapping {{
        port     = 1000 + each.value
        protocol = "http"
      }}
    }}
    service_discovery {{
      dns {{
        hostname = "n${{each.value}}.local"
      }}
    }}
  }}
}}
"#,
        numbers.start, numbers.end
    )
}

fn all() -> String {
    format!("{MESH}{}", nodes(0..COUNT))
}

/// Rounds on one store, in the mesh of another owner: killed at a point that the round's number decides, the provider
/// alone or Terraform too, then applied again.
#[test]
fn a_killed_apply_is_finished_by_the_next_one() {
    let rounds = std::env::var("MESHFORM_KILL_ROUNDS")
        .ok()
        .map_or(ROUNDS, |text| text.parse().unwrap());
    let world = World::new(&nodes(0..FEW));
    let team = world.neighbour("team-b", &format!("{MESH}{}", nodes(FEW..FEW + 2)));
    team.apply();
    let theirs = world.records();
    let mut killed_midway = 0;
    // A kill may come too early or too late each time: then more rounds than asked for.
    for round in 0..rounds * 10 {
        if round >= rounds && killed_midway > 0 {
            break;
        }
        let seed = scrambled(round as u64);
        let whom = if seed.is_multiple_of(4) {
            Whom::Both
        } else {
            Whom::Provider
        };
        kill_after(&world, Duration::from_micros(seed / 4 % 400_000), whom);
        let there = world.records().len() - theirs.len();
        killed_midway += usize::from((1..FEW).contains(&there));
        let said = world.apply().flat();
        no_panic(&said);
        let records = world.records();
        assert_eq!(
            records.len(),
            FEW + theirs.len(),
            "round {round}, killed with {there} there: {said}"
        );
        for their in &theirs {
            assert!(
                records.contains(their),
                "round {round}: {} is not as team-b wrote it",
                their.key
            );
        }
        world.plan_is_empty();
        world.destroy();
        assert_eq!(world.records(), theirs, "round {round}");
    }
    assert!(killed_midway > 0, "no apply was killed midway");
    println!("{killed_midway} rounds were killed midway");
    team.plan_is_empty();
}

#[test]
fn after_a_kill_nothing_of_another_owner_is_adopted() {
    let world = World::new(&all());
    // What another team wrote, equal to the last bit.
    let team = world.neighbour("team-b", &nodes(0..3));
    team.apply();
    let mine = format!("{MESH}{}", nodes(3..COUNT));
    world.write("", &mine);
    kill_when(&world, 20);
    // Now it wants their names too.
    world.write("", &all());
    let said = world.apply_fails();
    says(&said, &["MF0401", "irtual node `n0`", "owner `team-b`"]);
    for n in 0..3 {
        let key = ResourceKey::in_mesh("m", Kind::VirtualNode, format!("n{n}"));
        assert_eq!(world.record(&key).unwrap().author.owner, "team-b");
    }
    team.plan_is_empty();
    // Its own are not lost for that.
    world.write("", &mine);
    world.apply();
    world.plan_is_empty();
    assert_eq!(world.records().len(), COUNT + 1);
}

#[test]
fn a_killed_destroy_is_finished_by_the_next_one() {
    let world = World::new(&all());
    world.apply();
    let mut destroy = start(&world, &["destroy", "-auto-approve", "-no-color"]);
    wait_for(&mut destroy, &world, |records| records <= COUNT / 2);
    kill_providers(destroy.id());
    destroy.wait().unwrap();
    world.destroy();
    assert_eq!(world.records(), []);
}

// === What the tests share ===

/// Whom a signal meets.
#[derive(Clone, Copy)]
enum Whom {
    Provider,
    Both,
}

/// The same numbers on every run, without a pattern (splitmix64).
fn scrambled(number: u64) -> u64 {
    let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Applies, and kills so long after the run of the apply has left its first trace in the store.
fn kill_after(world: &World, delay: Duration, whom: Whom) {
    let before = world.records().len();
    let mut apply = start(world, &["apply", "-auto-approve", "-no-color", "-parallelism=1"]);
    // From the first record on, or, for the first half of the delays, from where the apply stands meanwhile.
    if delay < Duration::from_millis(200) {
        wait_for(&mut apply, world, |there| there > before);
        std::thread::sleep(delay / 8);
    } else {
        std::thread::sleep(delay * 2);
    }
    kill_providers(apply.id());
    if matches!(whom, Whom::Both) {
        apply.kill().unwrap();
    }
    apply.wait().unwrap();
    // Terraform that was killed leaves its lock behind; its user removes it.
    let _ = fs::remove_file(world.module().dir().join(".terraform.tfstate.lock.info"));
}

fn start(world: &World, args: &[&str]) -> Child {
    let log = fs::File::create(world.folder().join("log")).unwrap();
    let mut command = world.module().command(args);
    command
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .stdin(Stdio::null());
    command.spawn().unwrap()
}

/// Applies and kills the provider once the store has so many records. What Terraform said, if it was in time.
fn kill_when(world: &World, records: usize) -> Option<String> {
    let mut apply = start(world, &["apply", "-auto-approve", "-no-color", "-parallelism=2"]);
    wait_for(&mut apply, world, |there| there >= records);
    kill_providers(apply.id());
    let ended = apply.wait().unwrap();
    let text = fs::read_to_string(world.folder().join("log")).unwrap();
    (!ended.success()).then_some(text)
}

fn wait_for(child: &mut Child, world: &World, enough: impl Fn(usize) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let file = world.store_directory().join("store.db");
    while child.try_wait().unwrap().is_none() {
        if file.exists() && enough(count(world)) {
            return;
        }
        assert!(Instant::now() < deadline, "it does not get there");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The records while others write them: a store that is just being made has none.
fn count(world: &World) -> usize {
    use meshform_store::{Prefix, SqliteOptions, SqliteStore, Store};
    let Ok(store) = SqliteStore::open(SqliteOptions::new(world.store_directory())) else {
        return 0;
    };
    crate::world::wait(store.list(&Prefix::all())).map_or(0, |listing| listing.records.len())
}

/// Kills the providers below that Terraform, and nobody else's.
fn kill_providers(terraform: u32) {
    let name = tools::provider();
    let name = name.file_name().unwrap().to_string_lossy().into_owned();
    let mut below = vec![terraform];
    let mut found = Vec::new();
    while let Some(parent) = below.pop() {
        for (pid, command) in children(parent) {
            if command.contains(&name) {
                found.push(pid);
            }
            below.push(pid);
        }
    }
    for pid in found {
        let _ = Command::new("/bin/sh")
            .args(["-c", "kill -s KILL \"$0\"", &pid.to_string()])
            .stderr(Stdio::null())
            .status();
    }
}

/// The processes that a process has started, with their command lines.
fn children(parent: u32) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else {
            continue;
        };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // The name is in brackets and may hold anything; state and parent follow.
        let after = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ppid = after
            .split_whitespace()
            .nth(1)
            .and_then(|text| text.parse::<u32>().ok());
        if ppid == Some(parent) {
            let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            found.push((pid, String::from_utf8_lossy(&command).into_owned()));
        }
    }
    found
}
