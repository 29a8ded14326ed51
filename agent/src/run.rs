//! `meshform-agent run`: starts Envoy when there is something to start it with, keeps it running, and ends it without
//! a lost request.

use crate::appnet::{self, Appnet};
use crate::config::Config;
use crate::control_plane::{ControlPlane, with_bootstrap, without_bootstrap};
use crate::envoy::Admin;
use crate::follow::Follower;
use crate::kept::AgentFolder;
use crate::process::{Child, reap};
use crate::report::{self, Reports};
use crate::server::Listener;
use crate::shared::{Shared, now};
use crate::store::{ObjectSource, StoreUser};
use crate::{log, poller, server, task};
use meshform_bundle::Digest;
use meshform_bundle::codes::{NOT_SERVING, SETTING, told};
use meshform_bundle::objects::{Delivery, ProxyState, Status};
use rustix::process::Signal;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal as Signals, SignalKind, signal};
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// Within this time Envoy may end only so often as `MESHFORM_RESTARTS` says. One that crashes at start does so within
/// seconds; one that crashes twice a day should be started again for ever.
const WINDOW: Duration = Duration::from_secs(600);

/// How long Envoy has between SIGTERM and SIGKILL. It has drained before, so that it only writes its logs and ends.
const LAST: Duration = Duration::from_secs(3);

/// How often Envoy is asked which certificates it holds: they are reported by the day on which they end.
const CERTIFICATES: Duration = Duration::from_secs(60);

struct Supervisor {
    config: Rc<Config>,
    command: Vec<String>,
    /// Of an Envoy that is to have its configuration by ADS.
    control_plane: Option<Rc<ControlPlane>>,
    shared: Rc<Shared>,
    kept: Rc<AgentFolder>,
    child: Option<Child>,
    children: Signals,
    stop: [Signals; 3],
    pass: [(Signals, Signal); 2],
    ends: Vec<Instant>,
    /// No connection was open at the last look.
    idle: bool,
    /// Envoy was told to end so that it is started anew.
    restarting: bool,
    /// When Envoy was asked for its certificates, and with which bundle.
    certificates_seen: Option<(Instant, Option<Digest>)>,
}

enum Event {
    Child,
    Stop,
    Pass(Signal),
    Startable,
    /// It is known where Envoy has its configuration from.
    Settled,
    Tick,
}

/// Runs until Envoy has ended for good; its exit status.
pub(crate) async fn run(command: Vec<String>) -> Result<u8, String> {
    let config = Rc::new(Config::read()?);
    let store = ObjectSource::parse(&config.store, StoreUser::Proxy)?;
    if let Some(why) = store.has_no_releases(&config.proxy) {
        return Err(told(SETTING, why));
    }
    let kept = Rc::new(AgentFolder::open(&config.dir)?);
    let command = with_bootstrap(&config, command)?;
    let control_plane = ControlPlane::of(&config, &command)?.map(Rc::new);
    config.ignored.iter().for_each(|told| log::info(told));
    let doubts = config.unknown.iter().cloned().chain(without_drain(&config));
    doubts.for_each(|doubt| log::warn(&told(SETTING, doubt)));
    let instance = match task::instance() {
        Some(instance) => instance,
        None => kept.instance()?,
    };
    let mut status = Status::new(&config.proxy, &instance);
    status.agent = env!("CARGO_PKG_VERSION").to_owned();
    status.started = now();
    let shared = Rc::new(Shared::new(status));
    if let Some(how) = kept.failure() {
        // The container is started again and again: only an Envoy that serves makes it well.
        shared.fails(how);
    }
    let listener = TcpListener::bind(config.listen).await.map_err(|error| {
        told(
            SETTING,
            format!("MESHFORM_LISTEN {} cannot be listened on: {error}", config.listen),
        )
    })?;
    let appnet = appnet::listen(&config).await?;
    end_what_was_left(&kept).await;
    log::info(&format!("{} from {}, as {instance}", config.proxy, config.store));
    let on = |kind| signal(kind).map_err(|error| format!("signals cannot be received: {error}"));
    let supervisor = Supervisor {
        children: on(SignalKind::child())?,
        stop: [
            on(SignalKind::terminate())?,
            on(SignalKind::interrupt())?,
            on(SignalKind::quit())?,
        ],
        pass: [
            (on(SignalKind::hangup())?, Signal::HUP),
            (on(SignalKind::user_defined1())?, Signal::USR1),
        ],
        config: Rc::clone(&config),
        command,
        control_plane,
        shared: Rc::clone(&shared),
        kept: Rc::clone(&kept),
        child: None,
        ends: Vec::new(),
        idle: false,
        restarting: false,
        certificates_seen: None,
    };
    supervisor.settle();
    let own = Rc::clone(&shared);
    tokio::task::spawn_local(server::serve(Listener::Tcp(listener), move |asked| {
        std::future::ready(server::own(&own, &asked))
    }));
    if let Some(listener) = appnet {
        let appnet = Rc::new(Appnet::new(&config, Rc::clone(&shared)));
        tokio::task::spawn_local(server::serve(listener, move |asked| {
            let appnet = Rc::clone(&appnet);
            async move { appnet.answer(asked).await }
        }));
    }
    let reports = Reports::new(&config, &instance, Rc::clone(&shared))?;
    let reporting = tokio::task::spawn_local(reports.run());
    let last = Reports::new(&config, &instance, Rc::clone(&shared))?;
    let polling = match config.own_discovery {
        true => {
            *shared.endpoints.borrow_mut() = kept.endpoints();
            let polling = poller::beside(&config, Rc::clone(&shared))?;
            Some(tokio::task::spawn_local(polling))
        }
        false => None,
    };
    let follower = Follower::new(config, store, kept, Rc::clone(&shared));
    let following = tokio::task::spawn_local(follower.run());
    let ended = supervisor.supervise().await;
    if let Err(why) = &ended {
        shared.gives_up(why);
    }
    following.abort();
    polling.inspect(tokio::task::JoinHandle::abort);
    reporting.abort();
    last.say_goodbye().await;
    ended
}

/// That health fails so long on SIGTERM that no time is left to drain.
fn without_drain(config: &Config) -> Option<String> {
    let (wait, stop) = (config.drain_wait, config.stop_timeout);
    let end = LAST + report::LAST;
    (!wait.is_zero() && wait + end >= stop).then(|| {
        format!(
            "MESHFORM_DRAIN_WAIT ({} s) leaves no time to drain: of MESHFORM_STOP_TIMEOUT ({} s) the last {} s are for the end of \
             Envoy; raise the container's stop timeout, and MESHFORM_STOP_TIMEOUT with it",
            wait.as_secs(),
            stop.as_secs(),
            end.as_secs()
        )
    })
}

/// An Envoy whose agent was killed would hold the ports.
async fn end_what_was_left(kept: &AgentFolder) {
    let Some(left) = Child::noted(&kept.pid_file()) else {
        return;
    };
    log::warn("an Envoy of a killed agent is still running; it is stopped and started again");
    left.signal(Signal::TERM);
    let until = Instant::now() + LAST;
    while left.is_there() && Instant::now() < until {
        sleep(Duration::from_millis(50)).await;
    }
    left.signal(Signal::KILL);
}

impl Supervisor {
    async fn supervise(mut self) -> Result<u8, String> {
        let mut startable = false;
        loop {
            if self.child.is_none() {
                match self.shared.delivery.get() {
                    Some(Delivery::Ads) => self.start(None)?,
                    Some(_) if startable => self.start(Some(self.config.bootstrap()))?,
                    _ => {}
                }
            }
            match self.event(Duration::from_secs(1)).await {
                Event::Child => {
                    if let Some(status) = reap(self.child) {
                        if let Some(status) = self.ended(status).await {
                            return Ok(status);
                        }
                        // Without its control plane it is to begin with what is newest.
                        startable &= self.control_plane.is_none();
                    }
                }
                Event::Stop => return Ok(self.drain().await),
                Event::Pass(signal) => self.child.into_iter().for_each(|child| child.signal(signal)),
                Event::Startable => startable = true,
                Event::Settled => {}
                Event::Tick => self.look().await,
            }
        }
    }

    async fn event(&mut self, tick: Duration) -> Event {
        let [term, interrupt, quit] = &mut self.stop;
        let [(hang_up, hang_up_signal), (user, user_signal)] = &mut self.pass;
        tokio::select! {
            biased;
            _ = self.children.recv() => Event::Child,
            _ = term.recv() => Event::Stop,
            _ = interrupt.recv() => Event::Stop,
            _ = quit.recv() => Event::Stop,
            _ = hang_up.recv() => Event::Pass(*hang_up_signal),
            _ = user.recv() => Event::Pass(*user_signal),
            () = self.shared.startable.notified() => Event::Startable,
            () = self.shared.delivery_settled.notified() => Event::Settled,
            () = sleep(tick) => Event::Tick,
        }
    }

    /// Asks the control plane, where Envoy has one, whether it is there: Envoy is started once that is settled.
    fn settle(&self) {
        let Some(control_plane) = self.control_plane.clone() else {
            return;
        };
        // An Envoy that has lived without it waits for it no second time.
        let once = self.shared.delivery.replace(None) == Some(Delivery::Fallback);
        *self.shared.control_plane.borrow_mut() = Some(control_plane.awaited());
        let shared = Rc::clone(&self.shared);
        tokio::task::spawn_local(async move {
            match control_plane.becomes_ready(once).await {
                Ok(()) => shared.settle(Delivery::Ads, None),
                Err(error) => {
                    log::warn(&error);
                    shared.settle(Delivery::Fallback, Some(error));
                }
            }
        });
    }

    /// Starts Envoy, with the files of its release or with the bootstrap that the command names.
    fn start(&mut self, files: Option<PathBuf>) -> Result<(), String> {
        let given = self.control_plane.as_ref().map(|plane| &plane.bootstrap);
        let Some(bootstrap) = files.as_ref().or(given) else {
            return Ok(());
        };
        let text = std::fs::read_to_string(bootstrap)
            .map_err(|error| format!("{} cannot be read: {error}", bootstrap.display()))?;
        let command = match (&files, &self.control_plane) {
            (Some(_), Some(_)) => without_bootstrap(&self.command),
            _ => self.command.clone(),
        };
        let mut arguments = command.iter();
        let Some(program) = arguments.next() else {
            return Err("no command is given: meshform-agent run -- envoy".to_owned());
        };
        let mut arguments: Vec<String> = arguments.cloned().collect();
        let given = |arguments: &[String], names: &[&str]| {
            let named = |argument: &String| names.iter().any(|name| argument.split('=').next() == Some(name));
            arguments.iter().any(named)
        };
        if !given(&arguments, &["-c", "--config-path", "--config-yaml"]) {
            arguments.extend(["-c".to_owned(), bootstrap.display().to_string()]);
        }
        if !given(&arguments, &["--drain-time-s"]) {
            arguments.extend(["--drain-time-s".to_owned(), self.config.drain_time.to_string()]);
        }
        if !given(
            &arguments,
            &["--disable-hot-restart", "--base-id", "--use-dynamic-base-id"],
        ) {
            arguments.push("--disable-hot-restart".to_owned());
        }
        let optional = [
            ("-l", "--log-level", &self.config.envoy_log_level),
            ("--concurrency", "--concurrency", &self.config.envoy_concurrency),
        ];
        for (short, long, value) in optional {
            if let Some(value) = value
                && !given(&arguments, &[short, long])
            {
                arguments.extend([short.to_owned(), value.clone()]);
            }
        }
        let child = Child::start(program, &arguments).map_err(|error| told(NOT_SERVING, error))?;
        child.note(&self.kept.pid_file());
        self.child = Some(child);
        self.shared.envoy_pid.set(Some(child.pid()));
        *self.shared.admin.borrow_mut() = Admin::of(&text);
        *self.shared.bootstrap.borrow_mut() = files.map(|_| Digest::of(text.as_bytes()));
        self.shared.status.borrow_mut().needs_restart = false;
        self.shared.starts();
        log::info(match self.shared.delivery.get() {
            Some(Delivery::Ads) => "Envoy is started, by ADS",
            _ => "Envoy is started",
        });
        Ok(())
    }

    /// Envoy has ended by itself: the agent's own status, if this was once too often.
    async fn ended(&mut self, status: i32) -> Option<u8> {
        self.child = None;
        self.shared.envoy_pid.set(None);
        *self.shared.admin.borrow_mut() = None;
        *self.shared.bootstrap.borrow_mut() = None;
        let (count, _) = self.shared.ends.get();
        self.shared.ends.set((count + 1, status));
        self.settle();
        if std::mem::take(&mut self.restarting) {
            log::info("Envoy is restarted for changes that need it");
            self.shared.state(ProxyState::Starting);
            return None;
        }
        let message = told(NOT_SERVING, format!("Envoy has ended with status {status}"));
        log::error(&message);
        self.kept.note_failure(&message);
        self.shared.fails(message);
        let now = Instant::now();
        self.ends.retain(|end| now.duration_since(*end) < WINDOW);
        self.ends.push(now);
        if self.ends.len() > self.config.restarts {
            let why = format!(
                "Envoy has ended with status {status}, {} times within 10 minutes: it is not restarted, and the \
                 agent exits",
                self.ends.len()
            );
            log::error(&told(NOT_SERVING, &why));
            self.shared.gives_up(&why);
            return Some(u8::try_from(status).unwrap_or(1).max(1));
        }
        self.shared.status.borrow_mut().restarts += 1;
        // Time to go back, where what it was started with is why; and no busy loop.
        sleep(Duration::from_secs(1)).await;
        None
    }

    /// Asks Envoy whether it serves.
    async fn look(&mut self) {
        let admin = self.shared.admin.borrow().clone();
        let (Some(admin), true) = (admin, self.child.is_some()) else {
            return;
        };
        match admin.ready().await {
            Ok(()) => {
                if !self.shared.is_ready() {
                    self.kept.forget_failure();
                    let version = admin.version().await;
                    self.shared.status.borrow_mut().envoy = version;
                    self.certificates_seen = None;
                }
                self.look_at_certificates(&admin).await;
                self.shared.serves();
                self.restart_when_idle(&admin).await;
            }
            Err(error) => {
                *self.shared.envoy.borrow_mut() = Some(told(NOT_SERVING, error));
                if self.shared.is_ready() {
                    self.shared.state(ProxyState::Failing);
                }
            }
        }
    }

    /// Which certificates Envoy holds: another release may name others, and a server of secrets changes them at any time.
    async fn look_at_certificates(&mut self, admin: &Admin) {
        let bundle = self.shared.status.borrow().bundle.clone();
        let is_fresh = |(at, of): &(Instant, Option<Digest>)| at.elapsed() < CERTIFICATES && *of == bundle;
        if self.certificates_seen.as_ref().is_some_and(is_fresh) {
            return;
        }
        // Who is told to stop meanwhile must not wait for it.
        let Ok(certificates) = timeout(Duration::from_secs(2), admin.certificates()).await else {
            return;
        };
        self.certificates_seen = Some((Instant::now(), bundle));
        let before = std::mem::replace(
            &mut self.shared.status.borrow_mut().certificates,
            certificates.clone(),
        );
        if before != certificates {
            self.shared.changed.notify_one();
        }
    }

    /// Starts Envoy anew where its release has another bootstrap or its control plane is back, the setting allows it and no
    /// connection is open: at two looks one after the other, for one may just have ended and another be about to begin.
    async fn restart_when_idle(&mut self, admin: &Admin) {
        if !self.config.restart_when_idle {
            return;
        }
        let has_to_wait = match (&self.control_plane, self.shared.delivery.get()) {
            (Some(plane), Some(Delivery::Fallback)) => plane.is_ready().await.is_err(),
            _ => true,
        };
        let wanted = self.shared.status.borrow().needs_restart || !has_to_wait;
        let idle = wanted && admin.connections().await.is_ok_and(|count| count == 0);
        let was_idle = std::mem::replace(&mut self.idle, idle);
        if let (true, true, Some(child)) = (idle, was_idle, self.child) {
            self.idle = false;
            self.restarting = true;
            child.signal(Signal::TERM);
        }
    }

    /// Told to stop: health fails, peers notice, listeners drain, what is under way ends, Envoy ends.
    async fn drain(mut self) -> u8 {
        let Some(child) = self.child else {
            self.shared.state(ProxyState::Stopped);
            return 0;
        };
        let until = Instant::now() + self.config.stop_timeout.saturating_sub(LAST + report::LAST);
        self.shared.state(ProxyState::Draining);
        let admin = self.shared.admin.borrow().clone();
        log::info("stopping: health checks fail from now on");
        if let Some(admin) = &admin {
            let _ = admin.post("/healthcheck/fail").await;
        }
        let notice = (Instant::now() + self.config.drain_wait).min(until);
        if let Some(status) = self.wait(notice, async |_: &Self| false).await {
            return status;
        }
        if let Some(admin) = &admin {
            // Inbound only: the application still calls others while it ends.
            if let Err(error) = admin.post("/drain_listeners?graceful&inboundonly").await {
                log::warn(&format!("listeners are not drained: {error}"));
            }
        }
        let idle = async |this: &Self| {
            if !task::application_has_ended().await {
                return false;
            }
            let admin = this.shared.admin.borrow().clone();
            match admin {
                Some(admin) => admin.connections().await.is_ok_and(|count| count == 0),
                None => true,
            }
        };
        if let Some(status) = self.wait(until, idle).await {
            return status;
        }
        log::info("stopping Envoy");
        child.signal(Signal::TERM);
        if let Some(status) = self.wait(Instant::now() + LAST, async |_: &Self| false).await {
            return status;
        }
        child.signal(Signal::KILL);
        self.wait(Instant::now() + LAST, async |_: &Self| false)
            .await
            .unwrap_or(137)
    }

    /// Waits until then, or until something holds; the status of Envoy if it ends meanwhile. Told to stop once more,
    /// it waits no longer.
    async fn wait(&mut self, until: Instant, done: impl AsyncFn(&Self) -> bool) -> Option<u8> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            // An answer that does not come must not use up the time in which Envoy is to be ended.
            if left.is_zero() || timeout(left, done(self)).await.unwrap_or(true) {
                return None;
            }
            match self.event(left.min(Duration::from_millis(500))).await {
                Event::Child => {
                    if let Some(status) = reap(self.child) {
                        self.shared.state(ProxyState::Stopped);
                        return Some(u8::try_from(status).unwrap_or(1));
                    }
                }
                Event::Stop => return None,
                Event::Pass(signal) => self.child.into_iter().for_each(|child| child.signal(signal)),
                Event::Startable | Event::Settled | Event::Tick => {}
            }
        }
    }
}

/// `meshform-agent delay -- CMD`: runs an application that stops at once, and tells it to stop only some time after
/// this process was told.
pub(crate) async fn delay(command: Vec<String>, wait: Duration) -> Result<u8, String> {
    let on = |kind| signal(kind).map_err(|error| format!("signals cannot be received: {error}"));
    let mut children = on(SignalKind::child())?;
    let mut term = on(SignalKind::terminate())?;
    let mut interrupt = on(SignalKind::interrupt())?;
    let Some((program, arguments)) = command.split_first() else {
        return Err("no command is given: meshform-agent delay -- CMD".to_owned());
    };
    let child = Child::start(program, arguments)?;
    let mut at: Option<Instant> = None;
    loop {
        // Until it is told to stop there is nothing to wait for: any long time will do.
        let due = at.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
        tokio::select! {
            _ = children.recv() => {
                if let Some(status) = reap(Some(child)) {
                    return Ok(u8::try_from(status).unwrap_or(1));
                }
            }
            _ = term.recv() => at = at.or(Some(Instant::now() + wait)),
            _ = interrupt.recv() => child.signal(Signal::INT),
            () = sleep_until(due) => {
                if at.take().is_some() {
                    child.signal(Signal::TERM);
                }
            }
        }
    }
}
