//! Walks through a file: peels off its layers, and hands records to the sink.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use cordon_body::{BodyFault, CellIo};
use cordon_records::Reason;

use crate::{
    gzip::Gzip,
    job::FileJob,
    limits::{LAYERS_MAX, ZSTD_WINDOW_LOG_MAX},
    meter::Meter,
    recognise::{ACCEPTED, Beginning, HEAD_BYTES, Kind, UTF8_MARK, recognise},
    sink::{Sink, Stop},
    split::{Lines, Objects, Piece, Splitter},
    utf16::{ByteOrder, Utf16},
};

/// What a decoder hands over at a time: large enough that a line seldom stands in two.
const BUFFER_BYTES: usize = 64 << 10;

/// The way through one file.
pub(crate) struct Walk<'w, 'i, I: CellIo> {
    pub(crate) sink: &'w mut Sink<'i, I>,
    pub(crate) meter: &'w Meter,
}

/// How a stretch of bytes ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// All of it was read.
    Whole,
    /// It could not be read to its end, and a remark says so.
    Short,
}

impl Ended {
    /// Whole only if both are.
    pub(crate) fn and(self, other: Self) -> Self {
        if self == Self::Whole { other } else { self }
    }
}

pub(crate) type Walked = Result<Ended, Stop>;

/// What is being read: how people call it, and how deep in the file it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'n> {
    /// A member's name; empty for the file itself.
    pub(crate) member: &'n str,
    /// Layers around it.
    pub(crate) layers: u32,
}

impl Place<'_> {
    fn inside(self) -> Self {
        Self { layers: self.layers + 1, ..self }
    }

    /// A sentence about it. The file's own name is put in front by whoever knows it.
    pub(crate) fn say(self, what: &str) -> String {
        /// Leaves room for the sentence.
        const NAME_BYTES_MAX: usize = 96;
        if self.member.is_empty() {
            return what.to_owned();
        }
        let from = self.member.len().saturating_sub(NAME_BYTES_MAX);
        let end = &self.member[self.member.ceil_char_boundary(from)..];
        format!("member {}: {what}", end.escape_debug())
    }
}

/// A window of a plain file.
#[derive(Clone, Copy, Debug)]
struct Window {
    /// Where in the file it begins.
    at_bytes: i64,
    /// Whether the file ends with it.
    is_to_end: bool,
}

impl<I: CellIo> Walk<'_, '_, I> {
    /// Walks through a whole file, or a window of one.
    pub(crate) fn file(&mut self, job: &FileJob, input: &[u8]) -> Walked {
        let start = usize::try_from(job.input.start).unwrap_or(usize::MAX);
        let end = usize::try_from(job.input.end).unwrap_or(usize::MAX);
        let bytes = input
            .get(start..end)
            .ok_or(Stop::Fault(BodyFault::Job("the file lies outside the input")))?;
        let place = Place { member: "", layers: 0 };
        let window = Window { at_bytes: job.at_bytes, is_to_end: job.is_to_end() };
        match recognise(&input[..input.len().min(HEAD_BYTES)]) {
            Kind::JsonLines => {
                let mut lines = Lines::new(bytes);
                let is_inside = job.at_bytes > 0 && start > 0 && input[start - 1] != b'\n';
                if is_inside && lines.skip_rest_of_line().is_err() {
                    return Ok(Ended::Short);
                }
                self.text(&mut lines, place, Some(window))
            }
            Kind::JsonObjects => self.text(&mut Objects::new(bytes), place, Some(window)),
            _ if !job.is_whole() => {
                let detail = "only plain JSON may be that large; unpack or split it first";
                self.short(place, &detail)
            }
            // A zip's directory is at its end, and the file is here already.
            Kind::Zip => self.zip(bytes, place.inside()),
            _ => self.stream(&mut Cursor::new(bytes), place),
        }
    }

    /// Walks through what comes out of a reader.
    pub(crate) fn stream(&mut self, reader: &mut dyn BufRead, place: Place<'_>) -> Walked {
        let mut head = Vec::new();
        let read = reader.take(HEAD_BYTES as u64).read_to_end(&mut head);
        let mut broken = Broken(read.err());
        let kind = recognise(&head);
        let rest: &mut dyn BufRead = match &broken.0 {
            None => reader,
            Some(error) if matches!(kind, Kind::Empty | Kind::Unknown) => {
                return self.short(place, error);
            }
            Some(_) => &mut broken,
        };
        let mut reader = Cursor::new(&head[..]).chain(rest);
        let is_packed = matches!(kind, Kind::Gzip | Kind::Zstd | Kind::Zip | Kind::Tar);
        if is_packed && place.layers >= LAYERS_MAX {
            let what = format!("packed more than {LAYERS_MAX} times");
            self.sink.remark(Reason::Rejected, place.say(&what))?;
            return Ok(Ended::Short);
        }
        match kind {
            Kind::Gzip => self.gzip(reader, place.inside()),
            Kind::Zstd => self.zstd(reader, place.inside()),
            Kind::Tar => self.tar(&mut reader, place.inside()),
            Kind::Zip => self.held_zip(reader, place.inside()),
            Kind::Evtx => self.evtx(&mut reader, place),
            Kind::Utf16Le => self.utf16(reader, ByteOrder::LeastFirst, place),
            Kind::Utf16Be => self.utf16(reader, ByteOrder::MostFirst, place),
            Kind::JsonLines => self.text(&mut Lines::new(reader), place, None),
            Kind::JsonObjects => self.text(&mut Objects::new(reader), place, None),
            Kind::Empty => {
                self.sink.remark(Reason::Rejected, place.say("empty"))?;
                Ok(Ended::Whole)
            }
            Kind::Unknown => {
                self.sink.remark(Reason::Rejected, place.say(&unrecognised(&head)))?;
                Ok(Ended::Whole)
            }
        }
    }

    fn gzip(&mut self, reader: impl BufRead, place: Place<'_>) -> Walked {
        let unpacked = self.meter.count(Gzip::new(reader));
        self.layer(BufReader::with_capacity(BUFFER_BYTES, unpacked), place)
    }

    fn zstd(&mut self, reader: impl BufRead, place: Place<'_>) -> Walked {
        match zstd_decoder(reader) {
            Ok(unpacked) => {
                let unpacked = self.meter.count(unpacked);
                self.layer(BufReader::with_capacity(BUFFER_BYTES, unpacked), place)
            }
            Err(error) => self.short(place, &error),
        }
    }

    fn utf16(&mut self, reader: impl BufRead, order: ByteOrder, place: Place<'_>) -> Walked {
        self.layer(BufReader::new(Utf16::new(reader, order)), place)
    }

    /// Walks through a layer, then on to its end: checksums stand there.
    fn layer(&mut self, mut unpacked: impl BufRead, place: Place<'_>) -> Walked {
        let ended = self.stream(&mut unpacked, place)?;
        if ended == Ended::Short {
            return Ok(ended);
        }
        match io::copy(&mut unpacked, &mut io::sink()) {
            Ok(_) => Ok(ended),
            Err(error) => self.short(place, &error),
        }
    }

    /// Walks through text, from one piece to the next. At the end of a window that is not the
    /// file's, the next cell has to go on.
    fn text(
        &mut self,
        splitter: &mut dyn Splitter,
        place: Place<'_>,
        window: Option<Window>,
    ) -> Walked {
        let at = |splitter: &dyn Splitter, window: Window| {
            window.at_bytes.saturating_add_unsigned(splitter.consumed())
        };
        loop {
            if let Some(window) = window {
                self.sink.at(at(splitter, window));
            }
            self.sink.announce()?;
            let can_resume_inside = splitter.can_resume_inside();
            let piece = match splitter.next() {
                Ok(Some(piece)) => piece,
                Ok(None) => break,
                Err(error) => return self.short(place, &error),
            };
            let is_cut = piece.is_open && window.is_some_and(|window| !window.is_to_end);
            if is_cut && !piece.is_too_long {
                // The next window begins with it.
                return Err(Stop::Enough);
            }
            if is_cut && !can_resume_inside {
                let what = "an object is larger than what is read at a time";
                // Before the object's own letter, behind which this cell may have said enough.
                let ended = self.short(place, &what)?;
                self.piece(piece)?;
                return Ok(ended);
            }
            self.piece(piece)?;
        }
        match window {
            Some(window) if !window.is_to_end => {
                self.sink.at(at(splitter, window));
                Err(Stop::Enough)
            }
            _ => Ok(Ended::Whole),
        }
    }

    /// Gives a piece of text its fate. A blank one has none.
    fn piece(&mut self, piece: Piece<'_>) -> Result<(), Stop> {
        // At the beginning of a file, or of each of several that were put together.
        let text = piece.text.strip_prefix(UTF8_MARK).unwrap_or(piece.text);
        if piece.is_too_long {
            self.sink.too_long(text);
        } else if !text.trim_ascii().is_empty() {
            self.sink.record(text)?;
        }
        Ok(())
    }

    /// Remarks that something cannot be read to its end.
    pub(crate) fn short(&mut self, place: Place<'_>, error: &dyn std::fmt::Display) -> Walked {
        let is_bomb = self.meter.is_spent();
        let reason = if is_bomb { Reason::Size } else { Reason::Corrupt };
        self.sink.remark(reason, place.say(&format!("not readable to its end: {error}")))?;
        Ok(Ended::Short)
    }
}

fn unrecognised(head: &[u8]) -> String {
    if head.iter().all(|byte| *byte == 0) {
        return "begins with zeros: an empty tar archive, or a file that was never written"
            .to_owned();
    }
    let found = Beginning(head.trim_ascii_start());
    format!("not recognised, begins with \"{found}\"; accepted: {ACCEPTED}")
}

fn zstd_decoder<'a>(reader: impl BufRead + 'a) -> io::Result<impl Read + 'a> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(reader)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
    Ok(decoder)
}

/// The rest of a stream that broke within its first bytes: those are read, then it breaks again.
struct Broken(Option<io::Error>);

impl Broken {
    fn error(&mut self) -> io::Error {
        self.0.take().unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(self.error())
    }
}

impl BufRead for Broken {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Err(self.error())
    }

    fn consume(&mut self, _: usize) {}
}
