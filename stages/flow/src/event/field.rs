//! The fields that identity and properties need, and the places where log shippers put them.

use crate::names::Names;

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

            /// Whether the text of a field that came as an object is under this key: EVTX gives an
            /// element with attributes so, and the provider's name is the attribute `Name`.
            pub(super) fn is_text_under(self, key: &str) -> bool {
                match key {
                    "#text" => true,
                    "#attributes" | "Name" => self == Field::Provider,
                    _ => false,
                }
            }
        }

        /// Keys of an event's own fields.
        const DATA_KEYS: &[(&str, Action)] = &[$($(($key, Action::Store(Field::$field)),)+)+];
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

/// Keys around an event's own fields. A flat line has all of them in one object.
const TOP_KEYS: [(&str, Action); 15] = [
    ("Event", Action::Descend(Place::Event)),
    ("winlog", Action::Descend(Place::Winlog)),
    ("EventData", Action::Descend(Place::Data)),
    ("event_data", Action::Descend(Place::Data)),
    ("EventID", Action::Store(Field::EventId)),
    ("event_id", Action::Store(Field::EventId)),
    ("Channel", Action::Store(Field::Channel)),
    ("log_name", Action::Store(Field::Channel)),
    ("Provider", Action::Store(Field::Provider)),
    ("ProviderName", Action::Store(Field::Provider)),
    ("SourceName", Action::Store(Field::Provider)),
    ("source_name", Action::Store(Field::Provider)),
    ("Hostname", Action::Store(Field::Computer)),
    ("Computer", Action::Store(Field::Computer)),
    ("computer_name", Action::Store(Field::Computer)),
];

static DATA: Names<Action, { DATA_KEYS.len() }> =
    Names::new(*DATA_KEYS.as_array().expect("its length"));

static TOP: Names<Action, { DATA_KEYS.len() + TOP_KEYS.len() }> = Names::new(joined());

const fn joined() -> [(&'static str, Action); DATA_KEYS.len() + TOP_KEYS.len()] {
    let mut all = [("", Action::Skip); DATA_KEYS.len() + TOP_KEYS.len()];
    let (top, data) = all.split_at_mut(TOP_KEYS.len());
    top.copy_from_slice(&TOP_KEYS);
    data.copy_from_slice(DATA_KEYS);
    all
}

impl Action {
    pub(super) fn of(place: Place, key: &str) -> Action {
        match place {
            Place::Top => TOP.get(key).unwrap_or(Action::Skip),
            Place::Data => DATA.get(key).unwrap_or(Action::Skip),
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
        }
    }
}
