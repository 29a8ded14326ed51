//! For Mermaid, as Markdown shows it.

use super::picture::{CardKind, Picture};
use super::plain::Plain;
use super::text::shown;

pub(super) fn write(picture: &Picture) -> String {
    let mut out = String::from("flowchart LR\n");
    let mut broken = Vec::new();
    let mut red_lines = Vec::new();
    let mut count = 0;
    for (at, panel) in picture.panels.iter().enumerate() {
        let plain = Plain::of(panel, &format!("m{at}"));
        out.push_str(&format!("  subgraph m{at} [\"{}\"]\n", text(&panel.mesh)));
        for one in &plain.boxes {
            let lines: Vec<String> = one.label.iter().map(|line| text(line)).collect();
            let (open, close) = match one.kind {
                CardKind::Gateway => ("[[", "]]"),
                CardKind::Service => ("[/", "/]"),
                CardKind::Router => ("{{", "}}"),
                CardKind::Node | CardKind::Missing => ("[", "]"),
            };
            out.push_str(&format!(
                "    {}{open}\"{}\"{close}\n",
                one.id,
                lines.join("<br/>")
            ));
            if one.faulty {
                broken.push(one.id.clone());
            }
        }
        out.push_str("  end\n");
        for line in &plain.lines {
            out.push_str(&format!(
                "  {} -->|\"{}\"| {}\n",
                line.from,
                text(&line.label),
                line.to
            ));
            if line.faulty {
                red_lines.push(count.to_string());
            }
            count += 1;
        }
    }
    if !broken.is_empty() {
        out.push_str("  classDef broken stroke:#c4281c,color:#c4281c\n");
        out.push_str(&format!("  class {} broken\n", broken.join(",")));
    }
    if !red_lines.is_empty() {
        out.push_str(&format!("  linkStyle {} stroke:#c4281c\n", red_lines.join(",")));
    }
    for problem in &picture.elsewhere {
        let problem: String = problem.chars().map(shown).collect();
        out.push_str(&format!("  %% {}\n", problem.replace(['{', '}'], "")));
    }
    out
}

/// A text within quotes. Mermaid has entities of its own, and reads Markdown where a text begins with a backtick.
fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '#' => out.push_str("#35;"),
            '"' => out.push_str("#quot;"),
            '<' => out.push_str("#lt;"),
            '>' => out.push_str("#gt;"),
            '&' => out.push_str("#amp;"),
            '`' => out.push_str("#96;"),
            c => out.push(shown(c)),
        }
    }
    out
}
