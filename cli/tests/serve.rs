//! `meshform serve`: what it is told, and what is said where that cannot be right. Every one of these ends before a store
//! is made.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::World;
use meshform::Exit;

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
        (["--owner", "", "--name", "a"], "`--owner` is empty"),
        (["--owner", "a\nb", "--name", "a"], "`--owner` contains '\\n'"),
        (["--owner", "a", "--mesh", ""], "`--mesh` is empty"),
        (
            ["--owner", "a", "--name", "a\u{202e}b"],
            "`--name` contains '\\u{202e}'",
        ),
    ] {
        let ran = world.run(&[&create[..], &arguments].concat());
        assert_eq!(ran.exit, Exit::WrongUse, "{arguments:?}: {}", ran.out);
        assert!(ran.err.contains(why), "{}", ran.err);
    }
    assert!(!world.path().join(".meshform").exists());
    let role = "arn:aws:iam::123456789012:role/r";
    let trust = world.run(&["keys", "trust", role, "--owner", ""]);
    assert!(trust.err.contains("`--owner` is empty"), "{}", trust.err);
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
