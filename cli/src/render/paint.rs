//! Colours for problems on a terminal.

const RED: &str = "\x1b[1;31m";
const YELLOW: &str = "\x1b[1;33m";
const BLUE: &str = "\x1b[34m";
const GREEN: &str = "\x1b[32m";
const END: &str = "\x1b[0m";

/// A problem as it is shown, with the colours that its lines have. What comes from inputs has no escapes by now.
pub(super) fn colored(problem: &str) -> String {
    let color = if problem.starts_with("error") { RED } else { YELLOW };
    let mut out = String::with_capacity(problem.len() + 64);
    for line in problem.split_inclusive('\n') {
        let inner = line.trim_start();
        let painted = if let Some((head, rest)) = line.split_once("]: ").filter(|_| out.is_empty()) {
            format!("{color}{head}]{END}: {rest}")
        } else if inner.starts_with("-->") {
            line.replacen("-->", &format!("{BLUE}-->{END}"), 1)
        } else if let Some(rest) = inner.strip_prefix("= help:") {
            let indent = line.len() - inner.len();
            format!("{}= {GREEN}help:{END}{rest}", " ".repeat(indent))
        } else if let Some((gutter, rest)) = line.split_once(" | ") {
            match rest.trim_start().starts_with('^') {
                true => format!(
                    "{BLUE}{gutter} |{END} {color}{}{END}\n",
                    rest.trim_end_matches('\n')
                ),
                false => format!("{BLUE}{gutter} |{END} {rest}"),
            }
        } else {
            line.to_owned()
        };
        out.push_str(&painted);
    }
    out
}
