//! What lies in the tree: folders, `unsafe`, and no traces of the machine it was written on.

use std::collections::BTreeSet;

use crate::files;

/// Top-level folders, all of which there are.
const FOLDERS: &[&str] = &[".ci", "avro", "kafka", "stages", "terraform", "tests"];

/// Files that must lie beside them.
const BESIDE: &[&str] = &[
    ".ci/run",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "Makefile",
    "README.md",
    "clippy.toml",
    "deny.toml",
    "rust-toolchain.toml",
];

fn misplaced(paths: &[&str]) -> Vec<String> {
    let folders: BTreeSet<&str> =
        paths.iter().filter_map(|path| Some(path.split_once('/')?.0)).collect();
    let added = folders.iter().filter(|folder| !FOLDERS.contains(folder));
    let gone = FOLDERS.iter().filter(|folder| !folders.contains(*folder));
    let missing = BESIDE.iter().filter(|file| !paths.contains(file));
    (added.map(|folder| format!("{folder}/ is not a folder of cordon's")))
        .chain(gone.map(|folder| format!("{folder}/ is gone")))
        .chain(missing.map(|file| format!("{file} is gone")))
        .collect()
}

#[test]
fn the_top_level_is_what_it_should_be() {
    let files = files::of_this_workspace();
    let paths: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(misplaced(&paths), [""; 0]);
}

#[test]
fn a_new_folder_and_a_lost_file_are_found() {
    let mut paths: Vec<String> = FOLDERS.iter().map(|folder| format!("{folder}/x")).collect();
    paths.extend(BESIDE.iter().map(|file| (*file).to_owned()));
    paths.retain(|path| !path.starts_with("terraform/") && path != "LICENSE");
    paths.push("scripts/run".to_owned());
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    assert_eq!(
        misplaced(&paths),
        ["scripts/ is not a folder of cordon's", "terraform/ is gone", "LICENSE is gone"]
    );
}

/// The homes of `unsafe`: what forks and jails cells, and the thin layer over librdkafka. And the
/// attacker, who is not bound by Rust.
const UNSAFE_HOMES: &[&str] = &["stages/cell/", "kafka/", "tests/attacker/"];

/// The lint that keeps it out elsewhere; nobody may lift it there either.
const UNSAFE_LINT: &str = "unsafe_code";

fn unsafe_lines(path: &str, text: &str) -> Vec<String> {
    if !path.ends_with(".rs") || UNSAFE_HOMES.iter().any(|home| path.starts_with(home)) {
        return Vec::new();
    }
    let lines = text.lines().enumerate().filter(|(_, line)| is_unsafe(line));
    lines.map(|(at, line)| format!("{path}:{}: {}", at + 1, line.trim())).collect()
}

/// As a keyword: before a block, an item, or in an attribute. Words in comments are none.
fn is_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let lifts = ["allow", "expect", "warn"].map(|level| format!("{level}({UNSAFE_LINT}"));
    if lifts.iter().any(|lift| code.contains(lift.as_str())) {
        return true;
    }
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices("unsafe").any(|(at, word)| {
        let is_start = !code[..at].ends_with(is_word);
        let rest = code[at + word.len()..].trim_start();
        let items = ["{", "(", "fn ", "impl ", "impl<", "trait ", "extern "];
        is_start && items.iter().any(|item| rest.starts_with(item))
    })
}

#[test]
fn unsafe_has_its_homes() {
    let files = files::of_this_workspace();
    let lines: Vec<String> =
        files.iter().flat_map(|(path, text)| unsafe_lines(path, text)).collect();
    assert_eq!(lines, [""; 0]);
    let homes = files.iter().filter(|(path, _)| UNSAFE_HOMES.iter().any(|h| path.starts_with(h)));
    assert!(homes.flat_map(|(_, text)| text.lines()).filter(|line| is_unsafe(line)).count() > 20);
}

#[test]
fn every_crate_has_the_workspaces_lints() {
    let files = files::of_this_workspace();
    for (path, text) in files.iter().filter(|(path, _)| path.ends_with("/Cargo.toml")) {
        assert!(text.contains("[lints]\nworkspace = true\n"), "{path} has lints of its own");
    }
}

#[test]
fn planted_unsafe_is_found() {
    let block = ["let a = un", "safe { *p };"].concat();
    let lifted = format!("#![expect({UNSAFE_LINT}, reason = \"quick\")]");
    let text = format!("// it is not unsafe {{\nlet unsafe_count = 1;\n{block}\n{lifted}\n");
    assert_eq!(
        unsafe_lines("stages/flow/src/lib.rs", &text),
        [
            format!("stages/flow/src/lib.rs:3: {block}"),
            format!("stages/flow/src/lib.rs:4: {lifted}")
        ]
    );
    assert!(unsafe_lines("stages/cell/src/sys.rs", &text).is_empty());
}

/// Folders at the top of somebody's machine, which mean nothing on another.
const MACHINE_FOLDERS: &[&str] = &["Users", "home", "mnt", "private", "root", "tmp", "work"];

fn machine_paths(path: &str, text: &str) -> Vec<String> {
    let starts: Vec<String> = MACHINE_FOLDERS.iter().map(|name| format!("/{name}/")).collect();
    let is_own = |line: &str| starts.iter().any(|start| names(line, start));
    let lines = text.lines().enumerate().filter(|(_, line)| is_own(line));
    lines.map(|(at, line)| format!("{path}:{}: {}", at + 1, line.trim())).collect()
}

/// An absolute path begins after a quote, a bracket, a space or an equals sign, and not in the
/// middle of another one.
fn names(line: &str, start: &str) -> bool {
    let begins =
        |before: &str| !before.ends_with(|c: char| c.is_alphanumeric() || "._-~*})$/".contains(c));
    line.match_indices(start).any(|(at, _)| begins(&line[..at]))
}

#[test]
fn no_file_names_a_path_of_somebodys_machine() {
    let files = files::of_this_workspace();
    let lines: Vec<String> =
        files.iter().flat_map(|(path, text)| machine_paths(path, text)).collect();
    assert_eq!(lines, [""; 0]);
}

#[test]
fn a_planted_path_is_found() {
    let own = format!("let cache = \"/{}/me/cache\";", "home");
    let text = format!("stages/work/x\nhttps://a.b/work/x\n{own}\n");
    assert_eq!(machine_paths("a.rs", &text), [format!("a.rs:3: {own}")]);
}
