//! The model log: `cordon demo`, with the killer's cells.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use cordon_tests::ran::Ran;

use crate::{letters::Letters, plant::File};

/// Runs of the whole pipeline on the model log, below one directory.
pub struct Model {
    programs: Programs,
    dir: tempfile::TempDir,
    runs: u32,
}

/// Two programs that differ in the cells of one stage.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The killer.
    pub killer: PathBuf,
    /// cordon as it is released.
    pub cordon: PathBuf,
}

impl Programs {
    /// Those beside the program that runs.
    pub fn beside_this() -> Result<Self> {
        let this = std::env::current_exe()?;
        Ok(Self { killer: this.with_file_name("killer"), cordon: this.with_file_name("cordon") })
    }
}

/// What a run left.
pub struct Outcome {
    /// What `generate` gave up.
    pub letters: Letters,
    /// The merged graph, one element a line.
    pub graph: String,
}

impl Model {
    /// Runs of these programs.
    pub fn new(programs: Programs) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("cordon-fate").tempdir()?;
        Ok(Self { programs, dir, runs: 0 })
    }

    /// Sends files through the pipeline of the killer. The audit must be clean.
    pub fn run(&mut self, files: &[File]) -> Result<Outcome> {
        let killer = self.programs.killer.clone();
        self.run_with(&killer, files, &Letters::default())
    }

    /// What the released program makes of the lines that have no letter.
    pub fn run_without(&mut self, files: &[File], dead: &Letters) -> Result<Outcome> {
        let cordon = self.programs.cordon.clone();
        self.run_with(&cordon, files, dead)
    }

    fn run_with(&mut self, program: &Path, files: &[File], dead: &Letters) -> Result<Outcome> {
        self.runs += 1;
        let dir = self.dir.path().join(self.runs.to_string());
        fs::create_dir(&dir)?;
        // An empty file is no input, and a fault.
        let files = files.iter().filter(|file| dead.count(file) < file.len());
        let files: Vec<&File> = files.collect();
        for file in &files {
            file.write(&dir, |index| dead.is_dead(file, index))?;
        }
        let demo = ask(program, &dir, &["demo", "--out", "out"], &files)?;
        ensure!(demo.code == Some(0), "the demo ended with {:?}: {}", demo.code, demo.words);
        let asked = ["dead", "list", "--stage", "generate", "--from", "out", "--json"];
        let printed = ask(program, &dir, &asked, &[])?.expect(0, &[])?.json()?;
        let graph = fs::read_to_string(dir.join("out/graph.jsonl")).context("the demo's graph")?;
        fs::remove_dir_all(&dir)?;
        Ok(Outcome { letters: Letters::read(&printed)?, graph })
    }
}

fn ask(program: &Path, dir: &Path, words: &[&str], files: &[&File]) -> Result<Ran> {
    let mut command = Command::new(program);
    command.current_dir(dir).args(words).args(files.iter().map(|file| &file.name));
    Ran::of(&mut command)
}

/// Fails unless every file has its letters, and the graph is that of all other lines.
pub fn check(model: &mut Model, files: &[File], outcome: &Outcome) -> Result<()> {
    outcome.letters.are_all_of(files)?;
    for file in files {
        outcome.letters.check(file).with_context(|| file.name.clone())?;
    }
    let expected = model.run_without(files, &outcome.letters)?.graph;
    ensure!(outcome.graph == expected, "the graph is not that of the lines without a letter");
    Ok(())
}
