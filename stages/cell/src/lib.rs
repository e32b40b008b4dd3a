//! Cells: jailed processes that are forked fresh for a batch and thrown away.
//!
//! Payload bytes are written by attackers, so they are decompressed and parsed where success
//! gains nothing: in a process without network, files, credentials, environment or exec, with
//! limits on memory and time, that ends with its batch.
//!
//! ```text
//! supervisor ──exec──▶ courier ══ jobs, memfds ══▶ zygote ──fork──▶ cell, cell, cell
//!            ──exec──▶ zygote                              ◀─ exit status, progress page
//! ```
//!
//! - The **supervisor** starts the two by exec ([`spawn_zygote`], [`spawn_courier`]), so that
//!   neither inherits what the other read.
//! - The **zygote** ([`zygote::serve`]) has read the stage's rules, forks cells ahead of their
//!   jobs, holds them to their deadlines, and tells how each ended.
//! - A **cell** is jailed before it sees its job. Its body sees it as a [`CellContext`]: bytes in,
//!   bytes out, and a mark that says which datapoint it is at.
//! - The **courier** hands out jobs through [`Cells`]. This half is free of decoders and shares
//!   no memory with cells: it reads what a cell wrote only after its death, and believes none of
//!   it.
//!
//! # What holds what
//!
//! | danger | held by |
//! |---|---|
//! | files, network, exec, fork, other processes | seccomp list, Landlock on top ([`JailReport`]) |
//! | secrets in memory | exec with an empty environment; the zygote never has one |
//! | memory | RLIMIT_DATA, RLIMIT_AS, RLIMIT_STACK, sizes of memfds sealed before the cell sees them |
//! | time | the zygote, by CPU and wall clock, for each datapoint and each cell; RLIMIT_CPU behind it |
//! | changing inputs, other cells' results | memfd seals; a cell has only its own descriptors |
//! | the operator's terminal | a cell's standard error is the null device |
//! | outliving the courier | end of file on the socket, parent-death signals |
//! | a courier that listens, executes, or speaks other than TCP to the ports it needs | its own seccomp list, Landlock on top ([`enter_courier_jail`]) |
//!
//! # Restrictions
//!
//! Linux 5.11 or later, for `close_range`; the rest of the jail that a kernel lacks is named. A
//! body must not start threads, sleep, open files or write to what it shares with the zygote: the
//! first three are its death by SIGSYS, the last makes each cell slower. All cells of a zygote
//! share the hash seeds that were drawn before the fork, so unique ids must come from the courier.
//!
//! A body that dies of SIGSYS made a call the jail does not allow: the kernel's log (`dmesg`) names
//! it by number, and [`JailMode::Off`] lets it pass.
//!
//! # Example
//!
//! A program that is its own zygote, and counts the lines of a payload in a cell:
//!
//! ```no_run
//! use cordon_cell::{CellEnd, CellJob, CellLimits, Cells, sealed_memfd, spawn_zygote, zygote};
//!
//! if std::env::args().nth(1).is_some_and(|role| role == "zygote") {
//!     zygote::serve(&zygote::ZygoteSettings::default(), |cell| {
//!         let lines = cell.input().split(|byte| *byte == b'\n').count();
//!         cell.append_output(&lines.to_le_bytes()).map_err(|error| error.to_string())
//!     });
//! }
//! let zygote = spawn_zygote(&["zygote".into()])?;
//! let cells = Cells::connect(zygote.socket)?;
//! let result = cells.run(CellJob {
//!     header: Vec::new(),
//!     input: sealed_memfd("payload", &[b"one\n", b"two"])?,
//!     limits: CellLimits::default(),
//! });
//! assert_eq!(result.end, CellEnd::Finished);
//! assert_eq!(result.output, 2usize.to_le_bytes());
//! # std::io::Result::Ok(())
//! ```

mod api;
mod client;
mod context;
mod deadline;
mod jail;
mod memfd;
mod page;
mod spawn;
mod sys;
mod wire;
pub mod zygote;

pub use api::{CellEnd, CellJob, CellLimits, CellResult, CellUsage, DeadlineKind};
pub use client::Cells;
pub use context::{CellContext, CellIoError, take_panic};
pub use jail::{
    CourierJailError, CourierReach, JailLayer, JailMode, JailReport, NoJailMode, enter_courier_jail,
};
pub use memfd::{sealed_memfd, sealed_memfd_from};
pub use spawn::{
    SpawnedZygote, from_lasting_thread, spawn_courier, spawn_zygote, take_socket, terminate,
};
