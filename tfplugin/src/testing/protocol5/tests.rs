//! A client of a provider that speaks protocol 5.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use prost::Message as _;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};

use super::super::client::{Client, channel};
use super::super::transport::Transport;
use super::*;
use crate::plugin::Connection;
use crate::schema::BlockNesting;
use crate::value::Type;

/// Notes the paths of the calls and answers the one about schemas.
#[derive(Clone, Default)]
struct Five {
    paths: Arc<Mutex<Vec<String>>>,
    schemas: Schemas,
}

impl tonic::server::NamedService for Five {
    const NAME: &'static str = "tfplugin5.Provider";
}

type Later<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

impl tower_service::Service<Request<Body>> for Five {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Later<Self::Response, Infallible>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let path = request.uri().path().to_owned();
        let answers = path.ends_with("/GetSchema");
        self.paths.lock().unwrap().push(path);
        let all = Answer(self.schemas.clone());
        Box::pin(async move {
            if !answers {
                return Ok(tonic::Status::unimplemented("not here").into_http());
            }
            Ok(tonic::server::Grpc::new(tonic_prost::ProstCodec::default())
                .unary(all, request)
                .await)
        })
    }
}

struct Answer(Schemas);

impl tonic::server::UnaryService<pb::get_provider_schema::Request> for Answer {
    type Response = Schemas;
    type Future = Later<tonic::Response<Schemas>, tonic::Status>;

    fn call(&mut self, _request: tonic::Request<pb::get_provider_schema::Request>) -> Self::Future {
        let all = self.0.clone();
        Box::pin(async move { Ok(tonic::Response::new(all)) })
    }
}

async fn client(five: &Five) -> Client {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let incoming = tokio_stream::once(Ok::<_, std::io::Error>(Connection::new(theirs)));
    let serving = tonic::transport::Server::builder().add_routes(tonic::service::Routes::new(five.clone()));
    tokio::spawn(serving.serve_with_incoming(incoming));
    let channel = channel(Connection::new(ours)).await.unwrap();
    Client::of(Transport::new(channel, true), None)
}

/// A field of bytes, as protobuf writes it.
fn field(tag: u8, bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    let mut out = vec![tag << 3 | 2];
    prost::encoding::encode_varint(u64::try_from(bytes.len()).unwrap(), &mut out);
    out.extend_from_slice(bytes);
    out
}

/// A small number, or true.
fn number(tag: u8, value: u8) -> Vec<u8> {
    vec![tag << 3, value]
}

/// As the protocol's own file numbers it.
fn published() -> Schemas {
    let ty = || field(2, "\"string\"");
    let id = [
        field(1, "id"),
        ty(),
        field(3, "words"),
        number(6, 1),
        number(7, 1),
    ]
    .concat();
    let key = [field(1, "key_wo"), ty(), number(5, 1), number(10, 1)].concat();
    let port = [field(1, "port"), field(2, "\"number\""), number(4, 1)].concat();
    let rule = [
        field(1, "rule"),
        field(2, field(2, port)),
        number(3, 2),
        number(4, 1),
        number(5, 3),
    ]
    .concat();
    let block = [field(2, id), field(2, key), field(3, rule)].concat();
    let thing = [number(1, 2), field(2, block)].concat();
    let provider = field(
        1,
        field(2, field(2, [field(1, "region"), ty(), number(5, 1)].concat())),
    );
    let resources = field(2, [field(1, "five_thing"), field(2, thing)].concat());
    Schemas::decode([provider, resources].concat().as_slice()).unwrap()
}

#[tokio::test]
async fn schemas_of_protocol_5_are_read_with_its_own_numbers() {
    let five = Five {
        schemas: published(),
        ..Five::default()
    };
    let client = client(&five).await;
    let schema = client.resource_schema("five_thing").await.unwrap();
    assert_eq!(schema.current_version(), 2);
    let [id, key] = schema.root().attributes() else {
        panic!("{schema:?}")
    };
    assert_eq!((id.name(), id.ty()), ("id", Type::String));
    assert!(id.is_read_only() && id.is_sensitive() && !id.is_write_only());
    assert!(key.is_optional() && key.is_write_only() && !key.is_sensitive() && !key.is_computed());
    let [rule] = schema.root().blocks() else {
        panic!("{schema:?}")
    };
    assert_eq!(
        (rule.name(), rule.nesting(), rule.bounds()),
        ("rule", BlockNesting::List, (1, 3))
    );
    assert!(rule.inner().attributes().iter().all(|one| one.is_required()));
    let provider = client.fetch_schemas().await.unwrap().provider.unwrap();
    assert_eq!(provider.block.unwrap().attributes[0].name, "region");
}

#[tokio::test]
async fn calls_have_the_names_of_protocol_5_on_their_way_and_those_of_6_in_the_count() {
    let five = Five::default();
    let client = client(&five).await;
    client.fetch_schemas().await.unwrap();
    let mut protocol = client.protocol();
    macro_rules! ask {
        ($($name:ident($module:ident)),*) => {$(
            protocol.$name(pb::$module::Request::default()).await.unwrap_err();
        )*};
    }
    ask!(
        validate_provider_config(validate_provider_config),
        validate_resource_config(validate_resource_config),
        validate_data_resource_config(validate_data_resource_config),
        configure_provider(configure_provider),
        stop_provider(stop_provider),
        plan_resource_change(plan_resource_change)
    );
    let names = [
        ("GetProviderSchema", "GetSchema"),
        ("ValidateProviderConfig", "PrepareProviderConfig"),
        ("ValidateResourceConfig", "ValidateResourceTypeConfig"),
        ("ValidateDataResourceConfig", "ValidateDataSourceConfig"),
        ("ConfigureProvider", "Configure"),
        ("StopProvider", "Stop"),
        ("PlanResourceChange", "PlanResourceChange"),
    ];
    assert_eq!(
        *five.paths.lock().unwrap(),
        names.map(|(_, name)| format!("/tfplugin5.Provider/{name}"))
    );
    assert_eq!(client.calls(), names.map(|(name, _)| (name.to_owned(), 1)).into());
}
