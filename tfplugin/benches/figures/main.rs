//! Figures: `cargo bench -p tfplugin-rs -- [--program PATH] [--peer PATH [--peer-resource TYPE]]… [--json]`.
//!
//! Without a program it builds the large example with `--release`. A peer may be any provider program, also one of
//! protocol 5. It is asked the same; of its resource types the one that is named is planned, else the first of which
//! something made up can be.

mod provider;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use provider::Subject;
use tfplugin::codec::{json, msgpack};
use tfplugin::testing::{Random, config};
use tfplugin::{Attribute, NestedBlock, Schema, Type, Value};

type BenchResult<T> = Result<T, Box<dyn std::error::Error>>;

struct Figure {
    what: String,
    value: f64,
    unit: &'static str,
    /// What the project allows, where it says so.
    limit: Option<f64>,
}

#[derive(Default)]
struct Options {
    program: Option<PathBuf>,
    peers: Vec<(PathBuf, Option<String>)>,
    json: bool,
}

fn main() -> BenchResult<()> {
    let mut options = Options::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--program" => options.program = arguments.next().map(PathBuf::from),
            "--peer" => {
                let peer = arguments.next().ok_or("--peer needs a program")?;
                options.peers.push((PathBuf::from(peer), None));
            }
            "--peer-resource" => {
                let peer = options
                    .peers
                    .last_mut()
                    .ok_or("--peer-resource comes after --peer")?;
                peer.1 = arguments.next();
            }
            "--json" => options.json = true,
            _ => {}
        }
    }
    let program = match &options.program {
        Some(program) => program.clone(),
        None => build()?,
    };
    let runtime = tokio::runtime::Runtime::new()?;
    let mut all = Vec::new();
    let ours = Subject {
        name: "ours".into(),
        program: &program,
        resource: options
            .program
            .is_none()
            .then(|| ("garden_bed".into(), Some(large_bed()))),
        ours: true,
    };
    let peers = options.peers.iter().map(|(program, resource)| Subject {
        name: program
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        program,
        resource: resource.clone().map(|name| (name, None)),
        ours: false,
    });
    for subject in std::iter::once(ours).chain(peers) {
        runtime.block_on(provider::starts(&subject, &mut all))?;
        runtime.block_on(provider::calls(&subject, &mut all))?;
    }
    codec(&mut all)?;
    schemas(&mut all);
    show(&all, options.json)
}

/// The large example with the settings of a release.
fn build() -> BenchResult<PathBuf> {
    let status = std::process::Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([
            "build",
            "--quiet",
            "--release",
            "-p",
            "tfplugin-rs",
            "--example",
            "garden",
        ])
        .status()?;
    if !status.success() {
        return Err("the example could not be built".into());
    }
    let here = std::env::current_exe()?;
    let profile = here
        .parent()
        .and_then(Path::parent)
        .ok_or("no profile directory")?;
    Ok(profile
        .join("examples")
        .join(format!("garden{}", std::env::consts::EXE_SUFFIX)))
}

fn median(all: &mut [f64]) -> f64 {
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}

fn figure(what: &str, value: f64, unit: &'static str) -> Figure {
    Figure {
        what: what.into(),
        value,
        unit,
        limit: None,
    }
}

fn large_bed() -> Value {
    let row = |index: usize| {
        Value::object([
            ("plant", Value::from(format!("p{index}"))),
            ("spacing", index.into()),
        ])
    };
    Value::object([
        ("name", Value::from("herbs")),
        ("area", 3.into()),
        ("row", Value::list((1..=20).map(row))),
    ])
}

fn codec(all: &mut Vec<Figure>) -> BenchResult<()> {
    let schema = wide("codec");
    let value = config(&schema, &mut Random::new(3), true);
    let bytes = msgpack::encode(schema.ty(), &value)?;
    let text = json::to_string(&value);
    let mut rate = |what: &str, size: usize, work: &dyn Fn()| {
        let start = Instant::now();
        let mut rounds = 0_u32;
        while start.elapsed() < Duration::from_millis(400) {
            work();
            rounds += 1;
        }
        let rate = f64::from(rounds) * size as f64 / start.elapsed().as_secs_f64() / 1e6;
        all.push(figure(what, rate, "MB/s"));
    };
    rate("MessagePack, reading", bytes.len(), &|| {
        drop(std::hint::black_box(msgpack::decode(schema.ty(), &bytes)))
    });
    rate("MessagePack, writing", bytes.len(), &|| {
        drop(std::hint::black_box(msgpack::encode(schema.ty(), &value)))
    });
    rate("JSON, reading", text.len(), &|| {
        drop(std::hint::black_box(json::parse(text.as_bytes())))
    });
    rate("JSON, writing", text.len(), &|| {
        drop(std::hint::black_box(json::to_string(&value)))
    });
    Ok(())
}

/// A schema of about 150 attributes, built at run time.
fn wide(name: &str) -> Schema {
    let mut schema = Schema::new();
    for block in 0..10 {
        let mut nested = NestedBlock::list(format!("block_{block}")).max_items(5);
        for attribute in 0..14 {
            let ty = if attribute % 3 == 0 {
                Type::set(Type::String)
            } else {
                Type::String
            };
            let text = format!("What {name} says about attribute {attribute} of block {block}.");
            nested = nested.attribute(
                Attribute::new(format!("attribute_{attribute}"), ty)
                    .optional()
                    .description(text),
            );
        }
        schema = schema.block(nested);
    }
    (0..10).fold(schema, |schema, index| {
        schema.attribute(Attribute::number(format!("top_{index}")).optional())
    })
}

fn schemas(all: &mut Vec<Figure>) {
    let mut times: Vec<f64> = (0..9)
        .map(|_| {
            let start = Instant::now();
            let made: Vec<Schema> = (0..20).map(|index| wide(&index.to_string())).collect();
            for schema in &made {
                std::hint::black_box(schema.ty());
            }
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    let value = median(&mut times);
    all.push(Figure {
        what: "20 schemas of 150 attributes".into(),
        value,
        unit: "ms",
        limit: Some(3.0),
    });
}

fn show(all: &[Figure], as_json: bool) -> BenchResult<()> {
    let mut out = std::io::stdout().lock();
    if as_json {
        let list = all.iter().map(|one| {
            Value::object([
                ("what", Value::from(one.what.as_str())),
                ("value", one.value.into()),
                ("unit", one.unit.into()),
                ("limit", one.limit.into()),
            ])
        });
        writeln!(out, "{}", json::to_string(&Value::list(list)))?;
        return Ok(());
    }
    for one in all {
        let limit = one
            .limit
            .map(|limit| format!("  (at most {limit} {})", one.unit))
            .unwrap_or_default();
        writeln!(out, "{:<96} {:>10.2} {}{limit}", one.what, one.value, one.unit)?;
    }
    Ok(())
}
