//! Flattening a line.

use std::{borrow::Cow, fmt};

use rsigma_eval::EventValue;
use serde::{
    Deserialize as _,
    de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{Entry, View, Wanted, own};

/// Deepest nesting that is flattened; what lies deeper is passed over. Real events have four
/// levels.
const DEPTH_MAX: usize = 16;

pub(super) fn line<'a>(
    line: &'a [u8],
    is_data_readable: bool,
    wanted: Wanted<'_>,
) -> Result<View<'a>, String> {
    let line = str::from_utf8(line).map_err(|error| error.to_string())?;
    let view = View { is_data_readable, ..View::default() };
    object(line, Place::Top, view, wanted).map_err(|error| error.to_string())
}

fn object<'a>(
    json: &'a str,
    place: Place,
    mut view: View<'a>,
    wanted: Wanted<'_>,
) -> Result<View<'a>, sonic_rs::Error> {
    // Half a surrogate pair in some field nobody needs must not hide an event from the rules.
    let mut deserializer = sonic_rs::Deserializer::from_str(json).utf8_lossy();
    let whole = Object { view: &mut view, wanted, place, prefix: "", depth: 0 };
    deserializer.deserialize_map(whole)?;
    deserializer.end()?;
    Ok(view)
}

/// Where in the line an object stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The line's own object.
    Top,
    /// `Event` of EVTX.
    Event,
    /// `Event.System` of EVTX, and attributes in it.
    System,
    /// `winlog` of Winlogbeat 7 and newer.
    Winlog,
    /// The event's own data, and what is nested in it.
    Data,
    /// An object of the shipper's own.
    Other,
}

impl Place {
    /// Where the object under a key stands.
    fn under(self, key: &str) -> Place {
        match (self, key) {
            (Place::Top, "Event") => Place::Event,
            (Place::Top, "winlog") => Place::Winlog,
            (Place::Event, "System") => Place::System,
            (Place::Top | Place::Event, "EventData" | "UserData" | "event_data")
            | (Place::Winlog, "event_data" | "user_data")
            | (Place::Data, _) => Place::Data,
            (Place::System, _) => Place::System,
            _ => Place::Other,
        }
    }

    /// Sigma's name for a field that shippers name differently.
    fn sigma_name(self, key: &str) -> Option<&'static str> {
        match (self, key) {
            (Place::Top | Place::Winlog, "event_id") => Some("EventID"),
            (Place::Top | Place::Winlog, "channel" | "log_name") => Some("Channel"),
            (Place::Top | Place::Winlog, "Hostname" | "computer_name") => Some("Computer"),
            (
                Place::Top | Place::Winlog,
                "SourceName" | "ProviderName" | "Provider" | "source_name" | "provider_name",
            ) => Some("Provider_Name"),
            (Place::Top, "message") => Some("Message"),
            _ => None,
        }
    }

    /// Whether a field that stands here is to be read.
    fn is_wanted(self, key: &str, wanted: Wanted<'_>) -> bool {
        wanted.contains(key) || self.sigma_name(key).is_some_and(|name| wanted.contains(name))
    }

    /// Whether an object under a key that is not wanted itself may hold a field that is. What is
    /// nested in the event's data, or in `System`, does not have its object's name in its own.
    fn may_hold_wanted(self, key: &str, wanted: Wanted<'_>) -> bool {
        matches!(self, Place::Data | Place::System) || wanted.contains_inside(key)
    }
}

/// An object to flatten.
struct Object<'v, 'a, 'p> {
    view: &'v mut View<'a>,
    wanted: Wanted<'v>,
    place: Place,
    /// The name of the object itself, joined; empty for the line's own and for whole sections.
    prefix: &'p str,
    depth: usize,
}

/// How a key names its value.
enum Naming<'k> {
    /// The object's text: it has the object's name.
    Text,
    /// Attributes of EVTX: they are joined by an underscore.
    Attributes,
    Key(Cow<'k, str>),
}

struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Naming<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Naming<'de>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Naming<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E: Error>(self, key: &'de str) -> Result<Naming<'de>, E> {
        Ok(match key {
            "#text" => Naming::Text,
            "#attributes" => Naming::Attributes,
            key => Naming::Key(Cow::Borrowed(key)),
        })
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Naming<'de>, E> {
        Ok(Naming::Key(Cow::Owned(key.to_owned())))
    }
}

impl<'de> Visitor<'de> for Object<'_, 'de, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Object { view, wanted, place, prefix, depth } = self;
        while let Some(naming) = map.next_key_seed(Key)? {
            let are_attributes = matches!(naming, Naming::Attributes);
            let (name, inner, is_section) = match naming {
                Naming::Text => (Cow::Owned(prefix.to_owned()), place, false),
                Naming::Attributes if place == Place::Data => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
                Naming::Attributes => (Cow::Owned(format!("{prefix}_")), place, false),
                Naming::Key(key) => {
                    let inner = place.under(&key);
                    let is_section = inner != place && inner != Place::Other;
                    (joined(place, prefix, key), inner, is_section)
                }
            };
            let is_wanted = place.is_wanted(&name, wanted);
            let may_hold = is_section || are_attributes || place.may_hold_wanted(&name, wanted);
            if !is_wanted && !may_hold {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value = Value { view, wanted, place, inner, name, is_wanted, is_section, depth };
            map.next_value_seed(value)?;
        }
        Ok(())
    }
}

/// The name of a field inside an object.
fn joined<'k>(place: Place, prefix: &str, key: Cow<'k, str>) -> Cow<'k, str> {
    match place {
        Place::Other => Cow::Owned(format!("{prefix}.{key}")),
        Place::System if prefix.ends_with('_') => Cow::Owned(format!("{prefix}{key}")),
        _ => key,
    }
}

/// The value of a key.
struct Value<'v, 'a> {
    view: &'v mut View<'a>,
    wanted: Wanted<'v>,
    /// Where the key stands.
    place: Place,
    /// Where an object under the key stands.
    inner: Place,
    name: Cow<'a, str>,
    /// Whether the value itself is; what is in it may be.
    is_wanted: bool,
    /// The key opens a section, whose name is no part of the names in it.
    is_section: bool,
    depth: usize,
}

impl<'a> Value<'_, 'a> {
    fn put(self, value: EventValue<'a>) {
        let Value { view, place, name, is_wanted, .. } = self;
        if !is_wanted {
            return;
        }
        if place == Place::Data {
            view.data.push(Entry { name, value });
            return;
        }
        if let Some(sigma_name) = place.sigma_name(&name) {
            view.envelope.push(Entry { name: Cow::Borrowed(sigma_name), value: value.clone() });
        }
        view.envelope.push(Entry { name, value });
    }

    fn put_text(self, text: &str) {
        if !self.view.is_data_readable || !self.is_data() {
            if !self.is_wanted {
                return;
            }
            return self.put(EventValue::Str(Cow::Owned(text.to_owned())));
        }
        // That it is an object, `cordon_flow::Event` has seen.
        if let Ok(nested) = object(text, Place::Data, View::default(), self.wanted) {
            self.view.data.extend(nested.data.into_iter().map(|entry| Entry {
                name: Cow::Owned(entry.name.into_owned()),
                value: own(&entry.value),
            }));
        }
    }

    /// Whether it is the event's own data, which some shippers write as a JSON text.
    fn is_data(&self) -> bool {
        self.is_section && matches!(&*self.name, "EventData" | "event_data")
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.depth >= DEPTH_MAX {
            return IgnoredAny::deserialize(deserializer).map(|_| ());
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<(), E> {
        if self.is_data() {
            self.put_text(text);
        } else {
            self.put(EventValue::Str(Cow::Borrowed(text)));
        }
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.put_text(text);
        Ok(())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.put(EventValue::Int(number));
        Ok(())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.put(match i64::try_from(number) {
            Ok(number) => EventValue::Int(number),
            Err(_) => EventValue::Float(number as f64),
        });
        Ok(())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.put(EventValue::Float(number));
        Ok(())
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<(), E> {
        self.put(EventValue::Bool(truth));
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.put(EventValue::Null);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(Scalar)? {
            items.extend(item);
        }
        self.put(EventValue::Array(items));
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let Value { view, wanted, inner, name, is_section, depth, .. } = self;
        let prefix = if is_section { "" } else { &name };
        Object { view, wanted, place: inner, prefix, depth: depth + 1 }.visit_map(map)
    }
}

/// An item of a list, if it is no list or object itself.
struct Scalar;

impl<'de> DeserializeSeed<'de> for Scalar {
    type Value = Option<EventValue<'de>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Scalar {
    type Value = Option<EventValue<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(EventValue::Str(Cow::Borrowed(text))))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(EventValue::Str(Cow::Owned(text.to_owned()))))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(EventValue::Int(number)))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(number).ok().map(EventValue::Int))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Some(EventValue::Float(number)))
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Self::Value, E> {
        Ok(Some(EventValue::Bool(truth)))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Some(EventValue::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}
