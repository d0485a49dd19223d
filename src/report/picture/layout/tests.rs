use proptest::prelude::*;

use super::*;

const NODE: Extent = Extent { width: 80, height: 26 };

fn crossings(count: usize, edges: &[(usize, usize)]) -> usize {
    let mut layers = Layers::new(&vec![NODE; count], edges);
    layers.order();
    layers.crossings(&layers.positions())
}

#[test]
fn a_chain_is_a_straight_line() {
    let drawn = layout(&[NODE; 4], &[(0, 1), (1, 2), (2, 3)]);
    assert!(drawn.corners.iter().all(|corner| corner.y == 0), "{drawn:?}");
    assert!(drawn.corners.windows(2).all(|two| two[1].x >= two[0].x + NODE.width + LAYER_GAP));
    assert_eq!(drawn.extent.height, NODE.height);
}

#[test]
fn what_can_be_drawn_without_crossings_is() {
    // Two trees whose leaves were given mixed, and a ladder given upside down.
    assert_eq!(crossings(8, &[(0, 2), (1, 3), (0, 4), (1, 5), (0, 6), (1, 7)]), 0);
    assert_eq!(crossings(6, &[(0, 5), (1, 4), (2, 3), (0, 4), (1, 3)]), 0);
    // K(3,3) has nine at least in two layers.
    let all: Vec<(usize, usize)> = (0..3).flat_map(|a| (3..6).map(move |b| (a, b))).collect();
    assert_eq!(crossings(6, &all), 9);
}

#[test]
fn edges_cross_as_often_as_pairs_say() {
    let edges = [(0, 3), (0, 5), (1, 4), (1, 3), (2, 3), (2, 5)];
    let layers = Layers::new(&[NODE; 6], &edges);
    let at = layers.positions();
    let pairs = edges.iter().flat_map(|one| edges.iter().map(move |other| (one, other)));
    let crossing = pairs.filter(|(one, other)| at[one.0] < at[other.0] && at[one.1] > at[other.1]);
    assert_eq!(layers.crossings(&at), crossing.count());
}

#[test]
fn a_long_edge_passes_between_nodes() {
    let drawn = layout(&[NODE; 4], &[(0, 1), (1, 2), (2, 3), (0, 3)]);
    assert_eq!(drawn.routes[3].len(), 6);
    for passing in &drawn.routes[3][1..5] {
        let inside = drawn.corners[1..3].iter().any(|corner| {
            (corner.x..=corner.x + NODE.width).contains(&passing.x)
                && (corner.y..=corner.y + NODE.height).contains(&passing.y)
        });
        assert!(!inside, "{drawn:?}");
    }
}

/// A narrow node below a wide one: the line to what is built from it stays below the wide one until it has left the layer.
#[test]
fn lines_turn_between_layers() {
    let wide = Extent { width: 300, height: 90 };
    let drawn = layout(&[NODE, wide, NODE, NODE], &[(0, 1), (0, 2), (2, 3)]);
    let (wide, route) = (drawn.corners[1], &drawn.routes[2]);
    assert_eq!((route.len(), route[1].x, route[1].y), (3, wide.x + 300, route[0].y), "{drawn:?}");
}

#[test]
fn circles_are_drawn_and_their_last_edge_runs_backwards() {
    let drawn = layout(&[NODE; 3], &[(0, 1), (1, 2), (2, 0), (1, 1)]);
    let back = &drawn.routes[2];
    assert!(back[0].x > back[back.len() - 1].x, "{drawn:?}");
    assert!(drawn.routes[3].is_empty());
}

#[test]
fn a_hostile_graph_is_drawn_without_bends() {
    let count = 600;
    let edges: Vec<(usize, usize)> =
        (1..count).flat_map(|b| [(b - 1, b), (0, b), (b / 2, b)]).filter(|(a, b)| a < b).collect();
    let drawn = layout(&vec![NODE; count], &edges);
    assert!(drawn.routes.iter().all(|route| route.len() == 2));
}

fn graphs() -> impl Strategy<Value = (Vec<Extent>, Vec<(usize, usize)>)> {
    let extent = (20_i64..200, 10_i64..90).prop_map(|(width, height)| Extent { width, height });
    prop::collection::vec(extent, 1..24).prop_flat_map(|nodes| {
        let count = nodes.len();
        (Just(nodes), prop::collection::vec((0..count, 0..count), 0..40))
    })
}

proptest! {
    #[test]
    fn nothing_overlaps_and_edges_end_at_their_nodes((nodes, edges) in graphs()) {
        let drawn = layout(&nodes, &edges);
        let boxes: Vec<_> = drawn.corners.iter().zip(&nodes).collect();
        for (at, (corner, extent)) in boxes.iter().enumerate() {
            prop_assert!(corner.x >= 0 && corner.y >= 0);
            prop_assert!(corner.x + extent.width <= drawn.extent.width);
            prop_assert!(corner.y + extent.height <= drawn.extent.height);
            for (other, size) in &boxes[..at] {
                let apart = corner.x >= other.x + size.width || other.x >= corner.x + extent.width
                    || corner.y >= other.y + size.height || other.y >= corner.y + extent.height;
                prop_assert!(apart, "{drawn:?}");
            }
        }
        for ((a, b), route) in edges.iter().zip(&drawn.routes) {
            prop_assert_eq!(route.is_empty(), a == b);
            let (Some(first), Some(last)) = (route.first(), route.last()) else { continue };
            let middle = |node: usize| drawn.corners[node].y + nodes[node].height / 2;
            prop_assert_eq!((first.y, last.y), (middle(*a), middle(*b)));
            prop_assert_eq!(first.x <= last.x, a < b);
        }
        prop_assert_eq!(drawn, layout(&nodes, &edges));
    }

    #[test]
    fn edges_lead_to_later_layers((nodes, edges) in graphs()) {
        let forward: Vec<_> = edges.iter().map(|(a, b)| (*a.min(b), *a.max(b))).collect();
        let layers = Layers::new(&nodes, &forward);
        for (a, b) in forward.iter().filter(|(a, b)| a != b) {
            prop_assert!(layers.layer[*a] < layers.layer[*b]);
        }
        for (vertex, after) in layers.after.iter().enumerate() {
            prop_assert!(after.iter().all(|other| layers.layer[*other] == layers.layer[vertex] + 1));
        }
    }
}
