//! `meshform-codegen [--check | CRATE]`: writes the generated code (of one crate), or says what is out of date.

use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let root = meshform_codegen::workspace_root();
    let check = std::env::args().any(|arg| arg == "--check");
    let outcome = if check {
        meshform_codegen::stale(&root).map(|files| {
            let text = files
                .iter()
                .map(|f| format!("out of date: {}\n", f.display()))
                .collect::<String>();
            (text, files.is_empty())
        })
    } else {
        let only = std::env::args().nth(1);
        meshform_codegen::generate(&root, only.as_deref()).map(|n| (format!("{n} files written\n"), true))
    };
    let (text, fine) = outcome.unwrap_or_else(|error| (format!("error: {error}\n"), false));
    let _ = std::io::stderr().write_all(text.as_bytes());
    if fine {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
