//! Asks any provider program what a provider must answer: `conformance PROGRAM [KEY=VALUE…]`, where the pairs are
//! strings of its provider block. Exits with 1 when something is not as it must be.

use std::io::Write as _;
use std::process::ExitCode;

use tfplugin::Value;
use tfplugin::testing::conformance::Suite;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let say = |text: &str| drop(std::io::stdout().lock().write_all(text.as_bytes()));
    let Some(program) = arguments.next() else {
        say("usage: conformance PROGRAM [KEY=VALUE…]\n");
        return ExitCode::from(2);
    };
    let config: Vec<(String, Value)> = arguments
        .filter_map(|pair| {
            pair.split_once('=')
                .map(|(key, value)| (key.to_owned(), Value::from(value)))
        })
        .collect();
    let mut suite = Suite::new(program);
    if !config.is_empty() {
        suite = suite.configure(Value::object(config));
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            say(&format!("{error}\n"));
            return ExitCode::from(2);
        }
    };
    let report = runtime.block_on(suite.run());
    say(&report.to_string());
    if report.passed() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
