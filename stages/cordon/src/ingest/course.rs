//! Which cell a file needs next. Pure: it is told how each cell ended, and says what to ask.

use std::ops::Range;

use cordon_cell::CellEnd;
use cordon_ingest::{CELL_RECORDS_MAX, FileNews};
use cordon_records::{Reason, cell::Sentenced};

/// Records of one file that may kill their cells. A file with more of them is an attack, and each
/// costs three cells.
const SENTENCED_MAX: usize = 100;

/// Two killers side by side cost three deaths before a cell finishes. More is a file whose cells
/// never say the same twice.
const DEATHS_IN_ROW_MAX: u32 = 6;

/// The way through one file, cell by cell.
///
/// When a cell dies at a record, all records before it are done first, then the suspect alone,
/// with more time. If it kills again it is sentenced: a letter, and nobody looks at it any more.
#[derive(Debug, Default)]
pub(super) struct Course {
    /// The next record without a fate.
    from: i64,
    /// Where in the file it begins, if a cell can start there.
    at_bytes: Option<i64>,
    suspicion: Suspicion,
    sentenced: Vec<Sentenced>,
    /// Cells that died since one finished.
    deaths_in_row: u32,
    /// The last cell died and no record of it can be suspected.
    is_second_try: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Suspicion {
    #[default]
    Nobody,
    /// This record may be a killer: those before it first.
    Before(i64),
    /// This one by itself.
    Alone(i64),
    /// This one is sentenced, and now has to be passed.
    Passing(i64),
}

/// What to ask of the next cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) records: Range<i64>,
    pub(super) at_bytes: i64,
    pub(super) sentenced: Vec<Sentenced>,
    /// A suspect gets more time: the machine may just be busy.
    pub(super) is_alone: bool,
}

/// Why a file cannot be read on, in words.
pub(super) type GivenUp = String;

impl Course {
    pub(super) fn ask(&self) -> Ask {
        let to = match self.suspicion {
            Suspicion::Nobody | Suspicion::Passing(_) => self.from + CELL_RECORDS_MAX,
            Suspicion::Before(suspect) => suspect,
            Suspicion::Alone(suspect) => suspect + 1,
        };
        Ask {
            records: self.from..to,
            at_bytes: self.at_bytes.unwrap_or(0),
            sentenced: self.sentenced.clone(),
            is_alone: matches!(self.suspicion, Suspicion::Alone(_)),
        }
    }

    /// The next record without a fate.
    pub(super) fn from(&self) -> i64 {
        self.from
    }

    /// Checks what the report of a cell that finished says of the file.
    pub(super) fn admit(&self, news: &FileNews, file_bytes: i64) -> Result<(), GivenUp> {
        let Ask { records, at_bytes, .. } = self.ask();
        let is_inside = (records.start..=records.end).contains(&news.to)
            && news.resume_at_bytes.is_none_or(|at| (at_bytes..=file_bytes).contains(&at));
        if !is_inside {
            return Err("its cell claims what it was not asked for".to_owned());
        }
        let is_further =
            news.to > records.start || news.resume_at_bytes.is_some_and(|at| at > at_bytes);
        if !is_further && !news.is_end {
            return Err("its cell does nothing".to_owned());
        }
        Ok(())
    }

    /// A cell finished, and what it said is on its way: goes on behind it.
    pub(super) fn finished(&mut self, news: &FileNews) {
        self.from = news.to;
        self.at_bytes = news.resume_at_bytes;
        self.is_second_try = false;
        self.deaths_in_row = 0;
        self.suspicion = match self.suspicion {
            Suspicion::Before(suspect) if news.to < suspect => Suspicion::Before(suspect),
            Suspicion::Before(suspect) => Suspicion::Alone(suspect),
            _ => Suspicion::Nobody,
        };
    }

    /// A cell died at a record, as far as it told.
    pub(super) fn died(&mut self, at: Option<i64>, end: &CellEnd) -> Result<(), GivenUp> {
        self.deaths_in_row += 1;
        if self.deaths_in_row > DEATHS_IN_ROW_MAX {
            return Err(given_up(end));
        }
        let records = self.ask().records;
        let suspect = at.filter(|at| records.contains(at));
        self.suspicion = match (suspect, self.suspicion) {
            (Some(at), Suspicion::Alone(suspect)) if at == suspect => {
                self.sentence(suspect, end)?;
                Suspicion::Passing(suspect)
            }
            (Some(at), Suspicion::Passing(suspect)) if at == suspect => return Err(given_up(end)),
            (Some(at), _) if at > self.from => Suspicion::Before(at),
            (Some(at), _) => Suspicion::Alone(at),
            (None, _) if self.is_second_try => return Err(given_up(end)),
            (None, suspicion) => suspicion,
        };
        self.is_second_try = suspect.is_none();
        Ok(())
    }

    fn sentence(&mut self, record: i64, end: &CellEnd) -> Result<(), GivenUp> {
        if self.sentenced.len() == SENTENCED_MAX {
            return Err(format!("more than {SENTENCED_MAX} of its records kill their cells"));
        }
        let reason = match end {
            CellEnd::Deadline(_) => Reason::Deadline,
            _ => Reason::Crash,
        };
        self.sentenced.push(Sentenced {
            part: 0,
            index: record,
            reason: reason.word().to_owned(),
            detail: end.to_string(),
            excerpt: Vec::new(),
        });
        Ok(())
    }
}

fn given_up(end: &CellEnd) -> GivenUp {
    format!("its cells die: {end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNAL: CellEnd = CellEnd::Signal(11);

    fn finish(course: &mut Course, news: &FileNews, file_bytes: i64) -> Result<(), GivenUp> {
        course.admit(news, file_bytes)?;
        course.finished(news);
        Ok(())
    }

    /// A file of `records`, some of which kill whoever looks at them; `hidden` ones even when
    /// they are sentenced. Returns the ranges that finished, and why it was given up.
    fn walk(records: i64, killers: &[i64], hidden: &[i64]) -> (Vec<(i64, i64)>, Option<GivenUp>) {
        let (mut course, mut ranges) = (Course::default(), Vec::new());
        loop {
            let Ask { records: asked, sentenced, .. } = course.ask();
            let is_spared = |at: &i64| sentenced.iter().any(|s| s.index == *at);
            let killer = (asked.start..asked.end.min(records))
                .find(|at| hidden.contains(at) || killers.contains(at) && !is_spared(at));
            let outcome = match killer {
                Some(at) => course.died(Some(at), &SIGNAL),
                None => {
                    let to = asked.end.min(records);
                    ranges.push((asked.start, to));
                    let is_end = to == records;
                    let news = FileNews { to, is_end, ..FileNews::default() };
                    let outcome = finish(&mut course, &news, 0);
                    if is_end {
                        return (ranges, outcome.err());
                    }
                    outcome
                }
            };
            if let Err(given_up) = outcome {
                return (ranges, Some(given_up));
            }
        }
    }

    #[test]
    fn a_file_without_killers_goes_in_full_strides() {
        let stride = CELL_RECORDS_MAX;
        assert_eq!(walk(10, &[], &[]), (vec![(0, 10)], None));
        assert_eq!(walk(2 * stride, &[], &[]), (vec![(0, stride), (stride, 2 * stride)], None));
    }

    #[test]
    fn killers_cost_nobody_else_anything() {
        assert_eq!(walk(10, &[4], &[]), (vec![(0, 4), (4, 10)], None));
        assert_eq!(walk(10, &[0], &[]), (vec![(0, 10)], None));
        assert_eq!(walk(10, &[9], &[]), (vec![(0, 9), (9, 10)], None));
        assert_eq!(walk(10, &[2, 3, 7], &[]), (vec![(0, 2), (2, 3), (3, 7), (7, 10)], None));
        let all: Vec<i64> = (0..10).collect();
        assert_eq!(walk(10, &all, &[]).0.last(), Some(&(9, 10)));
    }

    #[test]
    fn what_kills_even_unseen_ends_the_file_there() {
        let why = "its cells die: killed by SIGSEGV".to_owned();
        assert_eq!(walk(10, &[], &[4]), (vec![(0, 4)], Some(why)));
    }

    #[test]
    fn too_many_killers_end_the_file() {
        let (ranges, given_up) = walk(1_000, &(0..1_000).collect::<Vec<_>>(), &[]);
        assert_eq!(ranges.last(), Some(&(99, 100)));
        assert!(given_up.unwrap().contains("more than 100"));
    }

    #[test]
    fn an_innocent_goes_free() {
        let mut course = Course::default();
        course.died(Some(5), &SIGNAL).unwrap();
        assert_eq!(course.ask().records, 0..5);
        let news = |to| FileNews { to, ..FileNews::default() };
        finish(&mut course, &news(5), 0).unwrap();
        assert_eq!((course.ask().records, course.ask().is_alone), (5..6, true));
        finish(&mut course, &news(6), 0).unwrap();
        assert_eq!(course.ask().records, 6..6 + CELL_RECORDS_MAX);
        assert_eq!((course.ask().sentenced, course.ask().is_alone), (vec![], false));
    }

    #[test]
    fn a_death_nobody_is_to_blame_for_is_tried_once_more() {
        let mut course = Course::default();
        course.died(None, &SIGNAL).unwrap();
        assert_eq!(course.ask().records, 0..CELL_RECORDS_MAX);
        course.died(Some(i64::MAX), &SIGNAL).unwrap_err();
    }

    #[test]
    fn cells_that_die_elsewhere_each_time_end() {
        let mut course = Course::default();
        let deaths = (0..1_000).rev().map(|at| course.died(Some(at), &SIGNAL));
        assert_eq!(deaths.take_while(Result::is_ok).count(), DEATHS_IN_ROW_MAX as usize);
    }

    #[test]
    fn what_a_cell_claims_is_checked() {
        let claim = |to, resume_at_bytes, is_end| {
            let news = FileNews { to, resume_at_bytes, is_end, ..FileNews::default() };
            finish(&mut Course::default(), &news, 100)
        };
        claim(1, None, false).unwrap();
        claim(0, None, true).unwrap();
        claim(0, Some(10), false).unwrap();
        claim(0, None, false).unwrap_err();
        claim(0, Some(0), false).unwrap_err();
        claim(1, Some(101), false).unwrap_err();
        claim(1, Some(-1), false).unwrap_err();
        claim(-1, None, true).unwrap_err();
        claim(CELL_RECORDS_MAX + 1, None, false).unwrap_err();
    }
}
