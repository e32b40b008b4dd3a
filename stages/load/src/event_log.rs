//! A Windows event log (EVTX) made from scratch: what archives of real ones cannot be copied for.
//!
//! It has what readers need and no more: a file header, chunks of 64 KiB with their checksums, and
//! records in binary XML without templates, each name written where it is used. Layout: [MS-EVEN6]
//! 2.2.12 to 2.2.17 for binary XML, and libevtx' "Windows XML Event Log (EVTX)" for the file.

use flate2::Crc;

const FILE_HEADER_BYTES: usize = 4096;
const CHUNK_BYTES: usize = 64 << 10;
const CHUNK_HEADER_BYTES: usize = 512;
/// Size of the part of both headers that has fields.
const HEADER_FIELDS_BYTES: u32 = 128;
/// 2024-01-01 00:00:00 UTC in Windows' count: 100 ns since 1601.
const START_FILETIME: u64 = 133_485_408_000_000_000;
const FILETIME_PER_SECOND: u64 = 10_000_000;

/// An event log that is being written.
///
/// ```
/// let mut log = cordon_load::EventLog::default();
/// log.push(1, "host-1.corp.example", &[("Image", r"C:\x.exe")]);
/// log.end_chunk();
/// log.push(5, "host-1.corp.example", &[("Image", r"C:\x.exe")]);
/// assert_eq!(log.into_bytes().len(), 4096 + 2 * 65_536);
/// ```
#[derive(Clone, Debug, Default)]
pub struct EventLog {
    /// Chunks that are full.
    done: Vec<u8>,
    /// Records of the chunk that is being filled.
    chunk: Vec<Vec<u8>>,
    chunk_bytes: usize,
    records: u64,
}

impl EventLog {
    /// Adds a Sysmon event.
    ///
    /// # Panics
    /// It is larger than a chunk.
    pub fn push(&mut self, event_id: u16, computer: &str, data: &[(&str, &str)]) {
        let mut record = self.record(event_id, computer, data);
        if CHUNK_HEADER_BYTES + self.chunk_bytes + record.len() > CHUNK_BYTES {
            self.end_chunk();
            // Names are found by their place in the chunk.
            record = self.record(event_id, computer, data);
        }
        assert!(CHUNK_HEADER_BYTES + record.len() <= CHUNK_BYTES, "an event larger than a chunk");
        self.records += 1;
        self.chunk_bytes += record.len();
        self.chunk.push(record);
    }

    /// Begins the next chunk with the next event.
    pub fn end_chunk(&mut self) {
        if self.chunk.is_empty() {
            return;
        }
        self.done.extend(chunk(&self.chunk, self.records));
        self.chunk.clear();
        self.chunk_bytes = 0;
    }

    /// The file.
    pub fn into_bytes(mut self) -> Vec<u8> {
        self.end_chunk();
        let chunks = (self.done.len() / CHUNK_BYTES) as u64;
        let mut file = b"ElfFile\0".to_vec();
        file.extend(0_u64.to_le_bytes());
        file.extend(chunks.saturating_sub(1).to_le_bytes());
        file.extend((self.records + 1).to_le_bytes());
        file.extend(HEADER_FIELDS_BYTES.to_le_bytes());
        let (minor_version, major_version) = (1_u16, 3_u16);
        file.extend(minor_version.to_le_bytes());
        file.extend(major_version.to_le_bytes());
        file.extend((FILE_HEADER_BYTES as u16).to_le_bytes());
        file.extend((chunks as u16).to_le_bytes());
        file.resize(HEADER_FIELDS_BYTES as usize - 4, 0);
        let checksum = crc(&[&file[..120]]);
        file.extend(checksum.to_le_bytes());
        file.resize(FILE_HEADER_BYTES, 0);
        file.extend(self.done);
        file
    }

    fn record(&self, event_id: u16, computer: &str, data: &[(&str, &str)]) -> Vec<u8> {
        let mut record = vec![0x2A, 0x2A, 0, 0, 0, 0, 0, 0];
        record.extend((self.records + 1).to_le_bytes());
        record.extend((START_FILETIME + self.records * FILETIME_PER_SECOND).to_le_bytes());
        let mut xml = BinaryXml { bytes: record, at: CHUNK_HEADER_BYTES + self.chunk_bytes };
        // A fragment's header: its token, version 1.1, no flags.
        xml.bytes.extend([0x0F, 1, 1, 0]);
        xml.element("Event", None, |event| {
            event.element("System", None, |system| {
                let text = |xml: &mut BinaryXml, name: &str, text: &str| {
                    xml.element(name, None, |element| element.text(text));
                };
                text(system, "EventID", &event_id.to_string());
                text(system, "EventRecordID", &(self.records + 1).to_string());
                text(system, "Channel", "Microsoft-Windows-Sysmon/Operational");
                text(system, "Computer", computer);
            });
            event.element("EventData", None, |event_data| {
                for (name, value) in data {
                    event_data.element("Data", Some(name), |element| element.text(value));
                }
            });
        });
        let mut record = xml.bytes;
        record.push(token::END_OF_FILE);
        let size = (record.len() + 4) as u32;
        record[4..8].copy_from_slice(&size.to_le_bytes());
        record.extend(size.to_le_bytes());
        record
    }
}

/// A chunk of these records, the last of which has this number.
fn chunk(records: &[Vec<u8>], last: u64) -> Vec<u8> {
    let first = last + 1 - records.len() as u64;
    let body = records.concat();
    let free = CHUNK_HEADER_BYTES + body.len();
    let last_record = free - records.last().map_or(0, Vec::len);
    let mut chunk = b"ElfChnk\0".to_vec();
    for number in [first, last, first, last] {
        chunk.extend(number.to_le_bytes());
    }
    chunk.extend(HEADER_FIELDS_BYTES.to_le_bytes());
    chunk.extend((last_record as u32).to_le_bytes());
    chunk.extend((free as u32).to_le_bytes());
    chunk.extend(crc(&[&body]).to_le_bytes());
    // Then flags, the header's own checksum, and tables of names and templates: all empty.
    chunk.resize(CHUNK_HEADER_BYTES, 0);
    let checksum = crc(&[&chunk[..120], &chunk[128..]]);
    chunk[124..128].copy_from_slice(&checksum.to_le_bytes());
    chunk.extend(body);
    chunk.resize(CHUNK_BYTES, 0);
    chunk
}

fn crc(pieces: &[&[u8]]) -> u32 {
    let mut crc = Crc::new();
    pieces.iter().for_each(|piece| crc.update(piece));
    crc.sum()
}

mod token {
    pub(super) const END_OF_FILE: u8 = 0;
    pub(super) const OPEN: u8 = 0x01;
    pub(super) const OPEN_WITH_ATTRIBUTES: u8 = 0x41;
    pub(super) const CLOSE_START: u8 = 0x02;
    pub(super) const END_ELEMENT: u8 = 0x04;
    pub(super) const VALUE: u8 = 0x05;
    pub(super) const ATTRIBUTE: u8 = 0x06;
    /// Type of a value: UTF-16.
    pub(super) const STRING: u8 = 0x01;
}

/// Binary XML behind a record's header.
struct BinaryXml {
    bytes: Vec<u8>,
    /// Where in the chunk the bytes begin.
    at: usize,
}

impl BinaryXml {
    /// An element, possibly with an attribute `Name`.
    fn element(&mut self, name: &str, attribute: Option<&str>, inside: impl FnOnce(&mut Self)) {
        let open = if attribute.is_some() { token::OPEN_WITH_ATTRIBUTES } else { token::OPEN };
        self.bytes.push(open);
        self.sized(|xml| {
            xml.name(name);
            if let Some(value) = attribute {
                xml.sized(|attributes| {
                    attributes.bytes.push(token::ATTRIBUTE);
                    attributes.name("Name");
                    attributes.text(value);
                });
            }
            xml.bytes.push(token::CLOSE_START);
            inside(xml);
            xml.bytes.push(token::END_ELEMENT);
        });
    }

    fn text(&mut self, text: &str) {
        self.bytes.extend([token::VALUE, token::STRING]);
        self.utf16(text);
    }

    /// A name's place in the chunk, which is right behind; then the name.
    fn name(&mut self, name: &str) {
        let place = (self.at + self.bytes.len() + 4) as u32;
        self.bytes.extend(place.to_le_bytes());
        let (next_name, hash) = (0_u32, 0_u16);
        self.bytes.extend(next_name.to_le_bytes());
        self.bytes.extend(hash.to_le_bytes());
        self.utf16(name);
        self.bytes.extend([0, 0]);
    }

    fn utf16(&mut self, text: &str) {
        let units: Vec<u16> = text.encode_utf16().collect();
        let count = u16::try_from(units.len()).expect("a text larger than a chunk");
        self.bytes.extend(count.to_le_bytes());
        self.bytes.extend(units.into_iter().flat_map(u16::to_le_bytes));
    }

    /// What `inside` writes, behind its size.
    fn sized(&mut self, inside: impl FnOnce(&mut Self)) {
        let at = self.bytes.len();
        self.bytes.extend(0_u32.to_le_bytes());
        inside(self);
        let size = (self.bytes.len() - at - 4) as u32;
        self.bytes[at..at + 4].copy_from_slice(&size.to_le_bytes());
    }
}
