//! What whoever took over a process tries: raw calls, so that nothing but the jail is between it
//! and the kernel. Each attempt succeeds when the attacker has what it wanted.
#![expect(unsafe_code, reason = "an attacker is not bound by Rust")]

mod files;
mod kernel;
mod memory;
mod network;
mod processes;

use std::{io, os::fd::OwnedFd};

use serde::{Deserialize, Serialize};

/// What lies around to be attacked. All of it belongs to the test that starts the attack.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Targets {
    /// A file that holds [`CANARY`], outside of whatever an attacker may read.
    pub secret_file: String,
    /// A directory in which files could be made.
    pub directory: String,
    /// The listening socket of somebody else, by name, and one without a place in the file system.
    pub unix_socket: String,
    /// See `unix_socket`.
    pub abstract_socket: String,
    /// A port of this machine that a courier may connect to, with a listener.
    pub port_allowed: u16,
    /// One that it may not, with a listener too.
    pub port_forbidden: u16,
    /// A port that takes datagrams.
    pub port_udp: u16,
    /// A process of the same user, which holds [`CANARY`] in its environment and its memory.
    pub victim: i32,
    /// Where in the victim's memory.
    pub victim_address: u64,
    /// An open descriptor of the victim's.
    pub victim_fd: i32,
}

/// What secrets are searched by. Flipped, so that this program's own code is not found.
pub const CANARY_FLIPPED: &[u8; 16] = &[
    0x9c, 0x9e, 0x91, 0x9e, 0x8d, 0x86, 0xd2, 0x90, 0x99, 0xd2, 0x8b, 0x97, 0x9a, 0xd2, 0x8b, 0x8b,
];

/// The canary itself.
pub fn canary() -> Vec<u8> {
    CANARY_FLIPPED.iter().map(|byte| !byte).collect()
}

/// What a courier that was taken over has from before it was jailed.
#[derive(Debug, Default)]
pub struct Prepared {
    /// A listening socket with somebody who waits to be accepted.
    pub listener: Option<OwnedFd>,
    /// A program.
    pub shell: Vec<u8>,
}

impl Prepared {
    /// Makes it all.
    pub fn new() -> io::Result<Self> {
        let shell = std::fs::read("/bin/sh")?;
        Ok(Self { listener: Some(network::listener_with_a_guest()?), shell })
    }
}

/// What becomes of an attempt in a courier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InCourier {
    /// It is no attack there: couriers do it.
    Theirs,
    /// The list of system calls refuses it with this error, with Landlock or without.
    Refused(&'static str),
    /// Landlock refuses it, by this layer; without Landlock nothing does.
    Landlock(&'static str, &'static str),
}

/// One attempt.
pub struct Attempt {
    /// Its name.
    pub name: &'static str,
    /// What it wants, for a person.
    pub wants: &'static str,
    /// Whether it is tried in a cell, where all of them are the cell's death.
    pub in_cell: bool,
    /// What becomes of it in a courier.
    pub in_courier: InCourier,
    run: fn(&Targets, &Prepared) -> io::Result<()>,
}

impl Attempt {
    /// Exit code of a program that an attempt managed to execute.
    pub const EXECUTED: i32 = 42;

    /// Tries. An error is the kernel's answer.
    pub fn run(&self, targets: &Targets, prepared: &Prepared) -> io::Result<()> {
        (self.run)(targets, prepared)
    }
}

/// All of them.
pub fn all() -> impl Iterator<Item = &'static Attempt> {
    [files::ALL, processes::ALL, network::ALL, memory::ALL, kernel::ALL].into_iter().flatten()
}

/// The attempt of this name.
pub fn find(name: &str) -> Option<&'static Attempt> {
    all().find(|attempt| attempt.name == name)
}

/// Tried in both, and refused in a courier by its list.
const fn both(
    name: &'static str,
    wants: &'static str,
    run: fn(&Targets, &Prepared) -> io::Result<()>,
) -> Attempt {
    Attempt { name, wants, in_cell: true, in_courier: InCourier::Refused("EPERM"), run }
}

/// Tried in a cell alone.
const fn cell(
    name: &'static str,
    wants: &'static str,
    run: fn(&Targets, &Prepared) -> io::Result<()>,
) -> Attempt {
    Attempt { name, wants, in_cell: true, in_courier: InCourier::Theirs, run }
}

/// Tried in both; in a courier it is Landlock that holds it.
const fn landlock(
    name: &'static str,
    wants: &'static str,
    layer: &'static str,
    run: fn(&Targets, &Prepared) -> io::Result<()>,
) -> Attempt {
    Attempt { name, wants, in_cell: true, in_courier: InCourier::Landlock(layer, "EACCES"), run }
}

/// A result as libc tells it.
fn done(result: impl Into<i64>) -> io::Result<i64> {
    let result = result.into();
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Whether the attacker has what it wanted.
fn wanted(has: bool) -> io::Result<()> {
    if has { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::ENODATA)) }
}

fn c_string(text: &str) -> io::Result<std::ffi::CString> {
    std::ffi::CString::new(text).map_err(io::Error::other)
}
