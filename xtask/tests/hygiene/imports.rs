//! Who may import whom: the layers of the design (ARCHITECTURE.md), as a table.

use std::collections::BTreeSet;

use crate::common::{list, members, metadata, none, text};

/// What a crate of ours may use of ours.
struct Layer {
    package: &'static str,
    /// In what it is built from.
    uses: &'static [&'static str],
    /// In its tests, besides.
    tests_use: &'static [&'static str],
}

const LAYERS: &[Layer] = &[
    // Pure: no I/O, no clock, no environment, and nothing of ours.
    Layer {
        package: "meshform-model",
        uses: &[],
        tests_use: &[],
    },
    // Knows nothing of meshes: anyone's provider can stand on it.
    Layer {
        package: "tfplugin-rs",
        uses: &[],
        tests_use: &[],
    },
    // Envoy's messages, nothing else.
    Layer {
        package: "meshform-envoy-api",
        uses: &[],
        tests_use: &["meshform-acceptance"],
    },
    Layer {
        package: "meshform-store",
        uses: &["meshform-model"],
        tests_use: &[],
    },
    // The rules of a write, for whoever writes.
    Layer {
        package: "meshform-registry",
        uses: &["meshform-model", "meshform-store"],
        tests_use: &[],
    },
    Layer {
        package: "meshform-envoy",
        uses: &["meshform-model", "meshform-envoy-api"],
        tests_use: &["meshform-acceptance", "meshform-bundle"],
    },
    // What an agent needs: no mesh, no store.
    Layer {
        package: "meshform-bundle",
        uses: &["meshform-model"],
        tests_use: &[],
    },
    Layer {
        package: "meshform-compiler",
        uses: &["meshform-model"],
        tests_use: &[],
    },
    Layer {
        package: "meshform-release",
        uses: &[
            "meshform-model",
            "meshform-store",
            "meshform-registry",
            "meshform-envoy",
            "meshform-bundle",
        ],
        tests_use: &[],
    },
    // Pages: what they show, these say.
    Layer {
        package: "meshform-console",
        uses: &[
            "meshform-model",
            "meshform-store",
            "meshform-registry",
            "meshform-compiler",
            "meshform-envoy",
            "meshform-release",
            "meshform-bundle",
        ],
        tests_use: &[],
    },
    // The API over a store: no rule of its own about resources.
    Layer {
        package: "meshform-controlplane",
        uses: &[
            "meshform-model",
            "meshform-store",
            "meshform-registry",
            "meshform-release",
            "meshform-envoy",
            "meshform-envoy-api",
            "meshform-bundle",
            "meshform-console",
        ],
        tests_use: &[],
    },
    // The programs: what they need, never one another.
    Layer {
        package: "terraform-provider-appmesh",
        uses: &[
            "tfplugin-rs",
            "meshform-model",
            "meshform-store",
            "meshform-registry",
            "meshform-release",
            "meshform-compiler",
            "meshform-envoy",
        ],
        tests_use: &[],
    },
    Layer {
        package: "meshform",
        uses: &[
            "meshform-model",
            "meshform-store",
            "meshform-registry",
            "meshform-compiler",
            "meshform-envoy",
            "meshform-release",
            "meshform-controlplane",
            "meshform-console",
        ],
        tests_use: &["meshform-bundle"],
    },
    Layer {
        package: "meshform-agent",
        uses: &["meshform-bundle"],
        tests_use: &[],
    },
    // One function of AWS Lambda.
    Layer {
        package: "meshform-cfn",
        uses: &[
            "meshform-model",
            "meshform-store",
            "meshform-registry",
            "meshform-compiler",
            "meshform-release",
        ],
        tests_use: &[],
    },
    // Tools of the house. Acceptance tests drive the programs from outside, and may read with the libraries what was
    // written; their parts (real Terraform, real Envoy, load) also serve the demo, and `xtask` must compile fast.
    Layer {
        package: "meshform-codegen",
        uses: &[],
        tests_use: &[],
    },
    // Plays many Envoys; acceptance tests play single ones with it.
    Layer {
        package: "meshform-load",
        uses: &["meshform-envoy-api"],
        tests_use: &[],
    },
    // Asks every crate for the problems that it reports.
    Layer {
        package: "meshform-docgen",
        uses: &[
            "meshform-model",
            "meshform-store",
            "meshform-registry",
            "meshform-compiler",
            "meshform-envoy",
            "meshform-bundle",
            "meshform-release",
            "meshform-console",
            "meshform-controlplane",
            "terraform-provider-appmesh",
            "meshform",
            "meshform-cfn",
        ],
        tests_use: &[],
    },
    Layer {
        package: "meshform-acceptance",
        uses: &[],
        tests_use: &[
            "meshform-model",
            "meshform-envoy-api",
            "meshform-bundle",
            "meshform-store",
            "meshform-compiler",
            "meshform-envoy",
            "meshform-release",
            "meshform-load",
            "tfplugin-rs",
        ],
    },
    Layer {
        package: "xtask",
        uses: &["meshform-acceptance"],
        tests_use: &[],
    },
];

#[test]
fn crates_import_only_what_the_design_lets_them() {
    let metadata = metadata();
    let members = members(metadata);
    let ours: BTreeSet<&str> = members.iter().map(|package| text(package, "name")).collect();
    let mut complaints = Vec::new();
    for package in &members {
        let name = text(package, "name");
        let Some(layer) = LAYERS.iter().find(|layer| layer.package == name) else {
            complaints.push(format!(
                "{name} is not in the table: say in xtask/tests/hygiene/imports.rs what it may use"
            ));
            continue;
        };
        for dependency in list(package, "dependencies") {
            let used = text(dependency, "name");
            let in_tests = text(dependency, "kind") == "dev";
            let fine = layer.uses.contains(&used) || in_tests && layer.tests_use.contains(&used);
            // A package's tests may name the package itself, for features that only they switch on.
            if ours.contains(used) && !fine && !(in_tests && used == name) {
                let place = if in_tests { "in its tests " } else { "" };
                complaints.push(format!(
                    "{name} may not use {used} {place}(it may use {:?})",
                    layer.uses
                ));
            }
        }
    }
    for layer in LAYERS.iter().filter(|layer| !ours.contains(layer.package)) {
        complaints.push(format!(
            "{} is in the table and not in the workspace",
            layer.package
        ));
    }
    none(&complaints);
}

#[test]
fn the_table_has_no_circle_and_no_program_that_others_use() {
    let programs = [
        "terraform-provider-appmesh",
        "meshform",
        "meshform-agent",
        "meshform-cfn",
        "xtask",
    ];
    for (place, layer) in LAYERS.iter().enumerate() {
        for used in layer.uses {
            // The errors page lists what programs report: for that each has a small library with its codes.
            let for_the_pages = layer.package == "meshform-docgen";
            assert!(
                !programs.contains(used) || for_the_pages,
                "{} uses the program {used}",
                layer.package
            );
            let below = LAYERS.iter().position(|other| other.package == *used).unwrap();
            assert!(
                below < place,
                "{} uses {used}, which stands above it",
                layer.package
            );
        }
    }
}
