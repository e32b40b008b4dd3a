//! Which log source of Sigma an event belongs to.
//!
//! A rule names its log source by product, category and service; an event by its channel and id.
//! The two tables here join them. They follow the log sources that SigmaHQ's own tests use
//! (`tests/thor.yml` of its repository) and pySigma's Sysmon pipeline.

use cordon_flow::{Event, Field};

/// An event's place among Sigma's log sources. The product is always Windows: nothing else has
/// a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventSource {
    /// What wrote it; `None` for a channel that Sigma has no name for.
    pub(crate) service: Option<&'static str>,
    /// What it tells of; often one, for registry events several.
    pub(crate) categories: &'static [&'static str],
    /// The id of the event in its channel.
    pub(crate) event_id: Option<u16>,
}

pub(crate) const PRODUCT: &str = "windows";

impl EventSource {
    /// `None` for a line that is no Windows event.
    pub(crate) fn of(event: &Event<'_>) -> Option<Self> {
        let channel = event.get(Field::Channel);
        let service =
            channel.and_then(service).or_else(|| service_of_provider(event.get(Field::Provider)?));
        if channel.is_none() && service.is_none() {
            return None;
        }
        let event_id = event.get(Field::EventId).and_then(|id| id.parse().ok());
        let categories = match (service, event_id) {
            (Some("sysmon"), Some(12)) => key_categories(event.get(Field::EventType)),
            (Some(service), Some(id)) => categories(service, id),
            _ => &[],
        };
        Some(Self { service, categories, event_id })
    }
}

/// Whether any event can ever have this category.
pub(crate) fn is_known_category(category: &str) -> bool {
    CATEGORIES.iter().any(|(.., categories)| categories.contains(&category))
}

/// Whether any event can ever have this service.
pub(crate) fn is_known_service(service: &str) -> bool {
    SERVICES.iter().any(|&(known, _)| known == service)
}

fn service(channel: &str) -> Option<&'static str> {
    SERVICES
        .iter()
        .find(|(_, channels)| channels.iter().any(|known| known.eq_ignore_ascii_case(channel)))
        .map(|&(service, _)| service)
}

fn service_of_provider(provider: &str) -> Option<&'static str> {
    PROVIDERS
        .iter()
        .find(|(_, known)| known.eq_ignore_ascii_case(provider))
        .map(|&(service, _)| service)
}

/// Sysmon's event 12 is several deeds in one id; of one that does not say which, each may be true.
fn key_categories(deed: Option<&str>) -> &'static [&'static str] {
    match deed {
        Some("CreateKey") => &["registry_event", "registry_add"],
        Some("DeleteKey" | "DeleteValue") => &["registry_event", "registry_delete"],
        _ => categories("sysmon", 12),
    }
}

fn categories(service: &str, event_id: u16) -> &'static [&'static str] {
    CATEGORIES
        .iter()
        .find(|&&(known, id, _)| id == event_id && known == service)
        .map_or(&[], |&(.., categories)| categories)
}

/// Services by their channels; the busiest first, because the list is searched from its start.
const SERVICES: &[(&str, &[&str])] = &[
    ("sysmon", &["Microsoft-Windows-Sysmon/Operational"]),
    ("security", &["Security"]),
    ("powershell", &["Microsoft-Windows-PowerShell/Operational", "PowerShellCore/Operational"]),
    ("powershell-classic", &["Windows PowerShell"]),
    ("system", &["System"]),
    ("application", &["Application"]),
    ("windefend", &["Microsoft-Windows-Windows Defender/Operational"]),
    ("wmi", &["Microsoft-Windows-WMI-Activity/Operational"]),
    ("taskscheduler", &["Microsoft-Windows-TaskScheduler/Operational"]),
    ("firewall-as", &["Microsoft-Windows-Windows Firewall With Advanced Security/Firewall"]),
    ("bits-client", &["Microsoft-Windows-Bits-Client/Operational"]),
    ("dns-client", &["Microsoft-Windows-DNS Client Events/Operational"]),
    ("dns-server", &["DNS Server"]),
    ("dns-server-audit", &["Microsoft-Windows-DNS-Server/Audit"]),
    ("dns-server-analytic", &["Microsoft-Windows-DNS-Server/Analytical"]),
    ("ntlm", &["Microsoft-Windows-NTLM/Operational"]),
    ("dhcp", &["Microsoft-Windows-DHCP-Server/Operational"]),
    ("printservice-admin", &["Microsoft-Windows-PrintService/Admin"]),
    ("printservice-operational", &["Microsoft-Windows-PrintService/Operational"]),
    ("smbclient-security", &["Microsoft-Windows-SmbClient/Security"]),
    ("smbclient-connectivity", &["Microsoft-Windows-SmbClient/Connectivity"]),
    ("smbserver-connectivity", &["Microsoft-Windows-SMBServer/Connectivity"]),
    (
        "terminalservices-localsessionmanager",
        &["Microsoft-Windows-TerminalServices-LocalSessionManager/Operational"],
    ),
    ("codeintegrity-operational", &["Microsoft-Windows-CodeIntegrity/Operational"]),
    (
        "applocker",
        &[
            "Microsoft-Windows-AppLocker/MSI and Script",
            "Microsoft-Windows-AppLocker/EXE and DLL",
            "Microsoft-Windows-AppLocker/Packaged app-Deployment",
            "Microsoft-Windows-AppLocker/Packaged app-Execution",
        ],
    ),
    ("msexchange-management", &["MSExchange Management"]),
    (
        "security-mitigations",
        &[
            "Microsoft-Windows-Security-Mitigations/Kernel Mode",
            "Microsoft-Windows-Security-Mitigations/User Mode",
        ],
    ),
    ("diagnosis-scripted", &["Microsoft-Windows-Diagnosis-Scripted/Operational"]),
    ("shell-core", &["Microsoft-Windows-Shell-Core/Operational"]),
    ("openssh", &["OpenSSH/Operational"]),
    ("ldap", &["Microsoft-Windows-LDAP-Client/Debug"]),
    ("bitlocker", &["Microsoft-Windows-BitLocker/BitLocker Management"]),
    ("vhdmp", &["Microsoft-Windows-VHDMP/Operational"]),
    ("appxdeployment-server", &["Microsoft-Windows-AppXDeploymentServer/Operational"]),
    ("lsa-server", &["Microsoft-Windows-LSA/Operational"]),
    ("appxpackaging-om", &["Microsoft-Windows-AppxPackaging/Operational"]),
    ("appmodel-runtime", &["Microsoft-Windows-AppModel-Runtime/Admin"]),
    ("capi2", &["Microsoft-Windows-CAPI2/Operational"]),
    (
        "certificateservicesclient-lifecycle-system",
        &["Microsoft-Windows-CertificateServicesClient-Lifecycle-System/Operational"],
    ),
    (
        "kernel-shimengine",
        &[
            "Microsoft-Windows-Kernel-ShimEngine/Operational",
            "Microsoft-Windows-Kernel-ShimEngine/Diagnostic",
        ],
    ),
    (
        "application-experience",
        &[
            "Microsoft-Windows-Application-Experience/Program-Telemetry",
            "Microsoft-Windows-Application-Experience/Program-Compatibility-Assistant",
        ],
    ),
    ("ntfs", &["Microsoft-Windows-Ntfs/Operational"]),
    ("hyper-v-worker", &["Microsoft-Windows-Hyper-V-Worker"]),
    ("kernel-event-tracing", &["Microsoft-Windows-Kernel-EventTracing"]),
    ("sense", &["Microsoft-Windows-SENSE/Operational"]),
    ("driver-framework", &["Microsoft-Windows-DriverFrameworks-UserMode/Operational"]),
    (
        "microsoft-servicebus-client",
        &["Microsoft-ServiceBus-Client/Admin", "Microsoft-ServiceBus-Client/Operational"],
    ),
    ("iis-configuration", &["Microsoft-IIS-Configuration/Operational"]),
];

/// Services by who alone writes for them: of events that were forwarded into another channel, or
/// shipped without one.
const PROVIDERS: &[(&str, &str)] = &[
    ("sysmon", "Microsoft-Windows-Sysmon"),
    ("security", "Microsoft-Windows-Security-Auditing"),
    ("powershell", "Microsoft-Windows-PowerShell"),
    ("powershell-classic", "PowerShell"),
    ("windefend", "Microsoft-Windows-Windows Defender"),
    ("wmi", "Microsoft-Windows-WMI-Activity"),
    ("taskscheduler", "Microsoft-Windows-TaskScheduler"),
];

/// Categories by service and event id.
///
/// Sigma's `registry_add` and `registry_delete` share an id: `EventType` tells them apart, and
/// most rules of the latter leave that to whoever routes. `file_delete` is meant for both ids of
/// Sysmon.
const CATEGORIES: &[(&str, u16, &[&str])] = &[
    ("sysmon", 10, &["process_access"]),
    ("sysmon", 7, &["image_load"]),
    ("sysmon", 12, &["registry_event", "registry_add", "registry_delete"]),
    ("sysmon", 13, &["registry_event", "registry_set"]),
    ("sysmon", 14, &["registry_event", "registry_rename"]),
    ("sysmon", 11, &["file_event"]),
    ("sysmon", 3, &["network_connection"]),
    ("sysmon", 1, &["process_creation"]),
    ("sysmon", 5, &["process_termination"]),
    ("sysmon", 22, &["dns_query"]),
    ("sysmon", 23, &["file_delete"]),
    ("sysmon", 26, &["file_delete", "file_delete_detected"]),
    ("sysmon", 17, &["pipe_created"]),
    ("sysmon", 18, &["pipe_created"]),
    ("sysmon", 2, &["file_change"]),
    ("sysmon", 4, &["sysmon_status"]),
    ("sysmon", 6, &["driver_load"]),
    ("sysmon", 8, &["create_remote_thread"]),
    ("sysmon", 9, &["raw_access_thread"]),
    ("sysmon", 15, &["create_stream_hash"]),
    ("sysmon", 16, &["sysmon_status"]),
    ("sysmon", 19, &["wmi_event"]),
    ("sysmon", 20, &["wmi_event"]),
    ("sysmon", 21, &["wmi_event"]),
    ("sysmon", 24, &["clipboard_change", "clipboard_capture"]),
    ("sysmon", 25, &["process_tampering"]),
    ("sysmon", 27, &["file_block_executable"]),
    ("sysmon", 28, &["file_block_shredding"]),
    ("sysmon", 29, &["file_executable_detected"]),
    ("sysmon", 255, &["sysmon_error"]),
    ("security", 4688, &["process_creation"]),
    ("powershell", 4103, &["ps_module"]),
    ("powershell", 4104, &["ps_script"]),
    ("powershell-classic", 400, &["ps_classic_start"]),
    ("powershell-classic", 600, &["ps_classic_provider_start"]),
    ("powershell-classic", 800, &["ps_classic_script"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Option<(Option<&'static str>, &'static [&'static str])> {
        let event = Event::parse(line.as_bytes()).expect("the line is an object");
        EventSource::of(&event).map(|source| (source.service, source.categories))
    }

    #[test]
    fn channel_and_id_decide() {
        let sysmon = r#"{"Channel":"Microsoft-Windows-Sysmon/Operational","EventID":13}"#;
        assert_eq!(of(sysmon), Some((Some("sysmon"), &["registry_event", "registry_set"][..])));
        let lower_case = r#"{"Channel":"security","EventID":"4688"}"#;
        assert_eq!(of(lower_case), Some((Some("security"), &["process_creation"][..])));
        assert_eq!(of(r#"{"Channel":"Security","EventID":1}"#), Some((Some("security"), &[][..])));
    }

    #[test]
    fn forwarded_sysmon_is_known_by_its_provider() {
        let forwarded =
            r#"{"Channel":"ForwardedEvents","Provider":"Microsoft-Windows-Sysmon","EventID":1}"#;
        assert_eq!(of(forwarded), Some((Some("sysmon"), &["process_creation"][..])));
    }

    #[test]
    fn any_log_is_known_by_its_provider_where_the_channel_does_not_tell() {
        for channel in ["", r#""Channel":"ForwardedEvents","#] {
            let line = format!(
                r#"{{{channel}"SourceName":"Microsoft-Windows-Security-Auditing","EventID":4688}}"#
            );
            assert_eq!(of(&line), Some((Some("security"), &["process_creation"][..])));
        }
    }

    #[test]
    fn what_was_done_to_a_key_decides() {
        let of = |deed: &str| {
            let line = format!(
                r#"{{"Channel":"Microsoft-Windows-Sysmon/Operational","EventID":12,"EventType":"{deed}"}}"#
            );
            of(&line).expect("a Windows event").1
        };
        assert_eq!(of("CreateKey"), ["registry_event", "registry_add"]);
        assert_eq!(of("DeleteKey"), ["registry_event", "registry_delete"]);
        assert_eq!(of("DeleteValue"), ["registry_event", "registry_delete"]);
        assert_eq!(of("INFO"), ["registry_event", "registry_add", "registry_delete"]);
    }

    #[test]
    fn what_names_neither_channel_nor_known_provider_is_no_windows_event() {
        assert_eq!(of(r#"{"EventID":1,"Image":"x"}"#), None);
        assert_eq!(of(r#"{"EventID":1,"Provider":"aws"}"#), None);
        assert_eq!(of(r#"{"Channel":"Nobody/Knows","EventID":1}"#), Some((None, &[][..])));
    }
}
