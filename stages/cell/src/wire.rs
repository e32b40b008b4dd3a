//! Messages between client, zygote and cell.
//!
//! Each is one `SOCK_SEQPACKET` message: a row of words of fixed length, and for a job its
//! descriptors. Only the zygote's first may be followed by a text. All ends are the same binary on the same machine, so there is no version and no
//! byte order; a message of another length is an error.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::Duration,
};

use rustix::{
    io::Errno,
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
    },
};

use crate::{CellLimits, CellUsage, DeadlineKind, JailReport, page::Snapshot};

/// Descriptors that travel with a job.
pub(crate) const JOB_FDS: usize = 5;

/// The descriptors of a job.
#[derive(Debug)]
pub(crate) struct JobFds<F> {
    pub(crate) header: F,
    pub(crate) input: F,
    pub(crate) frames: F,
    pub(crate) output: F,
    pub(crate) report: F,
}

impl<F: AsFd> JobFds<F> {
    pub(crate) fn borrowed(&self) -> [BorrowedFd<'_>; JOB_FDS] {
        [
            self.header.as_fd(),
            self.input.as_fd(),
            self.frames.as_fd(),
            self.output.as_fd(),
            self.report.as_fd(),
        ]
    }
}

/// A job as it travels.
#[derive(Clone, Debug)]
pub(crate) struct JobMessage {
    /// Chosen by the client, repeated in the end message.
    pub(crate) id: u64,
    pub(crate) header_bytes: u64,
    pub(crate) input_bytes: u64,
    pub(crate) limits: CellLimits,
}

const JOB_WORDS: usize = 11;

impl JobMessage {
    fn to_words(&self) -> [u64; JOB_WORDS] {
        let limits = &self.limits;
        [
            self.id,
            self.header_bytes,
            self.input_bytes,
            limits.data_bytes_max,
            limits.stack_bytes_max,
            limits.frames_bytes_max,
            limits.output_bytes_max,
            to_nanos(limits.wall_max),
            to_nanos(limits.datapoint_cpu_max),
            to_nanos(limits.datapoint_wall_max),
            limits.niceness.into(),
        ]
    }

    fn from_words(words: [u64; JOB_WORDS]) -> Self {
        let [
            id,
            header_bytes,
            input_bytes,
            data,
            stack,
            frames,
            output,
            wall,
            cpu,
            point_wall,
            niceness,
        ] = words;
        Self {
            id,
            header_bytes,
            input_bytes,
            limits: CellLimits {
                data_bytes_max: data,
                stack_bytes_max: stack,
                frames_bytes_max: frames,
                output_bytes_max: output,
                wall_max: Duration::from_nanos(wall),
                datapoint_cpu_max: Duration::from_nanos(cpu),
                datapoint_wall_max: Duration::from_nanos(point_wall),
                niceness: niceness as u8,
            },
        }
    }

    pub(crate) fn send(
        &self,
        socket: BorrowedFd<'_>,
        fds: &[BorrowedFd<'_>; JOB_FDS],
    ) -> io::Result<()> {
        send(socket, &self.to_words(), fds, SendFlags::empty())
    }

    /// The next job; `None` when the other end is gone.
    pub(crate) fn receive(
        socket: BorrowedFd<'_>,
    ) -> io::Result<Option<(Self, Option<JobFds<OwnedFd>>)>> {
        let mut fds = Vec::with_capacity(JOB_FDS);
        let words = receive(socket, &mut fds)?;
        let fds = <[OwnedFd; JOB_FDS]>::try_from(fds).ok().map(
            |[header, input, frames, output, report]| JobFds {
                header,
                input,
                frames,
                output,
                report,
            },
        );
        Ok(words.map(|words| (Self::from_words(words), fds)))
    }
}

/// Far beyond any limit; a `Duration` that does not fit is as good as none.
fn to_nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Exit codes of a cell. Anything else was nobody's wish.
pub(crate) mod exit {
    /// The body returned.
    pub(crate) const FINISHED: i32 = 0;
    /// The body returned an error or panicked; its words are where the report would be.
    pub(crate) const FAILED: i32 = 1;
    /// Those words are told to people: a screenful.
    pub(crate) const REASON_BYTES_MAX: u64 = 4096;
    /// The cell could not enter its jail, or map its job: the body saw nothing.
    pub(crate) const NO_SETUP: i32 = 121;
}

/// How a job ended, in the zygote's eyes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The cell exited with this code.
    Exited(i32),
    /// A signal killed it.
    Signal(i32),
    /// The zygote killed it.
    Deadline(DeadlineKind),
    /// There was no cell, because of this errno.
    NoFork(i32),
}

impl End {
    fn to_words(self) -> [u64; 2] {
        let code = |code: i32| u64::from(code.cast_unsigned());
        match self {
            Self::Exited(status) => [0, code(status)],
            Self::Signal(signal) => [1, code(signal)],
            Self::Deadline(DeadlineKind::DatapointCpu) => [2, 0],
            Self::Deadline(DeadlineKind::DatapointWall) => [2, 1],
            Self::Deadline(DeadlineKind::CellWall) => [2, 2],
            Self::NoFork(errno) => [3, code(errno)],
        }
    }

    fn from_words(words: [u64; 2]) -> io::Result<Self> {
        let code = (words[1] as u32).cast_signed(); // as `to_words` widened it
        Ok(match words {
            [0, _] => Self::Exited(code),
            [1, _] => Self::Signal(code),
            [2, 0] => Self::Deadline(DeadlineKind::DatapointCpu),
            [2, 1] => Self::Deadline(DeadlineKind::DatapointWall),
            [2, 2] => Self::Deadline(DeadlineKind::CellWall),
            [3, _] => Self::NoFork(code),
            _ => return Err(malformed()),
        })
    }
}

/// The answer to a job: exactly one for each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EndMessage {
    pub(crate) id: u64,
    pub(crate) end: End,
    /// What the cell said of itself: untrusted.
    pub(crate) page: Snapshot,
    pub(crate) usage: CellUsage,
}

const END_WORDS: usize = 10;

impl EndMessage {
    fn to_words(self) -> [u64; END_WORDS] {
        let [end, code] = self.end.to_words();
        [
            self.id,
            end,
            code,
            self.page.mark,
            self.page.frames_bytes,
            self.page.output_bytes,
            self.page.report_bytes,
            self.usage.user_us,
            self.usage.system_us,
            self.usage.rss_bytes_max,
        ]
    }

    fn from_words(words: [u64; END_WORDS]) -> io::Result<Self> {
        let [id, end, code, mark, frames, output, report, user_us, system_us, rss] = words;
        Ok(Self {
            id,
            end: End::from_words([end, code])?,
            page: Snapshot {
                mark,
                frames_bytes: frames,
                output_bytes: output,
                report_bytes: report,
            },
            usage: CellUsage { user_us, system_us, rss_bytes_max: rss },
        })
    }

    /// Never blocks: a client that lets its socket fill up (it has at most `cells_max` answers to
    /// wait for) is stuck, and the zygote must not be stuck with it.
    pub(crate) fn send(self, socket: BorrowedFd<'_>) -> io::Result<()> {
        send(socket, &self.to_words(), &[], SendFlags::DONTWAIT)
    }

    /// The next answer; `None` when the zygote is gone.
    pub(crate) fn receive(socket: BorrowedFd<'_>) -> io::Result<Option<Self>> {
        let words = receive(socket, &mut Vec::new())?;
        words.map(Self::from_words).transpose()
    }
}

/// The zygote's first message: it is ready, and how. Notes, if there are any, follow as a text of
/// their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HelloMessage {
    pub(crate) cells_max: usize,
    pub(crate) jail: JailReport,
    pub(crate) notes: Vec<String>,
}

const HELLO_WORDS: usize = 4;

/// Longest text of notes: some dozens of lines, and it always fits the socket's buffer.
const NOTES_BYTES_MAX: usize = 16 << 10;

impl HelloMessage {
    pub(crate) fn send(&self, socket: BorrowedFd<'_>) -> io::Result<()> {
        let [layers, landlock_abi] = self.jail.to_words();
        let notes = self.notes.join("\n");
        let notes = &notes[..notes.floor_char_boundary(NOTES_BYTES_MAX)];
        let words = [self.cells_max as u64, layers, landlock_abi, notes.len() as u64];
        send(socket, &words, &[], SendFlags::DONTWAIT)?;
        // An empty message would read as the end.
        if notes.is_empty() {
            return Ok(());
        }
        send_bytes(socket, notes.as_bytes(), &[], SendFlags::DONTWAIT)
    }

    pub(crate) fn receive(socket: BorrowedFd<'_>) -> io::Result<Option<Self>> {
        let words: Option<[u64; HELLO_WORDS]> = receive(socket, &mut Vec::new())?;
        let Some([cells_max, layers, landlock_abi, notes_bytes]) = words else { return Ok(None) };
        let notes_bytes = usize::try_from(notes_bytes).unwrap_or(usize::MAX);
        if notes_bytes > NOTES_BYTES_MAX {
            return Err(malformed());
        }
        let mut notes = vec![0; notes_bytes];
        if !notes.is_empty() && !receive_bytes(socket, &mut notes, &mut Vec::new())? {
            return Ok(None);
        }
        Ok(Some(Self {
            cells_max: usize::try_from(cells_max).unwrap_or(1).max(1),
            jail: JailReport::from_words([layers, landlock_abi]),
            notes: String::from_utf8_lossy(&notes).lines().map(str::to_owned).collect(),
        }))
    }
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "malformed message")
}

fn send<const WORDS: usize>(
    socket: BorrowedFd<'_>,
    words: &[u64; WORDS],
    fds: &[BorrowedFd<'_>],
    flags: SendFlags,
) -> io::Result<()> {
    send_bytes(socket, words.map(u64::to_ne_bytes).as_flattened(), fds, flags)
}

fn send_bytes(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    fds: &[BorrowedFd<'_>],
    flags: SendFlags,
) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(JOB_FDS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(io::Error::other("more descriptors than a message has room for"));
    }
    let parts = [IoSlice::new(bytes)];
    // A dead peer is an error to handle, not a signal to die of.
    let flags = flags | SendFlags::NOSIGNAL;
    rustix::io::retry_on_intr(|| sendmsg(socket, &parts, &mut control, flags))?;
    Ok(())
}

/// The next message of `WORDS` words; `None` when the other end is gone.
fn receive<const WORDS: usize>(
    socket: BorrowedFd<'_>,
    fds: &mut Vec<OwnedFd>,
) -> io::Result<Option<[u64; WORDS]>> {
    let mut bytes = [[0; size_of::<u64>()]; WORDS];
    let is_there = receive_bytes(socket, bytes.as_flattened_mut(), fds)?;
    Ok(is_there.then(|| bytes.map(u64::from_ne_bytes)))
}

/// Fills `bytes` with the next message, which must have their length; false when the other end is
/// gone.
fn receive_bytes(
    socket: BorrowedFd<'_>,
    bytes: &mut [u8],
    fds: &mut Vec<OwnedFd>,
) -> io::Result<bool> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(JOB_FDS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = rustix::io::retry_on_intr(|| {
        let mut parts = [IoSliceMut::new(&mut *bytes)];
        recvmsg(socket, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC)
    });
    let received = match received {
        // A peer that closed with messages of ours unread is as gone as one that read them.
        Err(Errno::CONNRESET) => return Ok(false),
        other => other?,
    };
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            fds.extend(rights);
        }
    }
    if received.bytes == 0 {
        return Ok(false);
    }
    let cut = ReturnFlags::TRUNC | ReturnFlags::CTRUNC;
    if received.bytes != bytes.len() || received.flags.intersects(cut) {
        return Err(malformed());
    }
    Ok(true)
}
