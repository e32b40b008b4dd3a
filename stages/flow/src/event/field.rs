//! The fields that identity and properties need, and the places where log shippers put them.

/// Where in the line a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The line's own object: everything of a flat line, the envelope of others.
    Top,
    /// `Event` of EVTX.
    Event,
    /// `Event.System` of EVTX.
    System,
    /// `winlog` of Winlogbeat 7 and newer.
    Winlog,
    /// The object with the event's own fields: `Event.EventData`, `winlog.event_data`,
    /// `event_data` of Winlogbeat 6, `EventData` of Sentinel.
    Data,
}

/// What to do with the value of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Store(Field),
    Descend(Place),
    Skip,
}

macro_rules! data_fields {
    ($($field:ident: $($key:literal)|+,)+) => {
        /// A field of an event, by its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Field {
            /// The number of the event's kind.
            EventId,
            /// The Windows event channel.
            Channel,
            /// Who wrote the event.
            Provider,
            /// The host it happened on; never the collector.
            Computer,
            $(#[doc = concat!("Sysmon's ", $("`", $key, "` ",)+ ".")] $field,)+
        }

        impl Field {
            /// Every field.
            pub const ALL: &[Field] = &[
                Field::EventId, Field::Channel, Field::Provider, Field::Computer, $(Field::$field),+
            ];

            /// How many there are.
            pub(super) const COUNT: usize = Self::ALL.len();

            fn of_data(key: &str) -> Option<Field> {
                match key {
                    $($($key)|+ => Some(Field::$field),)+
                    _ => None,
                }
            }
        }
    };
}

data_fields! {
    UtcTime: "UtcTime",
    ProcessGuid: "ProcessGuid",
    ProcessId: "ProcessId",
    Image: "Image",
    User: "User",
    CommandLine: "CommandLine",
    CurrentDirectory: "CurrentDirectory",
    IntegrityLevel: "IntegrityLevel",
    Hashes: "Hashes" | "Hash",
    Company: "Company",
    FileVersion: "FileVersion",
    ParentProcessGuid: "ParentProcessGuid",
    ParentProcessId: "ParentProcessId",
    ParentImage: "ParentImage",
    ParentCommandLine: "ParentCommandLine",
    ParentUser: "ParentUser",
    Protocol: "Protocol",
    Initiated: "Initiated",
    SourceIp: "SourceIp",
    SourceHostname: "SourceHostname",
    SourcePort: "SourcePort",
    DestinationIp: "DestinationIp",
    DestinationHostname: "DestinationHostname",
    DestinationPort: "DestinationPort",
    ImageLoaded: "ImageLoaded",
    SignatureStatus: "SignatureStatus",
    Signature: "Signature",
    SourceProcessGuid: "SourceProcessGUID" | "SourceProcessGuid",
    SourceProcessId: "SourceProcessId",
    SourceImage: "SourceImage",
    SourceUser: "SourceUser",
    TargetProcessGuid: "TargetProcessGUID" | "TargetProcessGuid",
    TargetProcessId: "TargetProcessId",
    TargetImage: "TargetImage",
    TargetUser: "TargetUser",
    StartModule: "StartModule",
    StartFunction: "StartFunction",
    GrantedAccess: "GrantedAccess",
    TargetFilename: "TargetFilename",
    CreationUtcTime: "CreationUtcTime",
    EventType: "EventType",
    TargetObject: "TargetObject",
    NewName: "NewName",
    Details: "Details",
    PipeName: "PipeName",
    QueryName: "QueryName",
    QueryStatus: "QueryStatus",
    QueryResults: "QueryResults",
}

impl Action {
    pub(super) fn of(place: Place, key: &str) -> Action {
        match place {
            Place::Top => Self::at_top(key),
            Place::Event => match key {
                "System" => Action::Descend(Place::System),
                "EventData" => Action::Descend(Place::Data),
                _ => Action::Skip,
            },
            Place::System => match key {
                "EventID" => Action::Store(Field::EventId),
                "Channel" => Action::Store(Field::Channel),
                "Provider" => Action::Store(Field::Provider),
                "Computer" => Action::Store(Field::Computer),
                _ => Action::Skip,
            },
            Place::Winlog => match key {
                "event_id" => Action::Store(Field::EventId),
                "channel" => Action::Store(Field::Channel),
                "provider_name" => Action::Store(Field::Provider),
                "computer_name" => Action::Store(Field::Computer),
                "event_data" => Action::Descend(Place::Data),
                _ => Action::Skip,
            },
            Place::Data => Field::of_data(key).map_or(Action::Skip, Action::Store),
        }
    }

    fn at_top(key: &str) -> Action {
        match key {
            "Event" => Action::Descend(Place::Event),
            "winlog" => Action::Descend(Place::Winlog),
            "EventData" | "event_data" => Action::Descend(Place::Data),
            "EventID" | "event_id" => Action::Store(Field::EventId),
            "Channel" | "log_name" => Action::Store(Field::Channel),
            "SourceName" | "ProviderName" | "Provider" | "source_name" => {
                Action::Store(Field::Provider)
            }
            "Hostname" | "Computer" | "computer_name" => Action::Store(Field::Computer),
            _ => Self::of(Place::Data, key),
        }
    }
}
