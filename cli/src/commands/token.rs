//! `meshform token`: the tokens with which proxies ask `meshform serve` for their configuration.

use super::serve::master_key;
use crate::exit::Exit;
use crate::io::Io;
use crate::render;
use meshform_controlplane::auth::keys::MasterKey;
use meshform_controlplane::auth::tokens;
use meshform_controlplane::codes;
use meshform_model::diag::Diagnostic;
use meshform_store::{Clock as _, SystemClock};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Make the token with which an Envoy asks `meshform serve` for its configuration
///
/// It is valid for one proxy, or for every proxy of a mesh, until it expires. With `--out` it is written as the file
/// that `meshform bootstrap --mode ads --token-file` names; another is renamed over it, and Envoy uses that for its next
/// stream without a restart.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The proxy: `mesh/MESH/virtualNode/NAME`, `mesh/MESH/virtualGateway/NAME` or its ARN; `mesh/MESH` for all proxies of a
    /// mesh
    #[arg(value_name = "PROXY")]
    whose: String,
    /// How long it is valid: `30m`, `24h`, `90d`
    #[arg(long, value_name = "TIME", default_value = "24h")]
    ttl: String,
    /// Write the file that Envoy reads, instead of the token alone on standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The file with the master key [default: MESHFORM_MASTER_KEY_FILE, or the key itself in MESHFORM_MASTER_KEY]
    #[arg(long, value_name = "FILE")]
    master_key_file: Option<String>,
}

type Problem = Box<Diagnostic>;

pub(crate) fn run(arguments: &Arguments, io: &mut Io) -> Exit {
    let made = make(arguments, io);
    render::printed(io, made)
}

fn make(arguments: &Arguments, io: &Io) -> Result<String, Problem> {
    let file = arguments.master_key_file.clone();
    let file = file.or_else(|| io.var("MESHFORM_MASTER_KEY_FILE").map(ToOwned::to_owned));
    let master = master_key(io, file)?.ok_or_else(|| {
        let missing = Diagnostic::error(codes::MASTER_KEY, "there is no master key");
        Box::new(missing.help("give that of the servers with `--master-key-file FILE`"))
    })?;
    let master = MasterKey::parse(&master)?;
    let until = SystemClock.now().plus_millis(millis(&arguments.ttl)?);
    let token = tokens::create(&master, &arguments.whose, until)?;
    let Some(out) = &arguments.out else {
        return Ok(format!("{token}\n"));
    };
    write(&io.path(out), &tokens::file(&token)).map_err(|error| {
        let message = format!("the token cannot be written to {}: {error}", out.display());
        Box::new(Diagnostic::error(codes::TOKEN, message))
    })?;
    Ok(format!(
        "wrote a token for {} to {}; it is valid until {until}\n",
        arguments.whose,
        out.display()
    ))
}

/// A duration such as `30m`, `24h` or `90d`, in milliseconds.
fn millis(text: &str) -> Result<i64, Problem> {
    let wrong = || {
        let message = format!("`{text}` is not a lifetime of a token");
        Box::new(Diagnostic::error(codes::TOKEN, message).help("write `30m`, `24h` or `90d`"))
    };
    let at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(at);
    let unit = match unit {
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    let number: i64 = number.parse().map_err(|_| wrong())?;
    number
        .checked_mul(unit)
        .filter(|millis| *millis > 0)
        .ok_or_else(wrong)
}

/// Whole, and readable by its owner and group alone: Envoy often runs as another user of the same group.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let beside = PathBuf::from(beside);
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o640)
        .open(&beside)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!(millis("30m").unwrap(), 1_800_000);
        assert_eq!(millis("90d").unwrap(), 7_776_000_000);
        for wrong in ["", "30", "h", "0h", "-1h", "1w", "99999999999999999999d"] {
            assert!(millis(wrong).is_err(), "{wrong}");
        }
    }
}
