use std::collections::{BTreeMap, BTreeSet};

use super::layout::{Extent, Point, layout};
use crate::graph::DependencyKind;
use crate::plan::{Plan, Step, StepId};
use crate::printable::printable;
use crate::report::text;

/// The font's: of 12 pixels, with equally wide letters.
pub(super) const LETTER_TENTHS: i64 = 73;
const ROW: i64 = 26;
const SIDE: i64 = 11;

/// Longer names are cut in front, where they differ least.
const MAX_NAME: usize = 40;

/// Around a block, and between its rows and columns.
const FRAME: i64 = 8;
const CELL_GAP: i64 = 6;

/// As many images that are built from the same and that nothing is built from are drawn as a block: in a small picture
/// lines say more, a large one has too many of them. What stands alone needs no lines.
const BLOCK: usize = 4;
const BLOCK_OF_MANY: usize = 2;
const MANY: usize = 100;
const MAX_COLUMNS: usize = 8;

pub(super) struct ImageBox {
    pub step: StepId,
    pub name: String,
    pub corner: Point,
    pub extent: Extent,
}

/// An edge from one image to another, or to a block of them.
pub(super) struct Line {
    pub from: StepId,
    pub to: Vec<StepId>,
    pub kinds: BTreeSet<DependencyKind>,
    pub route: Vec<Point>,
}

/// What is drawn.
pub(super) struct Scene {
    pub boxes: Vec<ImageBox>,
    pub frames: Vec<(Point, Extent)>,
    pub lines: Vec<Line>,
    pub extent: Extent,
    /// What stands in front of all names and is left out of them.
    prefix: String,
}

type Needs = BTreeMap<StepId, BTreeSet<DependencyKind>>;

impl Scene {
    pub(super) fn of(plan: &Plan) -> Self {
        let needs: Vec<Needs> = plan.steps.iter().map(needs).collect();
        let prefix = common_prefix(plan);
        let names: Vec<String> = plan.steps.iter().map(|step| shown_name(step, &prefix)).collect();
        let groups = groups(&needs);
        let blocks: Vec<Block> = groups.iter().map(|group| Block::new(group, &names)).collect();
        let mut group_of = vec![0; names.len()];
        for (at, group) in groups.iter().enumerate() {
            for step in group {
                group_of[step.0] = at;
            }
        }
        let mut lines: Vec<Line> = Vec::new();
        let mut edges = Vec::new();
        for (at, group) in groups.iter().enumerate() {
            for (from, kinds) in &needs[group[0].0] {
                edges.push((group_of[from.0], at));
                let (from, kinds) = (*from, kinds.clone());
                lines.push(Line { from, to: group.clone(), kinds, route: Vec::new() });
            }
        }
        let extents: Vec<Extent> = blocks.iter().map(|block| block.extent).collect();
        let drawn = layout(&extents, &edges);
        for (line, route) in lines.iter_mut().zip(drawn.routes) {
            line.route = route;
        }
        let mut scene = Self { boxes: Vec::new(), frames: Vec::new(), lines, extent: drawn.extent, prefix };
        for ((group, block), corner) in groups.iter().zip(&blocks).zip(&drawn.corners) {
            if group.len() > 1 {
                scene.frames.push((*corner, block.extent));
            }
            for (step, (cell, extent)) in group.iter().zip(&block.cells) {
                let corner = Point { x: corner.x + cell.x, y: corner.y + cell.y };
                scene.boxes.push(ImageBox {
                    step: *step,
                    name: names[step.0].clone(),
                    corner,
                    extent: *extent,
                });
            }
        }
        scene
    }

    /// What names would begin with, in words.
    pub(super) fn left_out(&self) -> Option<String> {
        (!self.prefix.is_empty() && !self.boxes.is_empty()).then(|| format!("{}…", self.prefix))
    }
}

/// What an image is built from, and by which instructions.
fn needs(step: &Step) -> Needs {
    let mut needs = Needs::new();
    for dependency in &step.dependencies {
        if let Some(needed) = dependency.step {
            needs.entry(needed).or_default().insert(dependency.kind);
        }
    }
    needs
}

/// The namespace that all images have, with its slash.
fn common_prefix(plan: &Plan) -> String {
    let prefix = format!("{}/", plan.namespace.value);
    let is_common = plan.steps.iter().all(|step| step.name().starts_with(&prefix));
    if is_common { prefix } else { String::new() }
}

fn shown_name(step: &Step, prefix: &str) -> String {
    let name = step.name();
    let name = printable(name.strip_prefix(prefix).unwrap_or(&name)).replace('\t', " ");
    text::truncate_start(&name, MAX_NAME, "…").into_owned()
}

/// The images as they are drawn: alone, or with others of which nothing else can be told by lines. In build order of the
/// first of each.
fn groups(needs: &[Needs]) -> Vec<Vec<StepId>> {
    let needed: BTreeSet<StepId> = needs.iter().flat_map(BTreeMap::keys).copied().collect();
    let mut alike: BTreeMap<&Needs, Vec<StepId>> = BTreeMap::new();
    for step in StepId::all(needs).filter(|step| !needed.contains(step)) {
        alike.entry(&needs[step]).or_default().push(step);
    }
    let block = if needs.len() > MANY { BLOCK_OF_MANY } else { BLOCK };
    alike.retain(|needs, steps| steps.len() >= if needs.is_empty() { BLOCK_OF_MANY } else { block });
    let blocked: BTreeSet<StepId> = alike.values().flatten().copied().collect();
    let alone = StepId::all(needs).filter(|step| !blocked.contains(step)).map(|step| vec![step]);
    let mut groups: Vec<Vec<StepId>> = alike.into_values().chain(alone).collect();
    groups.sort();
    groups
}

/// One image, or several in columns.
struct Block {
    cells: Vec<(Point, Extent)>,
    extent: Extent,
}

impl Block {
    fn new(group: &[StepId], names: &[String]) -> Self {
        let width = |step: &StepId| {
            let letters = i64::try_from(text::columns(&names[step.0])).unwrap_or(i64::MAX / 1000);
            (letters * LETTER_TENTHS + 9) / 10 + 2 * SIDE
        };
        if let [alone] = group {
            let extent = Extent { width: width(alone), height: ROW };
            return Self { cells: vec![(Point { x: 0, y: 0 }, extent)], extent };
        }
        // Twice as high as wide, boxes being some four times as wide as high; a picture of many is high anyway.
        let columns = if names.len() > MANY { group.len() } else { group.len() / 4 };
        let columns = columns.isqrt().clamp(1, MAX_COLUMNS);
        let rows = group.len().div_ceil(columns);
        let (mut x, mut height, mut cells) = (FRAME, 0, Vec::new());
        for column in group.chunks(rows) {
            let widest = column.iter().map(width).max().unwrap_or(0);
            let mut y = FRAME;
            for _ in column {
                cells.push((Point { x, y }, Extent { width: widest, height: ROW }));
                y += ROW + CELL_GAP;
            }
            height = height.max(y - CELL_GAP + FRAME);
            x += widest + CELL_GAP;
        }
        Self { cells, extent: Extent { width: x - CELL_GAP + FRAME, height } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Action, Dependency};
    use crate::report::testing::{plan, step};

    fn from(step: &mut Step, needed: usize) {
        step.dependencies.push(Dependency {
            image: String::new(),
            step: Some(StepId(needed)),
            kind: DependencyKind::From,
            line: Some(1),
            is_inferred: false,
        });
    }

    #[test]
    fn leaves_of_one_stem_are_a_block_and_what_is_built_on_stands_alone() {
        let mut steps = vec![step(Action::None, "base", &["unchanged"])];
        for number in 0..7 {
            let mut leaf = step(Action::None, &format!("leaf{number}"), &["unchanged"]);
            from(&mut leaf, 0);
            steps.push(leaf);
        }
        let mut on_a_leaf = step(Action::Build, "top", &["changed"]);
        from(&mut on_a_leaf, 3);
        steps.push(on_a_leaf);
        let scene = Scene::of(&plan(steps));
        assert_eq!((scene.boxes.len(), scene.frames.len(), scene.prefix.as_str()), (9, 1, "acme/"));
        let ends: Vec<Vec<usize>> =
            scene.lines.iter().map(|line| line.to.iter().map(|step| step.0).collect()).collect();
        assert_eq!(ends, [vec![1, 2, 4, 5, 6, 7], vec![3], vec![8]]);
        assert!(scene.boxes.iter().all(|image| image.corner.x + image.extent.width <= scene.extent.width));
    }
}
