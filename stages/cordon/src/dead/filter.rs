//! Which letters a person asks for.

use cordon_records::Letter;

use super::{args::FilterArgs, fate::Fate, files::Origin};

/// The conditions, with the time of asking.
pub(crate) struct Filter<'a> {
    args: &'a FilterArgs,
    since_ms: Option<i64>,
    until_ms: Option<i64>,
}

impl<'a> Filter<'a> {
    pub(crate) fn new(args: &'a FilterArgs, now_ms: i64) -> Self {
        let at_ms = |moment: &Option<super::time::Moment>| moment.as_ref().map(|m| m.at_ms(now_ms));
        Self { args, since_ms: at_ms(&args.since), until_ms: at_ms(&args.until) }
    }

    /// Whether a stage's letters are asked for at all.
    pub(crate) fn wants_stage(&self, stage: &str) -> bool {
        self.args.stage.is_empty() || self.args.stage.iter().any(|wanted| wanted == stage)
    }

    /// Whether it is asked for, its origin aside.
    pub(crate) fn wants(&self, letter: &Letter) -> bool {
        let FilterArgs { reason, topic, partition, offset, stage_version, .. } = self.args;
        self.wants_stage(&letter.stage)
            && (reason.is_empty() || reason.contains(&letter.reason))
            && self.since_ms.is_none_or(|since_ms| letter.time_ms >= since_ms)
            && self.until_ms.is_none_or(|until_ms| letter.time_ms < until_ms)
            && topic.as_ref().is_none_or(|topic| letter.topic == *topic)
            && partition.is_none_or(|partition| letter.partition == partition)
            && offset.is_none_or(|offset| letter.offset == offset)
            && (stage_version.is_empty() || stage_version.contains(&letter.stage_version))
    }

    /// Whether what became of it is asked for.
    pub(crate) fn wants_fate(&self, fate: Fate) -> bool {
        self.args.fate.is_empty() || self.args.fate.contains(&fate)
    }

    /// Whether files matter: else nobody need know where payloads came from.
    pub(crate) fn asks_for_file(&self) -> bool {
        self.args.file.is_some()
    }

    /// Whether its origin is asked for. A letter whose origin nobody knows is from no file.
    pub(crate) fn wants_origin(&self, origin: Option<&Origin>) -> bool {
        let Some(file) = &self.args.file else { return true };
        origin.is_some_and(|origin| origin.is_called(file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{dead::time::Moment, fixture::letter};

    fn wanted(args: &FilterArgs) -> Vec<usize> {
        let letters = [
            letter("generate/logs/0/5/3", "rejected", 1_000),
            letter("generate/logs/1/5/3", "corrupt", 2_000),
            letter("pack/raw/0/9/9", "rejected", 3_000),
        ];
        let filter = Filter::new(args, 3_500);
        (0..letters.len()).filter(|n| filter.wants(&letters[*n])).collect()
    }

    #[test]
    fn conditions_hold_together() {
        let all = FilterArgs::default();
        assert_eq!(wanted(&all), [0, 1, 2]);
        let one = |change: fn(&mut FilterArgs)| {
            let mut args = FilterArgs::default();
            change(&mut args);
            wanted(&args)
        };
        assert_eq!(one(|a| a.stage = vec!["generate".into()]), [0, 1]);
        assert_eq!(one(|a| a.stage = vec!["generate".into(), "pack".into()]), [0, 1, 2]);
        assert_eq!(one(|a| a.reason = vec!["rejected".into()]), [0, 2]);
        assert_eq!(one(|a| a.topic = Some("raw".into())), [2]);
        assert_eq!(one(|a| a.partition = Some(1)), [1]);
        assert_eq!(one(|a| a.offset = Some(5)), [0, 1]);
        assert_eq!(one(|a| a.since = Some(Moment::At(2_000))), [1, 2]);
        assert_eq!(one(|a| a.until = Some(Moment::At(2_000))), [0]);
        assert_eq!(one(|a| a.since = Some(Moment::Ago(600))), [2]);
        assert_eq!(one(|a| (a.offset, a.partition) = (Some(5), Some(0))), [0]);
        assert_eq!(one(|a| (a.offset, a.partition) = (Some(9), Some(1))), [0; 0]);
    }

    #[test]
    fn an_unknown_origin_is_no_file() {
        let args = FilterArgs { file: Some("a.json".into()), ..FilterArgs::default() };
        assert!(!Filter::new(&args, 0).wants_origin(None));
        assert!(Filter::new(&FilterArgs::default(), 0).wants_origin(None));
    }
}
