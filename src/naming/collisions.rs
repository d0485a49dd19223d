//! Several Dockerfiles whose folders give them one name.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::folders::FolderName;

/// A Dockerfile whose name comes from its place.
#[derive(Debug)]
pub(super) struct Contender {
    pub(super) image: usize,
    pub(super) name: FolderName,
    /// The lower, the stronger: nobody renames an image of a lower class. See [`class`].
    pub(super) class: u8,
}

/// An untracked Dockerfile never renames a tracked one. One that stands aside (a test, an example) never
/// renames one that does not: what is built only when named must not change what is published.
pub(super) fn class(tracked: bool, aside: bool) -> u8 {
    u8::from(aside) + 2 * u8::from(!tracked)
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Resolution {
    /// The name of each contender, and whether it is provisional.
    pub(super) names: HashMap<usize, (String, bool)>,
    /// Names that several of one class had, with all who had them. No reference to one of these is clear.
    pub(super) contested: BTreeMap<String, Vec<usize>>,
}

/// Gives each contender a name of its own. `taken` are the names that the settings give to others.
///
/// The one nearest the root keeps the name (in one folder: `Dockerfile`, as `docker build` would take it);
/// among equals all get the next folder outwards in front until they differ.
pub(super) fn resolve(contenders: &[Contender], taken: &HashSet<String>) -> Resolution {
    let mut state = State { used: taken.clone(), resolution: Resolution::default() };
    let mut by_class: BTreeMap<u8, BTreeMap<String, Vec<&Contender>>> = BTreeMap::new();
    for contender in contenders {
        by_class
            .entry(contender.class)
            .or_default()
            .entry(contender.name.title_of(&contender.name.plain()))
            .or_default()
            .push(contender);
    }
    for groups in by_class.into_values() {
        let mut pending = Vec::new();
        // First those who keep their names, in all groups, so that nobody is given one of them.
        for (name, group) in groups {
            let free = !state.used.contains(&name);
            let (keeper, contested) = if free { keeper(&group) } else { (None, false) };
            if let Some(keeper) = keeper {
                let plain = group.iter().find(|contender| contender.image == keeper);
                let plain = plain.map(|contender| contender.name.plain()).unwrap_or_default();
                state.resolution.names.insert(keeper, (plain, false));
            }
            if contested {
                let all = group.iter().map(|contender| contender.image).collect();
                state.resolution.contested.insert(name.clone(), all);
            }
            state.used.insert(name);
            let rest: Vec<&Contender> =
                group.into_iter().filter(|contender| Some(contender.image) != keeper).collect();
            if !rest.is_empty() {
                pending.push(rest);
            }
        }
        for group in pending {
            state.rename(&group);
        }
    }
    state.resolution
}

/// Who keeps the name that all of the group have, and whether the others contest it.
fn keeper(group: &[&Contender]) -> (Option<usize>, bool) {
    let depth = group.iter().map(|contender| contender.name.depth()).min().unwrap_or_default();
    let nearest: Vec<&Contender> =
        group.iter().copied().filter(|contender| contender.name.depth() == depth).collect();
    let contested = group.len() > 1;
    match nearest[..] {
        [only] => (Some(only.image), contested),
        [first, ..] if nearest.iter().all(|contender| contender.name.folder() == first.name.folder()) => {
            let default = nearest.iter().find(|contender| contender.name.is_default_file());
            let alone = nearest.len() == group.len() && default.is_some();
            (default.map(|contender| contender.image), !alone)
        }
        _ => (None, contested),
    }
}

struct State {
    used: HashSet<String>,
    resolution: Resolution,
}

impl State {
    /// Finds the fewest folders in front with which all names differ and none is used. Where all folders
    /// are not enough, those that gave way count too; who still has no name of its own (`Dockerfile.a` and
    /// `a.Dockerfile` in one folder) gets a fingerprint of its path.
    fn rename(&mut self, group: &[&Contender]) {
        let most = group.iter().map(|contender| contender.name.folders_in_front()).max().unwrap_or_default();
        for count in 1..=most {
            let names: Vec<String> =
                group.iter().map(|contender| contender.name.with_folders(count)).collect();
            let different: HashSet<&str> = names.iter().map(String::as_str).collect();
            if different.len() == group.len()
                && group.iter().zip(&names).all(|(contender, name)| self.is_free(contender, name))
            {
                for (contender, name) in group.iter().zip(names) {
                    self.give(contender, name);
                }
                return;
            }
        }
        let mut users: HashMap<String, usize> = HashMap::new();
        for contender in group {
            *users.entry(contender.name.with_all_folders()).or_default() += 1;
        }
        for contender in group {
            let full = contender.name.with_all_folders();
            let mut name = match users.get(&full) {
                Some(1) if self.is_free(contender, &full) => full,
                _ => contender.name.with_fingerprint(),
            };
            while !self.is_free(contender, &name) {
                name.push_str("-x");
            }
            self.give(contender, name);
        }
    }

    fn is_free(&self, contender: &Contender, name: &str) -> bool {
        !self.used.contains(&contender.name.title_of(name))
    }

    fn give(&mut self, contender: &Contender, name: String) {
        self.used.insert(contender.name.title_of(&name));
        self.resolution.names.insert(contender.image, (name, true));
    }
}

#[cfg(test)]
mod tests {
    use super::super::neighbours::Neighbours;
    use super::*;
    use crate::path::TreePath;

    fn resolved(paths: &[(&str, u8)]) -> (Vec<(String, bool)>, Vec<String>) {
        let trees: Vec<TreePath> = paths.iter().map(|(path, _)| TreePath::from(*path)).collect();
        let contender = |(image, (_, class)): (usize, &(&str, u8))| {
            let known = trees.iter().zip(paths).filter(|(_, (_, other))| other <= class);
            let around = Neighbours::new(known.map(|(path, _)| path), Vec::new());
            Contender { image, name: FolderName::new(&trees[image], "shop", &around), class: *class }
        };
        let contenders: Vec<Contender> = paths.iter().enumerate().map(contender).collect();
        let resolution = resolve(&contenders, &HashSet::from(["taken".to_owned()]));
        let title = |image: usize| {
            let (name, provisional) = &resolution.names[&image];
            (contenders[image].name.title_of(name), *provisional)
        };
        let names = (0..paths.len()).map(title).collect();
        (names, resolution.contested.into_keys().collect())
    }

    fn names(paths: &[&str]) -> Vec<String> {
        let tracked: Vec<(&str, u8)> = paths.iter().map(|path| (*path, 0)).collect();
        resolved(&tracked).0.into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn the_one_nearest_the_root_keeps_its_name() {
        let (names, contested) = resolved(&[("legacy/old/api/Dockerfile", 0), ("api/Dockerfile", 0)]);
        assert_eq!(names, [("old-api".to_owned(), true), ("api".to_owned(), false)]);
        assert_eq!(contested, ["api"]);
    }

    #[test]
    fn among_equals_all_get_the_next_folder_outwards_until_they_differ() {
        assert_eq!(
            names(&["3.12/alpine/Dockerfile", "3.13/alpine/Dockerfile"]),
            ["3.12-alpine", "3.13-alpine"]
        );
        assert_eq!(
            names(&["a/x/api/Dockerfile", "b/x/api/Dockerfile", "c/y/api/Dockerfile"]),
            ["a-x-api", "b-x-api", "c-y-api"]
        );
        assert_eq!(
            names(&["c/api/Dockerfile", "d/api/Dockerfile", "p/a/x/api/Dockerfile", "q/a/x/api/Dockerfile"]),
            ["c-api", "d-api", "p-a-x-api", "q-a-x-api"]
        );
    }

    #[test]
    fn folders_that_gave_way_count_when_nothing_else_differs() {
        assert_eq!(names(&["api/docker/Dockerfile", "api/src/Dockerfile"]), ["api-docker", "api-src"]);
        assert_eq!(names(&["build/Dockerfile", "docker/Dockerfile"]), ["shop-build", "shop-docker"]);
    }

    #[test]
    fn an_untracked_one_never_renames_a_tracked_one() {
        let (names, contested) = resolved(&[("api/Dockerfile", 2), ("services/api/Dockerfile", 0)]);
        assert_eq!(names[1], ("api".to_owned(), false));
        assert!(names[0].1 && names[0].0 != "api", "{names:?}");
        assert_eq!(contested, Vec::<String>::new());
        // Nor does it take the name that equals gave up, or the one that they were given.
        let (names, _) = resolved(&[
            ("a/api/Dockerfile", 0),
            ("b/api/Dockerfile", 0),
            ("api/Dockerfile", 2),
            ("a-api/Dockerfile", 2),
        ]);
        assert_eq!(names[0].0, "a-api");
        assert!(names[2].0 != "api" && names[3].0 != "a-api", "{names:?}");
    }

    #[test]
    fn in_one_folder_dockerfile_keeps_the_name() {
        let (names, contested) = resolved(&[("api/Containerfile", 0), ("api/Dockerfile", 0)]);
        assert_eq!(names[1], ("api".to_owned(), false));
        assert!(names[0].1);
        assert_eq!(contested, Vec::<String>::new());
    }

    #[test]
    fn names_that_differ_only_in_case_stay_apart() {
        let (names, _) = resolved(&[
            ("Api/Dockerfile", 0),
            ("api/Dockerfile", 0),
            ("x/Dockerfile.A", 0),
            ("x/a.Dockerfile", 0),
        ]);
        let different: HashSet<&String> = names.iter().map(|(name, _)| name).collect();
        assert_eq!(different.len(), 4, "{names:?}");
        assert!(names.iter().all(|(_, provisional)| *provisional));
    }

    #[test]
    fn the_settings_names_are_not_taken() {
        assert_ne!(names(&["taken/Dockerfile"]), ["taken"]);
    }

    proptest::proptest! {
        #[test]
        fn every_name_differs_and_lower_classes_change_nothing(
            paths in proptest::collection::hash_map("([abAB]|docker|3[.]1)(/([ab]|src)){0,3}/(Dockerfile|Dockerfile.a|a.Dockerfile)", 0u8..4, 0..25)
        ) {
            let paths: Vec<(&str, u8)> = paths.iter().map(|(path, class)| (path.as_str(), *class)).collect();
            let (all, _) = resolved(&paths);
            let different: HashSet<&String> = all.iter().map(|(name, _)| name).collect();
            proptest::prop_assert_eq!(different.len(), all.len());
            let strong: Vec<(&str, u8)> = paths.iter().copied().filter(|(_, class)| *class == 0).collect();
            let (alone, _) = resolved(&strong);
            let with_others: Vec<_> =
                all.into_iter().zip(&paths).filter(|(_, (_, class))| *class == 0).map(|(name, _)| name).collect();
            proptest::prop_assert_eq!(alone, with_others);
        }
    }
}
