//! ACLs: who may do what.

#![expect(unsafe_code, reason = "librdkafka's admin interface is not wrapped")]

use std::{
    ffi::{CString, c_char},
    fmt,
    time::Duration,
};

use rdkafka::{bindings as rd, client::NativeClient};

use super::request::{Op, items, make, pointers, request};
use crate::ffi::{Owned, Refusal, c_string};

/// One thing that one principal is allowed, from any host. cordon grants; it never denies, so
/// that an ACL that is not there is the whole denial.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Acl {
    /// `User:<name>`.
    pub principal: String,
    /// What it may do.
    pub operation: Operation,
    /// To what kind of thing.
    pub resource: Resource,
    /// Its name, or the beginning of it.
    pub name: String,
    /// Whether `name` is a beginning.
    pub prefixed: bool,
}

/// Operations that cordon grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Consume, or commit offsets under. Implies Describe.
    Read,
    /// Produce. Implies Describe.
    Write,
    /// See that it exists, its partitions and offsets.
    Describe,
}

/// Kinds of things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// A topic.
    Topic,
    /// A consumer group.
    Group,
    /// A transactional id.
    TransactionalId,
}

impl fmt::Display for Acl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { principal, operation, resource, name, prefixed } = self;
        let star = if *prefixed { "*" } else { "" };
        write!(f, "{principal} {operation:?} {resource} {name}{star}")
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Topic => "topic",
            Self::Group => "group",
            Self::TransactionalId => "transactional id",
        })
    }
}

type Binding = rd::rd_kafka_AclBinding_t;
type Allow = rd::rd_kafka_AclPermissionType_t;
type Pattern = rd::rd_kafka_ResourcePatternType_t;

/// Grants them. One that is there already stays as it is.
pub(super) fn create(
    client: &NativeClient,
    acls: &[Acl],
    timeout: Duration,
) -> Result<(), Refusal> {
    if acls.is_empty() {
        return Ok(());
    }
    let bindings = acls.iter().map(binding).collect::<Result<Vec<_>, _>>()?;
    let mut bindings_of = pointers(&bindings);
    request(
        client,
        Op::RD_KAFKA_ADMIN_OP_CREATEACLS,
        timeout,
        // SAFETY: the array and what it points to live for the call, which copies them.
        |r| unsafe {
            let (array, count) = (bindings_of.as_mut_ptr(), bindings_of.len());
            rd::rd_kafka_CreateAcls(r.client, array, count, r.options, r.queue);
        },
        // SAFETY: the event is of this request, and lives for the call.
        |event| unsafe {
            let result = rd::rd_kafka_event_CreateAcls_result(event);
            let mut count = 0;
            let results = rd::rd_kafka_CreateAcls_result_acls(result, &raw mut count);
            for result in items(results, count) {
                Refusal::of_error(rd::rd_kafka_acl_result_error(result)).map_or(Ok(()), Err)?;
            }
            Ok(())
        },
    )
}

/// Takes them away; gives how many there were.
pub(super) fn delete(
    client: &NativeClient,
    acls: &[Acl],
    timeout: Duration,
) -> Result<usize, Refusal> {
    if acls.is_empty() {
        return Ok(0);
    }
    // A filter that names every part matches exactly one ACL.
    let filters = acls.iter().map(filter).collect::<Result<Vec<_>, _>>()?;
    let mut filters_of = pointers(&filters);
    request(
        client,
        Op::RD_KAFKA_ADMIN_OP_DELETEACLS,
        timeout,
        // SAFETY: the array and what it points to live for the call, which copies them.
        |r| unsafe {
            let (array, count) = (filters_of.as_mut_ptr(), filters_of.len());
            rd::rd_kafka_DeleteAcls(r.client, array, count, r.options, r.queue);
        },
        // SAFETY: the event is of this request, and lives for the call.
        |event| unsafe {
            let result = rd::rd_kafka_event_DeleteAcls_result(event);
            let mut count = 0;
            let responses = rd::rd_kafka_DeleteAcls_result_responses(result, &raw mut count);
            let mut deleted = 0;
            for response in items(responses, count) {
                let error = rd::rd_kafka_DeleteAcls_result_response_error(response);
                Refusal::of_error(error).map_or(Ok(()), Err)?;
                let mut matching = 0;
                rd::rd_kafka_DeleteAcls_result_response_matching_acls(response, &raw mut matching);
                deleted += matching;
            }
            Ok(deleted)
        },
    )
}

/// The strings of an ACL, for C.
struct Parts {
    name: CString,
    principal: CString,
    pattern: Pattern,
}

const ANY_HOST: &std::ffi::CStr = c"*";

impl Parts {
    fn of(acl: &Acl) -> Self {
        let pattern = if acl.prefixed {
            Pattern::RD_KAFKA_RESOURCE_PATTERN_PREFIXED
        } else {
            Pattern::RD_KAFKA_RESOURCE_PATTERN_LITERAL
        };
        Self { name: c_string(&acl.name), principal: c_string(&acl.principal), pattern }
    }
}

/// How librdkafka makes a binding, and a filter that finds it: the same parts for both.
type NewBinding = unsafe extern "C" fn(
    rd::rd_kafka_ResourceType_t,
    *const c_char,
    Pattern,
    *const c_char,
    *const c_char,
    rd::rd_kafka_AclOperation_t,
    Allow,
    *mut c_char,
    usize,
) -> *mut Binding;

fn binding(acl: &Acl) -> Result<Owned<Binding>, Refusal> {
    native(acl, rd::rd_kafka_AclBinding_new)
}

fn filter(acl: &Acl) -> Result<Owned<Binding>, Refusal> {
    native(acl, rd::rd_kafka_AclBindingFilter_new)
}

fn native(acl: &Acl, new: NewBinding) -> Result<Owned<Binding>, Refusal> {
    let parts = Parts::of(acl);
    // SAFETY: the strings live for the call, which copies them.
    unsafe {
        make(
            |words, size| {
                new(
                    native_resource(acl.resource),
                    parts.name.as_ptr(),
                    parts.pattern,
                    parts.principal.as_ptr(),
                    ANY_HOST.as_ptr(),
                    native_operation(acl.operation),
                    Allow::RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW,
                    words,
                    size,
                )
            },
            rd::rd_kafka_AclBinding_destroy,
        )
    }
}

fn native_resource(resource: Resource) -> rd::rd_kafka_ResourceType_t {
    use rd::rd_kafka_ResourceType_t as Kind;
    match resource {
        Resource::Topic => Kind::RD_KAFKA_RESOURCE_TOPIC,
        Resource::Group => Kind::RD_KAFKA_RESOURCE_GROUP,
        Resource::TransactionalId => Kind::RD_KAFKA_RESOURCE_TRANSACTIONAL_ID,
    }
}

fn native_operation(operation: Operation) -> rd::rd_kafka_AclOperation_t {
    use rd::rd_kafka_AclOperation_t as Op;
    match operation {
        Operation::Read => Op::RD_KAFKA_ACL_OPERATION_READ,
        Operation::Write => Op::RD_KAFKA_ACL_OPERATION_WRITE,
        Operation::Describe => Op::RD_KAFKA_ACL_OPERATION_DESCRIBE,
    }
}
