//! Which crate needs which, as cargo resolves it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::{Path, PathBuf},
    process::Command,
};

use serde::Deserialize;

/// The dependency graph of a workspace. Versions of one crate count as one: no rule here lets one
/// of them do what another may not.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// Crates of the workspace, and their folders in it.
    pub(crate) members: BTreeMap<String, PathBuf>,
    /// What a crate needs when it runs.
    pub(crate) needs: BTreeMap<String, BTreeSet<String>>,
    /// What it needs beyond that to be built and tested.
    pub(crate) tools: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    /// The workspace that this test belongs to, with the features of `make build`: every member's
    /// together. A single crate's own tree may be smaller, never larger.
    pub(crate) fn of_this_workspace() -> Self {
        let platform = format!("--filter-platform={}-unknown-linux-gnu", std::env::consts::ARCH);
        let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["metadata", "--format-version=1", &platform])
            .current_dir(root())
            .output()
            .expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let metadata: Metadata = serde_json::from_slice(&output.stdout).expect("cargo's metadata");
        metadata.graph()
    }

    /// A planted graph: members with their folders, then `needs` as pairs.
    pub(crate) fn planted(members: &[(&str, &str)], needs: &[(&str, &str)]) -> Self {
        let mut graph = Self::default();
        for (name, folder) in members {
            graph.members.insert((*name).to_owned(), PathBuf::from(folder));
        }
        for (from, to) in needs {
            graph.needs.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        graph
    }

    /// Everything below a crate when it runs, itself included, each with the way to it.
    ///
    /// # Panics
    /// When there is no such crate: a rule about it would hold for nothing.
    pub(crate) fn below(&self, root: &str, is_left_out: Edge) -> BTreeMap<String, String> {
        assert!(self.members.contains_key(root), "{root} is no crate of the workspace");
        let mut ways = BTreeMap::from([(root.to_owned(), root.to_owned())]);
        let mut queue = VecDeque::from([root.to_owned()]);
        while let Some(from) = queue.pop_front() {
            for to in self.needs.get(&from).into_iter().flatten() {
                if !is_left_out(&from, to) && !ways.contains_key(to) {
                    ways.insert(to.clone(), format!("{} → {to}", ways[&from]));
                    queue.push_back(to.clone());
                }
            }
        }
        ways
    }

    /// Every crate that names `dependency`, for whatever purpose.
    pub(crate) fn askers(&self, dependency: &str) -> BTreeSet<&str> {
        let edges = self.needs.iter().chain(&self.tools);
        edges.filter(|(_, to)| to.contains(dependency)).map(|(from, _)| from.as_str()).collect()
    }

    /// Whether the crate belongs to the tests, which may see everything.
    pub(crate) fn is_of_the_tests(&self, member: &str) -> bool {
        self.members.get(member).is_some_and(|folder| folder.starts_with("tests"))
    }
}

/// Whether the step from one crate to another is not taken.
pub(crate) type Edge = fn(&str, &str) -> bool;

/// Every step is taken.
pub(crate) fn whole(_: &str, _: &str) -> bool {
    false
}

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().expect("tests lies in the workspace").to_owned()
}

/// The part of `cargo metadata` that is read here.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    workspace_root: PathBuf,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    manifest_path: PathBuf,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

/// `kind` is null for what is needed to run, else `build` or `dev`.
#[derive(Deserialize)]
struct DependencyKind {
    kind: Option<String>,
}

impl Metadata {
    fn graph(&self) -> Graph {
        let names: BTreeMap<&str, &Package> =
            self.packages.iter().map(|package| (package.id.as_str(), package)).collect();
        let mut graph = Graph::default();
        for id in &self.workspace_members {
            let package = names[id.as_str()];
            let folder = package.manifest_path.parent().expect("a folder");
            let folder = folder.strip_prefix(&self.workspace_root).expect("within the workspace");
            graph.members.insert(package.name.clone(), folder.to_owned());
        }
        for node in &self.resolve.nodes {
            let from = &names[node.id.as_str()].name;
            for dependency in &node.deps {
                let to = names[dependency.pkg.as_str()].name.clone();
                let is_run = dependency.dep_kinds.iter().any(|kind| kind.kind.is_none());
                let edges = if is_run { &mut graph.needs } else { &mut graph.tools };
                edges.entry(from.clone()).or_default().insert(to);
            }
        }
        graph
    }
}
