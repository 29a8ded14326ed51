//! An extension's configuration: a message under its type URL.

use prost::{Message, Name};
use prost_types::Any;

use crate::Error;

/// The message, packed as an extension's configuration.
pub fn any<M: Message + Name>(message: &M) -> Any {
    Any {
        type_url: M::type_url(),
        value: message.encode_to_vec(),
    }
}

/// The message that an extension's configuration holds.
///
/// # Errors
/// When it holds another type, or bytes that are not this one.
pub fn unpack<M: Message + Name + Default>(any: &Any) -> Result<M, Error> {
    // Only what follows the last slash names the type; the host before it is anybody's choice.
    let found = any.type_url.rsplit('/').next().unwrap_or_default();
    if found != M::full_name() {
        return Err(Error::OtherType {
            found: any.type_url.clone(),
            wanted: M::full_name(),
        });
    }
    M::decode(any.value.as_slice()).map_err(|source| Error::Decode {
        name: M::full_name(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envoy::extensions::filters::http::router::v3::Router;
    use crate::envoy::extensions::filters::listener::original_dst::v3::OriginalDst;

    #[test]
    fn the_type_url_has_a_host() {
        let url = any(&Router::default()).type_url;
        assert_eq!(
            url,
            "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
        );
    }

    #[test]
    fn what_was_packed_comes_out_again() {
        let router = Router {
            dynamic_stats: Some(false),
            ..Router::default()
        };
        assert_eq!(unpack::<Router>(&any(&router)).unwrap(), router);
    }

    #[test]
    fn another_type_is_told() {
        let error = unpack::<Router>(&any(&OriginalDst {})).unwrap_err();
        assert!(error.to_string().contains("OriginalDst"), "{error}");
        let broken = Any {
            type_url: Router::type_url(),
            value: vec![0xff],
        };
        assert!(matches!(
            unpack::<Router>(&broken).unwrap_err(),
            Error::Decode { .. }
        ));
    }
}
