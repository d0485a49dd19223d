//! The layered method of drawing graphs (Sugiyama): layers by longest path, bends where an edge passes through a
//! layer, an order within each layer that lets few edges cross, and places that keep edges short. Integers
//! throughout, no chance and no clock: the same graph has the same picture everywhere.

/// Bends that one drawing may have; beyond, long edges are drawn without. A chain of 1,000 images of which each
/// needs all the others would have half a million.
const MAX_BENDS: usize = 20_000;

/// Rounds of ordering; the best of them counts. More than a dozen rarely find a better one.
const ORDER_ROUNDS: usize = 24;
const SWAP_ROUNDS: usize = 8;

/// Rounds of moving nodes towards what they are connected with.
const PLACE_ROUNDS: usize = 24;

/// Between nodes of a layer, between a node and an edge that passes it, between parts without a connection.
const ROW_GAP: i64 = 10;
const BEND_GAP: i64 = 6;
const PART_GAP: i64 = 28;

/// Between two layers; more where edges climb high.
const LAYER_GAP: i64 = 56;
const MAX_LAYER_GAP: i64 = 190;

/// How much straighter an edge that passes through layers is kept than others.
const BEND_WEIGHT: i64 = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub width: i64,
    pub height: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Point {
    pub x: i64,
    pub y: i64,
}

/// Where everything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// The upper left corner of each node.
    pub corners: Vec<Point>,
    /// The points that each edge goes through, from its beginning to its end; none for an edge from a node to itself.
    pub routes: Vec<Vec<Point>>,
    pub extent: Extent,
}

/// Lays out a graph from left to right. An edge `(a, b)` is drawn from `a` to `b`; where `a` stands behind `b` in the
/// list it belongs to a circle and runs backwards.
pub(super) fn layout(nodes: &[Extent], edges: &[(usize, usize)]) -> Layout {
    let mut corners = vec![Point { x: 0, y: 0 }; nodes.len()];
    let mut routes = vec![Vec::new(); edges.len()];
    let mut parts: Vec<Part> = parts(nodes.len(), edges)
        .into_iter()
        .map(|(members, links)| Part::new(members, &links, nodes, edges))
        .collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.extent.height));
    let (places, extent) = shelves(&parts);
    for (part, place) in parts.iter().zip(places) {
        let moved = |point: &Point| Point { x: point.x + place.x, y: point.y + place.y };
        for (member, corner) in part.members.iter().zip(&part.corners) {
            corners[*member] = moved(corner);
        }
        for (link, route) in &part.routes {
            routes[*link] = route.iter().map(moved).collect();
        }
    }
    Layout { corners, routes, extent }
}

/// Places for parts, the highest first: side by side on shelves, and below each other where a shelf has room for that. As wide
/// as the widest part needs, and so that all of them fill a landscape.
fn shelves(parts: &[Part]) -> (Vec<Point>, Extent) {
    let area: i64 =
        parts.iter().map(|part| (part.extent.width + PART_GAP) * (part.extent.height + PART_GAP)).sum();
    let widest = parts.iter().map(|part| part.extent.width).max().unwrap_or(0);
    let limit = widest.max((area * 2).isqrt());
    let (mut shelf, mut shelf_height, mut column, mut column_width, mut next) = (0, 0, 0, 0, 0);
    let mut extent = Extent { width: 0, height: 0 };
    let mut places = Vec::with_capacity(parts.len());
    for Extent { width, height } in parts.iter().map(|part| part.extent) {
        let is_below = next > 0 && next + height <= shelf_height && column + width <= limit;
        if !is_below {
            column += if next > 0 { column_width + PART_GAP } else { 0 };
            if column > 0 && column + width > limit {
                (shelf, shelf_height, column) = (shelf + shelf_height + PART_GAP, 0, 0);
            }
            (column_width, next) = (0, 0);
        }
        places.push(Point { x: column, y: shelf + next });
        column_width = column_width.max(width);
        next += height + PART_GAP;
        shelf_height = shelf_height.max(height);
        extent.width = extent.width.max(column + width);
        extent.height = extent.height.max(shelf + shelf_height);
    }
    (places, extent)
}

/// What is connected: its nodes, and the edges among them, both in their order.
fn parts(count: usize, edges: &[(usize, usize)]) -> Vec<(Vec<usize>, Vec<usize>)> {
    fn root(of: &mut [usize], mut node: usize) -> usize {
        while of[node] != node {
            of[node] = of[of[node]];
            node = of[node];
        }
        node
    }
    let mut of: Vec<usize> = (0..count).collect();
    for (a, b) in edges {
        let (a, b) = (root(&mut of, *a), root(&mut of, *b));
        of[a.max(b)] = a.min(b);
    }
    let mut parts: Vec<(Vec<usize>, Vec<usize>)> = vec![Default::default(); count];
    for node in 0..count {
        parts[root(&mut of, node)].0.push(node);
    }
    for (at, (a, _)) in edges.iter().enumerate() {
        parts[root(&mut of, *a)].1.push(at);
    }
    parts.retain(|(members, _)| !members.is_empty());
    parts
}

/// A connected part, drawn at the origin.
struct Part {
    members: Vec<usize>,
    corners: Vec<Point>,
    routes: Vec<(usize, Vec<Point>)>,
    extent: Extent,
}

impl Part {
    fn new(members: Vec<usize>, links: &[usize], nodes: &[Extent], edges: &[(usize, usize)]) -> Self {
        let local = |node: usize| members.binary_search(&node).unwrap_or_default();
        let forward = |link: &usize| {
            let (a, b) = (local(edges[*link].0), local(edges[*link].1));
            (a.min(b), a.max(b))
        };
        let wanted: Vec<(usize, usize)> = links.iter().map(forward).collect();
        let extents: Vec<Extent> = members.iter().map(|member| nodes[*member]).collect();
        let mut drawing = Layers::new(&extents, &wanted);
        drawing.order();
        let y = drawing.places();
        let (x, width) = drawing.columns(&y);
        let center = |vertex: usize| y[vertex] + drawing.extents[vertex].height / 2;
        let mut routes = Vec::new();
        for (link, (a, b)) in links.iter().zip(&wanted).filter(|(_, (a, b))| a != b) {
            let mut route = vec![Point { x: x[*a] + drawing.extents[*a].width, y: center(*a) }];
            // Out of its layer before it turns: wider nodes stand above and below.
            let border = x[*a] + drawing.widths[drawing.layer[*a]];
            if border > route[0].x {
                route.push(Point { x: border, y: center(*a) });
            }
            for bend in drawing.bends(*a, *b) {
                let column = drawing.layer[*bend];
                route.push(Point { x: x[*bend], y: center(*bend) });
                route.push(Point { x: x[*bend] + drawing.widths[column], y: center(*bend) });
            }
            route.push(Point { x: x[*b], y: center(*b) });
            if edges[*link].0 > edges[*link].1 {
                route.reverse();
            }
            routes.push((*link, route));
        }
        let height = (0..y.len()).map(|vertex| y[vertex] + drawing.extents[vertex].height).max().unwrap_or(0);
        let corners = (0..members.len()).map(|vertex| Point { x: x[vertex], y: y[vertex] }).collect();
        Self { members, corners, routes, extent: Extent { width, height } }
    }
}

/// A graph whose edges lead from one layer to the next: nodes, and behind them the bends of longer edges. All long
/// edges from one node share their bends, so that they are one line until they part.
struct Layers {
    extents: Vec<Extent>,
    layer: Vec<usize>,
    /// How many of the vertices are nodes.
    nodes: usize,
    before: Vec<Vec<usize>>,
    after: Vec<Vec<usize>>,
    /// The vertices of each layer from top to bottom.
    rows: Vec<Vec<usize>>,
    /// The bends behind each node, one a layer.
    chains: Vec<Vec<usize>>,
    /// The width of each layer.
    widths: Vec<i64>,
}

impl Layers {
    /// Edges lead from lower to higher numbers.
    fn new(extents: &[Extent], edges: &[(usize, usize)]) -> Self {
        let nodes = extents.len();
        let mut edges: Vec<(usize, usize)> = edges.iter().copied().filter(|(a, b)| a != b).collect();
        edges.sort_unstable();
        edges.dedup();
        let layer = layers(nodes, &edges);
        let mut layers = Self {
            extents: extents.to_vec(),
            nodes,
            before: vec![Vec::new(); nodes],
            after: vec![Vec::new(); nodes],
            rows: Vec::new(),
            chains: vec![Vec::new(); nodes],
            widths: vec![0; layer.iter().max().map_or(0, |last| last + 1)],
            layer,
        };
        for (node, extent) in extents.iter().enumerate() {
            let width = &mut layers.widths[layers.layer[node]];
            *width = extent.width.max(*width);
        }
        let mut lengths = vec![0; nodes];
        for (a, b) in &edges {
            lengths[*a] = (layers.layer[*b] - layers.layer[*a] - 1).max(lengths[*a]);
        }
        let is_bent = lengths.iter().sum::<usize>() <= MAX_BENDS;
        for (a, b) in edges {
            let wanted = layers.layer[b] - layers.layer[a] - 1;
            if wanted > 0 && !is_bent {
                continue;
            }
            while layers.chains[a].len() < wanted {
                layers.bend(a);
            }
            let from = if wanted == 0 { a } else { layers.chains[a][wanted - 1] };
            layers.connect(from, b);
        }
        layers.rows = layers.first_rows();
        layers
    }

    /// Adds a bend behind the last one of a node.
    fn bend(&mut self, node: usize) {
        let last = *self.chains[node].last().unwrap_or(&node);
        let bend = self.extents.len();
        self.extents.push(Extent { width: 0, height: 0 });
        self.layer.push(self.layer[last] + 1);
        self.before.push(Vec::new());
        self.after.push(Vec::new());
        self.connect(last, bend);
        self.chains[node].push(bend);
    }

    fn connect(&mut self, from: usize, to: usize) {
        self.after[from].push(to);
        self.before[to].push(from);
    }

    fn bends(&self, from: usize, to: usize) -> &[usize] {
        let count = self.layer[to].saturating_sub(self.layer[from] + 1);
        &self.chains[from][..count.min(self.chains[from].len())]
    }

    /// Depth first, so that what belongs together stands together.
    fn first_rows(&self) -> Vec<Vec<usize>> {
        let mut rows = vec![Vec::new(); self.widths.len()];
        let mut seen = vec![false; self.extents.len()];
        for root in (0..self.nodes).filter(|node| self.before[*node].is_empty()) {
            let mut open = vec![root];
            while let Some(vertex) = open.pop() {
                if !std::mem::replace(&mut seen[vertex], true) {
                    rows[self.layer[vertex]].push(vertex);
                    open.extend(self.after[vertex].iter().rev());
                }
            }
        }
        rows
    }

    /// Orders the layers by the mean place of what each vertex is connected with, to and fro, and by swaps.
    fn order(&mut self) {
        let mut at = self.positions();
        let mut best = (self.crossings(&at), self.rows.clone());
        for round in 0..ORDER_ROUNDS {
            if best.0 == 0 {
                break;
            }
            let forwards = round % 2 == 0;
            for step in 1..self.rows.len() {
                let layer = if forwards { step } else { self.rows.len() - 1 - step };
                self.sort(layer, forwards, &mut at);
            }
            if round % 4 == 3 {
                self.swap_all(&mut at);
            }
            let crossings = self.crossings(&at);
            if crossings < best.0 {
                best = (crossings, self.rows.clone());
            }
        }
        self.rows = best.1;
        at = self.positions();
        self.swap_all(&mut at);
    }

    fn positions(&self) -> Vec<usize> {
        let mut at = vec![0; self.extents.len()];
        for row in &self.rows {
            for (position, vertex) in row.iter().enumerate() {
                at[*vertex] = position;
            }
        }
        at
    }

    fn sort(&mut self, layer: usize, forwards: bool, at: &mut [usize]) {
        /// Of a place, so that means of whole numbers keep their order.
        const PARTS: usize = 1 << 16;
        let sides = if forwards { &self.before } else { &self.after };
        let mean = |vertex: &usize| match &sides[*vertex][..] {
            [] => at[*vertex] * PARTS,
            side => side.iter().map(|other| at[*other] * PARTS).sum::<usize>() / side.len(),
        };
        let mut row: Vec<(usize, usize)> =
            self.rows[layer].iter().map(|vertex| (mean(vertex), *vertex)).collect();
        row.sort_by_key(|(mean, _)| *mean);
        self.rows[layer] = row.into_iter().map(|(_, vertex)| vertex).collect();
        for (position, vertex) in self.rows[layer].iter().enumerate() {
            at[*vertex] = position;
        }
    }

    /// Swaps neighbours as long as fewer edges cross by that.
    fn swap_all(&mut self, at: &mut [usize]) {
        for _ in 0..SWAP_ROUNDS {
            let mut is_better = false;
            for layer in 0..self.rows.len() {
                for upper in 1..self.rows[layer].len() {
                    let (a, b) = (self.rows[layer][upper - 1], self.rows[layer][upper]);
                    if self.crossed(b, a, at) < self.crossed(a, b, at) {
                        self.rows[layer].swap(upper - 1, upper);
                        at.swap(a, b);
                        is_better = true;
                    }
                }
            }
            if !is_better {
                break;
            }
        }
    }

    /// How often edges of two neighbours cross if the first stands above the second.
    fn crossed(&self, above: usize, below: usize, at: &[usize]) -> usize {
        let side = |above: &[usize], below: &[usize]| {
            let mut places: Vec<usize> = below.iter().map(|other| at[*other]).collect();
            places.sort_unstable();
            above.iter().map(|other| places.partition_point(|place| *place < at[*other])).sum::<usize>()
        };
        side(&self.before[above], &self.before[below]) + side(&self.after[above], &self.after[below])
    }

    /// How often edges cross: by a tree of sums, an edge after the other.
    fn crossings(&self, at: &[usize]) -> usize {
        let mut crossings = 0;
        for (row, next) in self.rows.iter().zip(self.rows.iter().skip(1)) {
            let mut sums = vec![0; next.len() + 1];
            let mut seen = 0;
            for vertex in row {
                let mut places: Vec<usize> = self.after[*vertex].iter().map(|other| at[*other]).collect();
                places.sort_unstable();
                for place in &places {
                    let (mut node, mut not_below) = (place + 1, 0);
                    while node > 0 {
                        not_below += sums[node];
                        node &= node - 1;
                    }
                    crossings += seen - not_below;
                }
                for place in &places {
                    let mut node = place + 1;
                    while node < sums.len() {
                        sums[node] += 1;
                        node += node & node.wrapping_neg();
                    }
                }
                seen += places.len();
            }
        }
        crossings
    }

    /// The upper edge of each vertex: as near to what it is connected with as its row allows.
    fn places(&self) -> Vec<i64> {
        let mut y = vec![0; self.extents.len()];
        for row in &self.rows {
            let mut next = 0;
            for (position, vertex) in row.iter().enumerate() {
                next += if position > 0 { self.gap(row[position - 1], *vertex) } else { 0 };
                y[*vertex] = next;
                next += self.extents[*vertex].height;
            }
        }
        for round in 0..PLACE_ROUNDS {
            let (uses_before, uses_after) = match round {
                _ if round + 4 >= PLACE_ROUNDS => (true, true),
                _ => (round % 2 == 0, round % 2 == 1),
            };
            for step in 0..self.rows.len() {
                let layer = if uses_before { step } else { self.rows.len() - 1 - step };
                self.settle(layer, uses_before, uses_after, &mut y);
            }
        }
        let top = y.iter().copied().min().unwrap_or(0);
        y.into_iter().map(|y| y - top).collect()
    }

    /// Moves the vertices of a layer to where the sum of squared ways to their wishes is least, which the method of
    /// pooled neighbours finds at once: who cannot all have their wish share the mean of their wishes.
    fn settle(&self, layer: usize, uses_before: bool, uses_after: bool, y: &mut [i64]) {
        struct Pool {
            wishes: i64,
            weight: i64,
            size: usize,
        }
        let row = &self.rows[layer];
        let mut offsets = Vec::with_capacity(row.len());
        let mut pools: Vec<Pool> = Vec::new();
        let mut offset = 0;
        for (position, vertex) in row.iter().enumerate() {
            if position > 0 {
                let upper = row[position - 1];
                offset += self.extents[upper].height + self.gap(upper, *vertex);
            }
            offsets.push(offset);
            let (wish, weight) = self.wish(*vertex, uses_before, uses_after, y);
            pools.push(Pool { wishes: (wish - offset) * weight, weight, size: 1 });
            while let [.., upper, lower] = &pools[..]
                && upper.wishes * lower.weight > lower.wishes * upper.weight
            {
                let pool = Pool {
                    wishes: upper.wishes + lower.wishes,
                    weight: upper.weight + lower.weight,
                    size: upper.size + lower.size,
                };
                pools.truncate(pools.len() - 2);
                pools.push(pool);
            }
        }
        let places =
            pools.iter().flat_map(|pool| std::iter::repeat_n(pool.wishes.div_euclid(pool.weight), pool.size));
        for ((vertex, place), offset) in row.iter().zip(places).zip(offsets) {
            y[*vertex] = place + offset;
        }
    }

    /// Where a vertex would be best, and how much that matters.
    fn wish(&self, vertex: usize, uses_before: bool, uses_after: bool, y: &[i64]) -> (i64, i64) {
        let before = self.before[vertex].iter().filter(|_| uses_before);
        let after = self.after[vertex].iter().filter(|_| uses_after);
        let (mut sum, mut weight) = (0, 0);
        for other in before.chain(after) {
            let is_passing = vertex >= self.nodes && *other >= self.nodes;
            let share = if is_passing { BEND_WEIGHT } else { 1 };
            sum += share * (y[*other] + self.extents[*other].height / 2);
            weight += share;
        }
        match weight {
            0 => (y[vertex], 1),
            _ => (sum / weight - self.extents[vertex].height / 2, weight),
        }
    }

    fn gap(&self, upper: usize, lower: usize) -> i64 {
        if upper < self.nodes && lower < self.nodes { ROW_GAP } else { BEND_GAP }
    }

    /// The left edge of each vertex, and the width of all.
    fn columns(&self, y: &[i64]) -> (Vec<i64>, i64) {
        let center = |vertex: usize| y[vertex] + self.extents[vertex].height / 2;
        let mut left = vec![0; self.widths.len()];
        for layer in 1..left.len() {
            let climbs = self.rows[layer].iter().flat_map(|vertex| {
                self.before[*vertex].iter().map(|other| center(*vertex).abs_diff(center(*other)))
            });
            let climb = i64::try_from(climbs.max().unwrap_or(0)).unwrap_or(i64::MAX);
            let gap = (LAYER_GAP + climb / 8).min(MAX_LAYER_GAP);
            left[layer] = left[layer - 1] + self.widths[layer - 1] + gap;
        }
        let width = left.last().zip(self.widths.last()).map_or(0, |(left, width)| left + width);
        (self.layer.iter().map(|layer| left[*layer]).collect(), width)
    }
}

/// The layer of each node: behind all that lead to it; and as near as it can be to where its edges lead, where more lead
/// away from it than to it.
fn layers(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut layer = vec![0; count];
    let (mut after, mut leading) = (vec![Vec::new(); count], vec![0; count]);
    // Sorted, so each node's own layer is known before it is used.
    for (a, b) in edges {
        layer[*b] = layer[*b].max(layer[*a] + 1);
        after[*a].push(*b);
        leading[*b] += 1;
    }
    for node in (0..count).rev().filter(|node| after[*node].len() > leading[*node]) {
        if let Some(nearest) = after[node].iter().map(|other| layer[*other]).min() {
            layer[node] = nearest - 1;
        }
    }
    layer
}

#[cfg(test)]
mod tests;
