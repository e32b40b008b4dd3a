//! What runs in the attacker's cells.

use std::{
    borrow::Cow,
    cell::RefCell,
    io,
    rc::Rc,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use cordon_body::{CellIo, IoFault, drive, frames, run};
use cordon_cell::CellContext;
use cordon_flow::{Fate, Graph, KnownElements, Stage};
use cordon_generate::Generate;
use cordon_records::{
    Element, LogDatapoint,
    cell::Report,
    schema::{self, Family},
    single_object,
};
use serde::{Deserialize, Serialize};

use crate::{
    attempts::{self, Prepared, Targets},
    lies,
};

/// The header of a job that holds an [`Order`] instead of payloads.
pub const ORDER: &[u8] = b"an order";

/// What a test tells a cell to do.
#[derive(Debug, Serialize, Deserialize)]
pub enum Order {
    /// Try this, and write the answer to the output.
    Attempt(String, Targets),
    /// Publish so many bytes of a result (1 frames, 2 output, 3 report), whatever was written.
    Publish(usize, u64),
    /// Write to the output memfd at this offset.
    WriteAt(u64),
    /// Write to the output until the end, or once.
    Linger(bool),
    /// Count the copies of these bytes in all of its memory. They come flipped.
    Find(Vec<u8>),
}

/// The descriptors of a cell: frames, output and report of its job.
const OUTPUT: i32 = 7;

/// The body.
pub fn body(cell: &CellContext) -> Result<(), String> {
    if cell.header() == ORDER {
        let order = serde_json::from_slice(cell.input()).map_err(|error| error.to_string())?;
        return obey(cell, order);
    }
    drive(cell, |job, input, io| {
        let stage = TakenOver::default();
        let orders = Rc::clone(&stage.orders);
        // Frames are forged once: whoever has them works on.
        let mut forger = Forger { io, orders, may_forge_frames: job.frames_bytes == 0 };
        run(&stage, job, input, &mut forger)
    })
}

fn obey(cell: &CellContext, order: Order) -> Result<(), String> {
    cell.mark(0, 0);
    let answer = match order {
        Order::Attempt(name, targets) => {
            let attempt = attempts::find(&name).ok_or("there is no such attempt")?;
            word(&attempt.run(&targets, &Prepared::default()))
        }
        Order::Publish(which, bytes) => {
            let page = page(cell).ok_or("the progress page was not found")?;
            page[which].store(bytes, Ordering::Release);
            return Ok(());
        }
        Order::WriteAt(offset) => word(&write_output(offset)),
        Order::Linger(for_ever) => {
            while write_output(0).is_ok() && for_ever {}
            word(&Ok(()))
        }
        Order::Find(flipped) => {
            let (found, searched) = find_flipped(&flipped).map_err(|error| error.to_string())?;
            format!("{found} {searched}")
        }
    };
    cell.append_output(answer.as_bytes()).map_err(|error| error.to_string())
}

/// An answer of the kernel as one word.
pub fn word(answer: &io::Result<()>) -> String {
    match answer.as_ref().map_err(io::Error::raw_os_error) {
        Ok(()) => "succeeds".to_owned(),
        Err(Some(libc::EPERM)) => "EPERM".to_owned(),
        Err(Some(libc::EACCES)) => "EACCES".to_owned(),
        Err(Some(libc::ENOSYS)) => "ENOSYS".to_owned(),
        Err(Some(errno)) => format!("errno {errno}"),
        Err(None) => format!("{answer:?}"),
    }
}

#[expect(unsafe_code, reason = "an attacker is not bound by Rust")]
fn write_output(offset: u64) -> io::Result<()> {
    // SAFETY: the buffer is as long as is said.
    let written = unsafe { libc::pwrite(OUTPUT, b"late".as_ptr().cast(), 4, offset as i64) };
    if written == 4 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The page that the zygote shares with this cell, which nobody hands to a body: found by what a
/// mark changes in the pages that the context points at.
#[expect(unsafe_code, reason = "an attacker is not bound by Rust")]
fn page(cell: &CellContext) -> Option<&'static [AtomicU64; 8]> {
    let words = size_of::<CellContext>() / size_of::<usize>();
    let start = std::ptr::from_ref(cell).cast::<usize>();
    // SAFETY: these are the words of the context, padding included: any bits are a number.
    let words = (0..words).map(|at| unsafe { start.add(at).read_volatile() });
    let pages = words.filter(|word| word % 4096 == 0 && *word > 1 << 32);
    let pages: Vec<*const [AtomicU64; 8]> =
        pages.map(std::ptr::with_exposed_provenance::<[AtomicU64; 8]>).collect();
    pages.into_iter().find_map(|page| {
        // SAFETY: a page-aligned address in the context is a mapping of the cell's: its header,
        // its input, or the page; each is readable and stays.
        let page = unsafe { &*page };
        cell.mark(1, 1);
        let before = page[0].load(Ordering::Acquire);
        cell.mark(1, 2);
        (page[0].load(Ordering::Acquire) == before + 1).then_some(page)
    })
}

/// Counts in all readable memory of this process the bytes that are `flipped` with every bit
/// inverted. Returns also how many bytes were searched. Needs `/proc`, so: without the jail.
#[expect(unsafe_code, reason = "an attacker is not bound by Rust")]
pub fn find_flipped(flipped: &[u8]) -> io::Result<(usize, usize)> {
    use std::os::unix::fs::FileExt as _;
    // What zygotes give up, even to themselves.
    // SAFETY: numbers only.
    unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0) };
    let memory = std::fs::File::open("/proc/self/mem")?;
    let maps = std::fs::read_to_string("/proc/self/maps")?;
    let (mut found, mut searched) = (0, 0);
    for (start, end) in maps.lines().filter_map(readable) {
        let mut bytes = vec![0; end - start];
        if memory.read_exact_at(&mut bytes, start as u64).is_err() {
            continue; // [vvar] and the like
        }
        searched += bytes.len();
        // Flipped at once, so that this copy is not found when its own range comes.
        bytes.iter_mut().for_each(|byte| *byte = !*byte);
        found += bytes.windows(flipped.len()).filter(|window| *window == flipped).count();
    }
    Ok((found, searched))
}

fn readable(line: &str) -> Option<(usize, usize)> {
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let hex = |text| usize::from_str_radix(text, 16).ok();
    rest.starts_with('r').then_some((hex(start)?, hex(end)?))
}

/// Generate, until a line tells it otherwise.
#[derive(Default)]
struct TakenOver {
    orders: Rc<RefCell<Vec<String>>>,
}

impl Stage for TakenOver {
    type Input<'a> = LogDatapoint<'a>;
    type Output = Graph;
    type Memory = KnownElements;

    fn input_schemas(&self) -> &'static Family {
        &schema::LOG_DATAPOINT
    }

    fn process(
        &self,
        input: &LogDatapoint<'_>,
        known: &mut KnownElements,
        emit: &mut Vec<Element>,
    ) -> Fate {
        let Some(attack) = attack_of(input.line) else {
            return Generate.process(input, known, emit);
        };
        match attack.split_once(' ').unwrap_or((&attack, "")) {
            ("attempt", name) => match attempts::find(name) {
                Some(attempt) => {
                    let answer = attempt.run(&Targets::default(), &Prepared::default());
                    Fate::Dead(format!("{name} {}", word(&answer)))
                }
                None => Fate::Dead(format!("there is no attempt {name}")),
            },
            ("linger", _) => loop {
                let _ = write_output(0);
            },
            ("escape", _) => Fate::Dead(ESCAPES.to_owned()),
            ("find", flipped) => find_hex(flipped),
            _ => {
                self.orders.borrow_mut().push(attack);
                Generate.process(input, known, emit)
            }
        }
    }

    fn excerpt<'a>(&self, input: &'a LogDatapoint<'_>) -> Cow<'a, [u8]> {
        Cow::Borrowed(input.line)
    }
}

/// Clears a screen, and gives its window another title.
pub const ESCAPES: &str = "\x1b[2J\x1b]0;all is well\x07\u{9b}1m";

/// What the field `attack` of a line says.
fn attack_of(line: &[u8]) -> Option<String> {
    let line = std::str::from_utf8(line).ok()?;
    let (_, rest) = line.split_once(r#""attack":""#)?;
    Some(rest.split('"').next()?.to_owned())
}

fn find_hex(flipped: &str) -> Fate {
    let byte = |at: usize| u8::from_str_radix(flipped.get(at..at + 2)?, 16).ok();
    let flipped: Option<Vec<u8>> = (0..flipped.len()).step_by(2).map(byte).collect();
    let found = flipped.map(|flipped| find_flipped(&flipped));
    Fate::Dead(match found {
        Some(Ok((found, searched))) => format!("found {found} of {searched}"),
        other => format!("cannot search: {other:?}"),
    })
}

/// Forges what leaves the cell.
struct Forger<'a> {
    io: &'a CellContext,
    orders: Rc<RefCell<Vec<String>>>,
    may_forge_frames: bool,
}

impl Forger<'_> {
    fn order(&self, verb: &str) -> Option<String> {
        let orders = self.orders.borrow();
        orders.iter().find_map(|order| Some(order.strip_prefix(verb)?.trim().to_owned()))
    }
}

impl CellIo for Forger<'_> {
    fn mark(&mut self, part: u32, index: u64) {
        CellIo::mark(&mut self.io, part, index);
    }

    fn mark_sealing(&mut self) {
        CellIo::mark_sealing(&mut self.io);
    }

    fn append_frame(&mut self, frame: &[u8]) -> Result<(), IoFault> {
        let Some(name) = self.order("frame").filter(|_| self.may_forge_frames) else {
            return CellIo::append_frame(&mut self.io, frame);
        };
        let forged = frames::take(&mut &*frame).map(|frame| lies::forge_frame(&name, frame));
        let mut bytes = Vec::new();
        if let Some(forged) = forged {
            frames::put(&forged, &mut bytes).map_err(|error| IoFault(error.to_string()))?;
        }
        CellIo::append_frame(&mut self.io, &bytes)?;
        std::process::abort()
    }

    fn append_output(&mut self, bytes: &[u8]) -> Result<(), IoFault> {
        CellIo::append_output(&mut self.io, bytes)
    }

    fn report(&mut self, report: &[u8]) -> Result<(), IoFault> {
        let Some(name) = self.order("lie") else {
            return CellIo::report(&mut self.io, report);
        };
        let Ok(honest) = single_object::decode::<Report>(report) else {
            return CellIo::report(&mut self.io, report);
        };
        match lies::find(&name).map(|lie| lie.forge) {
            Some(lies::Forge::Report(forge)) => {
                let mut forged = honest;
                forge(&mut forged);
                let bytes = single_object::encode(&forged);
                CellIo::report(&mut self.io, &bytes.map_err(|error| IoFault(error.to_string()))?)
            }
            Some(lies::Forge::Hide(bytes)) => {
                CellIo::append_output(&mut self.io, bytes)?;
                CellIo::report(&mut self.io, report)
            }
            Some(lies::Forge::Replace(bytes)) => CellIo::report(&mut self.io, bytes),
            None => Err(IoFault(format!("there is no lie {name}"))),
        }
    }

    fn elapsed(&self) -> Duration {
        CellIo::elapsed(&self.io)
    }
}
