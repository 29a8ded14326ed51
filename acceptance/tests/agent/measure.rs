//! Figures of one agent with a real Envoy, while so many others look at the same server: printed where
//! `MESHFORM_SIMULATED` says how many, as `cargo xtask bench --only agent` does.

use crate::server::Server;
use crate::world::Store;
use crate::{KEY, SECRET, World, eventually};
use meshform_acceptance::upstream::Upstream;
use meshform_bundle::ProxyId;
use meshform_store::{Access, BucketUrl, Location, PublishedObjects};
use std::path::Path;
use std::time::{Duration, Instant};

/// How often a simulated agent looks.
const EVERY: Duration = Duration::from_secs(15);

/// How long the agent is looked at between two changes.
const REST: Duration = Duration::from_secs(20);

/// What a process has used: resident KiB, and hundredths of a second of processor time.
fn usage(pid: u32) -> (u64, u64) {
    let read = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap();
    let status = read("status");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let resident = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    let stat = read("stat");
    let (_, rest) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |at: usize| -> u64 { fields[at].parse().unwrap() };
    (resident, ticks(11) + ticks(12))
}

/// Other agents: each looks at its own object every 15 seconds, for as long as the runtime is there.
fn simulate(server: &Server, count: usize) -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let bucket = server.bucket("prod");
    let url: BucketUrl = match Location::parse(&bucket.url, Path::new("/")).unwrap() {
        Location::Bucket(url) => url,
        Location::Directory(_) | Location::Etcd(_) => unreachable!("it is a URL of a bucket"),
    };
    let environment = [
        ("AWS_ACCESS_KEY_ID", KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_ENDPOINT_URL_S3", &bucket.endpoint),
        ("AWS_REGION", "us-east-1"),
    ];
    let access = Access {
        environment: environment
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        ..Access::default()
    };
    let objects = PublishedObjects::open(&url, access);
    for number in 0..count {
        let objects = objects.clone();
        let key = ProxyId::virtual_node("apps", &format!("other{number}")).current_key();
        let file = server.file(&format!("prod/{key}"));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, "{}").unwrap();
        runtime.spawn(async move {
            let part = u32::try_from(number).unwrap();
            let all = u32::try_from(count).unwrap();
            tokio::time::sleep(EVERY * part / all).await;
            loop {
                let _ = objects.get(&key).await;
                tokio::time::sleep(EVERY).await;
            }
        });
    }
    runtime
}

#[test]
fn figures_of_an_agent() {
    let Ok(simulated) = std::env::var("MESHFORM_SIMULATED") else {
        return;
    };
    let changes: usize = std::env::var("MESHFORM_CHANGES").map_or(100, |text| text.parse().unwrap());
    for count in simulated
        .split(',')
        .map(|text| -> usize { text.trim().parse().unwrap() })
    {
        let services = [
            Upstream::start("first").unwrap(),
            Upstream::start("second").unwrap(),
        ];
        let mut world = World::on(Store::files(), "prod", ProxyId::virtual_node("apps", "web"));
        let others = simulate(world.server(), count.saturating_sub(1));
        let begun = Instant::now();
        world.publish(services[0].address().port());
        world.start();
        world.serves("first");
        let added = begun.elapsed();
        eventually("it is well", 20, || world.health().0);
        let pid = world.pid();
        let (resident, before) = usage(pid);
        world.server().requests();
        std::thread::sleep(REST);
        let idle = usage(pid).1 - before;
        let asked = world.server().requests();
        let own = asked
            .iter()
            .filter(|line| line.contains("/virtualNode/web/"))
            .count();
        let mut took = Vec::new();
        let before = usage(pid).1;
        let begun = Instant::now();
        for change in 0..changes {
            let turn = (change + 1) % 2;
            let then = Instant::now();
            world.publish(services[turn].address().port());
            world.serves(["first", "second"][turn]);
            took.push(then.elapsed());
        }
        let (after, ticks) = usage(pid);
        took.sort();
        let at = |part: usize| took[(took.len() * part / 100).min(took.len() - 1)];
        println!(
            "{count} agents: start to first request {added:.2?}; publish to first request p50 {:.2?}, p99 {:.2?} of {changes} \
             changes; resident {resident} KiB at first, {after} KiB after; processor {idle}0 ms in {REST:?} between changes, \
             {}0 ms in {:.0?} with them; {own} requests of its own and {} of all in {REST:?}",
            at(50),
            at(99),
            ticks - before,
            begun.elapsed(),
            asked.len(),
        );
        others.shutdown_background();
    }
}
