//! `meshform serve`: what it is told, and what is said where that cannot be right. Every one of these ends before a store
//! is made.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::World;
use meshform::Exit;
use meshform_store::{SqliteOptions, SqliteStore, Store as _};

fn refused(world: &World, arguments: &[&str]) -> String {
    let ran = world.run(&[&["serve"], arguments].concat());
    assert_eq!(ran.exit, Exit::WrongUse, "{arguments:?}: {}", ran.out);
    assert!(!world.path().join(".meshform").exists(), "{arguments:?}");
    ran.err
}

#[test]
fn a_level_or_a_form_that_is_none_is_refused_and_told_with_those_that_are() {
    let world = World::new(&[]);
    let level = refused(&world, &["--log", "verbose"]);
    assert!(
        level.contains("`log` is `verbose`") && level.contains("error, warn, info, debug"),
        "{level}"
    );
    let form = refused(&world, &["--log-format", "xml"]);
    assert!(form.contains("`text` or `json`"), "{form}");
}

#[test]
fn the_settings_file_may_be_named_in_the_environment_as_every_other_setting() {
    let mut world = World::new(&[("serve.toml", "store = \"s\"\nrate = \"many\"\n")]);
    world
        .env
        .insert("MESHFORM_CONFIG".to_owned(), "serve.toml".to_owned());
    let rate = refused(&world, &[]);
    assert!(rate.contains("`rate` is `many`"), "{rate}");
    world
        .env
        .insert("MESHFORM_CONFIG".to_owned(), "elsewhere.toml".to_owned());
    let gone = refused(&world, &[]);
    assert!(gone.contains("elsewhere.toml"), "{gone}");
    let option = refused(&world, &["--config", "serve.toml"]);
    assert!(option.contains("`rate` is `many`"), "{option}");
}

#[test]
fn a_key_of_nobody_or_with_a_name_that_is_not_seen_is_refused() {
    let world = World::new(&[]);
    assert_eq!(world.run(&["keys", "init", "--out", "master"]).exit, Exit::Fine);
    let create = ["keys", "create", "--master-key-file", "master"];
    for (arguments, why) in [
        (["--owner", "", "--name", "a"], "'--owner <NAME>': it is empty"),
        (
            ["--owner", "a\nb", "--name", "a"],
            "'--owner <NAME>': it contains '\\n'",
        ),
        (["--owner", "a", "--mesh", ""], "'--mesh <NAME>': it is empty"),
        (
            ["--owner", "a", "--name", "a\u{202e}b"],
            "'--name <NAME>': it contains '\\u{202e}'",
        ),
    ] {
        let ran = world.run(&[&create[..], &arguments, &["--create-store"]].concat());
        assert_eq!(ran.exit, Exit::WrongUse, "{arguments:?}: {}", ran.out);
        assert!(ran.err.contains(why), "{}", ran.err);
    }
    assert!(!world.path().join(".meshform").exists());
}

#[test]
fn an_owner_is_called_alike_whoever_writes() {
    let world = World::new(&[("m.json", "[{\"meshName\": \"m\", \"spec\": {}}]")]);
    let role = "arn:aws:iam::123456789012:role/r";
    for command in [
        &["apply", "m.json"] as &[&str],
        &["adopt", "m.json"],
        &["keys", "create"],
        &["keys", "trust", role],
        &["migrate", "."],
    ] {
        for owner in ["", "a\tb", "a\u{2066}b"] {
            let ran = world.run(&[command, &["--owner", owner]].concat());
            assert_eq!(ran.exit, Exit::WrongUse, "{command:?}");
            let told = "use 1 to 255 visible characters";
            assert!(ran.err.contains(told), "{command:?} {owner:?}: {}", ran.err);
        }
    }
    let served = refused(&world, &["--owner", "a\tb"]);
    assert!(
        served.contains("`owner` cannot be used: it contains '\\t'"),
        "{served}"
    );
}

#[test]
fn a_store_that_is_mistyped_gets_no_key() {
    let world = World::new(&[]);
    assert_eq!(world.run(&["keys", "init", "--out", "master"]).exit, Exit::Fine);
    let create = [
        "keys",
        "create",
        "--owner",
        "a",
        "--master-key-file",
        "master",
        "--store",
    ];
    let role = "arn:aws:iam::123456789012:role/r";
    for command in [&create[..], &["keys", "trust", role, "--owner", "a", "--store"]] {
        let ran = world.run(&[command, &["typo"]].concat());
        assert_eq!(ran.exit, Exit::WrongUse, "{}", ran.out);
        assert!(
            ran.err.contains("there is no store at `typo`") && ran.err.contains("--create-store"),
            "{}",
            ran.err
        );
        assert!(!world.path().join("typo").exists());
    }
    let new = [
        "s",
        "--create-store",
        "--account-id",
        "123456789012",
        "--region",
        "eu-west-1",
    ];
    let ran = world.run(&[&create[..], &new].concat());
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.err);
    // The store is there now, and has the account that was said.
    assert_eq!(world.run(&[&create[..], &["s"]].concat()).exit, Exit::Fine);
    let store = SqliteStore::open(SqliteOptions::new(world.path().join("s"))).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let identity = runtime.block_on(store.identity()).unwrap().unwrap();
    assert_eq!(
        (identity.seed.account(), identity.seed.region()),
        ("123456789012", "eu-west-1")
    );
}

#[test]
fn a_master_key_that_was_not_found_does_not_open_the_server() {
    for name in ["MESHFORM_MASTER_KEY", "MESHFORM_MASTER_KEY_FILE"] {
        let mut world = World::new(&[]);
        world.env.insert(name.to_owned(), String::new());
        let told = refused(&world, &[]);
        assert!(told.contains(&format!("{name} is set and empty")), "{told}");
    }
}

#[test]
fn an_apply_that_reaches_no_store_counts_nothing() {
    let world = World::new(&[("m.json", "[{\"meshName\": \"m\", \"spec\": {}}]")]);
    let ran = world.run(&[
        "apply",
        "m.json",
        "--owner",
        "a",
        "--store",
        "etcd://127.0.0.1:1/m",
    ]);
    assert_eq!(ran.exit, Exit::Found, "{}", ran.all());
    assert_eq!(ran.out, "nothing was written\n");
    assert!(
        ran.err.contains("MF0470") || ran.err.contains("etcd"),
        "{}",
        ran.err
    );
}

#[test]
fn a_server_that_cannot_be_reached_is_told_by_its_address_and_not_by_a_key() {
    let mut world = World::new(&[]);
    for name in ["MESHFORM_KEY_ID", "MESHFORM_KEY_SECRET"] {
        world.env.insert(name.to_owned(), "k".to_owned());
    }
    let ran = world.run(&["keys", "session", "--server", "nowhere"]);
    assert_eq!(ran.exit, Exit::WrongUse);
    assert!(
        ran.err.contains("http://127.0.0.1:8080") && !ran.err.contains("AWS_"),
        "{}",
        ran.err
    );
}
