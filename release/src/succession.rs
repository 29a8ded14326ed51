//! When an agent that gave up on its Envoy is nobody's concern any more. Its report stays in the bucket for a day, under a name
//! that no other task has, and its place may long be taken.

use crate::bucket::{GRACE_MILLIS, LOST_MILLIS};
use crate::manifest::Manifest;
use meshform_bundle::ProxyId;
use meshform_bundle::objects::{ProxyState, Status};
use meshform_store::Timestamp;
use std::collections::BTreeMap;

/// The reports of a mesh, by proxy: those of the instances beside one that gave up tell whether it was replaced.
pub(crate) struct Succession<'r>(BTreeMap<&'r str, Vec<&'r (Status, Timestamp)>>);

impl<'r> Succession<'r> {
    pub(crate) fn of(reports: &'r [(Status, Timestamp)]) -> Self {
        let mut all: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for report in reports {
            all.entry(&report.0.proxy).or_default().push(report);
        }
        Self(all)
    }

    /// Whether an agent gave up, and that is over:
    ///
    /// - the release has no such proxy any more, or it was a day ago;
    /// - an instance of the proxy whose agent began later has served, or has given up in its turn. One that only starts shows
    ///   nothing yet: a task that is replaced again and again is as broken in between;
    /// - or it was 25 minutes ago, and another instance serves. Whoever replaces tasks has done so by then, unless this one is not
    ///   wanted any more, as after a deployment that was taken back.
    ///
    /// An agent whose container is started again writes over its own report.
    pub(crate) fn is_over(
        &self,
        status: &Status,
        at: Timestamp,
        now: Timestamp,
        wanted: Option<&Manifest>,
    ) -> bool {
        if !status.gave_up {
            return false;
        }
        let ago = |at: Timestamp| now.0.saturating_sub(at.0);
        let proxy = ProxyId::parse(&status.proxy).ok();
        let is_gone = proxy
            .zip(wanted)
            .is_some_and(|(proxy, wanted)| !wanted.proxies.contains_key(&proxy.folder()));
        if is_gone || ago(at) > GRACE_MILLIS {
            return true;
        }
        let beside = self.0.get(status.proxy.as_str()).into_iter().flatten();
        let mut others = beside.filter(|(other, _)| other.instance != status.instance);
        let is_long_ago = ago(at) > LOST_MILLIS;
        others.any(|(other, told)| {
            let serves = other.state == ProxyState::Ready && ago(*told) <= LOST_MILLIS;
            (other.started > status.at && has_begun(other)) || (is_long_ago && serves)
        })
    }
}

/// Whether an instance has got beyond its start: it has served, or has given up.
fn has_begun(status: &Status) -> bool {
    match status.state {
        ProxyState::Ready | ProxyState::Draining => true,
        ProxyState::Failing => status.gave_up,
        ProxyState::Stopped => status.since > 0,
        ProxyState::Starting => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ProxyEntry;
    use meshform_bundle::Digest;
    use meshform_model::key::ResourceKey;
    use meshform_model::kind::Kind;
    use meshform_store::Revision;

    const MINUTE: i64 = 60_000;
    const NOW: i64 = 100 * 24 * 60 * MINUTE;

    fn ago(minutes: i64) -> Timestamp {
        Timestamp(NOW - minutes * MINUTE)
    }

    fn millis(at: Timestamp) -> u64 {
        u64::try_from(at.0).unwrap()
    }

    /// An instance of `a` that began and reported so many minutes ago.
    fn report(
        instance: &str,
        began: i64,
        told: i64,
        change: impl FnOnce(&mut Status),
    ) -> (Status, Timestamp) {
        let mut status = Status::new(&ProxyId::virtual_node("apps", "a"), instance);
        status.started = millis(ago(began));
        status.at = millis(ago(told));
        status.state = ProxyState::Ready;
        change(&mut status);
        (status, ago(told))
    }

    fn gave_up(status: &mut Status) {
        status.state = ProxyState::Failing;
        status.gave_up = true;
    }

    fn release(names: &[&str]) -> Manifest {
        let mut wanted = Manifest::new("store".into(), "apps", Revision(1));
        for name in names {
            let entry = ProxyEntry {
                key: ResourceKey::in_mesh("apps", Kind::VirtualNode, *name),
                digest: "digest".to_owned(),
                bundle: Digest::of(b"bundle"),
                bootstrap: Digest::of(b"bootstrap"),
            };
            wanted
                .proxies
                .insert(ProxyId::virtual_node("apps", name).folder(), entry);
        }
        wanted
    }

    #[test]
    fn who_gave_up_is_of_concern_until_it_was_replaced() {
        let is_over = |ended: i64, others: Vec<(Status, Timestamp)>| {
            let mut all = vec![report("gone", ended + 1, ended, gave_up)];
            all.extend(others);
            let (status, at) = &all[0];
            Succession::of(&all).is_over(status, *at, ago(0), Some(&release(&["a"])))
        };
        assert!(!is_over(5, vec![]));
        assert!(!is_over(60, vec![]), "nobody serves in its place");
        assert!(is_over(25 * 60, vec![]), "that was yesterday");
        let after = |change: fn(&mut Status)| vec![report("next", 4, 1, change)];
        assert!(is_over(5, after(|_| {})));
        assert!(is_over(5, after(gave_up)), "the later one tells the same");
        assert!(!is_over(5, after(|status| status.state = ProxyState::Starting)));
        assert!(!is_over(5, after(|status| status.state = ProxyState::Failing)));
        let stopped = |status: &mut Status| status.state = ProxyState::Stopped;
        assert!(!is_over(5, after(stopped)), "it has never served");
        assert!(is_over(
            5,
            after(|status| {
                status.state = ProxyState::Stopped;
                status.since = 1;
            })
        ));
        // Of several tasks the others go on: only the time tells that it is not wanted any more.
        let before = || vec![report("other", 90, 1, |_| {})];
        assert!(!is_over(5, before()));
        assert!(is_over(26, before()));
        let lost = vec![report("other", 90, 26, |_| {})];
        assert!(!is_over(26, lost), "it is not there either");
        let mut elsewhere = after(|_| {});
        elsewhere[0].0.proxy = ProxyId::virtual_node("apps", "b").to_string();
        assert!(!is_over(5, elsewhere));
    }

    #[test]
    fn who_gave_up_is_of_no_concern_where_the_release_has_no_such_proxy() {
        let all = [report("gone", 2, 1, gave_up), report("runs", 2, 1, |_| {})];
        let reports = Succession::of(&all);
        let is_over = |report: usize, wanted: Option<&Manifest>| {
            let (status, at) = &all[report];
            reports.is_over(status, *at, ago(0), wanted)
        };
        assert!(is_over(0, Some(&release(&["b"]))));
        assert!(!is_over(0, None));
        assert!(!is_over(1, Some(&release(&["b"]))), "it gave nothing up");
    }
}
