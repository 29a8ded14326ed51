use super::*;

/// A mesh by chance: each card calls up to three of those after it, seldom one before.
pub(in crate::graph) struct Mesh {
    pub(in crate::graph) heights: Vec<f64>,
    first: Vec<bool>,
    pub(in crate::graph) arrows: Vec<(usize, usize)>,
}

fn next(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    usize::try_from(*state >> 33).unwrap()
}

pub(in crate::graph) fn mesh(count: usize, seed: u64) -> Mesh {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut mesh = Mesh {
        heights: Vec::new(),
        first: Vec::new(),
        arrows: Vec::new(),
    };
    // Calls go a few layers down, as those of applications do, or along chains.
    let deep = next(&mut state) % 3;
    for card in 0..count {
        mesh.heights.push(80.0 + (next(&mut state) % 160) as f64);
        mesh.first.push(card < 1 + count / 20);
        for _ in 0..next(&mut state) % 3 {
            let far = if deep == 0 { count } else { 1 + count / (4 * deep) };
            let to = card + 1 + next(&mut state) % far;
            if to < count {
                mesh.arrows.push((card, to));
            } else if next(&mut state).is_multiple_of(20) {
                mesh.arrows.push((card, next(&mut state) % count));
            }
        }
    }
    mesh
}

pub(in crate::graph) fn placed(mesh: &Mesh) -> Layout {
    layout(&Cards {
        width: 320.0,
        heights: &mesh.heights,
        first: &mesh.first,
        arrows: &mesh.arrows,
    })
}

/// How far the cards of a mesh move on average when one comes, of the picture's diagonal.
fn moved(before: &Mesh, seed: u64) -> f64 {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let count = before.heights.len();
    let at = next(&mut state) % (count + 1);
    let shifted = |card: usize| if card < at { card } else { card + 1 };
    let mut after = Mesh {
        heights: before.heights.clone(),
        first: before.first.clone(),
        arrows: before
            .arrows
            .iter()
            .map(|(a, b)| (shifted(*a), shifted(*b)))
            .collect(),
    };
    after.heights.insert(at, 150.0);
    after.first.insert(at, false);
    // One of those before it calls it, and it calls one of those behind.
    if at > 0 {
        after.arrows.push((next(&mut state) % at, at));
    }
    if at < count && next(&mut state).is_multiple_of(2) {
        after.arrows.push((at, at + 1 + next(&mut state) % (count - at)));
    }
    let (old, new) = (placed(before), placed(&after));
    let sum: f64 = (0..count)
        .map(|card| {
            let ((x1, y1), (x2, y2)) = (old.places[card], new.places[shifted(card)]);
            (x1 - x2).hypot(y1 - y2)
        })
        .sum();
    sum / count as f64 / new.width.hypot(new.height)
}

#[test]
fn nothing_overlaps_and_the_shape_is_that_of_a_page() {
    for seed in 0..120 {
        let count = 1 + (seed as usize * 7) % 400;
        let mesh = mesh(count, seed);
        let layout = placed(&mesh);
        let mut columns: BTreeMap<i64, Vec<(f64, f64)>> = BTreeMap::new();
        for ((x, y), height) in layout.places.iter().zip(&mesh.heights) {
            assert!(
                *x >= 0.0
                    && *y >= -0.01
                    && x + 320.0 <= layout.width + 0.01
                    && y + height <= layout.height + 0.01
            );
            columns.entry(*x as i64).or_default().push((*y, y + height));
        }
        for column in columns.values_mut() {
            column.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert!(
                column.windows(2).all(|pair| pair[0].1 < pair[1].0),
                "{count} cards, seed {seed}"
            );
        }
        if count > 12 {
            let shape = layout.width / layout.height;
            assert!(
                (0.5..=3.0).contains(&shape),
                "{count} cards, seed {seed}: {shape}"
            );
        }
    }
}

#[test]
fn callers_stand_left_of_what_they_call() {
    let mesh = Mesh {
        heights: vec![100.0; 5],
        first: vec![true, false, false, false, false],
        // 3 calls 1 again: a circle.
        arrows: vec![(0, 1), (1, 2), (2, 3), (3, 1), (0, 4)],
    };
    let x: Vec<f64> = placed(&mesh).places.iter().map(|(x, _)| *x).collect();
    assert!(x[0] < x[1] && x[1] < x[2] && x[2] < x[3], "{x:?}");
    assert_eq!(x[1], x[4]);
}

/// Where a column more makes a new band, much moves; that is seldom, and the whole never turns over.
#[test]
fn one_more_card_moves_the_rest_by_no_more_than_a_tenth() {
    let mut all: Vec<f64> = (0..400_u64)
        .map(|seed| moved(&mesh(8 + (seed as usize * 11) % 300, seed), seed + 1000))
        .collect();
    all.sort_by(f64::total_cmp);
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    assert!(mean <= 0.03, "{mean}");
    assert!(all[all.len() * 96 / 100] <= 0.1, "{:?}", &all[380..]);
    assert!(all[all.len() - 1] <= 0.35, "{:?}", &all[380..]);
}

#[test]
fn circles_and_single_cards_are_placed() {
    for arrows in [vec![(0, 0)], vec![(0, 0), (0, 7)], vec![]] {
        let mesh = Mesh {
            heights: vec![50.0],
            first: vec![false],
            arrows,
        };
        assert_eq!(placed(&mesh).places, [(0.0, 0.0)]);
    }
    assert_eq!(
        layout(&Cards {
            width: 1.0,
            heights: &[],
            first: &[],
            arrows: &[]
        }),
        Layout::default()
    );
}
