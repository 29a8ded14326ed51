//! The ways of arrows: along the gaps between columns and between cards, never behind a card.
//!
//! Between two columns there is a gap from top to bottom of the picture. What leads past a column crosses it where it is
//! free: between two of its cards, above them or below them, as near to the straight line as that is.

use super::layout::{COLUMN_GAP, Layout};
use super::text::number;

/// How far arrows stay from cards.
const CLEAR: f64 = 8.0;
/// Between arrows that take the same gap, and how many find a place of their own there.
const LANE: f64 = 4.0;
const LANES: u32 = 4;
/// How far an arrow swings out that turns back.
const SWING: f64 = 44.0;

/// Where a column is free, from top to bottom.
#[derive(Debug, Clone, Copy)]
struct FreeSpan {
    from: f64,
    to: f64,
    /// How many arrows take it.
    used: u32,
}

#[derive(Debug)]
pub(super) struct ArrowRouter<'l> {
    layout: &'l Layout,
    width: f64,
    /// What is free of each column.
    free: Vec<Vec<FreeSpan>>,
}

/// An end of an arrow: a card, and how far below its upper edge.
pub(super) type Anchor = (usize, f64);

impl<'l> ArrowRouter<'l> {
    pub(super) fn new(layout: &'l Layout, heights: &[f64], width: f64) -> Self {
        let columns = layout.columns.iter().max().map_or(0, |last| last + 1);
        let mut cards: Vec<Vec<(f64, f64)>> = vec![Vec::new(); columns];
        for ((column, (_, y)), height) in layout.columns.iter().zip(&layout.places).zip(heights) {
            if let Some(column) = cards.get_mut(*column) {
                column.push((*y, y + height));
            }
        }
        let free = cards.into_iter().map(|mut cards| {
            cards.sort_by(|a, b| a.0.total_cmp(&b.0));
            let starts = [f64::NEG_INFINITY]
                .into_iter()
                .chain(cards.iter().map(|(_, bottom)| bottom + CLEAR));
            let ends = cards.iter().map(|(top, _)| top - CLEAR).chain([f64::INFINITY]);
            let free = starts.zip(ends).map(|(from, to)| FreeSpan { from, to, used: 0 });
            free.collect()
        });
        Self {
            layout,
            width,
            free: free.collect(),
        }
    }

    /// The path from the right edge of one card to the left edge of another, moved by `shift`.
    pub(super) fn path(&mut self, from: Anchor, to: Anchor, shift: (f64, f64)) -> String {
        let place = |card: usize| self.layout.places.get(card).copied().unwrap_or_default();
        let column = |card: usize| self.layout.columns.get(card).copied().unwrap_or_default();
        let ((x1, top1), (x2, top2)) = (place(from.0), place(to.0));
        let start = (x1 + self.width, top1 + from.1);
        let end = (x2 - CLEAR, top2 + to.1);
        let (first, last) = (column(from.0), column(to.0));
        let pitch = self.width + COLUMN_GAP;
        let mut path = Path::from(start, shift);
        if last > first {
            for column in first + 1..last {
                let left = at(column, pitch);
                let part = (left - start.0) / (end.0 - start.0);
                let y = self.crossing(column, start.1 + (end.1 - start.1) * part);
                path.swing(left, y);
                path.straight(left + self.width);
            }
            path.swing(end.0, end.1);
        } else {
            // Back: out to the right, past each column on the way, and in from the left.
            let mut y = (start.1 + end.1) / 2.0;
            for column in (last..=first).rev() {
                let left = at(column, pitch);
                y = self.crossing(column, y);
                match column == first {
                    true => path.turn(left + self.width, y, SWING),
                    false => path.swing(left + self.width, y),
                }
                path.straight(left);
            }
            path.turn(end.0, end.1, -SWING);
        }
        path.text
    }

    /// Where a column is crossed by what would best cross it at `y`.
    fn crossing(&mut self, column: usize, y: f64) -> f64 {
        let Some(free) = self.free.get_mut(column) else {
            return y;
        };
        let far = |free: &FreeSpan| (y - y.clamp(free.from, free.to)).abs();
        let Some(best) = free.iter_mut().min_by(|a, b| far(a).total_cmp(&far(b))) else {
            return y;
        };
        let lane = f64::from(best.used % LANES) * LANE;
        best.used += 1;
        match y {
            y if y < best.from => (best.from + lane).min(best.to),
            y if y > best.to => (best.to - lane).max(best.from),
            y => y,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a few columns")]
fn at(column: usize, pitch: f64) -> f64 {
    column as f64 * pitch
}

/// The text of a path in SVG.
struct Path {
    text: String,
    at: (f64, f64),
    shift: (f64, f64),
}

impl Path {
    fn from(at: (f64, f64), shift: (f64, f64)) -> Self {
        let mut path = Self {
            text: String::new(),
            at,
            shift,
        };
        path.text = format!("M{}", path.point(at));
        path
    }

    fn point(&self, at: (f64, f64)) -> String {
        let (x, y) = at;
        format!("{} {}", number(x + self.shift.0), number(y + self.shift.1))
    }

    /// On to a place, leaving and arriving level.
    fn swing(&mut self, x: f64, y: f64) {
        let half = (x - self.at.0) / 2.0;
        self.bend(self.at.0 + half, x - half, (x, y));
    }

    /// On to a place that is looked at from where this came: out by so much, and back.
    fn turn(&mut self, x: f64, y: f64, out: f64) {
        self.bend(self.at.0 + out, x + out, (x, y));
    }

    fn bend(&mut self, out: f64, into: f64, to: (f64, f64)) {
        let (one, two, end) = (
            self.point((out, self.at.1)),
            self.point((into, to.1)),
            self.point(to),
        );
        self.text.push_str(&format!("C{one} {two} {end}"));
        self.at = to;
    }

    fn straight(&mut self, x: f64) {
        self.text.push_str(&format!("H{}", number(x + self.shift.0)));
        self.at.0 = x;
    }
}

#[cfg(test)]
mod tests;
