//! What rsigma-eval 0.23 gets wrong or lets pass in a rule, put right or refused before it
//! compiles.
//!
//! - `startswith` and `endswith` over a value with a wildcard are anchored at the wrong end there,
//!   and a wildcard stops at a line break: such values become regular expressions of our own.
//! - `windash` there makes `/flag` of `-flag`, but not `-flag` of `/flag`: slashes that begin a
//!   flag become dashes, of which it makes the rest. With a wildcard it takes the wildcard for a
//!   letter: refused.
//! - `expand` needs lists that only the author of a rule's placeholders has: refused.
//! - `timeframe` belongs to correlations, which a stage that sees one event cannot do: refused.

use rsigma_parser::{
    ast::{Detection, DetectionItem, Modifier, SigmaRule},
    value::{SigmaValue, SpecialChar, StringPart},
};

/// A rule that cordon cannot evaluate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(
        "field `{0}`: the modifier `expand` is not supported: its placeholders have no values here"
    )]
    Expand(String),
    #[error("field `{0}`: `windash` with a wildcard is not supported")]
    WindashWildcard(String),
    #[error("`timeframe` is not supported: a rule sees one event at a time")]
    Timeframe,
}

impl Refusal {
    /// What to look for in the file to say where.
    pub(crate) fn trace(&self) -> String {
        match self {
            Refusal::Expand(field) | Refusal::WindashWildcard(field) => format!("{field}|"),
            Refusal::Timeframe => "timeframe:".into(),
        }
    }
}

/// Repairs a rule in place.
pub(crate) fn rule(rule: &mut SigmaRule) -> Result<(), Refusal> {
    if rule.detection.timeframe.is_some() {
        return Err(Refusal::Timeframe);
    }
    rule.detection.named.values_mut().try_for_each(detection)
}

fn detection(part: &mut Detection) -> Result<(), Refusal> {
    match part {
        Detection::AllOf(items) => items.iter_mut().try_for_each(item),
        Detection::AnyOf(parts) | Detection::And(parts) => parts.iter_mut().try_for_each(detection),
        Detection::Keywords(_) => Ok(()),
        Detection::ArrayMatch { body, .. } => detection(body),
        Detection::Conditional { named, .. } => named.values_mut().try_for_each(detection),
    }
}

fn item(item: &mut DetectionItem) -> Result<(), Refusal> {
    let field = || item.field.name.clone().unwrap_or_default();
    if item.field.has_modifier(Modifier::Expand) {
        return Err(Refusal::Expand(field()));
    }
    let has_wildcards = item.values.iter().any(has_wildcards);
    if item.field.has_modifier(Modifier::WindAsh) {
        if has_wildcards {
            return Err(Refusal::WindashWildcard(field()));
        }
        item.values.iter_mut().for_each(dash_flags);
    }
    if has_wildcards && !item.field.modifiers.iter().any(|modifier| NOT_TEXT.contains(modifier)) {
        spell_out(item);
    }
    Ok(())
}

/// Modifiers whose values are no text with wildcards.
const NOT_TEXT: [Modifier; 8] = [
    Modifier::Re,
    Modifier::Base64,
    Modifier::Base64Offset,
    Modifier::Wide,
    Modifier::Utf16,
    Modifier::Utf16be,
    Modifier::FieldRef,
    Modifier::Cidr,
];

fn has_wildcards(value: &SigmaValue) -> bool {
    matches!(value, SigmaValue::String(text) if text.contains_wildcards())
}

/// Replaces texts, their anchors and their case by regular expressions.
fn spell_out(item: &mut DetectionItem) {
    let has = |modifier| item.field.has_modifier(modifier);
    let is_open_before = has(Modifier::Contains) || has(Modifier::EndsWith);
    let is_open_behind = has(Modifier::Contains) || has(Modifier::StartsWith);
    let flags = if has(Modifier::Cased) { "(?s)" } else { "(?si)" };
    let (before, behind) =
        (if is_open_before { "" } else { "^" }, if is_open_behind { "" } else { "$" });
    let expression = |value: &SigmaValue| {
        let text = match value {
            SigmaValue::String(text) => pattern(&text.parts),
            SigmaValue::Integer(number) => literal(&number.to_string()),
            SigmaValue::Float(number) => literal(&number.to_string()),
            SigmaValue::Bool(_) | SigmaValue::Null => return None,
        };
        Some(SigmaValue::from_raw_string(&format!("{flags}{before}{text}{behind}")))
    };
    // Beside what is no text, only values without anchors make sense, and those are right as
    // they are but for line breaks.
    let Some(expressions) = item.values.iter().map(expression).collect() else { return };
    item.values = expressions;
    let modifiers = &mut item.field.modifiers;
    modifiers.retain(|modifier| *modifier == Modifier::All);
    modifiers.push(Modifier::Re);
}

fn pattern(parts: &[StringPart]) -> String {
    let part = |part: &StringPart| match part {
        StringPart::Plain(text) => literal(text),
        StringPart::Special(SpecialChar::WildcardMulti) => ".*".to_owned(),
        StringPart::Special(SpecialChar::WildcardSingle) => ".".to_owned(),
    };
    parts.iter().map(part).collect()
}

/// A text as an expression that matches nothing else.
fn literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() && !c.is_ascii_alphanumeric() {
            literal.push_str(&format!("\\x{{{:X}}}", u32::from(c)));
        } else {
            literal.push(c);
        }
    }
    literal
}

/// Turns slashes that begin a flag into dashes: pySigma's `\B[-/]\b`.
fn dash_flags(value: &mut SigmaValue) {
    let SigmaValue::String(text) = value else { return };
    for part in &mut text.parts {
        if let StringPart::Plain(plain) = part {
            *plain = dashed(plain);
        }
    }
    text.original = dashed(&text.original);
}

fn dashed(text: &str) -> String {
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let mut previous = None;
    let mut chars = text.chars().peekable();
    let mut dashed = String::with_capacity(text.len());
    while let Some(c) = chars.next() {
        let begins_flag = c == '/' && !is_word(previous) && is_word(chars.peek().copied());
        dashed.push(if begins_flag { '-' } else { c });
        previous = Some(c);
    }
    dashed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_flags_are_dashed() {
        assert_eq!(dashed("/c"), "-c");
        assert_eq!(dashed(" /c /k:x"), " -c -k:x");
        assert_eq!(dashed("http://a/b c/d / e"), "http:/-a/b c/d / e");
        assert_eq!(dashed("-c"), "-c");
    }
}
