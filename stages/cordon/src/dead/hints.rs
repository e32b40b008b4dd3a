//! What each reason means, and what a person can do about it.

use cordon_records::Reason;

/// A reason in a person's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hint {
    pub(crate) meaning: &'static str,
    pub(crate) remedy: &'static str,
}

/// The hint for the word that stands in a letter.
pub(crate) fn hint(reason: &str) -> Hint {
    let (meaning, remedy) = match Reason::from_word(reason) {
        Some(reason) => words(reason),
        None => (
            "a reason that this version of cordon does not know",
            "look with the version that wrote the letter, or a newer one",
        ),
    };
    Hint { meaning, remedy }
}

fn words(reason: Reason) -> (&'static str, &'static str) {
    match reason {
        Reason::Rejected => (
            "the datapoint does not parse, or has the wrong shape",
            "mend what wrote it; if it is right as it is, the parser needs to learn its shape",
        ),
        Reason::Panic => (
            "the stage panicked over it, and the cell caught that",
            "a bug in the stage or a rule: report it with the datapoint's bytes (`dead show --raw`)",
        ),
        Reason::Crash => (
            "its cell died over it twice: abort, segfault, stack, memory or a forbidden call",
            "a bug, or an attack on the parser: keep the bytes (`dead show --raw`) and find the sender",
        ),
        Reason::Deadline => (
            "it took longer than a datapoint may, twice",
            "a slow rule, or input made to be slow: try it alone (`dead show --raw`)",
        ),
        Reason::Seal => (
            "its result could not be written into a payload",
            "a bug in the stage: report it with the datapoint's bytes (`dead show --raw`)",
        ),
        Reason::Machine => (
            "the courier or its machine died over it again and again",
            "look for out-of-memory kills on the stage's machines; keep the bytes (`dead show --raw`)",
        ),
        Reason::Digest => (
            "the stored bytes are not the ones that the pointer names; nothing of them was parsed",
            "find who can write under this prefix, or forge a pointer: stored objects never change",
        ),
        Reason::Corrupt => (
            "the payload cannot be decoded from here on",
            "look at what wrote the payload; cordon never stores a broken one",
        ),
        Reason::Count => (
            "the payload holds fewer or more datapoints than its pointer says",
            "look at what wrote the pointer: its count is wrong, or it was forged",
        ),
        Reason::Schema => (
            "the payload was written with a schema that this version does not know",
            "upgrade the readers before the writers",
        ),
        Reason::Pointer => (
            "the record is no pointer, or names what this stage may not read; nothing was fetched",
            "find who else can write to the topic (`cordon topology show`)",
        ),
        Reason::Missing => (
            "the object is gone, while others of its prefix can be read",
            "check the bucket's expiry and who may delete; it must outlive every pointer to it",
        ),
        Reason::Size => (
            "the datapoint is larger than one may be",
            "split it, or shorten it, where it is written",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_hint_of_its_own() {
        let mut seen: Vec<Hint> = vec![hint("new")];
        for reason in Reason::ALL {
            let hint = hint(reason.word());
            assert!(seen.iter().all(|other| other.meaning != hint.meaning), "{reason:?}");
            seen.push(hint);
        }
    }
}
