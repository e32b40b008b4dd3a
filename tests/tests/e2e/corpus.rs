//! The telemetry that goes through the pipeline: real archives where they are, else generated.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use cordon_load::{Settings, Telemetry};
use cordon_tests::telemetry;

/// What is fed at a time, so that there is work in flight for every kill.
pub(crate) struct Portion {
    /// Files for `cordon ingest`.
    pub(crate) files: Vec<PathBuf>,
    /// A file whose lines a shipper writes to `raw`, one a record.
    pub(crate) shipped: PathBuf,
}

/// Portions, and where they come from.
pub(crate) struct Corpus {
    pub(crate) portions: Vec<Portion>,
    pub(crate) is_real: bool,
}

/// Archives of each portion by parts of their names, the shipped one last. Together 175,000 lines
/// in the NXLog, Get-WinEvent and Winlogbeat shapes.
const PORTIONS: [&[&str]; 3] = [
    &[
        "LSASS_campaign_02",
        "stop_netprofm_eventlog_before_reboot",
        "ntds_dit_file_volume_shadow_copy",
        "ntds_dit_file_ntdsutil",
        "stop_netprofm_eventlog_after_reboot",
        "empire_ninjacopy",
    ],
    &["proxylogon", "covenant_dcom_executeexcel4macro", "empire_enable_rdp", "msf_record_mic"],
    &["empire_smbexec", "stop_event_logging_controlset001", "empire_over_pth"],
];

/// Lines of each file that stands for an archive where there is none.
const GENERATED_LINES: usize = 9_000;

impl Corpus {
    /// The archives of `CORDON_DATA`, or of `shared/data` beside the workspace; generated files
    /// below `dir` where they are not.
    pub(crate) fn find_or_generate(dir: &Path) -> Result<Self> {
        let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
        let data = env::var_os("CORDON_DATA").map_or(beside, PathBuf::from);
        let archives = data.join("otrf/windows");
        if !archives.is_dir() {
            return Self::generate(dir);
        }
        let portions = PORTIONS.map(|names| portion(names, |name| find(&archives, name)));
        Ok(Self { portions: portions.into_iter().collect::<Result<_>>()?, is_real: true })
    }

    fn generate(dir: &Path) -> Result<Self> {
        let mut lines = Telemetry::new(Settings::default());
        let mut write = |name: &str| {
            let path = dir.join(format!("{name}.jsonl"));
            telemetry::write(&path, lines.by_ref().take(GENERATED_LINES))?;
            Ok(path)
        };
        let portions = PORTIONS.map(|names| portion(names, &mut write));
        Ok(Self { portions: portions.into_iter().collect::<Result<_>>()?, is_real: false })
    }

    /// Every file.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let portions = self.portions.iter();
        portions.flat_map(|p| p.files.iter().chain([&p.shipped])).cloned().collect()
    }
}

fn portion(names: &[&str], get: impl FnMut(&str) -> Result<PathBuf>) -> Result<Portion> {
    let mut files = names.iter().copied().map(get).collect::<Result<Vec<_>>>()?;
    let shipped = files.pop().context("a portion has a shipped file")?;
    Ok(Portion { files, shipped })
}

fn find(archives: &Path, name: &str) -> Result<PathBuf> {
    for entry in fs::read_dir(archives)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|file| file.to_string_lossy().contains(name)) {
            return Ok(path);
        }
    }
    anyhow::bail!("{} has no archive {name}", archives.display())
}
