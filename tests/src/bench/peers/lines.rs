//! One record for each line: the input of the peer that wants that.

use std::{io::Write as _, process::Stdio};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;

use super::{super::cluster::Cluster, contender};

/// Lets the peers' own loader write the lines of these pointers, `laps` times over.
pub(super) fn load(cluster: &Cluster, pointers: &[Bytes], laps: usize) -> Result<()> {
    let mut command = contender::java(cluster)?;
    command.args(["lines", &laps.to_string()]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut java = command.spawn()?;
    let mut stdin = java.stdin.take().context("its standard input is piped")?;
    for pointer in pointers {
        writeln!(stdin, "{}", hex(pointer))?;
    }
    drop(stdin);
    let status = java.wait()?;
    ensure!(status.success(), "the loader of lines ended with {status}");
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
