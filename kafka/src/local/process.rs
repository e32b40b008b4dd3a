//! A child process whose output goes to a file, and which does not outlive its owner.

use std::{
    fs, io,
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use super::LocalError;

/// How soon an ended child, or the wish to end it, is noticed.
const WATCH_EVERY: Duration = Duration::from_millis(20);

/// Enough of a log to hold a Java exception with its cause.
const LOG_END_LINES: usize = 40;

/// What the owner asks of the watching thread.
enum Wish {
    Kill,
    Release,
}

/// A running process, watched by a thread of its own.
///
/// The thread is what the kernel ties the process to: `setpriv --pdeathsig` kills it when the
/// *thread* that forked it ends, and a test's thread ends with its test.
#[derive(Debug)]
pub(super) struct Child {
    pid: u32,
    wishes: mpsc::Sender<Wish>,
    ended: Arc<AtomicBool>,
    watcher: thread::JoinHandle<()>,
}

impl Child {
    /// Starts `command` with both outputs in `log`.
    pub(super) fn spawn(mut command: Command, log: &Path) -> Result<Self, LocalError> {
        let file = fs::File::create(log)
            .and_then(|file| Ok((file.try_clone()?, file)))
            .map_err(|error| LocalError::Io(format!("cannot write {}", log.display()), error))?;
        command.stdin(Stdio::null()).stdout(file.0).stderr(file.1);
        let (started, start) = mpsc::channel();
        let (wishes, wished) = mpsc::channel();
        let ended = Arc::new(AtomicBool::new(false));
        let mark = Arc::clone(&ended);
        let watcher = thread::spawn(move || match command.spawn() {
            Ok(child) => {
                // The owner waits for this message, so that it is there.
                let _ = started.send(Ok(child.id()));
                watch(child, &wished);
                mark.store(true, Ordering::Release);
            }
            Err(error) => {
                let _ = started.send(Err(error));
            }
        });
        let unheard = || Err(io::Error::other("the watching thread died"));
        let pid = start.recv().unwrap_or_else(|_| unheard()).map_err(LocalError::NoJava)?;
        Ok(Self { pid, wishes, ended, watcher })
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Kills it and waits until it is gone.
    pub(super) fn kill(self) {
        self.end(Wish::Kill);
    }

    /// Lets it run on without an owner.
    pub(super) fn release(self) {
        self.end(Wish::Release);
    }

    fn end(self, wish: Wish) {
        // A thread that is gone has nothing left to kill.
        let _ = self.wishes.send(wish);
        let _ = self.watcher.join();
    }
}

fn watch(mut child: std::process::Child, wishes: &mpsc::Receiver<Wish>) {
    loop {
        match wishes.recv_timeout(WATCH_EVERY) {
            Ok(Wish::Release) => return,
            Ok(Wish::Kill) | Err(mpsc::RecvTimeoutError::Disconnected) => {
                // Both fail only for a child that ended by itself.
                let _ = child.kill();
                let _ = child.wait();
                return;
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {
                if !matches!(child.try_wait(), Ok(None)) {
                    return;
                }
            }
        }
    }
}

pub(super) fn log_contains(log: &Path, words: &str) -> bool {
    fs::read(log).is_ok_and(|text| String::from_utf8_lossy(&text).contains(words))
}

pub(super) fn log_end(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_END_LINES)..].join("\n")
}
