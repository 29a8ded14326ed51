//! What is shown: a card for each gateway, virtual service and node that stands alone, rows in it, arrows between them.

use meshform_model::key::ResourceKey;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A card with more rows goes on in another.
const MAX_ROWS: usize = 24;

/// Meshes as they are drawn.
#[derive(Debug, Clone, Default)]
pub struct Picture {
    pub(super) panels: Vec<Panel>,
    /// Problems that have no place in the picture, in words.
    pub(super) elsewhere: Vec<String>,
    /// What a request takes; see [`Picture::highlight`].
    pub(super) taken: BTreeSet<ResourceKey>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Panel {
    pub(super) mesh: String,
    pub(super) cards: Vec<Card>,
    pub(super) arrows: Vec<Arrow>,
}

/// What a card is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CardKind {
    Gateway,
    Service,
    /// A router that provides no virtual service.
    Router,
    /// A node that no virtual service sends to.
    Node,
    /// Something that is named and not there.
    Missing,
}

#[derive(Debug, Clone)]
pub(super) struct Card {
    pub(super) key: ResourceKey,
    /// The router whose routes it shows.
    pub(super) router: Option<ResourceKey>,
    pub(super) kind: CardKind,
    /// Where one with many rows goes on: which part, of how many.
    pub(super) part: Option<(usize, usize)>,
    /// The line under the name.
    pub(super) about: String,
    pub(super) tls: Option<String>,
    /// What else is to be said of it: see [`Picture::annotate`].
    pub(super) said: Option<String>,
    pub(super) rows: Vec<Row>,
    pub(super) faults: Vec<String>,
    /// Arrows to and from cards that are left out.
    pub(super) hidden: usize,
}

/// What a row is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowKind {
    Route,
    Node,
    Note,
}

/// A line or a few in a card.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) kind: RowKind,
    pub(super) key: Option<ResourceKey>,
    /// The condition, or the node's name.
    pub(super) head: String,
    pub(super) shares: Vec<Share>,
    pub(super) foot: Option<String>,
    /// Everything, for whoever looks closer.
    pub(super) title: String,
    pub(super) tls: Option<String>,
    pub(super) said: Option<String>,
    pub(super) faults: Vec<String>,
}

/// What a node gets of a route.
#[derive(Debug, Clone)]
pub(super) struct Share {
    pub(super) node: String,
    pub(super) percent: f64,
    pub(super) missing: bool,
}

/// A card, or a row of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct End {
    pub(super) card: usize,
    pub(super) row: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Arrow {
    pub(super) from: End,
    pub(super) to: End,
    pub(super) tls: bool,
}

// === impl Picture ===

impl Picture {
    /// Only what is within so many arrows of what has that name. `false`, and nothing changed, where nothing has it.
    pub fn around(&mut self, name: &str, hops: usize) -> bool {
        let near: Vec<BTreeSet<usize>> = self.panels.iter().map(|panel| panel.near(name, hops)).collect();
        if near.iter().all(BTreeSet::is_empty) {
            return false;
        }
        for (panel, near) in self.panels.iter_mut().zip(near) {
            panel.keep(&near);
        }
        self.panels.retain(|panel| !panel.cards.is_empty());
        true
    }

    /// How many boxes it has.
    pub fn boxes(&self) -> usize {
        self.panels.iter().map(|panel| panel.cards.len()).sum()
    }

    /// The name of the box with the most arrows, of several the first: a picture that is too large begins there.
    pub fn busiest(&self) -> Option<&str> {
        let of_panel = |panel: &'_ Panel| -> Vec<usize> {
            let mut counts = vec![0; panel.cards.len()];
            for card in panel
                .arrows
                .iter()
                .flat_map(|arrow| [arrow.from.card, arrow.to.card])
            {
                if let Some(count) = counts.get_mut(card) {
                    *count += 1;
                }
            }
            counts
        };
        let all = self
            .panels
            .iter()
            .flat_map(|panel| of_panel(panel).into_iter().zip(&panel.cards));
        let mut best: Option<(usize, &str)> = None;
        for (count, card) in all {
            if best.is_none_or(|(most, _)| count > most) {
                best = Some((count, &card.key.name));
            }
        }
        best.map(|(_, name)| name)
    }

    /// Every name that [`around`](Self::around) takes, sorted.
    pub fn names(&self) -> BTreeSet<&str> {
        let cards = self.panels.iter().flat_map(|panel| &panel.cards);
        cards.flat_map(Card::keys).map(|key| key.name.as_str()).collect()
    }

    /// Marks the resources that a request takes: gateway routes, routes, services, nodes.
    pub fn highlight(&mut self, taken: impl IntoIterator<Item = ResourceKey>) {
        self.taken.extend(taken);
    }
}

impl Panel {
    /// Cards within so many arrows, in either direction, of those that have the name or hold what has it.
    fn near(&self, name: &str, hops: usize) -> BTreeSet<usize> {
        let has = |card: &Card| card.keys().any(|key| key.name == name);
        let mut neighbours: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for arrow in &self.arrows {
            neighbours
                .entry(arrow.from.card)
                .or_default()
                .insert(arrow.to.card);
            neighbours
                .entry(arrow.to.card)
                .or_default()
                .insert(arrow.from.card);
        }
        let first = (0..)
            .zip(&self.cards)
            .filter(|(_, card)| has(card))
            .map(|(at, _)| (at, 0));
        let mut open: VecDeque<(usize, usize)> = first.collect();
        let mut near = BTreeSet::new();
        while let Some((card, far)) = open.pop_front() {
            if !near.insert(card) || far == hops {
                continue;
            }
            let next = neighbours.get(&card).into_iter().flatten();
            open.extend(next.map(|card| (*card, far + 1)));
        }
        near
    }

    fn keep(&mut self, near: &BTreeSet<usize>) {
        let places: BTreeMap<usize, usize> = near.iter().copied().zip(0..).collect();
        let mut arrows = Vec::new();
        for mut arrow in std::mem::take(&mut self.arrows) {
            match (places.get(&arrow.from.card), places.get(&arrow.to.card)) {
                (Some(from), Some(to)) => {
                    (arrow.from.card, arrow.to.card) = (*from, *to);
                    arrows.push(arrow);
                }
                (Some(_), None) => self.hide(arrow.from.card),
                (None, Some(_)) => self.hide(arrow.to.card),
                (None, None) => {}
            }
        }
        self.arrows = arrows;
        let cards = std::mem::take(&mut self.cards).into_iter().enumerate();
        self.cards = cards
            .filter(|(at, _)| near.contains(at))
            .map(|(_, card)| card)
            .collect();
    }

    fn hide(&mut self, card: usize) {
        if let Some(card) = self.cards.get_mut(card) {
            card.hidden += 1;
        }
    }

    /// Cards with many rows become several, so that none is a tower.
    pub(super) fn split(&mut self) {
        let mut firsts = Vec::new();
        let mut cards = Vec::new();
        for mut card in std::mem::take(&mut self.cards) {
            firsts.push(cards.len());
            let parts = card.rows.len().div_ceil(MAX_ROWS).max(1);
            let mut rows = std::mem::take(&mut card.rows).into_iter();
            for part in 0..parts {
                let mut one = card.clone();
                one.rows = rows.by_ref().take(MAX_ROWS).collect();
                one.part = (parts > 1).then_some((part + 1, parts));
                cards.push(one);
            }
        }
        let moved = |end: &mut End| {
            let first = firsts.get(end.card).copied().unwrap_or_default();
            let (part, row) = end
                .row
                .map_or((0, None), |row| (row / MAX_ROWS, Some(row % MAX_ROWS)));
            *end = End {
                card: first + part,
                row,
            };
        };
        for arrow in &mut self.arrows {
            moved(&mut arrow.from);
            moved(&mut arrow.to);
        }
        self.cards = cards;
    }
}

impl Row {
    pub(super) fn new(kind: RowKind, key: Option<ResourceKey>, head: &str) -> Self {
        Self {
            kind,
            key,
            head: head.to_owned(),
            shares: Vec::new(),
            foot: None,
            title: head.to_owned(),
            tls: None,
            said: None,
            faults: Vec::new(),
        }
    }
}

impl Card {
    /// The resources that the card shows.
    fn keys(&self) -> impl Iterator<Item = &ResourceKey> {
        let rows = self.rows.iter().filter_map(|row| row.key.as_ref());
        rows.chain(&self.router).chain([&self.key])
    }

    /// Whether something is wrong with it or with what is in it.
    pub(super) fn is_faulty(&self) -> bool {
        !self.faults.is_empty()
    }
}

impl Share {
    /// The share as a label: `75 %`.
    pub(super) fn label(&self) -> String {
        let percent = (self.percent * 10.0).round() / 10.0;
        format!("{percent} %")
    }
}
