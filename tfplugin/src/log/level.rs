//! Which levels Terraform's environment asks for.

use tracing::level_filters::LevelFilter;

/// The least important level that is written, for the provider and for the SDK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Levels {
    provider: LevelFilter,
    sdk: LevelFilter,
}

/// What carries the bytes logs every frame of them; nobody debugs a provider with that, and what is in the
/// frames may be secret.
const TRANSPORT: &[&str] = &[
    "h2",
    "hyper",
    "hyper_util",
    "tonic",
    "tower",
    "rustls",
    "tokio_rustls",
    "mio",
];

impl Levels {
    /// Reads the variables, most specific first. Terraform filters once more on its side.
    pub(crate) fn read(name: &str, var: impl Fn(&str) -> Option<String>) -> Self {
        let own = format!("TF_LOG_PROVIDER_{}", name.to_uppercase().replace('-', "_"));
        let first = |names: &[&str]| {
            names
                .iter()
                .find_map(|name| var(name))
                .map_or(LevelFilter::OFF, |text| parse(&text))
        };
        Self {
            provider: first(&[&own, "TF_LOG_PROVIDER", "TF_LOG"]),
            sdk: first(&[
                "TF_LOG_SDK_PROTO",
                "TF_LOG_SDK",
                &own,
                "TF_LOG_PROVIDER",
                "TF_LOG",
            ]),
        }
    }

    /// Whether anything is written at all.
    pub(crate) fn any(self) -> bool {
        self.provider != LevelFilter::OFF || self.sdk != LevelFilter::OFF
    }

    /// The level for events of this target.
    pub(crate) fn of(self, target: &str) -> LevelFilter {
        let library = target
            .split("::")
            .next()
            .is_some_and(|first| TRANSPORT.contains(&first));
        if library {
            return self.sdk.min(LevelFilter::WARN);
        }
        if target == "tfplugin" || target.starts_with("tfplugin::") {
            self.sdk
        } else {
            self.provider
        }
    }

    pub(crate) fn max(self) -> LevelFilter {
        self.provider.max(self.sdk)
    }
}

fn parse(text: &str) -> LevelFilter {
    match text.to_ascii_uppercase().as_str() {
        "" | "OFF" => LevelFilter::OFF,
        "ERROR" => LevelFilter::ERROR,
        "WARN" => LevelFilter::WARN,
        "INFO" => LevelFilter::INFO,
        "DEBUG" => LevelFilter::DEBUG,
        // `JSON` asks for everything in another form, and so does, by Terraform's custom, what it does not know.
        _ => LevelFilter::TRACE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_variable_wins() {
        let read = |vars: &'static [(&str, &str)]| {
            Levels::read("mesh", |name| {
                vars.iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, v)| (*v).to_owned())
            })
        };
        assert!(!read(&[]).any());
        assert_eq!(read(&[("TF_LOG", "JSON")]).of("mine"), LevelFilter::TRACE);
        let both = read(&[
            ("TF_LOG", "error"),
            ("TF_LOG_PROVIDER_MESH", "debug"),
            ("TF_LOG_SDK", "off"),
        ]);
        assert_eq!(both.of("mine"), LevelFilter::DEBUG);
        assert_eq!(both.of("tfplugin::wire"), LevelFilter::OFF);
        assert_eq!(both.max(), LevelFilter::DEBUG);
    }
}
