//! The page: `docs/guides/conformance.md`. No times and no numbers of this machine: the same rows give the same bytes.

use super::coverage::Coverage;
use super::sheet::Row;
use std::fmt::Write;

const HEAD: &str = "---
page_title: \"Conformance\"
subcategory: \"\"
description: |-
  What each field of the model does, and how that was shown on a real Envoy.
---

# Conformance

What meshform promises of each field, and how that was shown: the compiler's output runs on a real Envoy 1.40, with
real services behind it (HTTP/1.1 and TCP on bare sockets, HTTP/2 and gRPC by frame, TLS with certificates made for
the occasion), and what came out was compared byte by byte where bytes matter. `cargo xtask conformance` runs all rows
and writes this page; `cargo test -p meshform-acceptance` runs them too and fails when the page says otherwise.

Every row holds: a row that does not fails the run, and no page is written. A row marked with * needs what not every
machine has (said in the row); on a machine without it the row is not checked, and this page is not written.
";

pub(crate) fn render(sections: &[(&'static str, Vec<Row>, f64)], coverage: &Coverage) -> String {
    let mut page = String::from(HEAD);
    let rows: usize = sections.iter().map(|(_, rows, _)| rows.len()).sum();
    let _ = writeln!(
        page,
        "\n{rows} rows; of {} fields of the model, {} are seen live, {} have no live row and say why below.",
        coverage.fields,
        coverage.live,
        coverage.fields - coverage.live
    );
    for (title, rows, _) in sections {
        let _ = writeln!(
            page,
            "\n## {title}\n\n| feature | how it was shown | result |\n| --- | --- | --- |"
        );
        for row in rows {
            let (mark, shown) = match row.needs {
                Some(needs) => ("*", format!("{} ({needs})", row.shown)),
                None => ("", row.shown.to_owned()),
            };
            let result = if row.failure.is_some() {
                "does not hold"
            } else {
                "holds"
            };
            let _ = writeln!(
                page,
                "| {}{mark} | {} | {result} |",
                cell(row.feature),
                cell(&shown)
            );
        }
    }
    page.push_str("\n## Fields\n\nEvery field of every kind, and the rows that show it.\n");
    for (kind, fields) in &coverage.by_kind {
        let _ = writeln!(page, "\n### {kind}\n\n| field | shown by |\n| --- | --- |");
        for (field, by) in fields {
            let _ = writeln!(page, "| `{field}` | {} |", cell(by));
        }
    }
    page
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
