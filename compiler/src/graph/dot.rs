//! For Graphviz.

use super::picture::{CardKind, Picture};
use super::plain::Plain;
use super::text::shown;

/// Red as in the other forms.
const RED: &str = "#c4281c";

pub(super) fn write(picture: &Picture) -> String {
    let mut out = String::from("digraph mesh {\n  rankdir=LR;\n  node [shape=box];\n");
    for (at, panel) in picture.panels.iter().enumerate() {
        let plain = Plain::of(panel, &format!("m{at}"));
        out.push_str(&format!(
            "  subgraph cluster_{at} {{\n    label={};\n",
            quoted(&panel.mesh)
        ));
        for one in &plain.boxes {
            let lines: Vec<String> = one.label.iter().map(|line| inner(line)).collect();
            let shape = match one.kind {
                CardKind::Gateway => ", shape=house, orientation=270",
                CardKind::Node => ", style=rounded",
                CardKind::Service | CardKind::Router | CardKind::Missing => "",
            };
            let red = if one.faulty {
                format!(", color=\"{RED}\", fontcolor=\"{RED}\"")
            } else {
                String::new()
            };
            out.push_str(&format!(
                "    {} [label=\"{}\"{shape}{red}];\n",
                one.id,
                lines.join("\\n")
            ));
        }
        out.push_str("  }\n");
        for line in &plain.lines {
            let red = if line.faulty {
                format!(", color=\"{RED}\", fontcolor=\"{RED}\"")
            } else {
                String::new()
            };
            out.push_str(&format!(
                "  {} -> {} [label={}{red}];\n",
                line.from,
                line.to,
                quoted(&line.label)
            ));
        }
    }
    for problem in &picture.elsewhere {
        out.push_str(&format!("  // {}\n", inner(problem)));
    }
    out.push_str("}\n");
    out
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", inner(text))
}

fn inner(text: &str) -> String {
    let text: String = text.chars().map(shown).collect();
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
