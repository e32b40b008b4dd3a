//! The shapes in which agents ship an event, learned from public archives.
//!
//! What each is like: NXLog lays everything flat beside its own fields; Get-WinEvent is flat with
//! a `TimeCreated` that is local time under a false Z; Winlogbeat nests the event data, before
//! version 7 at the top and since then under `winlog`; Sentinel writes it as JSON inside a string.

use serde::Serialize;

use crate::{
    event::{Event, Log},
    host::Host,
    json::Object,
    time::Civil,
};

/// How a host's agent lays out a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// NXLog's `im_msvistalog`, through a Windows event collector.
    NxLog,
    /// PowerShell's `Get-WinEvent | ConvertTo-Json`.
    GetWinEvent,
    /// Winlogbeat 6: `event_data`, `log_name`, `computer_name`.
    Winlogbeat6,
    /// Winlogbeat 7 and later: all of it under `winlog`.
    Winlogbeat,
    /// Azure Sentinel's `WindowsEvent` table.
    Sentinel,
}

/// Hours by which `TimeCreated` of Get-WinEvent is off: local time under a false Z.
const FALSE_Z_MS: i64 = 4 * 3_600_000;

/// Writes an event as one line, without a line break.
pub(crate) fn render(event: &Event, host: &mut Host) -> Vec<u8> {
    let record_number = host.next_record_number();
    // Most lines are shorter; the longest carry the event twice.
    let mut line = Vec::with_capacity(3 << 10);
    match host.shape {
        Shape::NxLog => nxlog(event, host, record_number, &mut line),
        Shape::GetWinEvent => get_winevent(event, host, &mut line),
        Shape::Winlogbeat6 => winlogbeat6(event, host, record_number, &mut line),
        Shape::Winlogbeat => winlogbeat(event, host, record_number, &mut line),
        Shape::Sentinel => sentinel(event, host, &mut line),
    }
    line
}

fn nxlog(event: &Event, host: &Host, record_number: u64, line: &mut Vec<u8>) {
    let log = event.source.log;
    let time = Civil::of(event.time_ms);
    let mut object = Object::begin(line);
    object.text("SourceModuleName", "eventlog");
    object.text("@timestamp", &time.iso().to_string());
    object.text("EventTime", &time.seconds().to_string());
    object.text("EventReceivedTime", &time.seconds().to_string());
    object.integer("EventID", i64::from(event.source.id));
    object.integer("Task", i64::from(event.source.id));
    object.text("Channel", log.channel());
    object.text("SourceName", log.provider());
    object.text("ProviderGuid", log.provider_guid());
    object.text("Hostname", &host.name);
    object.integer("Keywords", i64::MIN);
    object.integer("SeverityValue", 2);
    object.text("Severity", "INFO");
    object.text("Domain", "NT AUTHORITY");
    object.text("AccountName", "SYSTEM");
    object.text("AccountType", "User");
    object.text("UserID", "S-1-5-18");
    object.integer("RecordNumber", record_number as i64);
    object.integer("ExecutionProcessID", i64::from(host.logger_pid));
    object.integer("OpcodeValue", 0);
    object.text("SourceModuleType", "im_msvistalog");
    // NXLog's own EventType gives way to the event's.
    let has_event_type = event.data.iter().any(|&(name, _)| name == "EventType");
    object.text(if has_event_type { "EventTypeOrignal" } else { "EventType" }, "INFO");
    data(event, &mut object);
    if host.ships_message {
        object.text("Message", &message(event, "\r\n"));
    }
    object.text("host", "wec.corp.example");
    object.integer("port", 62_387);
    object.text("@version", "1");
    object.raw("tags", b"[\"generated\"]");
    object.end();
}

fn get_winevent(event: &Event, host: &Host, line: &mut Vec<u8>) {
    let log = event.source.log;
    let local = Civil::of(event.time_ms - FALSE_Z_MS).iso().to_string();
    let mut object = Object::begin(line);
    object.text("SourceName", log.provider());
    object.text("ProviderGuid", &log.provider_guid().to_lowercase());
    object.text("Level", if log == Log::Sysmon { "4" } else { "0" });
    object.text("Keywords", "0x8000000000000000");
    object.text("Channel", log.channel());
    object.text("Hostname", &host.name);
    object.text("TimeCreated", &local);
    object.text("@timestamp", &local);
    object.integer("EventID", i64::from(event.source.id));
    if host.ships_message {
        object.text("Message", &message(event, "\r\n"));
    }
    object.text("Task", &event.source.id.to_string());
    data(event, &mut object);
    object.end();
}

fn winlogbeat6(event: &Event, host: &Host, record_number: u64, line: &mut Vec<u8>) {
    let log = event.source.log;
    let mut object = Object::begin(line);
    object.text("@timestamp", &Civil::of(event.time_ms).iso().to_string());
    object.raw("@metadata", br#"{"beat":"winlogbeat","type":"doc","version":"6.7.0"}"#);
    object.integer("event_id", i64::from(event.source.id));
    object.text("log_name", log.channel());
    object.text("source_name", log.provider());
    object.text("provider_guid", log.provider_guid());
    object.text("computer_name", &host.name);
    object.text("record_number", &record_number.to_string());
    object.integer("process_id", i64::from(host.logger_pid));
    object.text("level", "Information");
    if host.ships_message {
        object.text("message", &message(event, "\n"));
    }
    object.object("event_data", |nested| data(event, nested));
    object.text("type", "wineventlog");
    object.end();
}

fn winlogbeat(event: &Event, host: &Host, record_number: u64, line: &mut Vec<u8>) {
    let log = event.source.log;
    let mut object = Object::begin(line);
    object.text("@timestamp", &Civil::of(event.time_ms).iso().to_string());
    object.raw("@metadata", br#"{"beat":"winlogbeat","type":"_doc","version":"8.12.2"}"#);
    object.object("winlog", |winlog| {
        winlog.text("channel", log.channel());
        winlog.text("provider_name", log.provider());
        winlog.text("provider_guid", log.provider_guid());
        winlog.text("computer_name", &host.name);
        winlog.text("event_id", &event.source.id.to_string());
        winlog.integer("record_id", record_number as i64);
        winlog.object("event_data", |nested| data(event, nested));
        winlog.object("process", |nested| nested.integer("pid", i64::from(host.logger_pid)));
    });
    object.object("event", |nested| {
        nested.text("code", &event.source.id.to_string());
        nested.text("kind", "event");
        nested.text("provider", log.provider());
    });
    object.object("host", |nested| nested.text("name", &host.name));
    if host.ships_message {
        object.text("message", &message(event, "\n"));
    }
    object.end();
}

fn sentinel(event: &Event, host: &Host, line: &mut Vec<u8>) {
    let log = event.source.log;
    let mut nested = Vec::with_capacity(1 << 10);
    let mut event_data = Object::begin(&mut nested);
    data(event, &mut event_data);
    event_data.end();
    let mut object = Object::begin(line);
    object.text("TenantId", "redacted");
    object.text("SourceSystem", "OpsManager");
    object.text("TimeGenerated", &Civil::of(event.time_ms).iso().to_string());
    object.text("Provider", log.provider());
    object.text("Channel", log.channel());
    object.text("Computer", &host.name);
    object.integer("Task", i64::from(event.source.id));
    object.integer("EventLevel", 4);
    object.text("EventLevelName", "Information");
    object.text("EventData", std::str::from_utf8(&nested).expect("JSON written from strings"));
    object.integer("EventID", i64::from(event.source.id));
    object.text("Type", "WindowsEvent");
    object.end();
}

fn data(event: &Event, object: &mut Object<'_>) {
    for (name, value) in &event.data {
        object.text(name, value);
    }
}

/// The message as Windows renders it.
fn message(event: &Event, line_break: &str) -> String {
    let mut message = format!("{}:", event.source.title());
    for (name, value) in &event.data {
        message.push_str(line_break);
        message.push_str(name);
        message.push_str(": ");
        message.push_str(value);
    }
    message
}
