//! Writes generated lines to standard output, and the ledger to standard error as JSON.
//!
//! `cargo run -p cordon-load --example generate -- LINES [SEED] [HOSTS]`

use std::io::{self, BufWriter, Write as _};

use cordon_load::{Settings, Telemetry};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut numbers = std::env::args().skip(1).map(|argument| argument.parse::<u64>());
    let lines = numbers.next().ok_or("usage: generate LINES [SEED] [HOSTS]")??;
    let mut settings = Settings::default();
    if let Some(seed) = numbers.next() {
        settings.seed = seed?;
    }
    if let Some(hosts) = numbers.next() {
        settings.hosts = u32::try_from(hosts?)?;
    }
    let mut telemetry = Telemetry::new(settings);
    let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    for line in telemetry.by_ref().take(lines as usize) {
        out.write_all(&line.bytes)?;
        out.write_all(b"\n")?;
    }
    out.flush()?;
    writeln!(io::stderr(), "{}", serde_json::to_string_pretty(telemetry.ledger())?)?;
    Ok(())
}
