//! Which files of `src/` use which, as far as their text tells: `use` lines and paths, names that a module gives on
//! traced to the file that has them.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::algo::tarjan_scc;
use petgraph::graphmap::DiGraphMap;

/// A module: `["git", "tree"]` is `git/tree.rs`.
type Module = Vec<String>;

/// What one file says, without comments, tests, and who may see an item.
struct File {
    /// Paths that it brings into scope, and whether only to give them on.
    uses: Vec<(String, bool)>,
    /// Every other path that it names.
    paths: BTreeSet<String>,
}

/// The files of `src/` by module.
pub(super) struct Files(BTreeMap<Module, File>);

impl Files {
    /// Of `(path below src, text)`. Tests are left out.
    pub(super) fn new<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let modules = files.map(|(path, text)| (module(path), read(text)));
        let is_test = |name: &String| matches!(name.as_str(), "tests" | "testing" | "main");
        Self(modules.filter(|(module, _)| !module.iter().any(is_test)).collect())
    }

    /// The circles of files inside each folder of `src/`, each in order, as `git/tree`.
    pub(super) fn circles(&self) -> Vec<Vec<String>> {
        let modules: Vec<&Module> = self.0.keys().collect();
        let number = |module: &Module| modules.binary_search(&module).expect("a module");
        let mut graph = DiGraphMap::<usize, ()>::new();
        for (module, file) in &self.0 {
            for used in self.used_by(module, file) {
                if used != *module && used.first() == module.first() {
                    graph.add_edge(number(module), number(&used), ());
                }
            }
        }
        let circles = tarjan_scc(&graph).into_iter().filter(|circle| circle.len() > 1);
        let named = circles.map(|circle| circle.into_iter().map(|at| modules[at].join("/")).collect());
        let mut sorted: Vec<Vec<String>> = named.collect();
        for circle in &mut sorted {
            circle.sort();
        }
        sorted.sort();
        sorted
    }

    fn used_by(&self, module: &Module, file: &File) -> BTreeSet<Module> {
        let own = file.uses.iter().filter(|(_, is_given_on)| !is_given_on).map(|(path, _)| path);
        own.chain(&file.paths).filter_map(|path| self.trace(module, path, 0)).collect()
    }

    /// The file that has what `path` means in `module`.
    fn trace(&self, module: &Module, path: &str, depth: usize) -> Option<Module> {
        let mut rest: Vec<&str> = path.split("::").collect();
        let mut at = module.clone();
        match rest[0] {
            "crate" => at.clear(),
            "self" => {}
            "super" => {
                while rest.first() == Some(&"super") {
                    at.pop()?;
                    rest.remove(0);
                }
                rest.insert(0, "self");
            }
            child if self.0.contains_key(&below(&at, child)) => rest.insert(0, "self"),
            _ => return None,
        }
        rest.remove(0);
        while let Some(child) =
            rest.first().map(|name| below(&at, name)).filter(|child| self.0.contains_key(child))
        {
            at = child;
            rest.remove(0);
        }
        let file = self.0.get(&at)?;
        let item = rest.first().filter(|item| **item != "self" && depth < 8);
        let given =
            item.and_then(|item| file.uses.iter().find(|(path, _)| path.rsplit("::").next() == Some(item)));
        match given {
            Some((path, _)) => self.trace(&at, path, depth + 1),
            None => Some(at),
        }
    }
}

fn below(module: &Module, child: &str) -> Module {
    module.iter().cloned().chain([child.to_owned()]).collect()
}

fn module(path: &str) -> Module {
    let path = path.trim_end_matches(".rs").replace('\\', "/");
    let parts = path.split('/').filter(|part| !matches!(*part, "mod" | "lib"));
    parts.map(str::to_owned).collect()
}

fn read(text: &str) -> File {
    let product = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let lines = product.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut file = File { uses: Vec::new(), paths: BTreeSet::new() };
    let mut statement = String::new();
    for line in lines {
        let line = without_visibility(line);
        let code = line.trim();
        if statement.is_empty() && !code.starts_with("use ") && !code.starts_with("pub use ") {
            let words = code.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
            let paths = words.map(|word| word.trim_matches(':')).filter(|word| word.contains("::"));
            file.paths.extend(paths.map(str::to_owned));
            continue;
        }
        statement.push_str(code);
        if let Some(whole) = statement.strip_suffix(';') {
            let path = whole.trim_start_matches("pub ").trim_start_matches("use ");
            file.uses.extend(expanded(path).into_iter().map(|path| (path, whole.starts_with("pub "))));
            statement.clear();
        }
    }
    file
}

/// `pub(in crate::git) fn` as `pub fn`: who may see an item is no use of that place.
fn without_visibility(line: &str) -> String {
    match line.split_once("pub(").and_then(|(before, rest)| Some((before, rest.split_once(')')?.1))) {
        Some((before, after)) => format!("{before}pub{after}"),
        None => line.to_owned(),
    }
}

/// `a::{b, c::{d}}` as `a::b` and `a::c::d`.
fn expanded(path: &str) -> Vec<String> {
    let Some((before, group)) = path.split_once('{') else {
        // A trait that is used `as _` has no name here.
        let named = path.strip_suffix(" as _").is_none().then_some(path);
        return named
            .iter()
            .map(|path| path.split(" as ").next().unwrap_or_default().trim().to_owned())
            .collect();
    };
    let group = group.trim_end().strip_suffix('}').unwrap_or(group);
    let mut depth = 0;
    let parts = group.split(|c: char| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    let parts = parts.map(str::trim).filter(|part| !part.is_empty());
    parts.flat_map(|part| expanded(&format!("{}{part}", before.trim_start()))).collect()
}

#[test]
fn circles_are_seen_through_what_modules_give_on() {
    let files = [
        ("a/mod.rs", "mod one;\nmod two;\npub(crate) use one::One;\npub use two::{Two, three};\n"),
        ("a/one.rs", "use super::Two;\n// crate::a::four::Four\npub(in crate::a) struct One(Two);\n"),
        ("a/two.rs", "pub struct Two;\nfn f() { crate::a::One::new() }\n"),
        (
            "a/four.rs",
            "use super::two::Two;\n#[cfg(test)]\nmod tests {\n    use super::super::one::One;\n}\n",
        ),
        ("b.rs", "use crate::a::{Two, one::One};\n"),
    ];
    assert_eq!(Files::new(files.into_iter()).circles(), [["a/one", "a/two"]]);
}
