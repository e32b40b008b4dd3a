//! Archives: their members, one after another.

use std::io::{BufRead, BufReader, Cursor, Read};

use cordon_body::CellIo;
use cordon_records::Reason;
use flate2::bufread::DeflateDecoder;
use zip::{ZipArchive, result::ZipError};

use crate::{
    limits::{HELD_ZIP_BYTES_MAX, MEMBERS_MAX},
    meter::Exactly,
    sink::Stop,
    walk::{Ended, Place, Walk, Walked},
};

impl<I: CellIo> Walk<'_, '_, I> {
    /// Walks through the members of a zip, in the order of its directory.
    pub(crate) fn zip(&mut self, bytes: &[u8], place: Place<'_>) -> Walked {
        let mut archive = match ZipArchive::new(Cursor::new(bytes)) {
            Ok(archive) => archive,
            Err(error) => return self.salvage_zip(bytes, place, &error),
        };
        if archive.is_empty() {
            return self.no_members(place);
        }
        let mut ended = Ended::Whole;
        for index in 0..archive.len() {
            if self.is_over(place)? {
                return Ok(Ended::Short);
            }
            let name = archive.name_for_index(index).unwrap_or_default().to_owned();
            let place = Place { member: &name, ..place };
            ended = match archive.by_index(index) {
                Ok(member) => {
                    let is_file = member.is_file();
                    let mut unpacked = BufReader::new(self.meter.count(member));
                    ended.and(self.member(&mut unpacked, is_file, place)?)
                }
                Err(error) => self.short(place, &error)?,
            };
        }
        Ok(ended)
    }

    /// Walks through a zip that is inside of something.
    pub(crate) fn held_zip(&mut self, reader: impl Read, place: Place<'_>) -> Walked {
        let mut bytes = Vec::new();
        if let Err(error) = reader.take(HELD_ZIP_BYTES_MAX + 1).read_to_end(&mut bytes) {
            return self.salvage_zip(&bytes, place, &ZipError::Io(error));
        }
        if bytes.len() as u64 > HELD_ZIP_BYTES_MAX {
            let what = format!("a zip inside of something may have {HELD_ZIP_BYTES_MAX} bytes");
            return self.short(place, &what);
        }
        self.zip(&bytes, place)
    }

    /// Reads what can be read of a zip without a directory: of one that was cut short. Each
    /// member has a header of its own, and deflate knows where it ends.
    fn salvage_zip(&mut self, bytes: &[u8], place: Place<'_>, error: &ZipError) -> Walked {
        let mut rest = bytes;
        let mut last = Ended::Whole;
        while let Some(local) = LocalMember::find(rest) {
            if self.is_over(place)? {
                return Ok(Ended::Short);
            }
            let name = String::from_utf8_lossy(local.name).into_owned();
            let place = Place { member: &name, ..place };
            let mut packed = local.data;
            last = match local.method {
                LocalMember::DEFLATED => {
                    let unpacked = self.meter.count(DeflateDecoder::new(&mut packed));
                    let mut unpacked = BufReader::new(unpacked);
                    let ended = self.member(&mut unpacked, !name.ends_with('/'), place)?;
                    // What follows the member begins where its stream ends, if it does.
                    match std::io::copy(&mut unpacked, &mut std::io::sink()) {
                        Ok(_) => ended,
                        Err(_) if ended == Ended::Short => ended,
                        Err(error) => self.short(place, &error)?,
                    }
                }
                LocalMember::STORED if local.bytes > 0 || name.ends_with('/') => {
                    let stored = (&mut packed).take(local.bytes);
                    let mut stored = BufReader::new(Exactly::new(stored, local.bytes));
                    self.member(&mut stored, !name.ends_with('/'), place)?
                }
                _ => self.short(place, &"the zip archive is cut, and its method needs the end")?,
            };
            rest = packed;
        }
        match last {
            // The member that was cut has said so.
            Ended::Short => Ok(last),
            Ended::Whole => self.short(place, error),
        }
    }

    /// Walks through the members of a tar.
    pub(crate) fn tar(&mut self, reader: &mut dyn Read, place: Place<'_>) -> Walked {
        let mut archive = tar::Archive::new(reader);
        let entries = match archive.entries() {
            Ok(entries) => entries,
            Err(error) => return self.short(place, &error),
        };
        let before = self.sink.members();
        let mut last = Ended::Whole;
        for entry in entries {
            if self.is_over(place)? {
                return Ok(Ended::Short);
            }
            let entry = match entry {
                Ok(entry) => entry,
                // Where a member broke off, so does the archive.
                Err(_) if last == Ended::Short => return Ok(last),
                Err(error) => return self.short(place, &error),
            };
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let is_file = entry.header().entry_type().is_file();
            let bytes = entry.size();
            let mut content = BufReader::new(Exactly::new(entry, bytes));
            last = self.member(&mut content, is_file, Place { member: &name, ..place })?;
        }
        if self.sink.members() == before { self.no_members(place) } else { Ok(last) }
    }

    /// As an empty file is told, so is an empty archive.
    fn no_members(&mut self, place: Place<'_>) -> Walked {
        self.sink.remark(Reason::Rejected, place.say("an archive without members"))?;
        Ok(Ended::Whole)
    }

    /// Walks through a member, if there is anything to it.
    fn member(&mut self, content: &mut dyn BufRead, is_file: bool, place: Place<'_>) -> Walked {
        let mut is_empty = || content.fill_buf().is_ok_and(<[u8]>::is_empty);
        if !is_file || is_litter(place.member) || is_empty() {
            self.sink.member(false);
            return Ok(Ended::Whole);
        }
        self.sink.member(true);
        self.stream(content, place)
    }

    /// Whether no further member may be read. The bomb has its remark already.
    fn is_over(&mut self, place: Place<'_>) -> Result<bool, Stop> {
        if self.sink.members() < MEMBERS_MAX {
            return Ok(self.meter.is_spent());
        }
        let what = format!("it has more than {MEMBERS_MAX} members");
        self.sink.remark(Reason::Size, Place { member: "", ..place }.say(&what))?;
        Ok(true)
    }
}

/// What macOS leaves in archives.
fn is_litter(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    file.starts_with("._") || file == ".DS_Store" || name.starts_with("__MACOSX/")
}

/// A member of a zip by its own header (APPNOTE 4.3.7).
struct LocalMember<'a> {
    name: &'a [u8],
    method: u16,
    /// Packed size; 0 where it stands behind the data.
    bytes: u64,
    /// Everything from the member's first packed byte on.
    data: &'a [u8],
}

impl<'a> LocalMember<'a> {
    const STORED: u16 = 0;
    const DEFLATED: u16 = 8;
    const SIGNATURE: &'static [u8] = b"PK\x03\x04";
    const HEADER_BYTES: usize = 30;

    /// The next member in what is left of the archive.
    fn find(rest: &'a [u8]) -> Option<Self> {
        let at = rest.windows(Self::SIGNATURE.len()).position(|bytes| bytes == Self::SIGNATURE)?;
        let (header, behind) = rest[at..].split_at_checked(Self::HEADER_BYTES)?;
        let short = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        let bytes = u64::from(short(18)) | u64::from(short(20)) << 16;
        let (name, behind) = behind.split_at_checked(usize::from(short(26)))?;
        let (_, data) = behind.split_at_checked(usize::from(short(28)))?;
        Some(Self { name, method: short(8), bytes, data })
    }
}
