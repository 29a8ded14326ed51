//! Agent and Envoy killed at random while releases come and requests go through. `MESHFORM_KILLS` says how often; `cargo
//! xtask soak` asks for many.

use crate::{World, eventually, signal};
use meshform_acceptance::load::Load;
use meshform_acceptance::upstream::Upstream;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Numbers that look random; the seed says which.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % limit
    }
}

fn asked(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

/// It may be between two lives itself.
fn kill_envoy(world: &World) {
    let noted = std::fs::read_to_string(world.dir().join(".meshform/agent/envoy.pid")).unwrap_or_default();
    if let Some((pid, _)) = noted.split_once(' ') {
        let mut kill = Command::new("kill");
        let _ = kill.args(["-s", "KILL", pid]).stderr(Stdio::null()).status();
    }
}

#[test]
fn killed_at_random_under_load_both_come_back_with_what_is_published() {
    let kills = asked("MESHFORM_KILLS", 5);
    let seed = u64::from(std::process::id());
    let mut chance = Chance(seed);
    let services = [
        Upstream::start("first").unwrap(),
        Upstream::start("second").unwrap(),
    ];
    let mut world = World::new();
    let start = |world: &mut World| {
        let mut command = world.run();
        command.env("MESHFORM_RESTARTS", "1000");
        world.start_by(command);
    };
    world.publish(services[0].address().port());
    start(&mut world);
    world.serves("first");
    let egress = SocketAddr::from(([127, 0, 0, 1], world.published.egress));
    let load = Load::start(egress, "b.local", "/", 50, 2);
    let mut longest = Duration::ZERO;
    for round in 0..kills {
        let turn = (round + 1) % 2;
        world.publish(services[turn].address().port());
        std::thread::sleep(Duration::from_millis(chance.below(3000)));
        let begun = Instant::now();
        let victims = chance.below(3);
        if victims != 0 {
            kill_envoy(&world);
        }
        if victims != 1 {
            signal(world.pid(), "KILL");
            world.ends();
            start(&mut world);
        }
        world.serves(["first", "second"][turn]);
        longest = longest.max(begun.elapsed());
    }
    eventually("it is well", 30, || world.health().0);
    let tally = load.stop();
    println!(
        "seed {seed}: {kills} kills; {} requests, {} failed while Envoy was dead; longest way back {longest:?}",
        tally.sent(),
        tally.failures()
    );
    assert!(tally.answered.len() == 2, "{tally:?}");
    let memory = std::fs::read(world.dir().join(".meshform/agent/memory.json")).unwrap();
    let memory: serde_json::Value = serde_json::from_slice(&memory).unwrap();
    assert!(memory["rejected"].is_null(), "{memory}");
}
