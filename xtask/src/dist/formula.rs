//! The Homebrew formula of a release: which archive for which machine, by its digest.

use super::{AGENT, COMMAND, PROVIDER, VERSION};
use std::collections::BTreeMap;

const RELEASES: &str = "https://github.com/meshform/meshform/releases/download";

/// The formula. `digests` are by the names of the archives; machines without an archive are left out.
pub(super) fn text(digests: &BTreeMap<String, String>) -> String {
    let mut systems = String::new();
    for (system, os) in [("macos", "darwin"), ("linux", "linux")] {
        let mut machines = String::new();
        for (machine, arch) in [("arm", "arm64"), ("intel", "amd64")] {
            machines.push_str(&stanza(digests, machine, &format!("{os}_{arch}")));
        }
        if !machines.is_empty() {
            systems.push_str(&format!("  on_{system} do\n{machines}  end\n\n"));
        }
    }
    format!(
        "class Meshform < Formula\n  desc \"AWS App Mesh's model, without AWS\"\n  homepage \
         \"https://github.com/meshform/meshform\"\n  version \"{VERSION}\"\n  license \"Apache-2.0\"\n\n{systems}  def install\n    \
         bin.install \"{COMMAND}\"\n    resources.each do |one|\n      one.stage do\n        bin.install Dir[\"{AGENT}\", \
         \"{PROVIDER}*\"]\n      end\n    end\n  end\n\n  test do\n    assert_match version.to_s, shell_output(\"#{{bin}}/{COMMAND} \
         --version\")\n  end\nend\n"
    )
}

fn stanza(digests: &BTreeMap<String, String>, machine: &str, platform: &str) -> String {
    let archive = |program: &str| {
        let name = format!("{program}_{VERSION}_{platform}.zip");
        let digest = digests.get(&name)?;
        Some(format!(
            "url \"{RELEASES}/v{VERSION}/{name}\"\n      sha256 \"{digest}\"\n"
        ))
    };
    let Some(command) = archive(COMMAND) else {
        return String::new();
    };
    let mut out = format!("    on_{machine} do\n      {command}");
    for (resource, program) in [("agent", AGENT), ("provider", PROVIDER)] {
        if let Some(archive) = archive(program) {
            let archive = archive.replace("\n      ", "\n        ");
            out.push_str(&format!(
                "      resource \"{resource}\" do\n        {archive}      end\n"
            ));
        }
    }
    out + "    end\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_has_a_stanza_for_each_archive() {
        let digests = [COMMAND, AGENT, PROVIDER].map(|program| {
            (
                format!("{program}_{VERSION}_linux_amd64.zip"),
                format!("digest of {program}"),
            )
        });
        let text = text(&digests.into());
        for part in [
            "class Meshform < Formula",
            "  on_linux do\n    on_intel do\n      url \"https://",
            "sha256 \"digest of meshform\"",
            "      resource \"agent\" do\n        url",
            "        sha256 \"digest of meshform-agent\"\n      end\n",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(!text.contains("on_macos"), "{text}");
    }
}
