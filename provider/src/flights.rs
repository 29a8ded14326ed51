//! Writes under way in this process, by mesh: the last of them answers for those before it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

#[derive(Debug, Clone)]
pub(crate) struct Flights {
    under_way: Arc<Mutex<BTreeMap<String, usize>>>,
    /// Told with each write that begins.
    begun: watch::Sender<()>,
}

/// One write under way, until it is dropped.
#[derive(Debug)]
pub(crate) struct Flight {
    flights: Flights,
    mesh: String,
}

impl Default for Flights {
    fn default() -> Self {
        Self {
            under_way: Arc::default(),
            begun: watch::Sender::new(()),
        }
    }
}

impl Flights {
    /// A write to a mesh begins.
    pub(crate) fn begin(&self, mesh: &str) -> Flight {
        *self.under_way().entry(mesh.to_owned()).or_default() += 1;
        self.begun.send_replace(());
        Flight {
            flights: self.clone(),
            mesh: mesh.to_owned(),
        }
    }

    /// Ends when a write to a mesh is under way.
    pub(crate) async fn another(&self, mesh: &str) {
        let mut begun = self.begun.subscribe();
        while !self.under_way().contains_key(mesh) {
            // The sender lives as long as we do.
            let _ = begun.changed().await;
        }
    }

    fn under_way(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, usize>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight {
    pub(crate) fn mesh(&self) -> &str {
        &self.mesh
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut under_way = self.flights.under_way();
        if let Some(count) = under_way.get_mut(&self.mesh) {
            *count -= 1;
            if *count == 0 {
                under_way.remove(&self.mesh);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_write_sees_those_that_are_under_way_and_those_that_begin() {
        let flights = Flights::default();
        let soon = |mesh: &'static str| {
            let flights = flights.clone();
            async move {
                tokio::time::timeout(Duration::from_millis(20), flights.another(mesh))
                    .await
                    .is_ok()
            }
        };
        assert!(!soon("a").await);
        let one = flights.begin("a");
        let two = flights.begin("a");
        assert!(soon("a").await && !soon("b").await);
        drop(one);
        assert!(soon("a").await);
        drop(two);
        assert!(!soon("a").await);
        let later = flights.clone();
        let waiting = tokio::spawn(async move { later.another("a").await });
        let _three = flights.begin("a");
        tokio::time::timeout(Duration::from_secs(20), waiting)
            .await
            .unwrap()
            .unwrap();
    }
}
