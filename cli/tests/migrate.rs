//! `meshform migrate`: configuration of hashicorp/aws made ready, and what is left told.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod common;

use common::World;
use meshform::Exit;
use std::fs;

const ROOT: &str = r#"# The mesh.
terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

resource "aws_appmesh_mesh" "apps" { name = "apps" } # one line

resource "aws_appmesh_virtual_node" "n" {
  # Its name.
  name      = "n"
  mesh_name = aws_appmesh_mesh.apps.name
  spec {
    service_discovery {
      aws_cloud_map {
        namespace_name = "local"
        service_name   = "n"
      }
    }
  }
}

data "aws_appmesh_mesh" "other" {
  provider = aws
  name     = "other"
}

resource "aws_appmesh_mesh" "eu" {
  provider = aws.eu
  name     = "eu"
}

resource "aws_sqs_queue" "q" {}

module "local" {
  source = "./modules/local"
  providers = {
    aws = aws
  }
}

module "vendor" {
  source = "terraform-aws-modules/mesh/aws"
}
"#;

const LOCAL: &str = "resource \"aws_appmesh_mesh\" \"m\" {\r\n  name = \"m\"\r\n}\r\n";

fn world() -> World {
    World::new(&[("root/main.tf", ROOT), ("root/modules/local/main.tf", LOCAL)])
}

fn read(world: &World, name: &str) -> String {
    fs::read_to_string(world.path().join(name)).unwrap()
}

#[test]
fn it_writes_one_line_into_each_resource_and_nothing_else() {
    let world = world();
    let shown = world.run(&["migrate", "root"]);
    assert_eq!(shown.exit, Exit::Fine, "{}", shown.all());
    assert_eq!(read(&world, "root/main.tf"), ROOT, "it only shows");
    insta::assert_snapshot!("migrate_shown", shown.all());

    let ran = world.run(&[
        "migrate",
        "root",
        "--write",
        "--store",
        "s3://bucket/mesh",
        "--owner",
        "platform",
    ]);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.all());
    insta::assert_snapshot!("migrate_main", read(&world, "root/main.tf"));
    assert_eq!(
        read(&world, "root/modules/local/main.tf"),
        "resource \"aws_appmesh_mesh\" \"m\" {\r\n  provider = appmesh\r\n\r\n  name = \"m\"\r\n}\r\n"
    );
    assert_eq!(
        read(&world, "root/modules/local/versions.tf"),
        "terraform {\n  required_providers {\n    appmesh = {\n      source = \"meshform/appmesh\"\n    }\n  }\n}\n"
    );
    // Everything that was there still is, in its order.
    let after = read(&world, "root/main.tf");
    let mut kept = after.lines();
    for line in ROOT
        .lines()
        .filter(|line| !line.contains("one line") && !line.contains("provider = aws"))
    {
        assert!(kept.any(|one| one == line), "{line}");
    }

    let again = world.run(&["migrate", "root", "--write"]);
    assert!(again.out.contains("no file needs a change"), "{}", again.all());
    assert_eq!(read(&world, "root/main.tf"), after, "twice is nothing");
}

#[test]
fn ci_asks_until_nothing_is_left() {
    let world = world();
    assert_eq!(world.run(&["migrate", "root", "--check"]).exit, Exit::Found);
    world.run(&["migrate", "root", "--write"]);
    let ran = world.run(&["migrate", "root", "--check"]);
    assert_eq!(
        ran.exit,
        Exit::Found,
        "a module from elsewhere, a map and an alias are left: {}",
        ran.all()
    );
    for code in ["MF0634", "MF0635", "MF0636"] {
        assert!(ran.err.contains(code), "{code}\n{}", ran.err);
    }
    let vendor = "\nmodule \"vendor\" {\n  source = \"terraform-aws-modules/mesh/aws\"\n}\n";
    let text = read(&world, "root/main.tf");
    let text = text
        .replace(vendor, "")
        .replace("    aws = aws\n", "    aws     = aws\n    appmesh = appmesh\n");
    world.write(
        "root/main.tf",
        &text.replace("provider = aws.eu", "provider = appmesh.eu"),
    );
    let ran = world.run(&["migrate", "root", "--check"]);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.all());
    assert!(ran.err.contains("MF0641"), "Cloud Map is a warning: {}", ran.err);
    assert_eq!(
        world.run(&["migrate", "root", "--check", "--write"]).exit,
        Exit::WrongUse
    );
    assert_eq!(world.run(&["migrate", "nowhere"]).exit, Exit::WrongUse);
}

#[test]
fn a_module_from_elsewhere_is_taken_over_with_what_the_state_has() {
    let world = world();
    let state = include_str!("../../compiler/tests/inputs/seven-kinds.tfstate");
    world.write(
        "state.json",
        &state.replace(
            "\"mode\": \"managed\",",
            "\"module\": \"module.vendor\", \"mode\": \"managed\",",
        ),
    );
    let ran = world.run(&["migrate", "root", "--state", "state.json"]);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.all());
    for part in [
        "moved {",
        "from = module.vendor.aws_appmesh_",
        "to   = appmesh_",
        "resource \"appmesh_virtual_node\"",
        "MF0638",
    ] {
        assert!(ran.err.contains(part), "{part}\n{}", ran.err);
    }
    // Without a state, what `terraform init` has fetched says whether there is anything.
    world.write(
        "root/.terraform/modules/modules.json",
        r#"{"Modules":[{"Key":"","Dir":"."},{"Key":"vendor","Dir":"got"}]}"#,
    );
    world.write(
        "root/got/main.tf",
        "resource \"aws_appmesh_mesh\" \"v\" {\n  name = \"v\"\n}\n",
    );
    let ran = world.run(&["migrate", "root"]);
    assert!(
        ran.err.contains("module.vendor.aws_appmesh_mesh.v"),
        "{}",
        ran.err
    );
    world.write("root/got/main.tf", "resource \"null_resource\" \"v\" {\n}\n");
    let ran = world.run(&["migrate", "root"]);
    assert!(!ran.err.contains("MF0634"), "nothing of ours: {}", ran.err);
}

#[test]
fn what_goes_wrong_on_the_way_is_foretold() {
    let world = world();
    world.write("root/terraform.tfstate", "");
    world.write("root/Makefile", "plan:\n\tterraform plan -refresh=false\n");
    world.write(
        "root/more.tf.json",
        r#"{"resource":{"aws_appmesh_mesh":{"x":{"name":"x"}}}}"#,
    );
    world.write(".git/HEAD", "ref: refs/heads/main\n");
    world.write(
        ".github/workflows/plan.yml",
        "steps:\n- run: terraform plan -refresh=false\n",
    );
    let ran = world.run(&["migrate", "root"]);
    for code in ["MF0637", "MF0639", "MF0640", "MF0641"] {
        assert!(ran.err.contains(code), "{code}\n{}", ran.err);
    }
    for file in ["root/Makefile", ".github/workflows/plan.yml"] {
        assert!(ran.err.contains(&format!("`{file}` plans with")), "{}", ran.err);
    }
    // Half a state is not an empty one.
    world.write("root/terraform.tfstate", "{\"version\": 4,");
    let ran = world.run(&["migrate", "root"]);
    assert_eq!(ran.exit, Exit::WrongUse, "{}", ran.all());
    assert!(
        ran.err
            .contains("the state `root/terraform.tfstate` cannot be read"),
        "{}",
        ran.err
    );
}

#[test]
fn nothing_is_written_before_every_file_can_be_read() {
    let world = world();
    world.write(
        "root/broken.tf",
        "resource \"aws_appmesh_mesh\" \"b\" {\n  name = \n}\n",
    );
    let ran = world.run(&["migrate", "root", "--write"]);
    assert_eq!(ran.exit, Exit::Found, "{}", ran.all());
    assert!(
        ran.err.contains("error[MF0633]") && ran.err.contains("root/broken.tf:2:"),
        "{}",
        ran.err
    );
    assert_eq!(read(&world, "root/main.tf"), ROOT);
    // A text of several lines is none for Terraform; an expression within a text may go over several.
    for text in ["\"a\nb\"", "\"a\n${var.b}\"", "{ \"a\nb\" = 1 }"] {
        let broken = format!("resource \"aws_appmesh_mesh\" \"b\" {{\n  name = {text}\n}}\n");
        world.write("root/broken.tf", &broken);
        let ran = world.run(&["migrate", "root", "--write"]);
        assert_eq!(ran.exit, Exit::Found, "{broken}\n{}", ran.all());
        assert!(
            ran.err.contains("error[MF0633]") && ran.err.contains("several lines"),
            "{}",
            ran.err
        );
        assert_eq!(read(&world, "root/broken.tf"), broken);
    }
    world.write(
        "root/broken.tf",
        "locals {\n  a = \"a${\n    local.b\n  }\"\n  b = <<EOT\nc\nd\nEOT\n}\n",
    );
    let ran = world.run(&["migrate", "root", "--check"]);
    assert!(!ran.err.contains("MF0633"), "{}", ran.err);
    // Deeply nested input is refused, not followed until the stack ends.
    world.write(
        "root/broken.tf",
        &format!("a = {}{}\n", "[".repeat(20_000), "]".repeat(20_000)),
    );
    let ran = world.run(&["migrate", "root", "--write"]);
    assert_eq!(ran.exit, Exit::Found, "{}", ran.exit.code());
}

#[test]
fn a_module_in_which_aws_is_ours_needs_no_line() {
    let world = World::new(&[(
        "root/main.tf",
        "terraform {\n  required_providers {\n    aws = {\n      source = \"meshform/appmesh\"\n    }\n  }\n}\n\nresource \
         \"aws_appmesh_mesh\" \"m\" {\n  name = \"m\"\n}\n",
    )]);
    let ran = world.run(&["migrate", "root", "--check"]);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.all());
}

/// Files that somebody has broken at random: refused, or changed so that a second run finds nothing; never a fault.
#[test]
fn mutilated_files_are_refused_or_changed_once() {
    let parts: Vec<&str> = ROOT.split_inclusive([' ', '\n', '{', '}', '"']).collect();
    let mut seed = 7_usize;
    let mut random = |below: usize| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let (mut written, mut refused) = (0, 0);
    for _ in 0..120 {
        let mut parts = parts.clone();
        for _ in 0..=random(3) {
            let (from, to) = (random(parts.len()), random(parts.len()));
            match random(3) {
                0 => drop(parts.remove(from)),
                1 => parts.insert(to, parts[from]),
                _ => parts.swap(from, to),
            }
        }
        let text: String = parts.concat();
        let world = World::new(&[("root/main.tf", &text), ("root/modules/local/main.tf", LOCAL)]);
        match world.run(&["migrate", "root", "--write"]).exit {
            Exit::Fine => {
                written += 1;
                let again = world.run(&["migrate", "root", "--write"]);
                assert!(
                    again.out.contains("no file needs a change"),
                    "{text}\n{}",
                    again.all()
                );
            }
            Exit::Found => {
                refused += 1;
                assert_eq!(read(&world, "root/main.tf"), text);
            }
            other => panic!("{other:?}\n{text}"),
        }
    }
    assert!(written > 5 && refused > 5, "{written} written, {refused} refused");
}

#[test]
fn a_folder_without_configuration_is_no_success() {
    let world = World::new(&[("docs/readme.md", "nothing of Terraform")]);
    let ran = world.run(&["migrate", "docs", "--check"]);
    assert_eq!(ran.exit, Exit::WrongUse, "{}", ran.all());
    assert!(
        ran.err.contains("`docs` has no Terraform configuration"),
        "{}",
        ran.err
    );
}

#[test]
fn files_of_opentofu_are_configuration_too() {
    let mesh = "resource \"aws_appmesh_mesh\" \"m\" {\n  name = \"m\"\n}\n";
    let world = World::new(&[("root/main.tofu", mesh)]);
    let ran = world.run(&["migrate", "root", "--check"]);
    assert_eq!(ran.exit, Exit::Found, "{}", ran.all());
    let ran = world.run(&["migrate", "root", "--write"]);
    assert_eq!(ran.exit, Exit::Fine, "{}", ran.all());
    assert!(
        read(&world, "root/main.tofu").contains("provider = appmesh"),
        "{}",
        ran.all()
    );
}
