//! Turns the project's own `.proto` files into the Rust that is checked in, so that no build of the project
//! needs a protobuf compiler or a build script.
//!
//! [`TARGETS`] lists what is generated; [`generate`] writes it; [`stale`] says what is out of date (the test
//! of this crate, and `cargo xtask codegen --check`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One crate's generated code.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The crate's folder in the workspace. Its `proto/` holds the definitions, its `src/gen/` the result.
    pub krate: &'static str,
    /// The definitions that are turned into Rust, relative to `proto/`; what they import comes along.
    pub files: &'static [&'static str],
    /// Whether service traits are generated (tonic servers).
    pub services: bool,
    /// Whether the descriptor set is kept beside the code (needed to print proto3 JSON).
    pub descriptors: bool,
}

/// What is generated for whom.
pub const TARGETS: &[Target] = &[
    Target {
        krate: "tfplugin",
        files: &[
            "tfplugin6.proto",
            "plugin/grpc_broker.proto",
            "plugin/grpc_controller.proto",
            "plugin/grpc_stdio.proto",
            "grpc/health/v1/health.proto",
        ],
        services: true,
        descriptors: false,
    },
    Target {
        krate: "envoy-api",
        files: &["meshform_envoy.proto"],
        services: false,
        descriptors: true,
    },
];

/// The text or bytes of each generated file by its path under the workspace root.
pub type Files = BTreeMap<PathBuf, Vec<u8>>;

/// Why nothing could be generated.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// Generates every target in memory.
///
/// # Errors
/// When a definition does not compile or code generation fails; the text names file and line.
pub fn render(root: &Path) -> Result<Files, Error> {
    render_of(root, TARGETS)
}

fn render_of<'t>(root: &Path, targets: impl IntoIterator<Item = &'t Target>) -> Result<Files, Error> {
    let mut all = Files::new();
    for target in targets {
        render_target(root, target, &mut all)?;
    }
    Ok(all)
}

fn render_target(root: &Path, target: &Target, all: &mut Files) -> Result<(), Error> {
    let proto = root.join(target.krate).join("proto");
    let mut compiler = protox::Compiler::new([&proto])?;
    compiler.include_imports(true).include_source_info(true);
    for file in target.files {
        compiler.open_file(proto.join(file))?;
    }
    let with_comments = compiler.file_descriptor_set();

    let scratch = root
        .join("target")
        .join(format!("codegen-{}-{}", target.krate, std::process::id()));
    std::fs::create_dir_all(&scratch)?;
    let mut config = prost_build::Config::new();
    // Envoy refuses a type URL without a host; maps in order keep hashes and snapshots stable.
    config
        .enable_type_names()
        .type_name_domain(["."], "type.googleapis.com")
        .btree_map(["."])
        .out_dir(&scratch);
    if target.services {
        tonic_prost_build::configure()
            .build_client(true)
            .build_server(true)
            .build_transport(false)
            .out_dir(&scratch)
            .compile_fds_with_config(with_comments, config)?;
    } else {
        config.compile_fds(with_comments)?;
    }
    let out = Path::new(target.krate).join("src/gen");
    for entry in std::fs::read_dir(&scratch)? {
        let entry = entry?;
        all.insert(out.join(entry.file_name()), std::fs::read(entry.path())?);
    }
    std::fs::remove_dir_all(&scratch)?;
    if target.descriptors {
        let mut compiler = protox::Compiler::new([&proto])?;
        compiler.include_imports(true).include_source_info(false);
        for file in target.files {
            compiler.open_file(proto.join(file))?;
        }
        let bytes = prost::Message::encode_to_vec(&compiler.file_descriptor_set());
        all.insert(out.join("descriptors.bin"), bytes);
    }
    Ok(())
}

/// Writes every generated file, or only those of one crate, and removes what is no longer generated.
///
/// # Errors
/// As [`render`], or when a file cannot be written.
pub fn generate(root: &Path, only: Option<&str>) -> Result<usize, Error> {
    let targets = || {
        TARGETS
            .iter()
            .filter(|target| only.is_none_or(|name| name == target.krate))
    };
    let files = render_of(root, targets())?;
    for target in targets() {
        let out = root.join(target.krate).join("src/gen");
        std::fs::create_dir_all(&out)?;
        for entry in std::fs::read_dir(&out)? {
            let path = entry?.path();
            let known = path.strip_prefix(root).is_ok_and(|p| files.contains_key(p));
            if !known && path.file_name().is_some_and(|name| name != "mod.rs") {
                std::fs::remove_file(path)?;
            }
        }
    }
    for (path, bytes) in &files {
        std::fs::write(root.join(path), bytes)?;
    }
    Ok(files.len())
}

/// The generated files whose checked-in form differs from what the definitions give today.
///
/// # Errors
/// As [`render`].
pub fn stale(root: &Path) -> Result<Vec<PathBuf>, Error> {
    Ok(render(root)?
        .into_iter()
        .filter(|(path, bytes)| std::fs::read(root.join(path)).ok().as_ref() != Some(bytes))
        .map(|(path, _)| path)
        .collect())
}

/// The workspace's root, from where this crate was built.
pub fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .map(Path::to_path_buf)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn checked_in_code_is_what_the_definitions_give() {
        let stale = super::stale(&super::workspace_root()).unwrap();
        assert!(
            stale.is_empty(),
            "run `cargo xtask codegen`; out of date: {stale:?}"
        );
    }
}
