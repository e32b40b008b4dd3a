//! The stream of lines.

use std::collections::{BTreeMap, VecDeque};

use crate::{
    Attack, Damage, Ledger, Settings, Shape, Step, activity,
    attack::Campaign,
    event::{Event, Source},
    host::Host,
    rng::Rng,
    shape,
};

/// One line of telemetry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its place in the stream, from 0.
    pub index: u64,
    /// The bytes, without a line break.
    pub bytes: Vec<u8>,
    /// Which host it tells of, in `0..Settings::hosts`.
    pub host: u32,
    /// What it is.
    pub kind: Kind,
}

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Ordinary activity, or a step of an attack that looks ordinary by itself.
    Event {
        /// The step, if the line belongs to an attack.
        step: Option<Step>,
    },
    /// A line that no consumer may accept.
    Malformed(Damage),
}

/// An endless stream of telemetry, the same for the same settings.
pub struct Telemetry {
    settings: Settings,
    rng: Rng,
    hosts: Vec<Host>,
    /// Events that are about to be told, by host: each host tells its own in order.
    pending: Vec<VecDeque<Event>>,
    /// Lines held back, by the line index from which they may come.
    late: BTreeMap<u64, Held>,
    campaigns: Vec<Campaign>,
    now_ms: i64,
    ledger: Ledger,
}

struct Held {
    bytes: Vec<u8>,
    host: usize,
    source: Source,
    shape: Shape,
}

/// Mean time between two lines of the whole fleet, milliseconds, times two.
const LINE_GAP_MS: u64 = 10;

/// How far behind a late line may come, in lines.
const LATE_LINES: (u64, u64) = (100, 5_000);

/// How many other lines lie between two steps of an attack.
const STEP_GAP_LINES: (u64, u64) = (3, 40);

impl Telemetry {
    /// # Panics
    /// When the settings make no sense: no host, shares that do not sum to 100, attacks 0 lines
    /// apart.
    pub fn new(settings: Settings) -> Self {
        settings.assert_valid();
        let mut rng = Rng::new(settings.seed);
        let hosts: Vec<Host> = (0..settings.hosts)
            .map(|index| Host::new(index, settings.shape_of(index), settings.start_ms, &mut rng))
            .collect();
        let campaigns = (0..settings.hosts)
            .filter(|&host| settings.attacks(host))
            .zip(1..)
            .map(|(host, number)| {
                Campaign::new(host as usize, number * settings.attack_apart_lines)
            })
            .collect();
        Self {
            pending: vec![VecDeque::new(); hosts.len()],
            now_ms: settings.start_ms,
            settings,
            rng,
            hosts,
            late: BTreeMap::new(),
            campaigns,
            ledger: Ledger::default(),
        }
    }

    /// What was emitted so far.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn emit(&mut self, bytes: Vec<u8>, host: usize, kind: Kind) -> Line {
        let index = self.ledger.lines;
        self.ledger.lines += 1;
        self.ledger.bytes += bytes.len() as u64;
        Line { index, bytes, host: host as u32, kind }
    }

    fn count(&mut self, source: Source, shape: Shape) {
        let event = format!("{}/{}", source.log.word(), source.id);
        *self.ledger.events.entry(event).or_default() += 1;
        *self.ledger.shapes.entry(shape).or_default() += 1;
    }

    fn attack_step(&mut self) -> Option<Line> {
        let index = self.ledger.lines;
        let due = self.campaigns.iter().position(|campaign| campaign.due_line <= index)?;
        let campaign = &mut self.campaigns[due];
        let step = campaign.next_step()?;
        let place = campaign.host;
        let host = &mut self.hosts[place];
        let event = campaign.advance(step, host, &mut self.rng);
        let (from, to) = STEP_GAP_LINES;
        campaign.due_line = index + self.rng.between(from, to);
        if campaign.next_step().is_none() {
            self.campaigns.remove(due);
        }
        let bytes = shape::render(&event, host);
        let (name, shape) = (host.name.clone(), host.shape);
        self.note_step(name, step, index);
        self.count(event.source, shape);
        Some(self.emit(bytes, place, Kind::Event { step: Some(step) }))
    }

    fn note_step(&mut self, host: String, step: Step, index: u64) {
        let attacks = &mut self.ledger.attacks;
        match attacks.iter_mut().find(|attack| attack.host == host) {
            Some(attack) => attack.steps.push((step, index)),
            None => attacks.push(Attack { host, steps: vec![(step, index)] }),
        }
    }

    fn late_line(&mut self) -> Option<Line> {
        let due = self.late.first_entry().filter(|held| *held.key() <= self.ledger.lines)?;
        let Held { bytes, host, source, shape } = due.remove();
        self.ledger.late += 1;
        self.count(source, shape);
        Some(self.emit(bytes, host, Kind::Event { step: None }))
    }

    /// The next ordinary line; `None` when it was held back.
    fn ordinary_line(&mut self) -> Option<Line> {
        let place = self.rng.skewed(self.hosts.len());
        let event = self.next_event(place);
        let host = &mut self.hosts[place];
        let bytes = shape::render(&event, host);
        let shape = host.shape;
        // The first line shows a reader of a file what the file is: it is never damaged.
        if self.ledger.lines > 0 && self.rng.chance(self.settings.malformed_per_million) {
            let damage = *self.rng.pick(&Damage::ALL);
            let bytes = damage.apply(bytes, &mut self.rng);
            *self.ledger.malformed.entry(damage).or_default() += 1;
            return Some(self.emit(bytes, place, Kind::Malformed(damage)));
        }
        if self.rng.chance(self.settings.late_per_million) {
            let (from, to) = LATE_LINES;
            let due = self.ledger.lines + self.rng.between(from, to);
            let held = Held { bytes, host: place, source: event.source, shape };
            // Another may hold this index: then that one is told in its place.
            return match self.late.insert(due, held) {
                Some(other) => {
                    self.count(other.source, other.shape);
                    self.ledger.late += 1;
                    Some(self.emit(other.bytes, other.host, Kind::Event { step: None }))
                }
                None => None,
            };
        }
        self.count(event.source, shape);
        Some(self.emit(bytes, place, Kind::Event { step: None }))
    }

    fn next_event(&mut self, place: usize) -> Event {
        self.now_ms += self.rng.below(LINE_GAP_MS) as i64;
        if let Some(event) = self.pending[place].pop_front() {
            return event;
        }
        let host = &mut self.hosts[place];
        host.clock_ms = host.clock_ms.max(self.now_ms);
        let events = activity::next(host, &mut self.rng);
        self.pending[place].extend(events);
        self.pending[place].pop_front().expect("every deed is at least one event")
    }
}

impl Iterator for Telemetry {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        if let Some(line) = self.attack_step().or_else(|| self.late_line()) {
            return Some(line);
        }
        loop {
            if let Some(line) = self.ordinary_line() {
                return Some(line);
            }
        }
    }
}
