//! The tests' S3 server as a process of its own.
//!
//! `test-s3 ROOT PORT_FILE POLICY_FILE [--until-stdin-ends]` serves the objects below ROOT to the
//! principals of POLICY_FILE (JSON, see `Policy`), on a free loopback port that it writes to
//! PORT_FILE. Beside that it keeps `PORT_FILE.requests.json` up to date: what was asked of it.
//! With the flag it ends when its parent does, however that died.

use std::{
    fs, io,
    io::Read as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::mpsc,
    time::Duration,
};

use anyhow::{Context as _, bail};
use cordon_tests::s3::{Policy, TestS3};

/// How old the counts may be.
const COUNTS_EVERY: Duration = Duration::from_secs(1);

#[expect(clippy::print_stderr, reason = "the only place this program can complain")]
fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("test-s3: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (paths, flags): (Vec<_>, Vec<_>) =
        arguments.iter().partition(|argument| !argument.starts_with("--"));
    let [root, port_file, policy_file] = paths[..] else {
        bail!("usage: test-s3 ROOT PORT_FILE POLICY_FILE [--until-stdin-ends]");
    };
    let policy = fs::read(policy_file).with_context(|| format!("cannot read {policy_file}"))?;
    let policy: Policy =
        serde_json::from_slice(&policy).with_context(|| format!("{policy_file} is no policy"))?;
    let server = TestS3::start(root, policy).with_context(|| format!("cannot serve {root}"))?;
    let port = server.endpoint().rsplit(':').next().unwrap_or_default();
    replace(Path::new(port_file), port.as_bytes())?;
    let (alive, end) = mpsc::channel();
    let watched = flags.iter().any(|flag| *flag == "--until-stdin-ends");
    // Without the flag the sender stays here, so that the end never comes.
    let _alive = if watched { drop_when_stdin_ends(alive) } else { Some(alive) };
    publish_counts(&server, &PathBuf::from(format!("{port_file}.requests.json")), &end)
}

/// Writes the counts whenever they changed, until the end.
fn publish_counts(server: &TestS3, path: &Path, end: &mpsc::Receiver<()>) -> anyhow::Result<()> {
    let mut published = None;
    loop {
        let requests = server.requests();
        if published.as_ref() != Some(&requests) {
            replace(path, &serde_json::to_vec(&requests)?)?;
            published = Some(requests);
        }
        match end.recv_timeout(COUNTS_EVERY) {
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

/// Replaces a file in one step: a reader sees the old content or the new.
fn replace(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, content)
        .and_then(|()| fs::rename(&new, path))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Keeps the sender until standard input ends, and no longer.
fn drop_when_stdin_ends(alive: mpsc::Sender<()>) -> Option<mpsc::Sender<()>> {
    std::thread::spawn(move || {
        // Whatever ends it, an error too, ends the program.
        let _ = io::stdin().lock().read_to_end(&mut Vec::new());
        drop(alive);
    });
    None
}
