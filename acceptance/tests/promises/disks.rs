//! Publish directories on slow, full and unwritable disks.

use crate::promise::{is_kept, no_warning, nodes};
use crate::size;
use crate::slow;
use crate::world::{World, open, says, wait};
use meshform_acceptance::terraform::Ran;
use meshform_acceptance::tools;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

const TEMPLATE: &str = "
Resources:
  Mesh: {Type: AWS::AppMesh::Mesh, Properties: {MeshName: m}}
  Node: {Type: AWS::AppMesh::VirtualNode, Properties: {MeshName: m, VirtualNodeName: n, Spec: {}}}
";

const SETTINGS: &str = "publish = [\"published\", \"second\"]";

fn published(world: &World) -> [PathBuf; 2] {
    ["published", "second"].map(|name| world.module().dir().join(name))
}

fn kept(world: &World) {
    let [one, two] = published(world);
    wait(is_kept(&open(&world.store_directory()), &[&one, &two]));
}

/// What `meshform` says of the world's store, and whether it ended with 0.
fn meshform(world: &World, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(tools::meshform())
        .args(arguments)
        .arg("--store")
        .arg(world.store_directory())
        .current_dir(world.module().dir())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[test]
fn an_apply_waits_for_slow_disks() {
    let folder = tempfile::tempdir().unwrap();
    let library = slow::library(folder.path());
    let proxies = size::proxies(40);
    let world = World::with_provider(SETTINGS, &nodes(proxies, 8080))
        .env("LD_PRELOAD", &library.to_string_lossy())
        .env("MESHFORM_TEST_SLOW", "4000");
    let what = format!("a first apply of {proxies} proxies, 4 ms a file operation, two directories");
    no_warning(&size::timed(&what, || world.apply()).text);
    kept(&world);
    let (fine, said) = meshform(&world, &["status"]);
    assert!(fine, "{said}");
    says(
        &said,
        &["valid, nothing to release", "module/published on ", ": current"],
    );
}

#[test]
fn who_does_not_wait_is_told_what_is_behind() {
    let folder = tempfile::tempdir().unwrap();
    let library = slow::library(folder.path());
    let settings = format!("{SETTINGS}\nrelease_timeout = \"200ms\"");
    let world = World::with_provider(&settings, &nodes(3, 8080))
        .env("LD_PRELOAD", &library.to_string_lossy())
        .env("MESHFORM_TEST_SLOW", "100000");
    let said = world.apply().flat();
    says(
        &said,
        &[
            "MF0713",
            "mesh `m`",
            "release_timeout",
            "m/virtualNode/n0",
            "meshform release",
        ],
    );
}

#[test]
fn a_directory_that_cannot_be_written_is_said_by_the_apply_by_plans_and_by_status_until_it_is_mended() {
    let world = World::with_provider(SETTINGS, &nodes(2, 8080));
    let second = world.module().dir().join("second");
    fs::write(&second, "a file in the way").unwrap();
    let said = world.apply().flat();
    says(
        &said,
        &["MF0501", "mesh `m`", "/second", "m/virtualNode/n1", "--publish"],
    );
    // The other directory does not suffer for it.
    let first = world.module().dir().join("published");
    assert!(first.join("m/virtualNode/n1/current/lds.json").is_file());

    says(&world.plan().text, &["MF0511", "/second", "meshform release"]);
    let (fine, said) = meshform(&world, &["status"]);
    assert!(!fine, "{said}");
    says(&said, &["not published everywhere", "/second", ": current"]);

    fs::remove_file(&second).unwrap();
    let command = ["release", "--mesh", "m", "--publish", "second"];
    let (fine, said) = meshform(&world, &command);
    assert!(fine, "{said}");
    says(
        &said,
        &["/second: 2 written (m/virtualNode/n0, m/virtualNode/n1)"],
    );
    kept(&world);
    no_warning(&world.plan().text);
    let (fine, said) = meshform(&world, &["status"]);
    assert!(fine, "{said}");

    // A change mends as well.
    fs::remove_dir_all(&second).unwrap();
    world.write(SETTINGS, &nodes(2, 8081));
    world.apply();
    kept(&world);
    no_warning(&world.plan().text);
}

#[test]
fn of_several_targets_that_are_behind_each_is_named_and_one_may_be_forgotten() {
    let world = World::with_provider(SETTINGS, &nodes(1, 8080));
    for target in published(&world) {
        fs::write(target, "a file in the way").unwrap();
    }
    says(
        &world.apply().flat(),
        &["module/published (MF0501)", "module/second (MF0501)"],
    );
    says(
        &world.plan().text,
        &["MF0511", "module/published", "module/second"],
    );
    let second = published(&world)[1].to_string_lossy().into_owned();
    let (fine, said) = meshform(&world, &["release", "--forget", "elsewhere"]);
    assert!(!fine, "{said}");
    says(&said, &["MF0647", &second]);
    let (fine, said) = meshform(&world, &["release", "--forget", &second]);
    assert!(fine, "{said}");
    fs::remove_file(&published(&world)[0]).unwrap();
    let (fine, said) = meshform(&world, &["release", "--publish", "published"]);
    assert!(fine, "{said}");
    let (fine, said) = meshform(&world, &["status"]);
    assert!(fine && !said.contains(&second), "{said}");
}

#[test]
fn damaged_files_are_behind_until_a_release_writes_them_anew() {
    let world = World::with_provider("publish = [\"published\"]", &nodes(2, 8080));
    no_warning(&world.apply().text);
    let file = published(&world)[0].join("m/virtualNode/n1/current/lds.json");
    let whole = fs::read(&file).unwrap();
    fs::write(&file, "").unwrap();
    let (fine, said) = meshform(&world, &["status"]);
    assert!(!fine, "{said}");
    says(&said, &["MF0511", "m/virtualNode/n1"]);
    let (fine, said) = meshform(&world, &["release", "--publish", "published"]);
    assert!(fine, "{said}");
    says(&said, &["1 written (m/virtualNode/n1)"]);
    assert_eq!(fs::read(&file).unwrap(), whole);
}

#[test]
fn the_files_of_a_directory_that_is_a_bucket_have_their_modes_under_any_umask() {
    for umask in ["077", "022"] {
        modes_under(umask);
    }
}

fn modes_under(umask: &str) {
    let world = World::new("");
    let folder = world.module().dir().to_owned();
    fs::write(folder.join("mesh.yaml"), TEMPLATE).unwrap();
    fs::create_dir(folder.join("bucket")).unwrap();
    let store = format!("file://{}", folder.join("bucket").display());
    let output = Command::new("sh")
        .arg("-c")
        .arg(format!(
            "umask {umask}; exec \"$0\" apply mesh.yaml --owner o --store \"$1\""
        ))
        .arg(tools::meshform())
        .arg(store)
        .current_dir(&folder)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let pointer = folder.join("bucket/m/m/proxies/virtualNode/n/current.json");
    for (path, mode) in [(pointer.as_path(), 0o644), (pointer.parent().unwrap(), 0o755)] {
        assert_eq!(
            fs::metadata(path).unwrap().permissions().mode() & 0o777,
            mode,
            "{}",
            path.display()
        );
    }
    for file in files_below(&folder.join("bucket")) {
        let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        let below = |part: &str| file.starts_with(folder.join("bucket/m/m").join(part));
        let published = below("proxies") || below("bundles");
        let wanted = if published { 0o644 } else { 0o600 };
        assert_eq!(mode, wanted, "umask {umask}: {}", file.display());
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    let all = entries.map(|path| match path.is_dir() {
        true => files_below(&path),
        false => vec![path],
    });
    all.flatten().collect()
}

#[test]
fn a_new_directory_is_published_to_or_the_plan_says_how() {
    let world = World::with_provider("publish_directory = \"published\"", &nodes(2, 8080));
    world.apply();
    world.write(SETTINGS, &nodes(2, 8080));
    says(
        &world.plan().text,
        &["MF0511", "/second", "m/virtualNode/n0", "meshform release"],
    );
    // With a release at the end of the graph the plan shows it.
    let release = r#"
resource "appmesh_release" "m" {
  mesh_name  = appmesh_mesh.m.name
  depends_on = [appmesh_virtual_node.n]
}
"#;
    let with_release = format!("{}{release}", nodes(2, 8080));
    world.write("publish_directory = \"published\"", &with_release);
    world.apply();
    world.write(SETTINGS, &with_release);
    world.plan().is(&[("appmesh_release.m", "update")]);
    world.apply();
    kept(&world);
    world.plan_is_empty();
}

/// Runs Terraform where that directory is a file system of its own with little room. None where nothing may be
/// mounted.
fn with_little_room(world: &World, directory: &Path, script: &str) -> Option<Ran> {
    fs::create_dir_all(directory).unwrap();
    let apply = world.module().command(&["apply", "-auto-approve", "-no-color"]);
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--", "/bin/sh", "-c", script])
        .arg(directory)
        .arg(apply.get_program())
        .args(apply.get_args())
        .current_dir(world.module().dir());
    for (name, value) in apply.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let ran = Ran::from(command.output().ok()?);
    let may_not = ran.status == 77 || ran.text.contains("unshare failed");
    (!may_not).then_some(ran)
}

#[test]
fn a_full_disk_is_said_and_the_next_apply_goes_on() {
    let world = World::with_provider(SETTINGS, &nodes(20, 8080));
    let [_, second] = published(&world);
    let script = "mount -t tmpfs -o size=64k tmpfs \"$0\" 2>/dev/null || exit 77; exec \"$@\"";
    let Some(ran) = with_little_room(&world, &second, script) else {
        println!("nothing may be mounted here");
        return;
    };
    assert!(ran.ok(), "{}", ran.text);
    says(&ran.flat(), &["MF0501", "mesh `m`", "/second", "No space left"]);
    // Outside, the directory has room.
    world.write(SETTINGS, &nodes(20, 8081));
    world.apply();
    kept(&world);
    no_warning(&world.plan().text);
}

#[test]
fn a_store_that_was_full_heals_with_the_next_apply() {
    let world = World::with_provider(SETTINGS, &nodes(20, 8080));
    let store = world.store_directory();
    // Whatever the first apply comes to, it is no green one without a word; the second one has room.
    let script = "mount -t tmpfs -o size=192k tmpfs \"$0\" 2>/dev/null || exit 77
        \"$@\"; echo \"first: $?\"
        mount -o remount,size=64m \"$0\" && \"$@\"; echo \"second: $?\"
        mkdir -p kept && cp -r \"$0\"/. kept/";
    let Some(ran) = with_little_room(&world, &store, script) else {
        println!("nothing may be mounted here");
        return;
    };
    let (first, second) = ran.text.split_once("first: ").unwrap();
    assert!(
        first.contains("MF0") || !second.starts_with('0'),
        "a green apply on a full disk:\n{}",
        ran.text
    );
    assert!(second.contains("second: 0"), "{}", ran.text);
    let [one, two] = published(&world);
    let kept = world.module().dir().join("kept");
    wait(is_kept(&open(&kept), &[&one, &two]));
}

#[test]
fn a_destroyed_mesh_that_could_not_be_taken_away_is_told_until_it_is() {
    let world = World::with_provider("publish = [\"published\"]", &nodes(1, 8080));
    world.apply();
    let [first, _] = published(&world);
    let aside = world.module().dir().join("aside");
    fs::rename(&first, &aside).unwrap();
    fs::write(&first, "a file in the way").unwrap();
    let ran = world.run(&["destroy", "-auto-approve", "-no-color"]);
    assert!(ran.ok(), "{}", ran.text);
    says(&ran.flat(), &["MF0501", "/published", "mesh `m`"]);
    fs::remove_file(&first).unwrap();
    fs::rename(&aside, &first).unwrap();
    let (fine, said) = meshform(&world, &["status"]);
    assert!(!fine, "{said}");
    says(
        &said,
        &[
            "mesh `m`",
            "deleted, but still published",
            "/published",
            "m/virtualNode/n0",
        ],
    );
    let (fine, said) = meshform(&world, &["release"]);
    assert!(!fine, "not everything was brought up:\n{said}");
    says(&said, &["/published"]);
    let (fine, said) = meshform(&world, &["release", "--publish", "published"]);
    assert!(fine, "{said}");
    let (fine, said) = meshform(&world, &["status"]);
    assert!(fine && !said.contains("mesh `m`"), "{said}");
}

#[test]
fn a_directory_is_forgotten_by_its_path_once() {
    let world = World::with_provider(SETTINGS, &nodes(1, 8080));
    world.apply();
    let second = published(&world)[1].to_string_lossy().into_owned();
    let (fine, said) = meshform(&world, &["release", "--forget", &second]);
    assert!(fine, "{said}");
    assert_eq!(said.matches("is forgotten").count(), 1, "{said}");
}

#[test]
fn what_came_right_within_the_apply_is_said_to_have() {
    let release = r#"
resource "terraform_data" "mend" {
  depends_on = [appmesh_virtual_node.n]
  provisioner "local-exec" {
    command = "rm published"
  }
}

resource "appmesh_release" "m" {
  mesh_name  = appmesh_mesh.m.name
  depends_on = [terraform_data.mend]
}
"#;
    let settings = "publish = [\"published\"]";
    let world = World::with_provider(settings, &format!("{}{release}", nodes(2, 8080)));
    let [first, _] = published(&world);
    fs::write(&first, "a file in the way").unwrap();
    let said = world.apply().flat();
    says(&said, &["MF0501", "Mesh `m` is released and published now"]);
    wait(is_kept(&open(&world.store_directory()), &[&first]));
    no_warning(&world.plan().text);
}

#[test]
fn a_directory_that_was_away_when_its_mesh_was_destroyed_is_told_when_it_is_back() {
    let world = World::with_provider("publish = [\"published\"]", &nodes(1, 8080));
    world.apply();
    let [first, _] = published(&world);
    let aside = world.module().dir().join("aside");
    fs::rename(&first, &aside).unwrap();
    world.destroy();
    let (fine, said) = meshform(&world, &["status"]);
    assert!(fine && !said.contains("mesh `m`"), "{said}");
    fs::remove_dir_all(&first).unwrap();
    fs::rename(&aside, &first).unwrap();
    let (fine, said) = meshform(&world, &["status"]);
    assert!(!fine, "{said}");
    says(
        &said,
        &["deleted, but still published", "/published", "m/virtualNode/n0"],
    );
    let (fine, said) = meshform(&world, &["release", "--publish", "published"]);
    assert!(fine, "{said}");
    let (fine, said) = meshform(&world, &["status"]);
    assert!(fine && !said.contains("mesh `m`"), "{said}");
}

#[test]
fn a_mount_that_is_away_is_told_by_the_apply_and_the_destroy_that_miss_it() {
    // Another file system than that of the temporary folder, at a place that can be swapped.
    let memory = Path::new("/dev/shm");
    let mounted = tempfile::tempdir_in(if memory.is_dir() {
        memory
    } else {
        Path::new("/run")
    })
    .unwrap();
    let places = tempfile::tempdir().unwrap();
    let place = places.path().join("mnt");
    let device = |path: &Path| fs::metadata(path).unwrap().dev();
    if device(mounted.path()) == device(places.path()) {
        println!("not tried: everything is one file system here");
        return;
    }
    let is_away = |away: bool| {
        if away {
            fs::remove_file(&place).unwrap();
            fs::create_dir(&place).unwrap();
        } else {
            let _ = fs::remove_dir_all(&place);
            std::os::unix::fs::symlink(mounted.path(), &place).unwrap();
        }
    };
    is_away(false);
    let settings = format!("publish = [\"{}/published\"]", place.display());
    let world = World::with_provider(&settings, &nodes(2, 8080));
    world.apply();
    is_away(true);
    world.write(&settings, &nodes(2, 8081));
    let said = world.apply().flat();
    says(
        &said,
        &[
            "MF0511",
            "is on another file system",
            "2 proxies of mesh `m` are behind",
            "meshform release",
        ],
    );
    is_away(false);
    let (fine, said) = meshform(&world, &["status"]);
    assert!(!fine && said.contains("behind"), "{said}");
    let directory = place.join("published");
    let (fine, said) = meshform(&world, &["release", "--publish", directory.to_str().unwrap()]);
    assert!(fine, "{said}");
    no_warning(&world.plan().text);
    is_away(true);
    let ran = world.run(&["destroy", "-auto-approve", "-no-color"]);
    assert!(ran.ok(), "{}", ran.text);
    says(
        &ran.flat(),
        &["MF0511", "is on another file system", "m/virtualNode/n0"],
    );
    // A directory that was only emptied is written anew, and nobody is behind.
    let world = World::with_provider("publish = [\"published\"]", &nodes(1, 8080));
    world.apply();
    fs::remove_dir_all(world.module().dir().join("published")).unwrap();
    world.write("publish = [\"published\"]", &nodes(1, 8081));
    let said = world.apply().flat();
    assert!(!said.contains("another file system"), "{said}");
}
