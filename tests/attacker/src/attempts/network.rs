//! Ways out, and ways in.

use std::{
    io,
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::fd::{AsRawFd as _, OwnedFd},
};

use super::{Attempt, InCourier, Prepared, Targets, both, done, landlock};

pub(super) const ALL: &[Attempt] = &[
    landlock("connect", "a server on a port of its own choice", "landlock-tcp", connect),
    Attempt {
        in_courier: InCourier::Theirs,
        ..both("connect-where-couriers-may", "a server that couriers need", connect_allowed)
    },
    both("datagram", "to send a datagram", datagram),
    both("multipath", "to connect by MPTCP, which Landlock does not see", multipath),
    both("fast-open", "to connect by sending, which Landlock does not see", fast_open),
    both("fast-open-later", "the same by a socket option", fast_open_later),
    both("unix-socket", "a server on this machine", unix_socket),
    both("abstract-socket", "a server that has no file", abstract_socket),
    both("socket-pair", "a socket that can be connected elsewhere", socket_pair),
    both("netlink", "to ask the kernel for its network", netlink),
    both("packets", "to see every packet", packets),
    both("listen", "to be reached, on a port that the kernel draws", listen),
    both("bind", "to be reached, on a port of its own choice", bind),
    both("accept", "to let a guest in who waits already", accept),
];

/// A listening socket, and a connection to it that nobody has accepted.
pub(super) fn listener_with_a_guest() -> io::Result<OwnedFd> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let guest = TcpStream::connect(listener.local_addr()?)?;
    // It waits for as long as this process lives.
    std::mem::forget(guest);
    Ok(listener.into())
}

fn here(port: u16) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as u16,
        sin_port: port.to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from(Ipv4Addr::LOCALHOST).to_be() },
        sin_zero: [0; 8],
    }
}

const HERE_BYTES: u32 = size_of::<libc::sockaddr_in>() as u32;

fn socket(family: i32, kind: i32, protocol: i32) -> io::Result<i32> {
    // SAFETY: numbers only.
    unsafe { done(libc::socket(family, kind, protocol)) }.map(|fd| fd as i32)
}

fn connect_to(fd: i32, port: u16) -> io::Result<()> {
    let address = here(port);
    // SAFETY: the address is as long as is said.
    unsafe { done(libc::connect(fd, (&raw const address).cast(), HERE_BYTES)) }.map(drop)
}

fn connect(targets: &Targets, _: &Prepared) -> io::Result<()> {
    connect_to(socket(libc::AF_INET, libc::SOCK_STREAM, 0)?, targets.port_forbidden)
}

fn connect_allowed(targets: &Targets, _: &Prepared) -> io::Result<()> {
    connect_to(socket(libc::AF_INET, libc::SOCK_STREAM, 0)?, targets.port_allowed)
}

fn send(fd: i32, port: u16, flags: i32) -> io::Result<()> {
    let address = here(port);
    // SAFETY: data and address are as long as is said.
    unsafe {
        done(libc::sendto(
            fd,
            b"secret".as_ptr().cast(),
            6,
            flags,
            (&raw const address).cast(),
            HERE_BYTES,
        ) as i64)
        .map(drop)
    }
}

fn datagram(targets: &Targets, _: &Prepared) -> io::Result<()> {
    send(socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?, targets.port_udp, 0)
}

fn multipath(targets: &Targets, _: &Prepared) -> io::Result<()> {
    let fd = socket(libc::AF_INET, libc::SOCK_STREAM, libc::IPPROTO_MPTCP)?;
    connect_to(fd, targets.port_forbidden)
}

fn fast_open(targets: &Targets, _: &Prepared) -> io::Result<()> {
    let fd = socket(libc::AF_INET, libc::SOCK_STREAM, 0)?;
    send(fd, targets.port_forbidden, libc::MSG_FASTOPEN)
}

fn fast_open_later(_: &Targets, _: &Prepared) -> io::Result<()> {
    let fd = socket(libc::AF_INET, libc::SOCK_STREAM, 0)?;
    let on = 1_i32;
    // SAFETY: the option's value is as long as is said.
    unsafe {
        done(libc::setsockopt(
            fd,
            libc::IPPROTO_TCP,
            libc::TCP_FASTOPEN_CONNECT,
            (&raw const on).cast(),
            4,
        ))
        .map(drop)
    }
}

/// Connects to a server of this machine; the name of one without a file begins with a zero.
fn connect_unix(name: &[u8]) -> io::Result<()> {
    let fd = socket(libc::AF_UNIX, libc::SOCK_STREAM, 0)?;
    let mut address = libc::sockaddr_un { sun_family: libc::AF_UNIX as u16, sun_path: [0; 108] };
    for (place, byte) in address.sun_path.iter_mut().zip(name) {
        *place = *byte as libc::c_char;
    }
    let bytes = size_of::<u16>() + name.len();
    // SAFETY: the name lies inside the address, which is longer than is said.
    unsafe { done(libc::connect(fd, (&raw const address).cast(), bytes as u32)) }.map(drop)
}

fn unix_socket(targets: &Targets, _: &Prepared) -> io::Result<()> {
    connect_unix(targets.unix_socket.as_bytes())
}

fn abstract_socket(targets: &Targets, _: &Prepared) -> io::Result<()> {
    connect_unix(format!("\0{}", targets.abstract_socket).as_bytes())
}

fn socket_pair(_: &Targets, _: &Prepared) -> io::Result<()> {
    let mut pair = [0; 2];
    // SAFETY: there is room for two descriptors.
    unsafe { done(libc::socketpair(libc::AF_UNIX, libc::SOCK_DGRAM, 0, pair.as_mut_ptr())) }
        .map(drop)
}

fn netlink(_: &Targets, _: &Prepared) -> io::Result<()> {
    socket(libc::AF_NETLINK, libc::SOCK_RAW, 0).map(drop)
}

fn packets(_: &Targets, _: &Prepared) -> io::Result<()> {
    socket(libc::AF_PACKET, libc::SOCK_RAW, 0).map(drop)
}

fn listen(_: &Targets, _: &Prepared) -> io::Result<()> {
    let fd = socket(libc::AF_INET, libc::SOCK_STREAM, 0)?;
    // SAFETY: numbers only.
    unsafe { done(libc::listen(fd, 1)) }.map(drop)
}

fn bind(_: &Targets, _: &Prepared) -> io::Result<()> {
    let fd = socket(libc::AF_INET, libc::SOCK_STREAM, 0)?;
    let address = here(0);
    // SAFETY: the address is as long as is said.
    unsafe {
        done(libc::bind(fd, (&raw const address).cast(), HERE_BYTES))?;
        done(libc::listen(fd, 1)).map(drop)
    }
}

fn accept(_: &Targets, prepared: &Prepared) -> io::Result<()> {
    let made = if prepared.listener.is_none() { Some(listener_with_a_guest()?) } else { None };
    let listener = prepared.listener.as_ref().or(made.as_ref());
    let fd = listener.map_or(-1, |listener| listener.as_raw_fd());
    let nowhere = std::ptr::null_mut();
    // SAFETY: no address is asked for.
    unsafe { done(libc::accept4(fd, nowhere, nowhere.cast(), 0)) }.map(drop)
}
