//! One event, before it takes a shape.

use std::borrow::Cow;

/// What a host's agent read from one event log record.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) source: Source,
    /// When it happened; `UtcTime` of a Sysmon event.
    pub(crate) time_ms: i64,
    /// The event data, in the order of the manifest.
    pub(crate) data: Vec<(&'static str, Text)>,
}

/// A field's value: much of it is known beforehand.
pub(crate) type Text = Cow<'static, str>;

/// Which log, and which event of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) log: Log,
    pub(crate) id: u16,
}

/// An event log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Log {
    Sysmon,
    Security,
    PowerShell,
}

impl Log {
    pub(crate) fn channel(self) -> &'static str {
        match self {
            Log::Sysmon => "Microsoft-Windows-Sysmon/Operational",
            Log::Security => "Security",
            Log::PowerShell => "Microsoft-Windows-PowerShell/Operational",
        }
    }

    pub(crate) fn provider(self) -> &'static str {
        match self {
            Log::Sysmon => "Microsoft-Windows-Sysmon",
            Log::Security => "Microsoft-Windows-Security-Auditing",
            Log::PowerShell => "Microsoft-Windows-PowerShell",
        }
    }

    pub(crate) fn provider_guid(self) -> &'static str {
        match self {
            Log::Sysmon => "{5770385F-C22A-43E0-BF4C-06F5698FFBD9}",
            Log::Security => "{54849625-5478-4994-A5BA-3E3B0328C30D}",
            Log::PowerShell => "{A0C1853B-5C40-4B15-8766-3CF1C58F985A}",
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Log::Sysmon => "sysmon",
            Log::Security => "security",
            Log::PowerShell => "powershell",
        }
    }
}

impl Source {
    pub(crate) const fn sysmon(id: u16) -> Self {
        Self { log: Log::Sysmon, id }
    }

    pub(crate) const fn security(id: u16) -> Self {
        Self { log: Log::Security, id }
    }

    pub(crate) const fn powershell(id: u16) -> Self {
        Self { log: Log::PowerShell, id }
    }

    /// First line of the rendered message.
    pub(crate) fn title(self) -> &'static str {
        match (self.log, self.id) {
            (Log::Sysmon, 1) => "Process Create",
            (Log::Sysmon, 3) => "Network connection detected",
            (Log::Sysmon, 5) => "Process terminated",
            (Log::Sysmon, 7) => "Image loaded",
            (Log::Sysmon, 8) => "CreateRemoteThread detected",
            (Log::Sysmon, 10) => "Process accessed",
            (Log::Sysmon, 11) => "File created",
            (Log::Sysmon, 12) => "Registry object added or deleted",
            (Log::Sysmon, 13) => "Registry value set",
            (Log::Sysmon, 15) => "File stream created",
            (Log::Sysmon, 17) => "Pipe Created",
            (Log::Sysmon, 18) => "Pipe Connected",
            (Log::Sysmon, 22) => "Dns query",
            (Log::Sysmon, 23) => "File Delete",
            (Log::Security, 4658) => "The handle to an object was closed",
            (Log::Security, 5156) => "The Windows Filtering Platform has permitted a connection",
            (Log::PowerShell, 4104) => "Creating Scriptblock text (1 of 1)",
            _ => unreachable!("no such event is generated: {self:?}"),
        }
    }
}

/// Sysmon's event data: every event begins with the rule's name and the time.
macro_rules! sysmon {
    ($id:literal, $time_ms:expr, $($name:literal: $value:expr),* $(,)?) => {{
        let time_ms = $time_ms;
        $crate::event::Event {
            source: $crate::event::Source::sysmon($id),
            time_ms,
            data: vec![
                ("RuleName", "-".into()),
                ("UtcTime", $crate::time::Civil::of(time_ms).sysmon().to_string().into()),
                $(($name, $value.into()),)*
            ],
        }
    }};
}
pub(crate) use sysmon;
