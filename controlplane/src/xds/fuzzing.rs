//! One stream with any requests in any order, beside a client that keeps what it is sent: the rules of the protocol hold at
//! each step, and a client that goes on to acknowledge everything ends with what the view has.

use super::service::{Delta, DiscoveryProtocol, StateOfTheWorld};
use super::session::{Protocol, Push, Session, TypeRequest};
use super::view::{View, XdsType, made_up, no_endpoints};
use prost::Message as _;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const NAMES: [&str; 5] = ["a", "b", "c", "d.dns", "*"];
const VERSIONS: [&str; 3] = ["1", "2", "3"];
/// More rounds than any sequence of steps takes.
const ROUNDS: u64 = 40;

/// What a client of one type has, and asked for.
#[derive(Debug, Default)]
struct Has {
    open: bool,
    wildcard: bool,
    explicit: bool,
    names: BTreeSet<String>,
    versions: BTreeMap<String, String>,
    waits: Option<Push>,
    /// It refused something, and keeps what it had instead.
    refused: bool,
}

struct Player<'b> {
    rest: &'b [u8],
    protocol: Protocol,
    session: Session,
    view: Option<Arc<View>>,
    client: BTreeMap<XdsType, Has>,
    nonces: BTreeSet<String>,
    now: u64,
}

/// Plays what the bytes say.
pub(crate) fn stream(bytes: &[u8]) -> Result<(), String> {
    let (first, rest) = bytes.split_first().unwrap_or((&0, &[]));
    let protocol = match first % 2 {
        0 => Protocol::Delta,
        _ => Protocol::World,
    };
    let mut player = Player {
        rest,
        protocol,
        session: Session::new(protocol),
        view: None,
        client: BTreeMap::new(),
        nonces: BTreeSet::new(),
        now: 0,
    };
    while let Some(step) = player.byte() {
        player.step(step)?;
    }
    player.obliges()
}

impl Player<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn pick<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        let at = usize::from(self.byte()?);
        all.get(at % all.len().max(1)).copied()
    }

    fn step(&mut self, step: u8) -> Result<(), String> {
        match step % 7 {
            0 => self.as_sent(),
            1 => self.made(),
            2 => self.release(),
            3 => {
                self.now += u64::from(self.byte().unwrap_or_default()) * 100;
                Ok(())
            }
            4 => self.next().map(drop),
            5 => self.answer(None),
            _ => self.answer(Some("no".to_owned())),
        }
    }

    /// A request as bytes.
    fn as_sent(&mut self) -> Result<(), String> {
        let length = usize::from(self.byte().unwrap_or_default()).min(self.rest.len());
        let (message, rest) = self.rest.split_at(length);
        self.rest = rest;
        let read = match self.protocol {
            Protocol::Delta => <Delta as DiscoveryProtocol>::Request::decode(message).map(Delta::asked),
            Protocol::World => {
                <StateOfTheWorld as DiscoveryProtocol>::Request::decode(message).map(StateOfTheWorld::asked)
            }
        };
        match read.map(|(type_url, asked)| (XdsType::of(&type_url), asked)) {
            Ok((Some(kind), asked)) => self.ask(kind, asked),
            // The stream would end.
            Ok((None, _)) | Err(_) => Ok(()),
        }
    }

    /// A request with names that exist.
    fn made(&mut self) -> Result<(), String> {
        let Some(kind) = self.pick(&XdsType::ALL) else {
            return Ok(());
        };
        let what = self.byte().unwrap_or_default();
        let mut names = Vec::new();
        for _ in 0..what % 4 {
            names.extend(self.pick(&NAMES).map(str::to_owned));
        }
        let waits = self.client.get(&kind).and_then(|has| has.waits.as_ref());
        let nonce = match what >> 2 & 3 {
            0 => String::new(),
            1 => "none of ours".to_owned(),
            _ => waits.map(|push| push.nonce.clone()).unwrap_or_default(),
        };
        let mut asked = TypeRequest {
            nonce,
            ..TypeRequest::default()
        };
        match (self.protocol, what >> 4 & 3) {
            (Protocol::World, returns) => {
                asked.names = Some(names);
                asked.returns = returns == 1;
            }
            (Protocol::Delta, 0) => asked.unsubscribe = names,
            (Protocol::Delta, 1) => {
                asked.versions = names
                    .iter()
                    .filter(|name| *name != "*")
                    .map(|name| (name.clone(), VERSIONS[0].to_owned()))
                    .collect();
                asked.returns = !asked.versions.is_empty();
                asked.subscribe = names;
            }
            (Protocol::Delta, _) => asked.subscribe = names,
        }
        self.ask(kind, asked)
    }

    fn release(&mut self) -> Result<(), String> {
        let mut all = Vec::new();
        for kind in XdsType::ALL {
            let mut which = self.byte().unwrap_or_default();
            for name in NAMES.iter().filter(|name| **name != "*") {
                if let Some(version) = VERSIONS.get(usize::from(which % 4)) {
                    all.push((kind, *name, *version));
                }
                which /= 4;
            }
        }
        let view = Arc::new(made_up(&all));
        self.view = Some(Arc::clone(&view));
        self.session.show(view);
        Ok(())
    }

    fn ask(&mut self, kind: XdsType, asked: TypeRequest) -> Result<(), String> {
        let has = self.client.entry(kind).or_default();
        has.asks(self.protocol, kind, &asked);
        let refused = self.session.ask(kind, asked.clone());
        match refused {
            Some(refused) if asked.error.as_deref() != Some(refused.message.as_str()) => {
                Err(format!("{kind:?}: a refusal that nobody sent"))
            }
            _ => Ok(()),
        }
    }

    /// Acknowledges what came first, or refuses it.
    fn answer(&mut self, error: Option<String>) -> Result<(), String> {
        let waits = self.client.iter().find(|(_, has)| has.waits.is_some());
        let Some(kind) = waits.map(|(kind, _)| *kind) else {
            return Ok(());
        };
        let has = self.client.entry(kind).or_default();
        let nonce = has.waits.as_ref().map(|push| push.nonce.clone());
        let names: Vec<String> = has.names.iter().cloned().collect();
        let star = (has.wildcard && has.explicit).then(|| "*".to_owned());
        self.ask(
            kind,
            TypeRequest {
                nonce: nonce.unwrap_or_default(),
                names: (self.protocol == Protocol::World).then(|| names.into_iter().chain(star).collect()),
                error,
                ..TypeRequest::default()
            },
        )
    }

    /// Takes what is sent now.
    fn next(&mut self) -> Result<bool, String> {
        let pushes = self.session.next(self.now);
        let any = !pushes.is_empty();
        for push in pushes {
            self.take(push)?;
        }
        match self.session.next(self.now).as_slice() {
            [] => Ok(any),
            [again, ..] => Err(format!("{:?} is sent twice", again.kind)),
        }
    }

    fn take(&mut self, push: Push) -> Result<(), String> {
        let kind = push.kind;
        let broken = |what: &str| Err(format!("{kind:?} {}: {what}", push.nonce));
        if !self.nonces.insert(push.nonce.clone()) {
            return broken("a nonce that was there");
        }
        let has = self.client.entry(kind).or_default();
        if !has.open {
            return broken("nobody asked");
        }
        if has.waits.is_some() {
            return broken("another response is not answered yet");
        }
        let mut named = BTreeSet::new();
        let names = push.resources.iter().map(|entry| &*entry.name);
        let names = names.chain(push.removed.iter().map(String::as_str));
        for name in names {
            if !named.insert(name) {
                return broken("one name twice");
            }
            if !has.wildcard && !has.names.contains(name) {
                return broken("a name that was not asked for");
            }
        }
        if !push.removed.is_empty() && !has.wildcard && self.protocol == Protocol::Delta {
            return broken("what was asked for by name is removed");
        }
        has.waits = Some(push);
        Ok(())
    }

    /// From here on everything is acknowledged; then the client has what the view says.
    fn obliges(&mut self) -> Result<(), String> {
        for _ in 0..ROUNDS {
            while self.client.values().any(|has| has.waits.is_some()) {
                self.answer(None)?;
            }
            self.now += 1_000;
            self.next()?;
        }
        if self.next()? || self.client.values().any(|has| has.waits.is_some()) {
            return Err("it sends without end".to_owned());
        }
        let Some(view) = self.view.clone() else {
            return Ok(());
        };
        let asked = |kind| self.client.get(&kind).is_some_and(|has| has.open);
        // Clusters that are gone stay until those are asked for that may lead to them.
        let all_asked = [XdsType::Listener, XdsType::Routes]
            .into_iter()
            .all(|kind| asked(kind) || view.of(kind).next().is_none());
        for (kind, has) in self.client.iter().filter(|(_, has)| has.open && !has.refused) {
            // A state of the world says of these two alone what is gone.
            let told = self.protocol == Protocol::Delta || kind.is_wildcard();
            let stays = !told || (*kind == XdsType::Cluster && !all_asked);
            has.agrees(*kind, &view, stays)?;
        }
        Ok(())
    }
}

impl Has {
    fn asks(&mut self, protocol: Protocol, kind: XdsType, asked: &TypeRequest) {
        let answers = self.waits.take_if(|push| push.nonce == asked.nonce);
        if protocol == Protocol::World && !asked.nonce.is_empty() && self.waits.is_some() {
            return;
        }
        match answers {
            Some(push) if asked.error.is_none() => self.keeps(protocol, kind, push),
            Some(_) => self.refused = true,
            None => {}
        }
        if !self.open {
            self.open = true;
            self.versions.clone_from(&asked.versions);
        }
        match &asked.names {
            Some(names) => {
                let star = names.iter().any(|name| name == "*");
                self.names = names.iter().filter(|name| *name != "*").cloned().collect();
                self.explicit |= star || !self.names.is_empty();
                self.wildcard = star || (kind.is_wildcard() && !self.explicit);
            }
            None => {
                self.explicit |= !asked.subscribe.is_empty();
                self.wildcard |= asked.subscribe.iter().any(|name| name == "*");
                self.wildcard |= !self.explicit && kind.is_wildcard();
                let named = asked.subscribe.iter().filter(|name| *name != "*");
                self.names.extend(named.cloned());
                for name in &asked.unsubscribe {
                    // What it lets go it has no more, until it is sent it among all there are.
                    self.names.remove(name);
                    self.versions.remove(name);
                    self.wildcard &= name != "*";
                }
            }
        }
        if !self.wildcard {
            let names = &self.names;
            self.versions.retain(|name, _| names.contains(name));
        }
    }

    fn keeps(&mut self, protocol: Protocol, kind: XdsType, push: Push) {
        if protocol == Protocol::World && kind.is_wildcard() {
            self.versions.clear();
        }
        for name in &push.removed {
            self.versions.remove(name);
        }
        let sent = push.resources.into_iter();
        self.versions
            .extend(sent.map(|entry| (entry.name.to_string(), entry.version.to_string())));
    }

    /// Whether it has what the view says; where it `stays`, what is gone may be there still.
    fn agrees(&self, kind: XdsType, view: &View, stays: bool) -> Result<(), String> {
        let mut wanted: BTreeMap<&str, Arc<str>> = BTreeMap::new();
        if self.wildcard {
            wanted.extend(
                view.of(kind)
                    .map(|(name, entry)| (&**name, entry.version.clone())),
            );
        }
        for name in &self.names {
            if let Some(entry) = view.get(kind, name) {
                wanted.insert(name, entry.version.clone());
            } else if kind == XdsType::Endpoints && view.asks_for(name) {
                wanted.insert(name, no_endpoints(name).version);
            }
        }
        for (name, version) in &wanted {
            if self.versions.get(*name).map(String::as_str) != Some(&**version) {
                return Err(format!(
                    "{kind:?} {name}@{version} is missing: {:?}",
                    self.versions
                ));
            }
        }
        let extra = self
            .versions
            .keys()
            .find(|name| !wanted.contains_key(name.as_str()));
        match extra.filter(|_| self.wildcard && !stays) {
            Some(name) => Err(format!("{kind:?} {name} is not taken away")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    /// Bytes that are the same in every run.
    fn bytes(seed: u64) -> Vec<u8> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 24) as u8
        };
        let length = 20 + usize::from(next());
        (0..length).map(|_| next()).collect()
    }

    #[test]
    fn any_requests_in_any_order_keep_the_rules() {
        for seed in 0..2_000 {
            if let Err(what) = super::stream(&bytes(seed)) {
                panic!("seed {seed}: {what}");
            }
        }
    }
}
