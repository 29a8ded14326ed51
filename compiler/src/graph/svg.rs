//! SVG: text is text, colours follow the reader's system, and nothing runs.

use super::layout::{Cards, layout};
use super::picture::{Card, CardKind, End, Panel, Picture, Row, RowKind};
use super::text::{cut, cut_name, escaped, id, number, width};
use super::ways::ArrowRouter;
use meshform_model::key::ResourceKey;
use meshform_model::kind::Kind;
use std::collections::BTreeSet;

/// The colours and letters of the picture, in a file of their own and in a page.
pub const STYLE: &str = include_str!("picture.css");

const WIDTH: f64 = 320.0;
/// How much wider bold letters are.
const BOLD: f64 = 1.12;
const INSET: f64 = 16.0;
const HEADER: f64 = 58.0;
const MARGIN: f64 = 40.0;
const TITLE: f64 = 56.0;
const PANEL_GAP: f64 = 90.0;
/// Width of the bar of a weight of a hundred.
const BAR: f64 = 56.0;
/// How wide a whole picture may be for its height, and how narrow.
const WIDEST: f64 = 3.0;
const NARROWEST: f64 = 0.5;
/// Problems without a place that are told; the rest is counted.
const TOLD: usize = 8;

/// A file of its own.
pub(super) fn write(picture: &Picture) -> String {
    let drawn = Drawn::of(picture, None);
    let (width, height) = (number(drawn.width), number(drawn.height));
    let size = format!("width=\"{width}\" height=\"{height}\" role=\"img\"");
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}",
        drawn.element(&size, true)
    )
}

/// Where there is a page about a resource, for a picture within such pages.
pub(super) type Pages<'p> = &'p dyn Fn(&ResourceKey) -> String;

/// A picture that is drawn: everything within the `svg` element.
pub(super) struct Drawn<'p> {
    body: String,
    pages: Option<Pages<'p>>,
    pub(super) width: f64,
    pub(super) height: f64,
    label: String,
}

impl<'p> Drawn<'p> {
    pub(super) fn of(picture: &Picture, pages: Option<Pages<'p>>) -> Self {
        let mut drawn = Self {
            body: String::new(),
            pages,
            width: 0.0,
            height: 0.0,
            label: label(picture),
        };
        let across = picture.panels.len().isqrt().max(1);
        let mut top = MARGIN;
        for (row, panels) in picture.panels.chunks(across).enumerate() {
            let (mut left, mut tall) = (MARGIN, 0.0_f64);
            for (at, panel) in panels.iter().enumerate() {
                let index = row * across + at;
                let (width, height) = drawn.panel(panel, &picture.taken, (index, left, top));
                left += width + PANEL_GAP;
                tall = tall.max(height);
            }
            drawn.width = drawn.width.max(left - PANEL_GAP + MARGIN);
            top += tall + PANEL_GAP;
        }
        drawn.height = top - PANEL_GAP + MARGIN;
        drawn.elsewhere(&picture.elsewhere);
        if picture.panels.is_empty() && picture.elsewhere.is_empty() {
            drawn.text("name", MARGIN, MARGIN + 20.0, "Nothing to draw");
            drawn.height = 120.0;
        }
        drawn.width = drawn.width.max(WIDTH + 2.0 * MARGIN);
        drawn
    }

    /// The `svg` element. What is drawn stands in the middle of a paper that is neither a strip nor a tower.
    /// A page that has the style already does without.
    pub(super) fn element(&self, attributes: &str, styled: bool) -> String {
        let style = if styled {
            format!("<style>\n{STYLE}</style>\n")
        } else {
            String::new()
        };
        let width = self.width.max(self.height * NARROWEST);
        let height = self.height.max(self.width / WIDEST);
        let left = (self.width - width) / 2.0;
        let top = (self.height - height) / 2.0;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"mesh\" viewBox=\"{} {} {} {}\" {attributes} \
             aria-label=\"{}\">\n{style}<rect class=\"paper\" x=\"{}\" y=\"{}\" width=\"{}\" \
             height=\"{}\"/>\n{}</svg>\n",
            number(left),
            number(top),
            number(width),
            number(height),
            escaped(&self.label),
            number(left),
            number(top),
            number(width),
            number(height),
            self.body,
        )
    }

    /// The style within [`element`](Self::element), byte by byte.
    pub(super) fn style() -> String {
        format!("\n{STYLE}")
    }

    /// The page about a resource, as an attribute.
    fn page(&self, key: Option<&ResourceKey>) -> String {
        let page = self.pages.zip(key).map(|(pages, key)| pages(key));
        page.map_or(String::new(), |page| format!(" data-page=\"{}\"", escaped(&page)))
    }

    /// Draws one mesh with its upper left corner there; gives its size.
    fn panel(&mut self, panel: &Panel, taken: &BTreeSet<ResourceKey>, at: (usize, f64, f64)) -> (f64, f64) {
        let (index, left, top) = at;
        self.text(
            "mesh-name",
            left,
            top + 24.0,
            &format!("mesh {}", cut_name(&panel.mesh, 22.0, 600.0)),
        );
        let heights: Vec<f64> = panel.cards.iter().map(height).collect();
        let first: Vec<bool> = panel.cards.iter().map(is_first).collect();
        let arrows: Vec<(usize, usize)> = panel
            .arrows
            .iter()
            .map(|arrow| (arrow.from.card, arrow.to.card))
            .collect();
        let layout = layout(&Cards {
            width: WIDTH,
            heights: &heights,
            first: &first,
            arrows: &arrows,
        });
        let mut ways = ArrowRouter::new(&layout, &heights, WIDTH);
        let place = |card: usize| {
            let (x, y) = layout.places.get(card).copied().unwrap_or_default();
            (x + left, y + top + TITLE)
        };
        for arrow in &panel.arrows {
            let (from, to) = (place(arrow.from.card), place(arrow.to.card));
            let start = (from.0 + WIDTH, from.1 + middle(panel, arrow.from));
            let end = (to.0, to.1 + middle(panel, arrow.to));
            let itself = arrow.from.card == arrow.to.card;
            let mut class = "arrow".to_owned();
            let target = panel.cards.get(arrow.to.card);
            if target.is_some_and(|card| card.kind == CardKind::Missing) {
                class.push_str(" broken");
            }
            if to.0 <= from.0 && !itself {
                class.push_str(" back");
            }
            let is_taken = |end: End| key_of(panel, end).is_some_and(|key| taken.contains(key));
            if is_taken(arrow.from) && is_taken(arrow.to) {
                class.push_str(" taken");
            }
            self.body.push_str(&format!(
                "<path class=\"{class}\" data-from=\"m{index}c{}\" data-to=\"m{index}c{}\" d=\"{}\"/>\n",
                arrow.from.card,
                arrow.to.card,
                if itself {
                    to_itself(start, end)
                } else {
                    let foot = |end: End| (end.card, middle(panel, end));
                    ways.path(foot(arrow.from), foot(arrow.to), (left, top + TITLE))
                },
            ));
            let (tip, length) = if itself { (start.0, 9) } else { (end.0, -9) };
            self.body.push_str(&format!(
                "<path class=\"head {class}\" d=\"M{} {}l{length} -4.5v9z\"/>\n",
                number(tip),
                number(end.1)
            ));
            if arrow.tls {
                self.lock(start.0 + 8.0, start.1 - 13.0, "calls by TLS");
            }
        }
        for (at, card) in panel.cards.iter().enumerate() {
            let name = format!("m{index}c{at}");
            self.card(
                card,
                &name,
                (place(at), heights.get(at).copied().unwrap_or_default(), taken),
            );
        }
        (
            layout.width.max(width(&panel.mesh, 22.0).min(660.0)),
            layout.height + TITLE,
        )
    }

    fn card(&mut self, card: &Card, name: &str, at: ((f64, f64), f64, &BTreeSet<ResourceKey>)) {
        let ((x, y), tall, taken) = at;
        let kind = match card.kind {
            CardKind::Gateway => "gateway",
            CardKind::Service => "service",
            CardKind::Router => "router",
            CardKind::Node => "node",
            CardKind::Missing => "missing",
        };
        let mut class = format!("card {kind}");
        if card.is_faulty() {
            class.push_str(" broken");
        }
        if taken.contains(&card.key) {
            class.push_str(" taken");
        }
        let part = card
            .part
            .map_or(String::new(), |(part, of)| format!(", part {part} of {of}"));
        let mut title = vec![format!("{} {}{part}", card.key.kind.words(), card.key.name)];
        title.extend(
            [&card.about]
                .into_iter()
                .filter(|about| !about.is_empty())
                .cloned(),
        );
        title.extend(card.tls.clone());
        title.extend(card.said.clone());
        title.extend(card.faults.iter().cloned());
        let anchor = format!(
            "{}{}",
            id(&card.key.path()),
            card.part.map_or(String::new(), |(part, _)| format!("_p{part}"))
        );
        self.body.push_str(&format!(
            "<a class=\"{class}\" id=\"{anchor}\" href=\"#{anchor}\" data-card=\"{name}\"{}>\n<title>{}</title>\n\
             <rect class=\"body\" x=\"{}\" y=\"{}\" width=\"{WIDTH}\" height=\"{}\" rx=\"8\"/>\n\
             <rect class=\"edge\" x=\"{}\" y=\"{}\" width=\"4\" height=\"{}\" rx=\"2\"/>\n",
            self.page(Some(&card.key).filter(|_| card.kind != CardKind::Missing)),
            escaped(&title.join("\n")),
            number(x),
            number(y),
            number(tall),
            number(x),
            number(y + 8.0),
            number(tall - 16.0),
        ));
        let room = WIDTH - 2.0 * INSET;
        let kind_word = match card.kind {
            CardKind::Missing => format!("{} · missing", card.key.kind.words()),
            _ => card.key.kind.words().to_owned(),
        };
        let kind_word = match card.part {
            Some((part, of)) => format!("{kind_word} · {part} of {of}"),
            None => kind_word,
        };
        self.text("kind", x + INSET, y + 18.0, &kind_word);
        if let Some(said) = &card.said {
            let right = if card.tls.is_some() { 36.0 } else { INSET };
            self.text("said", x + WIDTH - right, y + 18.0, said);
        }
        self.text(
            "name",
            x + INSET,
            y + 37.0,
            &cut_name(&card.key.name, BOLD * 15.0, room),
        );
        self.text("about", x + INSET, y + 52.0, &cut(&card.about, 12.0, room));
        if let Some(tls) = &card.tls {
            self.lock(x + WIDTH - 28.0, y + 8.0, tls);
        }
        let mut top = y + HEADER;
        for row in &card.rows {
            self.row(row, x, top, taken);
            top += row_height(row);
        }
        for fault in &card.faults {
            self.text("fault", x + INSET, top + 13.0, &cut(fault, 12.0, room));
            top += 18.0;
        }
        if card.hidden > 0 {
            let more = match card.hidden {
                1 => "1 arrow leads out of the picture".to_owned(),
                many => format!("{many} arrows lead out of the picture"),
            };
            self.text("foot", x + INSET, top + 13.0, &more);
        }
        self.body.push_str("</a>\n");
    }

    fn row(&mut self, row: &Row, x: f64, top: f64, taken: &BTreeSet<ResourceKey>) {
        let kind = match row.kind {
            RowKind::Route => "route",
            RowKind::Node => "of-node",
            RowKind::Note => "note",
        };
        let mut class = format!("row {kind}");
        if !row.faults.is_empty() {
            class.push_str(" broken");
        }
        if row.key.as_ref().is_some_and(|key| taken.contains(key)) {
            class.push_str(" taken");
        }
        let title: Vec<&str> = [row.title.as_str()]
            .into_iter()
            .chain(row.said.as_deref())
            .chain(row.faults.iter().map(String::as_str))
            .collect();
        self.body.push_str(&format!(
            "<g class=\"{class}\"{}>\n<title>{}</title>\n<rect class=\"under\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>\n",
            self.page(row.key.as_ref()),
            escaped(&title.join("\n")),
            number(x + 4.0),
            number(top),
            number(WIDTH - 4.0),
            number(row_height(row)),
        ));
        let room = WIDTH - 2.0 * INSET;
        let mut y = top + 18.0;
        let mut head_room = if row.tls.is_some() { room - 20.0 } else { room };
        if let Some(said) = &row.said {
            self.text("said", x + INSET + head_room, y, said);
            head_room -= width(said, 11.0) + 8.0;
        }
        let head = match row.kind {
            RowKind::Node => cut_name(&row.head, 13.0, head_room),
            RowKind::Route | RowKind::Note => cut(&row.head, 13.0, head_room),
        };
        self.text("head-line", x + INSET, y, &head);
        if let Some(tls) = &row.tls {
            self.lock(x + WIDTH - 28.0, y - 13.0, tls);
        }
        for share in &row.shares {
            y += 18.0;
            let mut from = x + INSET;
            if row.shares.len() == 1 {
                self.text("share", from, y, "→");
                from += 18.0;
            } else {
                self.body.push_str(&format!(
                    "<rect class=\"track\" x=\"{}\" y=\"{}\" width=\"{BAR}\" height=\"8\" rx=\"2\"/>\n<rect class=\"bar\" \
                     x=\"{}\" y=\"{}\" width=\"{}\" height=\"8\" rx=\"2\"/>\n",
                    number(from),
                    number(y - 9.0),
                    number(from),
                    number(y - 9.0),
                    number(BAR * share.percent / 100.0),
                ));
                self.text("share percent", from + BAR + 42.0, y, &share.label());
                from += BAR + 50.0;
            }
            let class = if share.missing { "share missing" } else { "share" };
            let missing = if share.missing { " is missing" } else { "" };
            let room = x + WIDTH - INSET - from - width(missing, 12.5);
            self.text(
                class,
                from,
                y,
                &format!("{}{missing}", cut_name(&share.node, 12.5, room)),
            );
        }
        if let Some(foot) = &row.foot {
            y += 16.0;
            self.text("foot", x + INSET, y, &cut(foot, 12.0, room));
        }
        for fault in &row.faults {
            // A note that is itself what is wrong is not told twice.
            if *fault != row.head {
                y += 16.0;
                self.text("fault", x + INSET, y, &cut(fault, 12.0, room));
            }
        }
        self.body.push_str("</g>\n");
    }

    fn elsewhere(&mut self, problems: &[String]) {
        if problems.is_empty() {
            return;
        }
        let mut y = self.height;
        self.text("name fault", MARGIN, y, "Not in the picture");
        let more = problems.len().saturating_sub(TOLD);
        let more = (more > 0).then(|| format!("and {more} more"));
        for problem in problems
            .iter()
            .take(TOLD)
            .map(String::as_str)
            .chain(more.as_deref())
        {
            y += 20.0;
            self.text("fault", MARGIN, y, &cut(problem, 12.0, 900.0));
        }
        self.width = self.width.max(900.0 + 2.0 * MARGIN);
        self.height = y + MARGIN;
    }

    fn text(&mut self, class: &str, x: f64, y: f64, text: &str) {
        self.body.push_str(&format!(
            "<text class=\"{class}\" x=\"{}\" y=\"{}\">{}</text>\n",
            number(x),
            number(y),
            escaped(text)
        ));
    }

    fn lock(&mut self, x: f64, y: f64, title: &str) {
        self.body.push_str(&format!(
            "<g class=\"lock\" transform=\"translate({} {})\"><title>{}</title><path d=\"M3 6V4a3 3 0 0 1 6 0v2\"/><rect \
             x=\"1\" y=\"6\" width=\"10\" height=\"7\" rx=\"1.5\"/></g>\n",
            number(x),
            number(y),
            escaped(title)
        ));
    }
}

/// What the whole is, for whoever cannot see it.
fn label(picture: &Picture) -> String {
    let names: Vec<&str> = picture.panels.iter().map(|panel| panel.mesh.as_str()).collect();
    match names.as_slice() {
        [] => "No mesh".to_owned(),
        [one] => format!("Mesh {one}"),
        many => format!("Meshes {}", many.join(", ")),
    }
}

fn is_first(card: &Card) -> bool {
    matches!(card.kind, CardKind::Gateway | CardKind::Node)
        || (card.kind == CardKind::Missing && card.key.kind == Kind::VirtualGateway)
}

fn key_of(panel: &Panel, end: End) -> Option<&ResourceKey> {
    let card = panel.cards.get(end.card)?;
    match end.row {
        Some(row) => card.rows.get(row)?.key.as_ref(),
        None => Some(&card.key),
    }
}

fn height(card: &Card) -> f64 {
    let rows: f64 = card.rows.iter().map(row_height).sum();
    let lines = card.faults.len() + usize::from(card.hidden > 0);
    HEADER + rows + lines_height(lines, 18.0) + 8.0
}

fn row_height(row: &Row) -> f64 {
    let faults = row.faults.iter().filter(|fault| **fault != row.head).count();
    let small = faults + usize::from(row.foot.is_some());
    28.0 + lines_height(row.shares.len(), 18.0) + lines_height(small, 16.0)
}

#[expect(clippy::cast_precision_loss, reason = "a few lines")]
fn lines_height(lines: usize, each: f64) -> f64 {
    lines as f64 * each
}

/// How far below the upper edge of its card an arrow begins or ends.
fn middle(panel: &Panel, end: End) -> f64 {
    let Some((row, card)) = end.row.zip(panel.cards.get(end.card)) else {
        return 33.0;
    };
    let above: f64 = card.rows.iter().take(row).map(row_height).sum();
    HEADER + above + 14.0
}

/// On the drawing, in its units: to the right, and down.
type Point = (f64, f64);

/// From the right edge of a card to its own name, there.
fn to_itself(from: Point, to: Point) -> String {
    let ((x, y1), (_, y2)) = (from, to);
    let far = number(x + 44.0);
    format!(
        "M{} {}C{far} {} {far} {} {} {}",
        number(x),
        number(y1),
        number(y1),
        number(y2),
        number(x + 8.0),
        number(y2),
    )
}
