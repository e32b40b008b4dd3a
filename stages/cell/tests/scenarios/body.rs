//! The body of the test cells: does what its header says, as a stage taken over by its input would.

use std::{collections::HashMap, hint::black_box};

use cordon_cell::CellContext;

use crate::attempts;

/// What a stage reads before its cells are forked: a heap of small strings, and one large block.
pub(crate) struct Rules {
    names: HashMap<u64, String>,
    block: Vec<u64>,
}

impl Rules {
    pub(crate) fn load(megabytes: usize) -> Self {
        let count = megabytes as u64 * 8_000; // of about 128 bytes
        Self {
            names: (0..count).map(|id| (id, Self::name(id))).collect(),
            block: (0..count).collect(),
        }
    }

    fn name(id: u64) -> String {
        format!("C:\\Windows\\System32\\{id}.exe")
    }

    /// How many there are, if all are what they were when they were loaded.
    fn check(&self) -> Option<usize> {
        let names = self.names.iter().all(|(id, name)| *name == Self::name(*id));
        let block = self.block.iter().copied().eq(0..self.names.len() as u64);
        (names && block).then_some(self.names.len())
    }
}

pub(crate) fn body(cell: &CellContext, rules: &Rules) -> Result<(), String> {
    let command = String::from_utf8(cell.header().to_vec()).map_err(|e| e.to_string())?;
    let (verb, rest) = command.split_once(' ').unwrap_or((&command, ""));
    match verb {
        "echo" => echo(cell),
        "nothing" => Ok(()),
        "niceness" => write(cell, niceness()?.to_string().as_bytes()),
        "sum" => write(cell, &sum(cell.input()).to_le_bytes()),
        "error" => Err(rest.to_owned()),
        "panic" => panic!("{rest}"),
        "caught-panic" => caught_panics(cell),
        "big-output" => big_output(cell),
        "frames-then-abort" => frames_then_abort(cell),
        "frames-only" => cell.append_frame(b"frame").map_err(|e| e.to_string()),
        "frames-then-seal" => {
            cell.append_frame(b"frame").map_err(|e| e.to_string())?;
            cell.mark_sealing();
            write(cell, b"sealed")
        }
        "mark-then-abort" => {
            cell.mark(3, 77);
            std::process::abort()
        }
        "seal-then-abort" => {
            cell.mark(3, 77);
            cell.mark_sealing();
            std::process::abort()
        }
        "die" => {
            cell.mark(0, 1);
            die(rest)
        }
        "spin" => spin(cell, rest),
        "attempt" => {
            cell.mark(0, 0);
            let result = attempts::run(rest);
            write(cell, result.to_string().as_bytes())
        }
        "descriptors" => write(cell, format!("{:?}", attempts::open_descriptors()).as_bytes()),
        "rules" => write(cell, format!("{:?}", rules.check()).as_bytes()),
        "file-backed-bytes" => write(cell, attempts::file_backed_bytes().to_string().as_bytes()),
        other => Err(format!("unknown command {other}")),
    }
}

fn write(cell: &CellContext, bytes: &[u8]) -> Result<(), String> {
    cell.append_output(bytes).map_err(|e| e.to_string())
}

fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().map(|b| u64::from(*b)).sum()
}

/// Input upper-cased to the output in two pieces, the header to the report.
fn echo(cell: &CellContext) -> Result<(), String> {
    let (left, right) = cell.input().split_at(cell.input().len() / 2);
    write(cell, &left.to_ascii_uppercase())?;
    assert_eq!(cell.output_bytes(), left.len() as u64);
    write(cell, &right.to_ascii_uppercase())?;
    cell.report(cell.header()).map_err(|e| e.to_string())
}

/// Panics that are caught cost nothing but their words, as those of datapoints are.
fn caught_panics(cell: &CellContext) -> Result<(), String> {
    for index in 0..1000 {
        cell.mark(0, index);
        let caught = std::panic::catch_unwind(|| {
            let none: Option<u8> = black_box(None);
            none.expect("a field is missing")
        });
        assert!(caught.is_err());
    }
    write(cell, cordon_cell::take_panic().unwrap_or_default().as_bytes())
}

fn niceness() -> Result<i32, String> {
    rustix::process::getpriority_process(None).map_err(|error| error.to_string())
}

/// Writes until it is told that there is no more room, then goes on.
fn big_output(cell: &CellContext) -> Result<(), String> {
    let piece = vec![b'x'; 1 << 16];
    let error = loop {
        if let Err(error) = cell.append_output(&piece) {
            break error;
        }
    };
    cell.report(error.to_string().as_bytes()).map_err(|e| e.to_string())
}

/// Three frames that count, and a fourth that is written but never published.
fn frames_then_abort(cell: &CellContext) -> ! {
    for (index, frame) in [b"one", b"two", b"six"].iter().enumerate() {
        cell.mark(0, index as u64);
        cell.append_frame(*frame).expect("room for a frame");
    }
    cell.mark(0, 3);
    attempts::write_behind_the_frames(9, b"half a fra");
    std::process::abort()
}

fn die(how: &str) -> Result<(), String> {
    match how {
        "abort" => std::process::abort(),
        "exit" => attempts::exit(7),
        "segfault" => attempts::segfault(),
        "stack" => {
            black_box(deep(1));
        }
        "memory" => {
            let mut held = Vec::new();
            loop {
                held.push(vec![1u8; 1 << 20]);
                black_box(&held);
            }
        }
        // Freeing twice is noticed by the allocator, which says so and aborts.
        "double-free" => attempts::double_free(),
        other => return Err(format!("unknown death {other}")),
    }
    Ok(())
}

#[inline(never)]
fn deep(depth: u64) -> u64 {
    let frame = [depth; 512];
    if black_box(depth) == u64::MAX {
        return 0;
    }
    deep(depth + 1) + black_box(&frame)[(depth % 512) as usize]
}

fn spin(cell: &CellContext, where_: &str) -> ! {
    let mut index = 5;
    loop {
        match where_ {
            "before" => {}
            "datapoint" => cell.mark(0, 5),
            "sealing" => cell.mark_sealing(),
            _ => {
                index += 1;
                cell.mark(0, index);
            }
        }
        black_box(index);
    }
}
