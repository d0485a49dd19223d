//! The images of a checkout and what they are built from.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use petgraph::Direction;
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use super::id::ImageId;
use super::link::Link;
use crate::naming::ImageName;
use crate::path::TreePath;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphImage {
    /// NAME, with its tag prefix if it has one; no other image has it.
    pub title: String,
    pub full: String,
    /// NAME without the tag prefix.
    pub short: String,
    /// The name that its Dockerfile's place would give it, where several would have that.
    pub plain: Option<String>,
    pub dockerfile: TreePath,
    /// Whether it is built only when named or depended on.
    pub aside: bool,
}

impl GraphImage {
    pub fn new(name: &ImageName, dockerfile: TreePath, aside: bool) -> Self {
        Self {
            title: name.title(),
            full: name.full(),
            short: name.short.clone(),
            plain: name.plain.clone(),
            dockerfile,
            aside,
        }
    }
}

impl From<ImageId> for NodeIndex {
    fn from(image: ImageId) -> Self {
        Self::new(image.0)
    }
}

impl From<NodeIndex> for ImageId {
    fn from(node: NodeIndex) -> Self {
        Self(node.index())
    }
}

/// The dependency graph. Images are numbered from 0 in the order they were given; an edge leads from the
/// dependent to its dependency, and there may be several between two images. It may have cycles, which are
/// errors to report ([`Graph::cycles`]): what does not depend on them is still ordered and built.
#[derive(Clone, Debug)]
pub struct Graph {
    images: Vec<GraphImage>,
    edges: DiGraph<(), Link>,
    /// Position of each image among the titles in alphabetical order.
    rank: Vec<usize>,
    /// Groups of images that depend on each other; without cycles each has one image. Dependencies first.
    components: Vec<Vec<ImageId>>,
    order: Vec<ImageId>,
}

impl Graph {
    /// Connects the images.
    ///
    /// # Panics
    /// If a link names an image that is not there.
    pub fn new(images: Vec<GraphImage>, links: impl IntoIterator<Item = Link>) -> Self {
        let mut graph = DiGraph::with_capacity(images.len(), 0);
        for _ in &images {
            graph.add_node(());
        }
        for link in links {
            graph.add_edge(link.dependent.into(), link.dependency.into(), link);
        }
        let mut by_title: Vec<ImageId> = ImageId::all(&images).collect();
        by_title.sort_by(|a, b| images[*a].title.cmp(&images[*b].title).then(a.cmp(b)));
        let mut rank = vec![0; images.len()];
        for (position, image) in by_title.into_iter().enumerate() {
            rank[image] = position;
        }
        let components = ordered_components(&graph, &rank);
        let order = components.iter().flatten().copied().collect();
        Self { images, edges: graph, rank, components, order }
    }

    pub fn images(&self) -> &[GraphImage] {
        &self.images
    }

    /// All images, each after its dependencies, else by title. The images of a cycle stand together.
    pub fn order(&self) -> &[ImageId] {
        &self.order
    }

    /// Sorts images into build order and drops repetitions.
    pub fn ordered(&self, images: impl IntoIterator<Item = ImageId>) -> Vec<ImageId> {
        let mut wanted = vec![false; self.images.len()];
        for image in images {
            wanted[image] = true;
        }
        self.order.iter().copied().filter(|image| wanted[*image]).collect()
    }

    /// What the image needs, in the order of the links that were given.
    pub fn links(&self, image: ImageId) -> Vec<&Link> {
        let mut links: Vec<_> = self.edges.edges(image.into()).collect();
        links.sort_by_key(petgraph::visit::EdgeRef::id);
        links.into_iter().map(|edge| edge.weight()).collect()
    }

    /// All links, in the order they were given.
    pub fn all_links(&self) -> impl Iterator<Item = &Link> {
        self.edges.edge_weights()
    }

    /// The images that this one needs itself, by title, each once.
    pub fn direct_dependencies(&self, image: ImageId) -> Vec<ImageId> {
        self.neighbours(image, Direction::Outgoing)
    }

    /// The images that need this one themselves, by title, each once.
    pub fn direct_dependents(&self, image: ImageId) -> Vec<ImageId> {
        self.neighbours(image, Direction::Incoming)
    }

    fn neighbours(&self, image: ImageId, direction: Direction) -> Vec<ImageId> {
        let neighbours = self.edges.neighbors_directed(image.into(), direction);
        let sorted: BTreeSet<(usize, ImageId)> =
            neighbours.map(|other| (self.rank[other.index()], other.into())).collect();
        sorted.into_iter().map(|(_, other)| other).collect()
    }

    /// These images and all they depend on, in build order.
    pub fn with_dependencies(&self, images: impl IntoIterator<Item = ImageId>) -> Vec<ImageId> {
        self.closure(images, Direction::Outgoing)
    }

    /// These images and all that depend on them, in build order.
    pub fn with_dependents(&self, images: impl IntoIterator<Item = ImageId>) -> Vec<ImageId> {
        self.closure(images, Direction::Incoming)
    }

    fn closure(&self, images: impl IntoIterator<Item = ImageId>, direction: Direction) -> Vec<ImageId> {
        let mut reached = vec![false; self.images.len()];
        let mut open: Vec<ImageId> = images.into_iter().collect();
        while let Some(image) = open.pop() {
            if !std::mem::replace(&mut reached[image], true) {
                let neighbours = self.edges.neighbors_directed(image.into(), direction);
                open.extend(neighbours.map(ImageId::from).filter(|other| !reached[*other]));
            }
        }
        self.order.iter().copied().filter(|image| reached[*image]).collect()
    }

    /// Groups of images that depend on each other, or on themselves.
    pub(super) fn tangles(&self) -> impl Iterator<Item = &[ImageId]> {
        self.components.iter().map(Vec::as_slice).filter(|component| match component {
            [image] => self.edges.find_edge((*image).into(), (*image).into()).is_some(),
            _ => true,
        })
    }

    /// The first link between two images.
    pub(super) fn first_link(&self, dependent: ImageId, dependency: ImageId) -> Option<&Link> {
        let links = self.edges.edges_connecting(dependent.into(), dependency.into());
        links.min_by_key(petgraph::visit::EdgeRef::id).map(|edge| edge.weight())
    }

    pub(super) fn rank(&self, image: ImageId) -> usize {
        self.rank[image]
    }
}

/// The strongly connected components, dependencies first, else by title: Kahn's algorithm with a heap.
/// (petgraph's Tarjan and its `toposort` either recurse or know no ties; a long chain must not overflow.)
fn ordered_components(graph: &DiGraph<(), Link>, rank: &[usize]) -> Vec<Vec<ImageId>> {
    let mut components: Vec<Vec<ImageId>> = kosaraju_scc(graph)
        .into_iter()
        .map(|component| component.into_iter().map(ImageId::from).collect())
        .collect();
    let mut component_of = vec![0; rank.len()];
    for (at, component) in components.iter_mut().enumerate() {
        component.sort_by_key(|image| rank[*image]);
        for image in component {
            component_of[*image] = at;
        }
    }
    let mut waiting = vec![0_usize; components.len()];
    for edge in graph.edge_references() {
        let (dependent, dependency) =
            (component_of[edge.source().index()], component_of[edge.target().index()]);
        if dependent != dependency {
            waiting[dependent] += 1;
        }
    }
    let entry = |at: usize| Reverse((rank[components[at][0]], at));
    let mut ready: BinaryHeap<_> = (0..components.len()).filter(|at| waiting[*at] == 0).map(entry).collect();
    let mut sequence = Vec::with_capacity(components.len());
    while let Some(Reverse((_, at))) = ready.pop() {
        sequence.push(at);
        for image in &components[at] {
            for dependent in graph.neighbors_directed((*image).into(), Direction::Incoming) {
                let dependent = component_of[dependent.index()];
                if dependent != at {
                    waiting[dependent] -= 1;
                    if waiting[dependent] == 0 {
                        ready.push(entry(dependent));
                    }
                }
            }
        }
    }
    sequence.into_iter().map(|at| std::mem::take(&mut components[at])).collect()
}
