//! `--quota`: how many of each a mesh may have.

use meshform_model::rules::{Options, Quota, Quotas};

/// Limits beside the rules of every mesh.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct QuotaArgument {
    /// Limit how many of each there may be: `aws` for what App Mesh allowed, or NAME=N with one of virtual_nodes,
    /// virtual_routers, virtual_services, virtual_gateways, routes, gateway_routes, backends; the last of several for one name wins
    #[arg(long = "quota", value_name = "aws|NAME=N", value_parser = parse)]
    quotas: Vec<Quotas>,
}

impl QuotaArgument {
    /// What the rules are told.
    pub(crate) fn options(&self) -> Options {
        Options {
            quotas: self.quotas.iter().flat_map(Quotas::iter).collect(),
        }
    }
}

fn parse(text: &str) -> Result<Quotas, String> {
    if let Some(quotas) = Quotas::preset(text) {
        return Ok(quotas);
    }
    let names = || Quota::ALL.map(Quota::name).join(", ");
    let Some((name, limit)) = text.split_once('=') else {
        return Err(format!(
            "write `{}`, or NAME=N with one of {}",
            Quotas::PRESET,
            names()
        ));
    };
    let quota = Quota::from_name(name).ok_or_else(|| format!("there are quotas for {}", names()))?;
    let limit = limit
        .parse()
        .map_err(|_| format!("`{limit}` is not a whole number of 0 or more"))?;
    Ok(Quotas::from_iter([(quota, limit)]))
}
