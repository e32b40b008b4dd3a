//! Limits on what a zygote does before it serves: what it reads then may be far too much, or made
//! so that whoever reads it never ends.

use std::{io, time::Duration};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How much a zygote may take before it serves.
#[derive(Clone, Copy, Debug)]
pub struct PrepareLimits {
    /// CPU time of the whole process so far, in full seconds.
    pub cpu_max: Duration,
    /// Private writable memory of the whole process.
    pub data_bytes_max: u64,
}

/// Runs `work` under limits, which do not outlive it.
///
/// Beyond them the process ends at once, and by its end tells why: out of CPU time by SIGXCPU; out
/// of memory, or of stack, by SIGABRT with a line on standard error.
///
/// # Errors
///
/// The limits cannot be set.
pub fn prepare<T>(limits: &PrepareLimits, work: impl FnOnce() -> T) -> io::Result<T> {
    let cpu = lower(Resource::Cpu, limits.cpu_max.as_secs().max(1))?;
    let data = lower(Resource::Data, limits.data_bytes_max)?;
    let done = work();
    setrlimit(Resource::Cpu, cpu)?;
    setrlimit(Resource::Data, data)?;
    Ok(done)
}

/// Lowers a limit, and returns what it was. Only as far as it can be raised again.
fn lower(resource: Resource, max: u64) -> io::Result<Rlimit> {
    let before = getrlimit(resource);
    let current = Some(before.current.map_or(max, |current| current.min(max)));
    setrlimit(resource, Rlimit { current, maximum: before.maximum })?;
    Ok(before)
}
