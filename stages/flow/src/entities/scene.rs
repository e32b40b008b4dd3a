//! What one event shows: nodes and edges, all seen at its time, most of them on its device.

use std::net::IpAddr;

use cordon_records::{Body, Edge, Element, Node, NodeKey, Text};
use smol_str::ToSmolStr as _;

use super::{Fault, canonical, properties::Properties};
use crate::{
    event::{Event, Field},
    node_key,
    vocabulary::{kind, label},
};

/// Collects the elements of one event.
pub(super) struct Scene<'e, 'a> {
    event: &'e Event<'a>,
    time_ms: i64,
    /// Canonical name of the device.
    host: Text,
    device: End,
    elements: &'e mut Vec<Element>,
}

/// A node as an end of edges.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    key: NodeKey,
    home: NodeKey,
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
        elements: &'e mut Vec<Element>,
    ) -> Result<Self, Fault> {
        let host = canonical::name(required(event, Field::Computer)?);
        required(event, Field::UtcTime)?;
        let time_ms = event.time_ms().ok_or(Fault::Form(Field::UtcTime, "a time"))?;
        let key = node_key(kind::DEVICE, [host.as_bytes()]);
        let device = End { key, home: key };
        let properties = Properties::default().text("hostname", host.clone());
        let mut scene = Self { event, time_ms, host, device, elements };
        scene.push_node(kind::DEVICE, device, properties);
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
        let pid = self.get(fields.pid).and_then(canonical::number::<u32>);
        let properties = extra
            .some("file.path", self.get(fields.image).and_then(canonical::path))
            .some("pid", pid.map(|pid| pid.to_smolstr()))
            .text("uid", canonical::guid_text(guid))
            .some("user.name", self.get(fields.user).map(canonical::lower));
        Ok(Some(self.node(kind::PROCESS, Scope::Device, [&guid], properties)))
    }

    /// Adds a file by its canonical path.
    pub(super) fn file(&mut self, path: &Text, extra: Properties) -> End {
        let properties = extra.text("path", path.clone());
        self.node(kind::FILE, Scope::Device, [path.as_bytes()], properties)
    }

    /// Adds a registry key or value by its path.
    pub(super) fn registry_key(&mut self, path: &str, extra: Properties) -> End {
        let path = canonical::lower(path);
        let properties = extra.text("path", path.clone());
        self.node(kind::REGISTRY_KEY, Scope::Device, [path.as_bytes()], properties)
    }

    /// Adds an account.
    pub(super) fn user(&mut self, user: &str) -> End {
        let (domain, name) = canonical::account(user);
        let scope = Scope::device_if(canonical::is_local_domain(&domain, &self.host));
        let properties =
            Properties::default().text("domain", domain.clone()).text("name", name.clone());
        self.node(kind::USER, scope, [domain.as_bytes(), name.as_bytes()], properties)
    }

    /// Adds an address.
    pub(super) fn address(&mut self, ip: IpAddr, hostname: Option<&str>) -> End {
        let scope = Scope::device_if(canonical::is_local(ip));
        let properties = Properties::default()
            .some("hostname", hostname.map(canonical::name))
            .text("ip", ip.to_smolstr());
        self.node(kind::NETWORK_ENDPOINT, scope, [&canonical::ip_bytes(ip)], properties)
    }

    /// Adds the service at a port of an address, and where it is.
    pub(super) fn service(&mut self, ip: IpAddr, port: u16, protocol: &Text, address: End) -> End {
        let scope = Scope::device_if(canonical::is_local(ip));
        let properties = Properties::default()
            .text("ip", ip.to_smolstr())
            .text("port", port.to_smolstr())
            .text("protocol_name", protocol.clone());
        let fields: [&[u8]; 3] =
            [&canonical::ip_bytes(ip), &port.to_be_bytes(), protocol.as_bytes()];
        let service = self.node(kind::NETWORK_ENDPOINT, scope, fields, properties);
        self.edge(service, label::LOCATED_AT, address, Properties::default());
        service
    }

    /// Adds the query for a canonical name.
    pub(super) fn dns_query(&mut self, name: &Text, extra: Properties) -> End {
        let properties = extra.text("hostname", name.clone());
        self.node(kind::DNS_QUERY, Scope::Global, [name.as_bytes()], properties)
    }

    /// Adds an edge; its home is that of its source.
    pub(super) fn edge(
        &mut self,
        source: End,
        label: &'static str,
        target: End,
        properties: Properties,
    ) {
        let label = Text::new_static(label);
        let body = Body::Edge(Edge { source: source.key, label, target: target.key });
        self.push(source.home, body, properties);
    }

    /// The first identity field is the scope: the device's key, or nothing.
    fn node<const N: usize>(
        &mut self,
        kind: &'static str,
        scope: Scope,
        fields: [&[u8]; N],
        properties: Properties,
    ) -> End {
        let device = self.device.key;
        let scope_field: &[u8] = if scope == Scope::Device { &device.0 } else { &[] };
        let key = node_key(kind, std::iter::once(scope_field).chain(fields));
        let end = End { key, home: if scope == Scope::Device { device } else { key } };
        self.push_node(kind, end, properties);
        end
    }

    fn push_node(&mut self, kind: &'static str, end: End, properties: Properties) {
        let body = Body::Node(Node { kind: Text::new_static(kind), key: end.key });
        self.push(end.home, body, properties);
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
