//! Images that need each other.

use std::collections::{HashMap, HashSet, VecDeque};

use super::dag::Graph;
use super::id::ImageId;
use super::link::{DependencyKind, Link};
use crate::diagnostic::{Diagnostic, Location};

/// How many loops of one tangle are reported. A tangle of many images can have more loops than anybody can
/// count; who breaks these sees the next.
const LOOPS: usize = 32;

/// How many images the message names; the places of all follow it.
const NAMED: usize = 12;

/// A loop: each link's dependency is the next link's dependent, and the last one's is the first's. It
/// begins with the image whose title is first in the alphabet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// The links, never empty.
    pub links: Vec<Link>,
}

impl Cycle {
    pub fn images(&self) -> impl Iterator<Item = ImageId> {
        self.links.iter().map(|link| link.dependent)
    }

    /// The error that shows the whole loop with the place of each link.
    pub fn diagnostic(&self, graph: &Graph) -> Diagnostic {
        let title = |image: ImageId| graph.images()[image].title.as_str();
        let mut path: Vec<&str> = self.images().take(NAMED).map(title).collect();
        if self.links.len() > NAMED {
            path.push("…");
        }
        path.extend(self.images().next().map(title));
        let mut error = Diagnostic::error(format!("images need each other in a loop: {}", path.join(" → ")))
            .hint("build one of them from something outside the loop");
        for link in &self.links {
            let by = if link.kind == DependencyKind::Declared { " (depends_on in the settings)" } else { "" };
            let label = format!("{} needs {}{by}", title(link.dependent), title(link.dependency));
            let dockerfile = || Location::file(graph.images()[link.dependent].dockerfile.clone());
            let place = link.location.clone().unwrap_or_else(dockerfile);
            if error.location.is_none() {
                error.location = Some(place.clone());
            }
            error = error.related(place, label);
        }
        error
    }
}

impl Graph {
    /// The loops of the graph, each once. Every link that is part of a loop is in one of them (but for
    /// tangles with very many), as short a loop as there is for it.
    pub fn cycles(&self) -> Vec<Cycle> {
        self.tangles().flat_map(|images| self.loops_of(images)).collect()
    }

    /// The images that are part of a loop, in build order.
    pub fn images_in_cycles(&self) -> Vec<ImageId> {
        self.tangles().flatten().copied().collect()
    }

    fn loops_of(&self, images: &[ImageId]) -> Vec<Cycle> {
        let members: HashSet<ImageId> = images.iter().copied().collect();
        let needs: HashMap<ImageId, Vec<ImageId>> = images
            .iter()
            .map(|image| {
                let inside = self.direct_dependencies(*image).into_iter().filter(|d| members.contains(d));
                (*image, inside.collect())
            })
            .collect();
        let mut covered: HashSet<(ImageId, ImageId)> = HashSet::new();
        let mut cycles = Vec::new();
        for dependent in images {
            for dependency in &needs[dependent] {
                if cycles.len() == LOOPS {
                    return cycles;
                }
                if covered.contains(&(*dependent, *dependency)) {
                    continue;
                }
                let Some(path) = shortest_path(&needs, *dependency, *dependent) else { continue };
                let start = path.iter().enumerate().min_by_key(|(_, image)| self.rank(**image));
                let start = start.map_or(0, |(at, _)| at);
                let around: Vec<ImageId> = path[start..].iter().chain(&path[..start]).copied().collect();
                let next = around.iter().copied().cycle().skip(1);
                let pairs: Vec<(ImageId, ImageId)> = around.iter().copied().zip(next).collect();
                covered.extend(&pairs);
                // Never one that is known: none of those has this link.
                let links =
                    pairs.iter().filter_map(|(from, to)| self.first_link(*from, *to)).cloned().collect();
                cycles.push(Cycle { links });
            }
        }
        cycles
    }
}

/// The shortest way from one image to another along their dependencies, both ends included.
fn shortest_path(needs: &HashMap<ImageId, Vec<ImageId>>, from: ImageId, to: ImageId) -> Option<Vec<ImageId>> {
    let mut came_from: HashMap<ImageId, ImageId> = HashMap::from([(from, from)]);
    let mut open = VecDeque::from([from]);
    while let Some(image) = open.pop_front() {
        if image == to {
            let mut path = vec![to];
            let mut at = to;
            while at != from {
                at = came_from[&at];
                path.push(at);
            }
            path.reverse();
            return Some(path);
        }
        for next in &needs[&image] {
            if !came_from.contains_key(next) {
                came_from.insert(*next, image);
                open.push_back(*next);
            }
        }
    }
    None
}
