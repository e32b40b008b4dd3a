//! Lists of system calls.
//!
//! Each list was found by running: every entry names who needs it. A new entry needs a reason of
//! the same kind, and a look at what the call offers an attacker.

mod cell;
mod courier;

use std::collections::BTreeMap;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpArgLen::Qword,
    SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

pub(super) use cell::{CellFilter, zygote_filter};
pub(super) use courier::courier_filters;

/// Each allowed call, with the shapes of arguments allowed; none listed means any.
type Allowed = BTreeMap<i64, Vec<SeccompRule>>;

/// A filter that answers the calls of the list with `listed`, and all others with `other`. Calls of
/// another architecture are the death of the process.
fn compile(
    calls: Allowed,
    other: SeccompAction,
    listed: SeccompAction,
) -> Result<BpfProgram, BackendError> {
    let arch = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(calls, other, listed, arch)?.try_into()
}

/// Allows calls whatever their arguments.
fn allow(calls: &mut Allowed, numbers: &[i64]) {
    for number in numbers {
        calls.insert(*number, Vec::new());
    }
}

/// Allows a call if all conditions of one of the shapes hold.
fn allow_if(
    calls: &mut Allowed,
    number: i64,
    shapes: &[&[SeccompCondition]],
) -> Result<(), BackendError> {
    let rules: Result<Vec<_>, _> =
        shapes.iter().map(|conditions| SeccompRule::new(conditions.to_vec())).collect();
    calls.insert(number, rules?);
    Ok(())
}

/// The argument equals the value. Arguments are compared as 32 bits, as the kernel reads those
/// that are asked about here (descriptors, flags, signals, process ids).
fn is(argument: u8, value: i32) -> Result<SeccompCondition, BackendError> {
    let value = u64::from(value.cast_unsigned());
    SeccompCondition::new(argument, Dword, SeccompCmpOp::Eq, value)
}

/// The argument has none of these bits.
fn lacks(argument: u8, bits: i32) -> Result<SeccompCondition, BackendError> {
    let bits = u64::from(bits.cast_unsigned());
    SeccompCondition::new(argument, Dword, SeccompCmpOp::MaskedEq(bits), 0)
}

/// The argument is a null pointer.
fn is_null(argument: u8) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, Qword, SeccompCmpOp::Eq, 0)
}
