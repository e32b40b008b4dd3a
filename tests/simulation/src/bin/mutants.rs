//! Breaks the courier in each way of `mutants.toml`, and has the simulation find it.
//!
//! `mutants WORKSPACE` works on a copy of the sources, with a build directory of its own, and
//! builds and plays each mutant until a seed fails.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use serde::Deserialize;

/// Breaks the courier, and has the simulation find it.
#[derive(Parser)]
struct Arguments {
    /// The workspace's folder.
    workspace: PathBuf,
    /// Seeds after which a mutant counts as not caught.
    #[arg(long, default_value_t = 5_000)]
    seeds: u64,
    /// Only mutants whose names contain this.
    #[arg(long, default_value = "")]
    only: String,
}

#[derive(Deserialize)]
struct Mutants {
    mutant: Vec<Mutant>,
}

/// One way to break it.
#[derive(Deserialize)]
struct Mutant {
    name: String,
    file: PathBuf,
    find: String,
    replace: String,
    /// The package whose tests catch it, where no seed can.
    tests_of: Option<String>,
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "this is what the program is for")]
fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok((mutants, caught)) => {
            println!("figures: {}", serde_json::json!({ "mutants": mutants, "caught": caught }));
            ExitCode::from(u8::from(caught != mutants))
        }
        Err(error) => {
            eprintln!("mutants: {error:#}");
            ExitCode::from(2)
        }
    }
}

#[expect(clippy::print_stdout, reason = "each mutant is told as it is done")]
fn run(arguments: &Arguments) -> Result<(usize, usize)> {
    let workspace = arguments.workspace.canonicalize()?;
    let table = workspace.join("tests/simulation/mutants.toml");
    let text = fs::read_to_string(&table).with_context(|| format!("{}", table.display()))?;
    let Mutants { mut mutant } = toml::from_str(&text)?;
    mutant.retain(|mutant| mutant.name.contains(&arguments.only));
    let copy = tempfile::tempdir()?;
    copy_sources(&workspace, copy.path())?;
    let build = workspace.join("target/mutants");
    let lab = Lab { sources: copy.path(), build: &build };
    let healthy = lab.play(arguments.seeds.min(200))?;
    ensure!(healthy.is_none(), "without any mutant: {}", healthy.unwrap_or_default());
    let mut caught = 0;
    for mutant in &mutant {
        let found = lab.try_out(mutant, arguments.seeds).with_context(|| mutant.name.clone())?;
        caught += usize::from(found.is_some());
        println!("{}: {}", mutant.name, found.as_deref().unwrap_or("NOT CAUGHT"));
    }
    Ok((mutant.len(), caught))
}

/// Where mutants are built.
struct Lab<'a> {
    sources: &'a Path,
    build: &'a Path,
}

impl Lab<'_> {
    /// Builds a mutant and plays it; says what caught it.
    fn try_out(&self, mutant: &Mutant, seeds: u64) -> Result<Option<String>> {
        let path = self.sources.join(&mutant.file);
        let original = fs::read_to_string(&path)?;
        let places = original.matches(&mutant.find).count();
        ensure!(places == 1, "what it replaces occurs {places} times in {}", mutant.file.display());
        fs::write(&path, original.replace(&mutant.find, &mutant.replace))?;
        let found = match &mutant.tests_of {
            Some(package) => self.test(package),
            None => self.play(seeds),
        };
        fs::write(&path, original)?;
        found
    }

    /// Runs a package's tests on what lies there; says which failed.
    fn test(&self, package: &str) -> Result<Option<String>> {
        self.cargo(&["test", "--no-run", "-p", package])?;
        let tested = self.command(&["test", "--no-fail-fast", "-p", package]).output()?;
        if tested.status.success() {
            return Ok(None);
        }
        let said = String::from_utf8_lossy(&tested.stdout);
        let failed = said.lines().find_map(|line| line.strip_suffix(" ... FAILED"));
        Ok(Some(failed.with_context(|| format!("no test of {package} failed"))?.to_owned()))
    }

    /// Runs cargo on what lies there, to its good end.
    fn cargo(&self, arguments: &[&str]) -> Result<()> {
        ensure!(self.command(arguments).arg("--quiet").status()?.success(), "it does not compile");
        Ok(())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command
            .args(arguments)
            .arg("--offline")
            .current_dir(self.sources)
            .env("CARGO_TARGET_DIR", self.build)
            .env("RUSTFLAGS", "-Awarnings")
            .stderr(Stdio::inherit());
        command
    }

    /// Builds what lies there, and plays seeds until one fails.
    fn play(&self, seeds: u64) -> Result<Option<String>> {
        self.cargo(&["build", "-p", "cordon-simulation", "--bin", "simulate"])?;
        let played = Command::new(self.build.join("debug/simulate"))
            .args(["--until-failure", "--seeds", &seeds.to_string()])
            .env("RUST_BACKTRACE", "0")
            .stderr(Stdio::null())
            .output()?;
        if played.status.success() {
            return Ok(None);
        }
        let said = String::from_utf8_lossy(&played.stdout);
        let mut lines = said.lines().map(str::trim).filter(|line| !line.starts_with("figures"));
        let seed = lines.next().unwrap_or("an unknown seed").to_owned();
        let fault: String = lines.next().unwrap_or("").chars().take(160).collect();
        Ok(Some(format!("{seed} {fault}")))
    }
}

/// Copies everything that is needed to build, and nothing that was built.
fn copy_sources(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_dropped = name.to_string_lossy().starts_with('.') || name == "target";
        let (from, to) = (entry.path(), to.join(&name));
        if is_dropped {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::create_dir_all(&to)?;
            copy_sources(&from, &to)?;
        } else {
            fs::copy(&from, &to)?;
        }
    }
    Ok(())
}
