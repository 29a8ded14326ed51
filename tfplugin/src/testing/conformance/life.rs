//! Handshake, TLS, the plugin system's services, and the end.

use std::time::{Duration, Instant};

use tokio_stream::StreamExt as _;

use super::{Report, SKIP, Suite};
use crate::r#gen::health::health_client::HealthClient;
use crate::r#gen::health::{HealthCheckRequest, health_check_response::ServingStatus};
use crate::r#gen::plugin as system;
use crate::testing::client::Error;
use crate::testing::process::{Launch, Process, Show};

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn demand(fine: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if fine { Ok(()) } else { Err(otherwise()) }
}

pub(super) async fn check(suite: &Suite, report: &mut Report) {
    report.add(
        "started by hand it explains itself and exits with 1",
        by_hand(suite).await,
    );
    report.add(
        "started by hand it says how it is installed",
        says_how_to_install(suite).await,
    );
    report.add(
        "with another cookie it does not serve either",
        wrong_cookie(suite).await,
    );
    report.add(
        "whatever versions are offered, it announces 6",
        versions(suite).await,
    );
    report.add(
        "without TLS the certificate field is empty",
        empty_certificate(suite).await,
    );
    report.add(
        "a host that asks about multiplexing gets a seventh field, others do not",
        multiplex(suite).await,
    );
    report.add(
        "the connection is TLS 1.2 or newer and speaks HTTP/2",
        secured(suite).await,
    );
    report.add(
        "the host's certificate is accepted",
        certificate(suite, Show::Own, true).await,
    );
    report.add(
        "a client without a certificate is refused",
        certificate(suite, Show::Nothing, false).await,
    );
    report.add(
        "a client with another certificate is refused",
        certificate(suite, Show::AnotherOne, false).await,
    );
    report.add("the socket is for its owner alone", socket(suite).await);
    report.add("health says that `plugin` serves", health(suite).await);
    report.add(
        "an unknown service is unimplemented",
        unknown_service(suite).await,
    );
    report.add(
        "the streams of standard output and of side connections stay open",
        streams(suite).await,
    );
    report.add("interrupts are ignored", interrupt(suite).await);
    report.add(
        "shutdown ends it with 0 within two seconds and removes the socket",
        shutdown(suite).await,
    );
    report.add("a killed connection does not end it", hang_up(suite).await);
    report.add("it starts in time", in_time(suite).await);
    report.add("it keeps within its memory", memory(suite).await);
}

async fn start(suite: &Suite) -> Result<Process, String> {
    Launch::new(&suite.program).start().await.map_err(text)
}

async fn by_hand(suite: &Suite) -> Result<(), String> {
    let (code, out, err) = Launch::new(&suite.program)
        .by_hand()
        .run_out()
        .await
        .map_err(text)?;
    demand(code == Some(1), || format!("exit code {code:?}"))?;
    demand(out.is_empty(), || format!("standard output: {out:?}"))?;
    demand(err.contains("plugin"), || {
        format!("standard error does not say what it is: {err:?}")
    })
}

async fn says_how_to_install(suite: &Suite) -> Result<(), String> {
    let launch = Launch::new(&suite.program).by_hand();
    let (_, _, said) = launch.run_out().await.map_err(text)?;
    // The last are the words of plugins in Go, which leave it to the program that loads them.
    let ways = ["install", "terraform init", "load any plugins automatically"];
    demand(ways.iter().any(|way| said.contains(way)), || {
        format!("standard error does not say how it comes into use: {said:?}")
    })
}

async fn wrong_cookie(suite: &Suite) -> Result<(), String> {
    let launch = Launch::new(&suite.program).cookie("d602bf8f470bc67ca7faa0386276bbdd");
    let (code, out, _) = launch.run_out().await.map_err(text)?;
    demand(code == Some(1), || format!("exit code {code:?}"))?;
    demand(out.is_empty(), || format!("standard output: {out:?}"))
}

async fn secured(suite: &Suite) -> Result<(), String> {
    let process = start(suite).await?;
    let line = process.handshake();
    let certificate = line.trim_end().split('|').nth(5).unwrap_or_default();
    demand(certificate.len() > 50 && !certificate.contains('='), || {
        format!("hosts take no such certificate: {certificate:?}")
    })?;
    let (version, protocol) = process.secured().await.map_err(text)?;
    demand(protocol.as_deref() == Some(b"h2"), || {
        let agreed = protocol.map(|name| String::from_utf8_lossy(&name).into_owned());
        format!("{version}: agreed on {agreed:?}, not on h2")
    })
}

async fn versions(suite: &Suite) -> Result<(), String> {
    for offered in [
        Some("6"),
        Some("5,6"),
        Some("6,5"),
        Some("5"),
        Some("x,,6"),
        Some("7"),
        Some("99,4294967296,-1"),
        Some(""),
        None,
    ] {
        let launch = Launch::new(&suite.program).plain().versions(offered);
        let process = launch
            .start()
            .await
            .map_err(|error| format!("{offered:?}: {error}"))?;
        demand(process.handshake().starts_with("1|6|"), || {
            format!("{offered:?}: {}", process.handshake())
        })?;
    }
    Ok(())
}

async fn empty_certificate(suite: &Suite) -> Result<(), String> {
    let process = Launch::new(&suite.program).plain().start().await.map_err(text)?;
    let line = process.handshake();
    demand(
        line.ends_with("|grpc|\n") && line.matches('|').count() == 5,
        || line.to_owned(),
    )
}

async fn multiplex(suite: &Suite) -> Result<(), String> {
    let asked = Launch::new(&suite.program)
        .var("PLUGIN_MULTIPLEX_GRPC", "true")
        .start()
        .await
        .map_err(text)?;
    demand(asked.handshake().matches('|').count() == 6, || {
        format!("asked: {}", asked.handshake())
    })?;
    let silent = start(suite).await?;
    demand(silent.handshake().matches('|').count() == 5, || {
        format!("not asked: {}", silent.handshake())
    })
}

async fn ping(process: &Process, show: Show) -> Result<(), Error> {
    let mut health = HealthClient::new(process.connect(show).await?);
    let answer = health
        .check(HealthCheckRequest {
            service: "plugin".into(),
        })
        .await?;
    match answer.into_inner().status() {
        ServingStatus::Serving => Ok(()),
        other => Err(Error::Breach(format!("{other:?}"))),
    }
}

async fn certificate(suite: &Suite, show: Show, accepted: bool) -> Result<(), String> {
    let process = start(suite).await?;
    match (ping(&process, show).await, accepted) {
        (Ok(()), true) | (Err(_), false) => {}
        (Ok(()), false) => return Err("it was served".into()),
        (Err(error), true) => return Err(text(error)),
    }
    // Whoever was refused must not have broken anything for the host.
    ping(&process, Show::Own)
        .await
        .map_err(|error| format!("afterwards: {error}"))
}

async fn socket(suite: &Suite) -> Result<(), String> {
    let process = start(suite).await?;
    let Some(socket) = process.socket() else {
        return Err(format!("{SKIP}it does not use a unix socket"));
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode =
            |path: &std::path::Path| std::fs::metadata(path).map(|all| all.permissions().mode() & 0o777);
        let own = mode(&socket).map_err(text)?;
        let directory = socket
            .parent()
            .map(mode)
            .transpose()
            .map_err(text)?
            .unwrap_or(0o777);
        // Connecting needs the right to write to the socket and to enter its directory.
        demand(own & 0o022 == 0 || directory & 0o011 == 0, || {
            format!("modes {directory:o} and {own:o}")
        })?;
    }
    Ok(())
}

async fn health(suite: &Suite) -> Result<(), String> {
    ping(&start(suite).await?, Show::Own).await.map_err(text)
}

async fn unknown_service(suite: &Suite) -> Result<(), String> {
    let process = start(suite).await?;
    let channel = process.connect(Show::Own).await.map_err(text)?;
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await.map_err(text)?;
    let path = tonic::codegen::http::uri::PathAndQuery::from_static("/nobody.Knows/It");
    let codec = tonic_prost::ProstCodec::<system::Empty, system::Empty>::default();
    match grpc
        .unary(tonic::Request::new(system::Empty {}), path, codec)
        .await
    {
        Err(status) if status.code() == tonic::Code::Unimplemented => Ok(()),
        Err(status) => Err(format!("{:?}", status.code())),
        Ok(_) => Err("it was answered".into()),
    }
}

async fn streams(suite: &Suite) -> Result<(), String> {
    let process = start(suite).await?;
    let channel = process.connect(Show::Own).await.map_err(text)?;
    let mut stdio = system::grpc_stdio_client::GrpcStdioClient::new(channel.clone());
    let stdio = async { stdio.stream_stdio(()).await?.into_inner().message().await };
    stays_open("standard output", stdio).await?;
    let mut broker = system::grpc_broker_client::GrpcBrokerClient::new(channel);
    // A host that offers a connection, and one that keeps its side open.
    let offer = system::ConnInfo {
        service_id: 1,
        ..Default::default()
    };
    let offers = tokio_stream::once(offer).chain(tokio_stream::pending());
    let broker = async { broker.start_stream(offers).await?.into_inner().message().await };
    stays_open("side connections", broker).await?;
    ping(&process, Show::Own)
        .await
        .map_err(|error| format!("afterwards: {error}"))
}

/// The answer may be a message or nothing yet: some servers send not even its beginning before the first message.
async fn stays_open<T: std::fmt::Debug>(
    what: &str,
    first: impl Future<Output = Result<Option<T>, tonic::Status>>,
) -> Result<(), String> {
    match tokio::time::timeout(Duration::from_millis(200), first).await {
        Err(_) | Ok(Ok(Some(_))) => Ok(()),
        Ok(ended) => Err(format!("{what}: it ended: {ended:?}")),
    }
}

fn signal(process: &Process, name: &str) -> Result<(), String> {
    let pid = process.pid().ok_or("no process id")?.to_string();
    let status = std::process::Command::new("kill")
        .args(["-s", name, &pid])
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("kill: {status}")),
        Err(_) => Err(format!("{SKIP}there is no `kill` here")),
    }
}

async fn interrupt(suite: &Suite) -> Result<(), String> {
    let process = start(suite).await?;
    // Once it answers, it has set up everything.
    ping(&process, Show::Own).await.map_err(text)?;
    signal(&process, "INT")?;
    tokio::time::sleep(Duration::from_millis(150)).await;
    ping(&process, Show::Own)
        .await
        .map_err(|error| format!("afterwards: {error}"))
}

async fn shutdown(suite: &Suite) -> Result<(), String> {
    let process = start(suite).await?;
    ping(&process, Show::Own).await.map_err(text)?;
    let (code, _) = process.shut_down().await.map_err(text)?;
    demand(code == Some(0), || {
        format!("exit code {code:?}; {}", process.log())
    })?;
    match process.socket() {
        Some(socket) => demand(!socket.exists(), || {
            format!("{} is still there", socket.display())
        }),
        None => Ok(()),
    }
}

async fn hang_up(suite: &Suite) -> Result<(), String> {
    let process = start(suite).await?;
    for _ in 0..3 {
        drop(process.connect(Show::Own).await.map_err(text)?);
    }
    ping(&process, Show::Own)
        .await
        .map_err(|error| format!("afterwards: {error}"))
}

async fn in_time(suite: &Suite) -> Result<(), String> {
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let began = Instant::now();
        let process = start(suite).await?;
        best = best.min(process.handshake_after).min(began.elapsed());
    }
    demand(best <= suite.start, || {
        format!("{best:?} where {:?} are allowed", suite.start)
    })
}

async fn memory(suite: &Suite) -> Result<(), String> {
    let process = start(suite).await?;
    let Some(limit) = suite.resident_kib else {
        return Err(format!("{SKIP}no limit was set"));
    };
    let Some(used) = process.resident_kib() else {
        return Err(format!("{SKIP}the system does not tell"));
    };
    demand(used <= limit, || {
        format!("{used} KiB where {limit} KiB are allowed")
    })
}
