//! What is attacked: files, servers and a process, all of this test's own.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, TcpListener, UdpSocket},
    os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixListener},
    },
    process::{Child, Stdio},
};

use anyhow::{Context as _, Result};
use cordon_attacker::attempts::{Targets, canary};
use tempfile::TempDir;

/// The targets, for as long as it lives.
pub(crate) struct Arena {
    pub(crate) targets: Targets,
    victim: Child,
    _servers: (Vec<TcpListener>, UdpSocket, Vec<UnixListener>),
    dir: TempDir,
}

impl Arena {
    pub(crate) fn start() -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("cordon-attacker").tempdir()?;
        let path = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
        fs::write(path("secret"), canary())?;
        let allowed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let forbidden = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let datagrams = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let abstract_socket = format!("cordon-attacker-{}", std::process::id());
        let unnamed = SocketAddr::from_abstract_name(&abstract_socket)?;
        let unix = [UnixListener::bind(path("socket"))?, UnixListener::bind_addr(&unnamed)?];
        let (victim, address, fd) = start_victim()?;
        let targets = Targets {
            secret_file: path("secret"),
            directory: dir.path().to_string_lossy().into_owned(),
            unix_socket: path("socket"),
            abstract_socket,
            port_allowed: allowed.local_addr()?.port(),
            port_forbidden: forbidden.local_addr()?.port(),
            port_udp: datagrams.local_addr()?.port(),
            victim: victim.id().cast_signed(),
            victim_address: address,
            victim_fd: fd,
        };
        let servers = (vec![allowed, forbidden], datagrams, unix.into());
        Ok(Self { targets, victim, _servers: servers, dir })
    }

    /// Makes the files anew that an attack may have destroyed.
    pub(crate) fn restore(&self) -> Result<()> {
        for name in ["truncate", "remove", "link"] {
            fs::write(self.path(name), "of somebody else")?;
        }
        Ok(())
    }

    /// A place for files.
    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }
}

/// The victim, where in its memory the canary lies, and which descriptor it has open.
fn start_victim() -> Result<(Child, u64, i32)> {
    let mut victim = crate::attacker()
        .arg("victim")
        .env("SECRET", String::from_utf8(canary())?)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut told = String::new();
    BufReader::new(victim.stdout.take().context("it is piped")?).read_line(&mut told)?;
    let (address, fd) = told.trim().split_once(' ').context("the victim tells where to look")?;
    Ok((victim, address.parse()?, fd.parse()?))
}

impl Drop for Arena {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.victim.kill();
        let _ = self.victim.wait();
    }
}
