//! What one event shows: nodes and edges, all seen at its time, most of them on its device.

use std::net::IpAddr;

use cordon_records::{Body, Edge, Element, Node, NodeKey, Text};
use smol_str::ToSmolStr as _;

use super::{Fault, KnownElements, canonical, properties::Properties};
use crate::{
    event::{Event, Field},
    node_key,
    vocabulary::{kind, label},
};

/// Collects the elements of one event.
pub(super) struct Scene<'e, 'a> {
    event: &'e Event<'a>,
    time_ms: i64,
    /// The device, as the event writes it.
    computer: &'e str,
    device: End,
    known: &'e mut KnownElements,
    elements: &'e mut Vec<Element>,
}

/// A node as an end of edges.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    key: NodeKey,
    home: NodeKey,
}

impl End {
    /// What the device itself is on.
    const NOWHERE: Self = Self { key: NodeKey([0; 16]), home: NodeKey([0; 16]) };
}

/// Whether a thing belongs to a device or is the same wherever it is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Device,
    Global,
}

impl Scope {
    fn device_if(is_local: bool) -> Self {
        if is_local { Scope::Device } else { Scope::Global }
    }
}

/// The fields that describe a process in one role of an event.
pub(super) struct ProcessFields {
    pub(super) guid: Field,
    pub(super) pid: Field,
    pub(super) image: Field,
    pub(super) user: Field,
}

impl<'e, 'a> Scene<'e, 'a> {
    /// Opens the scene with its device.
    pub(super) fn open(
        event: &'e Event<'a>,
        known: &'e mut KnownElements,
        elements: &'e mut Vec<Element>,
    ) -> Result<Self, Fault> {
        let computer = required(event, Field::Computer)?;
        required(event, Field::UtcTime)?;
        let time_ms = event.time_ms().ok_or(Fault::Form(Field::UtcTime, "a time"))?;
        let mut scene = Self { event, time_ms, computer, device: End::NOWHERE, known, elements };
        let none = Properties::default();
        scene.device = scene.node(kind::DEVICE, [computer.as_bytes()], none, |_, none| {
            let host = canonical::name(computer);
            let key = node_key(kind::DEVICE, [host.as_bytes()]);
            (End { key, home: key }, none.text("hostname", host))
        });
        Ok(scene)
    }

    /// A field that says something.
    pub(super) fn get(&self, field: Field) -> Option<&'e str> {
        canonical::present(self.event.get(field))
    }

    /// A field without which the event has no meaning.
    pub(super) fn required(&self, field: Field) -> Result<&'e str, Fault> {
        required(self.event, field)
    }

    pub(super) fn device(&self) -> End {
        self.device
    }

    pub(super) fn time_ms(&self) -> i64 {
        self.time_ms
    }

    /// Adds the process in one role, unless its GUID is null: Sysmon writes that when the process
    /// was gone before it looked. `extra` holds what only this event knows of it.
    pub(super) fn process(
        &mut self,
        fields: &ProcessFields,
        extra: Properties,
    ) -> Result<Option<End>, Fault> {
        let guid = canonical::guid(self.required(fields.guid)?)
            .ok_or(Fault::Form(fields.guid, "a GUID"))?;
        if guid == [0; 16] {
            return Ok(None);
        }
        let [pid, image, user] =
            [fields.pid, fields.image, fields.user].map(|field| self.get(field));
        let word = |field: Option<&'e str>| field.unwrap_or_default().as_bytes();
        let words = [&guid, word(pid), word(image), word(user)];
        let process = self.node(kind::PROCESS, words, extra, |scene, extra| {
            let pid = pid.and_then(canonical::number::<u32>);
            let properties = extra
                .some("file.path", image.and_then(canonical::path))
                .some("pid", pid.map(|pid| pid.to_smolstr()))
                .text("uid", canonical::guid_text(guid))
                .some("user.name", user.map(canonical::lower));
            (scene.end(kind::PROCESS, Scope::Device, [&guid]), properties)
        });
        Ok(Some(process))
    }

    /// Adds a file by its bare path, in letters of any case, with the hashes that Sysmon gave it,
    /// and what `word` says of it besides.
    pub(super) fn file(
        &mut self,
        path: &str,
        hashes: Option<&str>,
        word: Option<&str>,
        describe: impl FnOnce(Properties) -> Properties,
        extra: Properties,
    ) -> End {
        let word = word.unwrap_or_default().as_bytes();
        let words = [path.as_bytes(), hashes.unwrap_or_default().as_bytes(), word];
        self.node(kind::FILE, words, extra, |scene, extra| {
            let path = canonical::lower(path);
            let end = scene.end(kind::FILE, Scope::Device, [path.as_bytes()]);
            let hashes = hashes.into_iter().flat_map(canonical::hashes);
            let properties = hashes
                .fold(describe(extra), |properties, (name, hash)| properties.text(name, hash));
            (end, properties.text("path", path))
        })
    }

    /// Adds a registry key or value by its path.
    pub(super) fn registry_key(&mut self, path: &str, extra: Properties) -> End {
        self.node(kind::REGISTRY_KEY, [path.as_bytes()], extra, |scene, extra| {
            let path = canonical::lower(path);
            let end = scene.end(kind::REGISTRY_KEY, Scope::Device, [path.as_bytes()]);
            (end, extra.text("path", path))
        })
    }

    /// Adds an account.
    pub(super) fn user(&mut self, user: &str) -> End {
        let none = Properties::default();
        self.node(kind::USER, [user.as_bytes()], none, |scene, none| {
            let (domain, name) = canonical::account(user);
            let host = canonical::name(scene.computer);
            let scope = Scope::device_if(canonical::is_local_domain(&domain, &host));
            let end = scene.end(kind::USER, scope, [domain.as_bytes(), name.as_bytes()]);
            (end, none.text("domain", domain).text("name", name))
        })
    }

    /// Adds an address.
    pub(super) fn address(&mut self, ip: IpAddr, hostname: Option<&str>) -> End {
        let bytes = canonical::ip_bytes(ip);
        let words = [&bytes, hostname.unwrap_or_default().as_bytes()];
        self.node(kind::NETWORK_ENDPOINT, words, Properties::default(), |scene, none| {
            let scope = Scope::device_if(canonical::is_local(ip));
            let properties =
                none.some("hostname", hostname.map(canonical::name)).text("ip", ip.to_smolstr());
            (scene.end(kind::NETWORK_ENDPOINT, scope, [&bytes]), properties)
        })
    }

    /// Adds the service at a port of an address, and where it is.
    pub(super) fn service(&mut self, ip: IpAddr, port: u16, protocol: &Text, address: End) -> End {
        let fields: [&[u8]; 3] =
            [&canonical::ip_bytes(ip), &port.to_be_bytes(), protocol.as_bytes()];
        let none = Properties::default();
        let service = self.node(kind::NETWORK_ENDPOINT, fields, none, |scene, none| {
            let scope = Scope::device_if(canonical::is_local(ip));
            let properties = none
                .text("ip", ip.to_smolstr())
                .text("port", port.to_smolstr())
                .text("protocol_name", protocol.clone());
            (scene.end(kind::NETWORK_ENDPOINT, scope, fields), properties)
        });
        self.link(service, label::LOCATED_AT, address);
        service
    }

    /// Adds the query for a canonical name.
    pub(super) fn dns_query(&mut self, name: &Text, extra: Properties) -> End {
        self.node(kind::DNS_QUERY, [name.as_bytes()], extra, |scene, extra| {
            let end = scene.end(kind::DNS_QUERY, Scope::Global, [name.as_bytes()]);
            (end, extra.text("hostname", name.clone()))
        })
    }

    /// Adds an edge that says nothing but that it is there.
    pub(super) fn link(&mut self, source: End, label: &'static str, target: End) {
        self.edge(source, label, target, [], |none| none);
    }

    /// Adds an edge, with what `words` say of it; its home is that of its source.
    ///
    /// `describe` adds what they say, and is not asked if an edge like this is known.
    pub(super) fn edge<const N: usize>(
        &mut self,
        source: End,
        label: &'static str,
        target: End,
        words: [Option<&str>; N],
        describe: impl FnOnce(Properties) -> Properties,
    ) {
        let words = words.map(|word| word.unwrap_or_default().as_bytes());
        let ends: [&[u8]; 3] = [label.as_bytes(), &source.key.0, &target.key.0];
        let name = match self.known.recall(ends.into_iter().chain(words), self.time_ms) {
            Ok(recalled) => return self.known.see_again(recalled, self.time_ms),
            Err(name) => name,
        };
        let label = Text::new_static(label);
        let body = Body::Edge(Edge { source: source.key, label, target: target.key });
        self.known.learn(name, source, &body, self.time_ms);
        self.push(source.home, body, describe(Properties::default()));
    }

    /// Adds the node that `words` name on this device, with what only this event says of it.
    ///
    /// If it is not known by these words, `describe` tells who it is, and adds what they say of
    /// it: nothing else, for next time it will not be asked, and if there is nothing else to say,
    /// no element is made.
    fn node<const N: usize>(
        &mut self,
        kind: &'static str,
        words: [&[u8]; N],
        extra: Properties,
        describe: impl FnOnce(&Self, Properties) -> (End, Properties),
    ) -> End {
        let device = self.device.key;
        let words = [kind.as_bytes(), &device.0].into_iter().chain(words);
        let node = |end: End| Body::Node(Node { kind: Text::new_static(kind), key: end.key });
        match self.known.recall(words, self.time_ms) {
            Ok(recalled) => {
                let end = recalled.end;
                if extra.is_empty() {
                    self.known.see_again(recalled, self.time_ms);
                } else {
                    self.push(end.home, node(end), extra);
                }
                end
            }
            Err(name) => {
                let (end, properties) = describe(self, extra);
                let body = node(end);
                self.known.learn(name, end, &body, self.time_ms);
                self.push(end.home, body, properties);
                end
            }
        }
    }

    /// A node by its canonical identity. The first field is the scope: the device's key, or
    /// nothing.
    fn end<const N: usize>(&self, kind: &str, scope: Scope, fields: [&[u8]; N]) -> End {
        let device = self.device.key;
        let scope_field: &[u8] = if scope == Scope::Device { &device.0 } else { &[] };
        let key = node_key(kind, std::iter::once(scope_field).chain(fields));
        End { key, home: if scope == Scope::Device { device } else { key } }
    }

    fn push(&mut self, home: NodeKey, body: Body, properties: Properties) {
        self.elements.push(Element {
            home,
            first_seen_ms: self.time_ms,
            last_seen_ms: self.time_ms,
            body,
            properties: properties.at(self.time_ms),
        });
    }
}

fn required<'e>(event: &'e Event<'_>, field: Field) -> Result<&'e str, Fault> {
    canonical::present(event.get(field)).ok_or(Fault::Absent(field))
}
