//! A picture as boxes and labelled arrows, for tools that place them themselves.

use super::picture::{Card, CardKind, End, Panel, Row, RowKind};
use super::words::DOT;
use std::collections::BTreeMap;

/// A panel for such a tool. Boxes have short ids: names can hold anything.
#[derive(Debug, Default)]
pub(super) struct Plain {
    pub(super) boxes: Vec<Box>,
    pub(super) lines: Vec<Line>,
}

#[derive(Debug)]
pub(super) struct Box {
    pub(super) id: String,
    /// One text for each line.
    pub(super) label: Vec<String>,
    pub(super) kind: CardKind,
    pub(super) faulty: bool,
}

#[derive(Debug)]
pub(super) struct Line {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) label: String,
    pub(super) faulty: bool,
}

impl Plain {
    /// Of a panel; ids begin with that prefix.
    pub(super) fn of(panel: &Panel, prefix: &str) -> Self {
        let mut plain = Self::default();
        let id = |end: End| match end.row {
            Some(row) => format!("{prefix}c{}r{row}", end.card),
            None => format!("{prefix}c{}", end.card),
        };
        let mut nodes = BTreeMap::new();
        for (at, card) in panel.cards.iter().enumerate() {
            let of_card = End { card: at, row: None };
            if card.part.is_none_or(|(part, _)| part == 1) {
                plain.boxes.push(of_card_box(card, id(of_card)));
            }
            if card.key.kind == meshform_model::kind::Kind::VirtualNode {
                nodes.insert(card.key.name.as_str(), id(of_card));
            }
            for (row, of) in node_rows(card) {
                let id = id(End {
                    card: at,
                    row: Some(row),
                });
                nodes.insert(of.head.as_str(), id.clone());
                let mut label = vec![format!("virtual node {}", of.head)];
                label.extend(of.foot.clone());
                plain.boxes.push(Box {
                    id,
                    label,
                    kind: CardKind::Node,
                    faulty: !of.faults.is_empty(),
                });
            }
        }
        // Rows of a card that goes on in another start from its first part.
        let first = |at: usize| {
            let part = panel.cards.get(at).and_then(|card| card.part);
            at - part.map_or(0, |(part, _)| part - 1)
        };
        for (at, card) in panel.cards.iter().enumerate() {
            let from = id(End {
                card: first(at),
                row: None,
            });
            for row in &card.rows {
                for share in &row.shares {
                    let to = nodes.get(share.node.as_str()).cloned().unwrap_or_else(|| {
                        let id = format!("{prefix}m{}", plain.boxes.len());
                        plain.boxes.push(Box {
                            id: id.clone(),
                            label: vec![format!("virtual node {}", share.node), "is missing".to_owned()],
                            kind: CardKind::Missing,
                            faulty: true,
                        });
                        id
                    });
                    let all = row.shares.len() == 1;
                    let share_of = if all { None } else { Some(share.label()) };
                    let parts = [Some(row.head.clone()), share_of, row.foot.clone()];
                    plain.lines.push(Line {
                        from: from.clone(),
                        to,
                        label: parts.into_iter().flatten().collect::<Vec<_>>().join(DOT),
                        faulty: share.missing || !row.faults.is_empty(),
                    });
                }
            }
            let own = node_rows(card).filter(|_| card.rows.iter().all(|row| row.shares.is_empty()));
            for (row, _) in own {
                plain.lines.push(Line {
                    from: from.clone(),
                    to: id(End {
                        card: at,
                        row: Some(row),
                    }),
                    label: "every request".to_owned(),
                    faulty: false,
                });
            }
        }
        for arrow in &panel.arrows {
            let card = panel.cards.get(arrow.from.card);
            let row = card.and_then(|card| card.rows.get(arrow.from.row?));
            // Where a route sends is told by its shares.
            if row.is_some_and(|row| !row.shares.is_empty()) {
                continue;
            }
            let (from, label) = match row {
                Some(row) if row.kind != RowKind::Node => (
                    id(End {
                        card: first(arrow.from.card),
                        row: None,
                    }),
                    row.head.clone(),
                ),
                _ => (id(arrow.from), "calls".to_owned()),
            };
            let missing = panel.cards.get(arrow.to.card).map(|card| card.kind) == Some(CardKind::Missing);
            let tls = if arrow.tls { ", TLS" } else { "" };
            plain.lines.push(Line {
                from,
                to: id(arrow.to),
                label: format!("{label}{tls}"),
                faulty: missing || row.is_some_and(|row| !row.faults.is_empty() && row.kind != RowKind::Node),
            });
        }
        plain
    }
}

fn of_card_box(card: &Card, id: String) -> Box {
    let mut label = vec![format!("{} {}", card.key.kind.words(), card.key.name)];
    label.extend(Some(card.about.clone()).filter(|about| !about.is_empty()));
    if card.kind == CardKind::Missing {
        label.push("is missing".to_owned());
    }
    let notes = card
        .rows
        .iter()
        .filter(|row| row.kind == RowKind::Note && !row.faults.is_empty());
    label.extend(notes.map(|row| row.head.clone()));
    Box {
        id,
        label,
        kind: card.kind,
        faulty: card.is_faulty(),
    }
}

fn node_rows(card: &Card) -> impl Iterator<Item = (usize, &Row)> {
    let rows = card.rows.iter().enumerate();
    rows.filter(|(_, row)| row.kind == RowKind::Node)
}
