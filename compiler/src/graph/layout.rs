//! Where cards stand: columns from left to right, callers before what they call.
//!
//! A general layered layout (the ports of dagre were tried) makes a strip of meshes, as chains of calls have many layers,
//! and moves most of the picture when one card comes. So layers are filled like the columns of a newspaper, to a
//! height that grows with the root of the whole; and of what is in a layer, the order follows the callers, then the order
//! in which cards were given. Every step changes little when one card comes or goes.

use std::collections::{BTreeMap, BTreeSet};

/// Between columns: room for arrows.
pub(super) const COLUMN_GAP: f64 = 96.0;
/// Between cards of a column.
const ROW_GAP: f64 = 28.0;
/// Between bands of columns.
const BAND_GAP: f64 = 72.0;
/// Width by height that is aimed at, and the widest that is still taken.
const SHAPE: f64 = 1.6;
const WIDEST: f64 = 2.9;

/// How many columns a band may have: few numbers, so that it seldom changes.
const BANDS: [usize; 7] = [32, 24, 16, 12, 8, 6, 4];

/// What is to be placed: cards of one width.
#[derive(Debug)]
pub(super) struct Cards<'a> {
    pub(super) width: f64,
    pub(super) heights: &'a [f64],
    /// Which stand in the first column if nothing calls them.
    pub(super) first: &'a [bool],
    /// The card of the caller, and that of the called.
    pub(super) arrows: &'a [(usize, usize)],
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Layout {
    /// The upper left corner of each card.
    pub(super) places: Vec<(f64, f64)>,
    /// The column of each card, counted from the left in every band.
    pub(super) columns: Vec<usize>,
    pub(super) width: f64,
    pub(super) height: f64,
}

pub(super) fn layout(cards: &Cards<'_>) -> Layout {
    let layers = ordered(cards, &layers(cards));
    let height = |card: usize| cards.heights.get(card).copied().unwrap_or_default() + ROW_GAP;
    let column = cards.width + COLUMN_GAP;
    let area: f64 = cards
        .heights
        .iter()
        .map(|height| (height + ROW_GAP) * column)
        .sum();
    let tallest = cards.heights.iter().copied().fold(0.0, f64::max) + ROW_GAP;
    let full = (area / SHAPE).sqrt().max(tallest);
    let columns: Vec<Vec<usize>> = layers
        .iter()
        .flat_map(|layer| filled(layer, full, height))
        .collect();
    let sum = |column: &[usize]| column.iter().map(|card| height(*card)).sum::<f64>() - ROW_GAP;
    let per_band = per_band(&columns, sum, column);
    let mut out = Layout {
        places: vec![(0.0, 0.0); cards.heights.len()],
        columns: vec![0; cards.heights.len()],
        ..Layout::default()
    };
    let mut top = 0.0;
    for band in columns.chunks(per_band) {
        let tall = band.iter().map(|column| sum(column)).fold(0.0, f64::max);
        for ((index, at), cards_of) in (0_u32..).enumerate().zip(band) {
            let x = f64::from(at) * column;
            let mut y = top + (tall - sum(cards_of)) / 2.0;
            for card in cards_of {
                if let (Some(place), Some(column)) = (out.places.get_mut(*card), out.columns.get_mut(*card)) {
                    (*place, *column) = ((x, y), index);
                }
                y += height(*card);
            }
            out.width = out.width.max(x + cards.width);
        }
        top += tall + BAND_GAP;
    }
    out.height = (top - BAND_GAP).max(0.0);
    out
}

/// How many columns stand side by side: all, unless that is a strip.
fn per_band(columns: &[Vec<usize>], sum: impl Fn(&[usize]) -> f64, column: f64) -> usize {
    #[expect(clippy::cast_precision_loss, reason = "a few columns")]
    let shape = |per_band: usize| {
        let bands = columns.chunks(per_band.max(1));
        let high: f64 = bands
            .map(|band| band.iter().map(|one| sum(one)).fold(0.0, f64::max) + BAND_GAP)
            .sum();
        per_band as f64 * column / high.max(1.0)
    };
    let all = columns.len().max(1);
    let steps = BANDS.into_iter().filter(|step| *step < all);
    let mut fits = [all].into_iter().chain(steps);
    fits.find(|per_band| shape(*per_band) <= WIDEST)
        .unwrap_or_else(|| all.min(4))
}

/// A layer as columns of that height.
fn filled(layer: &[usize], full: f64, height: impl Fn(usize) -> f64) -> Vec<Vec<usize>> {
    let mut columns: Vec<Vec<usize>> = Vec::new();
    let mut used = full;
    for card in layer {
        let tall = height(*card);
        if used + tall > full + ROW_GAP {
            columns.push(Vec::new());
            used = 0.0;
        }
        used += tall;
        if let Some(column) = columns.last_mut() {
            column.push(*card);
        }
    }
    columns
}

/// The layer of each card: one behind the last of its callers. Of calls in a circle, the one that closes it does not
/// count.
fn layers(cards: &Cards<'_>) -> Vec<usize> {
    let count = cards.heights.len();
    let mut next: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); count];
    let mut called = vec![false; count];
    for (from, to) in cards.arrows {
        if let (Some(next), Some(called), true) = (next.get_mut(*from), called.get_mut(*to), from != to) {
            next.insert(*to);
            *called = true;
        }
    }
    let order = finished(&next, &called);
    let place: BTreeMap<usize, usize> = order.iter().copied().zip(0..).collect();
    let is_first = |card: usize| cards.first.get(card).copied().unwrap_or_default();
    let mut layers: Vec<usize> = (0..count).map(|card| usize::from(!is_first(card))).collect();
    for from in &order {
        let behind = layers.get(*from).copied().unwrap_or_default() + 1;
        for to in next.get(*from).into_iter().flatten() {
            // What leads back in this order closes a circle.
            if place.get(to) > place.get(from)
                && let Some(layer) = layers.get_mut(*to)
            {
                *layer = behind.max(*layer);
            }
        }
    }
    layers
}

/// The cards so that callers come before what they call, but for calls that close a circle: depth first, those that
/// nothing calls before others.
fn finished(next: &[BTreeSet<usize>], called: &[bool]) -> Vec<usize> {
    let (starts, rest): (Vec<usize>, Vec<usize>) =
        (0..next.len()).partition(|card| !called.get(*card).copied().unwrap_or_default());
    let mut seen = vec![false; next.len()];
    let mut order = Vec::with_capacity(next.len());
    for start in starts.into_iter().chain(rest) {
        let mut open = vec![(start, false)];
        while let Some((card, done)) = open.pop() {
            if done {
                order.push(card);
                continue;
            }
            match seen.get_mut(card) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            open.push((card, true));
            // The first that is called is looked at first.
            open.extend(next.get(card).into_iter().flatten().rev().map(|to| (*to, false)));
        }
    }
    order.reverse();
    order
}

/// The cards of each layer in their order: by where their callers stand, then as they were given.
fn ordered(cards: &Cards<'_>, layers: &[usize]) -> Vec<Vec<usize>> {
    let mut by_layer: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (card, layer) in layers.iter().enumerate() {
        by_layer.entry(*layer).or_default().push(card);
    }
    let mut callers: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (from, to) in cards.arrows {
        if layers.get(*from) < layers.get(*to) {
            callers.entry(*to).or_default().insert(*from);
        }
    }
    // Where a card stands in its layer, from 0 to 1.
    let mut stands = vec![0.5; layers.len()];
    let mut out = Vec::new();
    for (_, mut layer) in by_layer {
        #[expect(clippy::cast_precision_loss, reason = "thousands at most")]
        let mean = |card: usize| {
            let callers = callers.get(&card)?;
            let sum: f64 = callers.iter().filter_map(|caller| stands.get(*caller)).sum();
            Some(sum / callers.len() as f64)
        };
        let keys: BTreeMap<usize, f64> = layer
            .iter()
            .filter_map(|card| Some((*card, mean(*card)?)))
            .collect();
        let key = |card: &usize| keys.get(card).copied().unwrap_or(1.0);
        layer.sort_by(|a, b| key(a).total_cmp(&key(b)).then(a.cmp(b)));
        #[expect(clippy::cast_precision_loss, reason = "thousands at most")]
        for (at, card) in layer.iter().enumerate() {
            if let Some(stands) = stands.get_mut(*card) {
                *stands = (at as f64 + 0.5) / layer.len() as f64;
            }
        }
        out.push(layer);
    }
    out
}

#[cfg(test)]
pub(super) mod tests;
