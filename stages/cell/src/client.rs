//! The courier's side: jobs in, results out. Free of decoders; it shares no memory with cells.

use std::{
    collections::{HashMap, VecDeque},
    io,
    os::fd::{AsFd, OwnedFd},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
};

use crate::{
    CellEnd, CellJob, CellLimits, CellResult, CellUsage, JailReport,
    memfd::{self, sealed_memfd},
    page::{Mark, Snapshot},
    wire::{End, EndMessage, HelloMessage, JobFds, JobMessage, exit},
};

/// A zygote's cells. Clones share it; when the last is dropped, the zygote ends.
#[derive(Clone)]
pub struct Cells {
    handle: Arc<Handle>,
}

type Done = Box<dyn FnOnce(CellResult) + Send>;

impl Cells {
    /// Connects to the zygote behind `socket` and waits until it has loaded its rules and jailed
    /// itself. Starts one thread, which calls back for each job.
    ///
    /// # Errors
    ///
    /// The zygote ended before it was ready (its own log says why), or no thread could be started.
    pub fn connect(socket: OwnedFd) -> io::Result<Self> {
        let hello = HelloMessage::receive(socket.as_fd())?.ok_or_else(|| {
            io::Error::new(io::ErrorKind::UnexpectedEof, "the zygote ended before it was ready")
        })?;
        let shared =
            Arc::new(Shared { socket, cells_max: hello.cells_max, state: Mutex::default() });
        let reader = Arc::clone(&shared);
        thread::Builder::new().name("cells".to_owned()).spawn(move || reader.read_answers())?;
        Ok(Self { handle: Arc::new(Handle { shared, jail: hello.jail, notes: hello.notes }) })
    }

    /// Which layers of the jail hold these cells.
    pub fn jail(&self) -> &JailReport {
        &self.handle.jail
    }

    /// What whoever started the zygote should know of it: [`crate::zygote::ZygoteSettings::notes`].
    pub fn notes(&self) -> &[String] {
        &self.handle.notes
    }

    /// How many cells work at the same time; jobs beyond wait here.
    pub fn cells_max(&self) -> usize {
        self.handle.shared.cells_max
    }

    /// Has a cell do `job`, and calls `done` exactly once with what became of it.
    ///
    /// `done` runs on the thread that reads the answers, or on this one if the job cannot even be
    /// sent: it should hand the result on and return.
    pub fn submit(&self, job: CellJob, done: impl FnOnce(CellResult) + Send + 'static) {
        let shared = &self.handle.shared;
        let done: Done = Box::new(done);
        let mut state = shared.lock();
        if state.gone {
            drop(state);
            done(without_cell(CellEnd::ZygoteGone));
        } else if state.working < shared.cells_max {
            state.working += 1;
            drop(state);
            shared.start(job, done);
        } else {
            state.queue.push_back((job, done));
        }
    }

    /// Has a cell do `job`, and waits for it.
    pub fn run(&self, job: CellJob) -> CellResult {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.submit(job, move |result| {
            // The receiver waits below for as long as this closure lives.
            let _ = sender.send(result);
        });
        receiver.recv().unwrap_or_else(|_| without_cell(CellEnd::ZygoteGone))
    }
}

/// The last of these hangs up.
struct Handle {
    shared: Arc<Shared>,
    jail: JailReport,
    notes: Vec<String>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Ends the zygote and, by its end of file, the reading thread. Fails only if the zygote
        // is gone already.
        let _ = rustix::net::shutdown(&self.shared.socket, rustix::net::Shutdown::Both);
    }
}

struct Shared {
    socket: OwnedFd,
    cells_max: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// For the next job.
    next_id: u64,
    /// Cells that work, or for which a job is being prepared: never above `cells_max`.
    working: usize,
    /// Jobs that were sent, by id, until their answer comes.
    sent: HashMap<u64, Sent>,
    /// Jobs beyond `cells_max`, first come first served.
    queue: VecDeque<(CellJob, Done)>,
    /// No answer will come any more.
    gone: bool,
}

/// A job at the zygote.
struct Sent {
    results: Results,
    done: Done,
}

/// Where a job's results will be.
struct Results {
    frames: OwnedFd,
    output: OwnedFd,
    report: OwnedFd,
    limits: CellLimits,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No code under this lock can panic half way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a job for which `working` was counted up.
    fn start(&self, job: CellJob, done: Done) {
        let mut next = Some((job, done));
        // A job that cannot be sent makes room for the next.
        while let Some((job, done)) = next.take() {
            let Some((result, done)) = self.try_start(job, done) else {
                return;
            };
            next = self.lock().next_or_idle();
            done(result);
        }
    }

    /// Sends a job, or says at once what became of it.
    fn try_start(&self, job: CellJob, done: Done) -> Option<(CellResult, Done)> {
        let (mut message, fds) = match prepare(job) {
            Ok(prepared) => prepared,
            Err(error) => return Some((without_cell(CellEnd::NoFork(error.to_string())), done)),
        };
        // Held while sending, so that the answer finds the job in its place. The zygote always
        // reads, and room for `cells_max` jobs is in the socket: sending does not wait.
        let mut state = self.lock();
        message.id = state.next_id;
        state.next_id += 1;
        if state.gone || message.send(self.socket.as_fd(), &fds.borrowed()).is_err() {
            return Some((without_cell(CellEnd::ZygoteGone), done));
        }
        let results = Results {
            frames: fds.frames,
            output: fds.output,
            report: fds.report,
            limits: message.limits,
        };
        state.sent.insert(message.id, Sent { results, done });
        None
    }

    /// The reading thread.
    fn read_answers(&self) {
        // However this ends, everybody who waits is told.
        let _hang_up = HangUp(self);
        while let Ok(Some(answer)) = EndMessage::receive(self.socket.as_fd()) {
            let mut state = self.lock();
            let Some(sent) = state.sent.remove(&answer.id) else {
                break; // it answers what nobody asked: not the zygote it should be
            };
            let next = state.next_or_idle();
            drop(state);
            // First keep the cells busy, then look at what came out.
            if let Some((job, done)) = next {
                self.start(job, done);
            }
            (sent.done)(sent.results.read(&answer));
        }
    }

    fn hang_up(&self) {
        let (sent, queue) = {
            let mut state = self.lock();
            state.gone = true;
            (std::mem::take(&mut state.sent), std::mem::take(&mut state.queue))
        };
        for sent in sent.into_values() {
            (sent.done)(without_cell(CellEnd::ZygoteDied));
        }
        for (_, done) in queue {
            done(without_cell(CellEnd::ZygoteGone));
        }
    }
}

struct HangUp<'a>(&'a Shared);

impl Drop for HangUp<'_> {
    fn drop(&mut self) {
        self.0.hang_up();
    }
}

impl State {
    /// A job has left: the next one in the queue takes its place, or the place stays empty.
    fn next_or_idle(&mut self) -> Option<(CellJob, Done)> {
        let next = self.queue.pop_front();
        if next.is_none() {
            self.working -= 1;
        }
        next
    }
}

fn prepare(job: CellJob) -> io::Result<(JobMessage, JobFds<OwnedFd>)> {
    if job.header.len() > CellJob::HEADER_BYTES_MAX {
        return Err(io::Error::other("the job's header is too long"));
    }
    let limits = job.limits;
    let message = JobMessage {
        id: 0,
        header_bytes: job.header.len() as u64,
        input_bytes: memfd::len(job.input.as_fd())?,
        limits: limits.clone(),
    };
    let fds = JobFds {
        header: sealed_memfd("cell-header", &[&job.header])?,
        input: job.input,
        frames: memfd::result_memfd("cell-frames", limits.frames_bytes_max)?,
        output: memfd::result_memfd("cell-output", limits.output_bytes_max)?,
        report: memfd::result_memfd("cell-report", CellLimits::REPORT_BYTES_MAX)?,
    };
    Ok((message, fds))
}

impl Results {
    /// What the dead cell left. All lengths are its word, so each is checked first.
    fn read(self, answer: &EndMessage) -> CellResult {
        let mark = Mark::from_word(answer.page.mark);
        let mut result = CellResult {
            at: match mark {
                Mark::At { part, index } => Some((part, index)),
                Mark::Start | Mark::Sealing => None,
            },
            sealing: mark == Mark::Sealing,
            usage: answer.usage,
            ..without_cell(CellEnd::Finished)
        };
        result.end = self.fill(&mut result, answer).unwrap_or_else(|lie| {
            result.frames = Vec::new();
            result.output = Vec::new();
            result.report = Vec::new();
            CellEnd::Failed(lie)
        });
        result
    }

    /// Reads what counts for this end: a report only of a cell that finished, frames only while
    /// they are not sealed into the output. The error says which length is a lie.
    fn fill(self, result: &mut CellResult, answer: &EndMessage) -> Result<CellEnd, String> {
        let Snapshot { frames_bytes, output_bytes, report_bytes, .. } = answer.page;
        let report_max = CellLimits::REPORT_BYTES_MAX;
        let finished = answer.end == End::Exited(exit::FINISHED);
        if finished {
            result.output =
                read("output", self.output, output_bytes, self.limits.output_bytes_max)?;
        }
        if !(finished && result.sealing) {
            result.frames =
                read("frames", self.frames, frames_bytes, self.limits.frames_bytes_max)?;
        }
        Ok(match answer.end {
            End::Exited(exit::FINISHED) => {
                result.report = read("report", self.report, report_bytes, report_max)?;
                CellEnd::Finished
            }
            End::Exited(exit::FAILED) => {
                let words = read("reason", self.report, report_bytes, exit::REASON_BYTES_MAX)?;
                CellEnd::Failed(String::from_utf8_lossy(&words).into_owned())
            }
            End::Exited(code) => CellEnd::Exited(code),
            End::Signal(signal) => CellEnd::Signal(signal),
            End::Deadline(kind) => CellEnd::Deadline(kind),
            End::NoFork(errno) => CellEnd::NoFork(io::Error::from_raw_os_error(errno).to_string()),
        })
    }
}

fn read(what: &str, fd: OwnedFd, bytes: u64, bytes_max: u64) -> Result<Vec<u8>, String> {
    if bytes > bytes_max {
        return Err(format!("it published {bytes} bytes of {what}, limited to {bytes_max}"));
    }
    memfd::read_published(fd, bytes).map_err(|error| format!("its {what} cannot be read: {error}"))
}

fn without_cell(end: CellEnd) -> CellResult {
    CellResult {
        end,
        at: None,
        sealing: false,
        frames: Vec::new(),
        output: Vec::new(),
        report: Vec::new(),
        usage: CellUsage::default(),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::File, os::unix::fs::FileExt};

    use super::*;

    const LIMITS: CellLimits = CellLimits {
        data_bytes_max: 0,
        stack_bytes_max: 0,
        frames_bytes_max: 100,
        output_bytes_max: 200,
        wall_max: std::time::Duration::ZERO,
        datapoint_cpu_max: std::time::Duration::ZERO,
        datapoint_wall_max: std::time::Duration::ZERO,
        niceness: 0,
    };

    fn results() -> Results {
        let filled = |bytes_max: u64, with: &[u8]| {
            let file = File::from(memfd::result_memfd("test", bytes_max).unwrap());
            file.write_all_at(with, 0).unwrap();
            OwnedFd::from(file)
        };
        Results {
            frames: filled(LIMITS.frames_bytes_max, b"frames"),
            output: filled(LIMITS.output_bytes_max, b"output"),
            report: filled(CellLimits::REPORT_BYTES_MAX, b"report"),
            limits: LIMITS,
        }
    }

    fn answer(end: End, frames_bytes: u64, output_bytes: u64, report_bytes: u64) -> EndMessage {
        EndMessage {
            id: 0,
            end,
            page: Snapshot {
                mark: Mark::At { part: 1, index: 2 }.to_word(),
                frames_bytes,
                output_bytes,
                report_bytes,
            },
            usage: CellUsage::default(),
        }
    }

    const FINISHED: End = End::Exited(exit::FINISHED);
    const FAILED: End = End::Exited(exit::FAILED);

    #[test]
    fn published_bytes_are_read() {
        let result = results().read(&answer(FINISHED, 6, 6, 6));
        assert_eq!(result.end, CellEnd::Finished);
        assert_eq!(result.at, Some((1, 2)));
        assert_eq!(result.frames, b"frames");
        assert_eq!(result.output, b"output");
        assert_eq!(result.report, b"report");
    }

    #[test]
    fn of_a_dead_cell_only_frames_count() {
        let result = results().read(&answer(End::Signal(libc::SIGABRT), 6, 6, 6));
        assert_eq!(result.end, CellEnd::Signal(libc::SIGABRT));
        assert_eq!(result.frames, b"frames");
        assert!(result.output.is_empty() && result.report.is_empty());
    }

    /// Whatever it says, it gets no more memory of the courier's than its limits.
    #[test]
    fn a_lie_about_a_length_is_a_failure() {
        let report_max = CellLimits::REPORT_BYTES_MAX;
        for (lie, what) in [
            (answer(FINISHED, 101, 6, 6), "frames"),
            (answer(End::Signal(libc::SIGSEGV), u64::MAX, 0, 0), "frames"),
            (answer(FINISHED, 6, 201, 6), "output"),
            (answer(FINISHED, 6, 6, report_max + 1), "report"),
            (answer(FAILED, 0, 0, exit::REASON_BYTES_MAX + 1), "reason"),
        ] {
            let result = results().read(&lie);
            let CellEnd::Failed(words) = &result.end else {
                panic!("{lie:?} is believed");
            };
            assert!(words.contains(what), "{words}");
            let nothing = [&result.frames, &result.output, &result.report];
            assert!(nothing.iter().all(|bytes| bytes.is_empty()));
        }
    }

    #[test]
    fn a_failure_speaks_where_the_report_would_be() {
        let result = results().read(&answer(FAILED, 0, 0, 6));
        assert_eq!(result.end, CellEnd::Failed("report".to_owned()));
    }
}
