use super::super::layout::tests::{mesh, placed};
use super::*;

/// The points of a path, on its curves too.
fn points(path: &str) -> Vec<(f64, f64)> {
    let mut out: Vec<(f64, f64)> = Vec::new();
    let mut rest = path;
    while let Some(command) = rest.chars().next() {
        let end = rest[1..].find(['M', 'C', 'H']).map_or(rest.len(), |at| at + 1);
        let numbers: Vec<f64> = rest[1..end]
            .split(' ')
            .map(|part| part.parse().unwrap())
            .collect();
        let last = out.last().copied().unwrap_or_default();
        match (command, numbers.as_slice()) {
            ('M', [x, y]) => out.push((*x, *y)),
            ('H', [x]) => out.extend((1..=20).map(|part| {
                let part = f64::from(part) / 20.0;
                (last.0 + (x - last.0) * part, last.1)
            })),
            ('C', [x1, y1, x2, y2, x3, y3]) => out.extend((1..=20).map(|part| {
                let (t, u) = (f64::from(part) / 20.0, 1.0 - f64::from(part) / 20.0);
                let mix = |a: f64, b: f64, c: f64, d: f64| {
                    u * u * u * a + 3.0 * u * u * t * b + 3.0 * u * t * t * c + t * t * t * d
                };
                (mix(last.0, *x1, *x2, *x3), mix(last.1, *y1, *y2, *y3))
            })),
            other => panic!("{other:?}"),
        }
        rest = &rest[end..];
    }
    out
}

#[test]
fn no_arrow_passes_behind_a_card() {
    for (count, seed) in [
        (2, 1),
        (12, 2),
        (12, 3),
        (60, 4),
        (60, 5),
        (60, 6),
        (300, 7),
        (700, 8),
    ] {
        let mesh = mesh(count, seed);
        let layout = placed(&mesh);
        let mut ways = ArrowRouter::new(&layout, &mesh.heights, 320.0);
        for (from, to) in &mesh.arrows {
            if from == to {
                continue;
            }
            let path = ways.path((*from, 40.0), (*to, 33.0), (0.0, 0.0));
            let points = points(&path);
            for (x, y) in &points[1..points.len() - 1] {
                let hit = layout
                    .places
                    .iter()
                    .zip(&mesh.heights)
                    .position(|((left, top), height)| {
                        (left + 1.0..left + 319.0).contains(x) && (top + 1.0..top + height - 1.0).contains(y)
                    });
                assert_eq!(
                    hit, None,
                    "{count} cards, seed {seed}: {from} to {to} at {x} {y}: {path}"
                );
            }
            let (x, y) = points[points.len() - 1];
            assert!(
                (x - (layout.places[*to].0 - CLEAR)).abs() < 0.1
                    && (y - (layout.places[*to].1 + 33.0)).abs() < 0.1
            );
        }
    }
}
