//! The one line on standard output by which host and plugin find each other.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::listener::Address;

/// The handshake line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) address: Address,
    /// DER of the server's certificate.
    pub(crate) certificate: Option<Vec<u8>>,
    /// Whether the host wants to hear about multiplexing.
    pub(crate) multiplex: bool,
}

/// The version of the plugin system, and the version of Terraform's protocol that is served.
const CORE: &str = "1";
const PROTOCOL: &str = "6";

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let certificate = self
            .certificate
            .as_ref()
            .map(|der| STANDARD_NO_PAD.encode(der))
            .unwrap_or_default();
        let (network, address) = self.address.parts();
        write!(f, "{CORE}|{PROTOCOL}|{network}|{address}|grpc|{certificate}")?;
        // Hosts that did not ask would take a seventh field for a part of the certificate.
        if self.multiplex {
            f.write_str("|false")
        } else {
            Ok(())
        }
    }
}

#[cfg(any(test, feature = "testing"))]
impl std::str::FromStr for Line {
    type Err = String;

    /// Reads what another plugin says.
    fn from_str(text: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.trim_end().split('|').collect();
        match fields.as_slice() {
            [CORE, PROTOCOL, network, address, "grpc", rest @ ..] if rest.len() <= 2 => {
                let address = Address::of(network, address).ok_or_else(|| format!("an address: {text:?}"))?;
                let certificate = match rest.first() {
                    None | Some(&"") => None,
                    Some(text) => Some(STANDARD_NO_PAD.decode(text).map_err(|error| error.to_string())?),
                };
                Ok(Self {
                    address,
                    certificate,
                    multiplex: rest.len() == 2,
                })
            }
            [CORE, other, ..] if *other != PROTOCOL => Err(format!("protocol {other}, not {PROTOCOL}")),
            _ => Err(format!("no handshake: {text:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_the_agreed_form_and_reads_back() {
        let unix = Address::Unix("/tmp/x/plugin.sock".into());
        let line = Line {
            address: unix.clone(),
            certificate: None,
            multiplex: false,
        };
        assert_eq!(line.to_string(), "1|6|unix|/tmp/x/plugin.sock|grpc|");
        let line = Line {
            address: unix,
            certificate: Some(vec![0xff, 0xfe]),
            multiplex: true,
        };
        assert_eq!(line.to_string(), "1|6|unix|/tmp/x/plugin.sock|grpc|//4|false");
        assert_eq!(line.to_string().parse(), Ok(line));
    }
}
