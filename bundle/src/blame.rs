//! Which field of the mesh an error of Envoy is about. Envoy names its own resource and says why; each part of a resource
//! knows the field that it was made from.

use crate::bundle::Origin;

/// Where an error is about that does not name Envoy's field: what it says, and the last name of the part's place.
const TELLING: [(&str, &str); 4] = [
    // Only access logs are opened when a listener is added.
    ("unable to open file", "access_log"),
    ("cannot bind", "address"),
    ("Failed to load", "transport_socket"),
    ("Invalid path", "transport_socket"),
];

/// The origin, among those of one of Envoy's resources, that an error is about: that of the innermost part which the error
/// names or is known to be about, else that of the whole resource.
pub fn blamed<'o>(origins: &'o [Origin], reason: &str) -> Option<&'o Origin> {
    let is_about = |origin: &&Origin| {
        let mut names = origin.at.rsplit('/');
        let last = names.find(|part| part.parse::<u32>().is_err());
        last.filter(|last| !last.is_empty()).is_some_and(|last| {
            reason.contains(last)
                || TELLING
                    .iter()
                    .any(|(said, part)| *part == last && reason.contains(said))
        })
    };
    let whole = || origins.iter().find(|origin| origin.at.is_empty());
    origins.iter().rfind(is_about).or_else(whole).or(origins.first())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_about_the_part_that_it_names_or_is_known_to_mean_and_else_about_the_whole() {
        let origins: Vec<Origin> = [
            ("", "/spec/backends"),
            ("/address", "/spec/interception/explicit/port"),
            ("/filter_chains/0", "/spec/backends"),
            (
                "/filter_chains/0/filters/0/typed_config/access_log",
                "/spec/logging/accessLog/file",
            ),
            ("/filter_chains/1/transport_socket", "/spec/listeners/0/tls"),
        ]
        .into_iter()
        .map(|(at, field)| Origin {
            at: at.to_owned(),
            resource: "virtualNode/a".to_owned(),
            field: field.to_owned(),
        })
        .collect();
        for (reason, field) in [
            (
                "Error adding/updating listener(s) lds: unable to open file '/logs/a.log': No such file or directory",
                "/spec/logging/accessLog/file",
            ),
            (
                "cannot bind '127.0.0.1:15001': Address already in use",
                "/spec/interception/explicit/port",
            ),
            (
                "Failed to load certificate chain from /certs/a.crt",
                "/spec/listeners/0/tls",
            ),
            ("the transport_socket is none", "/spec/listeners/0/tls"),
            ("something else", "/spec/backends"),
        ] {
            assert_eq!(
                blamed(&origins, reason).map(|origin| origin.field.as_str()),
                Some(field),
                "{reason}"
            );
        }
        assert_eq!(blamed(&[], "anything"), None);
    }
}
