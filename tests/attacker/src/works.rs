//! What couriers do must go on in their jail. The whole of it is at work in the pipeline; here is
//! what that has no use for on one machine: name servers, and a store in a directory.
#![expect(unsafe_code, reason = "a name server of a test's own takes a mount")]

use std::{net::ToSocketAddrs as _, path::Path};

use anyhow::{Context as _, Result, ensure};
use cordon_cell::{CourierReach, JailMode, enter_courier_jail};
use cordon_store::{CanaryKey, DirectoryStore, Store};

/// Exit code of a process that may not mount.
pub const NO_MOUNT: u8 = 77;

/// Resolves a name as a jailed courier whose name servers stand in `resolv_conf`, and prints the
/// address. False where this machine does not let it have name servers of its own.
#[expect(clippy::print_stdout, reason = "it is read by the test that started this process")]
pub fn resolve(mode: JailMode, resolv_conf: &str, name: &str) -> Result<bool> {
    if !mount_over("/etc/resolv.conf", resolv_conf)? {
        return Ok(false);
    }
    let read = CourierReach::SYSTEM_FILES.iter().map(Into::into).collect();
    let ports = vec![CourierReach::DNS_PORT];
    enter_courier_jail(mode, &CourierReach { read, ports, ..CourierReach::default() })?;
    // From a thread, as the runtime and librdkafka do it.
    let name = (name.to_owned(), 9092);
    let resolved = std::thread::spawn(move || name.to_socket_addrs()).join();
    let mut addresses = resolved.ok().context("the look-up panicked")??;
    println!("{}", addresses.next().context("a name without an address")?.ip());
    Ok(true)
}

/// Has one file look like another, for this process alone.
fn mount_over(place: &str, file: &str) -> Result<bool> {
    let (place, file) = (std::ffi::CString::new(place)?, std::ffi::CString::new(file)?);
    let nothing = std::ptr::null();
    // SAFETY: all names are C strings or null; what is mounted is seen by this process alone.
    unsafe {
        if libc::unshare(libc::CLONE_NEWNS) != 0 {
            return Ok(false);
        }
        let private = libc::MS_REC | libc::MS_PRIVATE;
        let made = libc::mount(nothing, c"/".as_ptr(), nothing, private, nothing.cast());
        ensure!(made == 0, "the mounts stay common: {}", std::io::Error::last_os_error());
        let bind = libc::MS_BIND;
        let mounted = libc::mount(file.as_ptr(), place.as_ptr(), nothing, bind, nothing.cast());
        ensure!(mounted == 0, "cannot mount: {}", std::io::Error::last_os_error());
    }
    Ok(true)
}

/// Writes an object to a directory store as a jailed courier, and reads it back.
pub fn store(mode: JailMode, directory: &str) -> Result<()> {
    let store = Store::Directory(DirectoryStore::open(Path::new(directory))?);
    let write = vec![directory.into()];
    enter_courier_jail(mode, &CourierReach { write, ..CourierReach::default() })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
    let key = CanaryKey::of("logs")?;
    // The second finds the first in its place.
    runtime.block_on(store.put_canary("cordon", &key))?;
    runtime.block_on(store.put_canary("cordon", &key))?;
    Ok(runtime.block_on(store.get_canary("cordon", &key))?)
}
