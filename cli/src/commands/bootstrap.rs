//! `meshform bootstrap`: one proxy's bootstrap on standard output.

use super::load::{load_or_store, one_proxy};
use crate::exit::Exit;
use crate::input::InputArguments;
use crate::io::Io;
use crate::render;
use crate::store::FromStoreArgument;
use meshform_envoy as envoy;
use meshform_model::rules::Options as Rules;

/// Write the Envoy bootstrap of one virtual node or virtual gateway to standard output
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The virtual node or virtual gateway (`virtualGateway/NAME` where both have the name)
    node: String,
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    from: FromStoreArgument,
    /// Where Envoy gets its configuration from
    #[arg(long, value_enum, default_value = "static")]
    mode: Mode,
    /// The directory under which proxies find their files, where their profile names none
    #[arg(long, value_name = "DIR", default_value = envoy::Options::DEFAULT_ROOT)]
    root: String,
    /// With `--mode ads`: the file on the proxy's machine that holds its token, as `meshform token --out` writes it. Default: what the proxy profile says
    #[arg(long, value_name = "FILE")]
    token_file: Option<String>,
}

/// Where Envoy gets its configuration from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    /// All resources are in the bootstrap
    Static,
    /// From files that are swapped
    Files,
    /// From the control plane of the proxy profile
    Ads,
}

pub(crate) fn run(arguments: &Arguments, io: &mut Io) -> Exit {
    let Some(mut loaded) = load_or_store(&arguments.input, arguments.from.name(), io) else {
        return Exit::WrongUse;
    };
    loaded.demand_values();
    let meshes = loaded.meshes(&Rules::default());
    let mode = match arguments.mode {
        Mode::Static => envoy::Mode::Static,
        Mode::Files => envoy::Mode::Files,
        Mode::Ads => envoy::Mode::Ads,
    };
    let options = envoy::Options {
        token_file: arguments.token_file.clone(),
        ..envoy::Options::new(&arguments.root)
    };
    let mut text = String::new();
    if let Some((mesh, key)) = one_proxy(&mut loaded, &meshes, &arguments.node) {
        match envoy::bootstrap(mesh, &key, mode, &options) {
            Ok(bootstrap) => {
                text = bootstrap;
                let beside = match arguments.mode {
                    Mode::Static => envoy::AgentPresence::Nothing,
                    Mode::Files | Mode::Ads => envoy::AgentPresence::PerhapsAnAgent,
                };
                let problems = loaded.placed(envoy::without_agent(mesh, beside, |one| *one == key));
                loaded.add(problems);
            }
            Err(problems) => {
                let problems = loaded.placed(problems);
                loaded.add(problems);
            }
        }
    }
    render::tell(io, &loaded.reading.sources, &loaded.problems);
    let exit = loaded.exit();
    if exit == Exit::Fine {
        io.print(&text);
    }
    exit
}
