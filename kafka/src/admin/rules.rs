//! Every rule that a broker's authorizer holds, whoever made it.

#![expect(unsafe_code, reason = "librdkafka's admin interface is not wrapped")]

use std::{fmt, ptr, time::Duration};

use rdkafka::{bindings as rd, client::NativeClient};

use super::{
    Acl, Operation, Resource,
    request::{Op, items, make, request},
};
use crate::ffi::{Owned, Refusal, text};

/// A rule as a broker tells it. cordon's own are [`Acl`]s; what others made may be of any kind,
/// so that kinds are Kafka's words here, and `"unknown"` where librdkafka knows no word.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AclRule {
    /// Whom it is about: `User:<name>`, `User:*` for everyone.
    pub principal: String,
    /// Where from: an address, `*` for anywhere.
    pub host: String,
    /// Whether it allows; otherwise it denies.
    pub allows: bool,
    /// What: `Read`, `Alter`, `All`, ….
    pub operation: &'static str,
    /// To what kind of thing: `topic`, `group`, `cluster`, `transactional id`.
    pub resource: &'static str,
    /// Its name, or the beginning of it; `*` for all of the kind.
    pub name: String,
    /// Whether `name` is a beginning.
    pub prefixed: bool,
}

impl AclRule {
    /// The same as cordon would make it, if it is of a kind that cordon makes.
    pub fn as_acl(&self) -> Option<Acl> {
        if !self.allows || self.host != ANY_HOST {
            return None;
        }
        let operation = match self.operation {
            "Read" => Operation::Read,
            "Write" => Operation::Write,
            "Describe" => Operation::Describe,
            _ => return None,
        };
        let resource = match self.resource {
            "topic" => Resource::Topic,
            "group" => Resource::Group,
            "transactional id" => Resource::TransactionalId,
            _ => return None,
        };
        Some(Acl {
            principal: self.principal.clone(),
            operation,
            resource,
            name: self.name.clone(),
            prefixed: self.prefixed,
        })
    }
}

impl fmt::Display for AclRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { principal, host, allows, operation, resource, name, prefixed } = self;
        let not = if *allows { "" } else { "denied " };
        let star = if *prefixed { "*" } else { "" };
        write!(f, "{principal} {not}{operation} {resource} {name}{star}")?;
        if host == ANY_HOST { Ok(()) } else { write!(f, " from {host}") }
    }
}

const ANY_HOST: &str = "*";
const UNKNOWN: &str = "unknown";

type Binding = rd::rd_kafka_AclBinding_t;
type Permission = rd::rd_kafka_AclPermissionType_t;
type Pattern = rd::rd_kafka_ResourcePatternType_t;

/// All of them.
pub(super) fn list(client: &NativeClient, timeout: Duration) -> Result<Vec<AclRule>, Refusal> {
    let filter = everything()?;
    request(
        client,
        Op::RD_KAFKA_ADMIN_OP_DESCRIBEACLS,
        timeout,
        // SAFETY: the filter lives for the call, which copies it.
        |r| unsafe { rd::rd_kafka_DescribeAcls(r.client, filter.ptr(), r.options, r.queue) },
        // SAFETY: the event is of this request, and lives for the call.
        |event| unsafe {
            let result = rd::rd_kafka_event_DescribeAcls_result(event);
            let mut count = 0;
            let found = rd::rd_kafka_DescribeAcls_result_acls(result, &raw mut count);
            Ok(items(found, count).into_iter().map(|found| read(found)).collect())
        },
    )
}

fn everything() -> Result<Owned<Binding>, Refusal> {
    // SAFETY: null means any, and no string is passed.
    unsafe {
        make(
            |words, size| {
                rd::rd_kafka_AclBindingFilter_new(
                    rd::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_ANY,
                    ptr::null(),
                    Pattern::RD_KAFKA_RESOURCE_PATTERN_ANY,
                    ptr::null(),
                    ptr::null(),
                    rd::rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_ANY,
                    Permission::RD_KAFKA_ACL_PERMISSION_TYPE_ANY,
                    words,
                    size,
                )
            },
            rd::rd_kafka_AclBinding_destroy,
        )
    }
}

/// # Safety
/// `binding` belongs to a living event.
unsafe fn read(binding: *const Binding) -> AclRule {
    // SAFETY: the caller's event is alive, and with it the binding's strings. librdkafka replaces
    // numbers that it does not know before they become these enums.
    unsafe {
        AclRule {
            principal: text(rd::rd_kafka_AclBinding_principal(binding)),
            host: text(rd::rd_kafka_AclBinding_host(binding)),
            allows: rd::rd_kafka_AclBinding_permission_type(binding)
                == Permission::RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW,
            operation: operation(rd::rd_kafka_AclBinding_operation(binding)),
            resource: resource(rd::rd_kafka_AclBinding_restype(binding)),
            name: text(rd::rd_kafka_AclBinding_name(binding)),
            prefixed: rd::rd_kafka_AclBinding_resource_pattern_type(binding)
                == Pattern::RD_KAFKA_RESOURCE_PATTERN_PREFIXED,
        }
    }
}

fn operation(native: rd::rd_kafka_AclOperation_t) -> &'static str {
    use rd::rd_kafka_AclOperation_t as Op;
    match native {
        Op::RD_KAFKA_ACL_OPERATION_ALL => "All",
        Op::RD_KAFKA_ACL_OPERATION_READ => "Read",
        Op::RD_KAFKA_ACL_OPERATION_WRITE => "Write",
        Op::RD_KAFKA_ACL_OPERATION_CREATE => "Create",
        Op::RD_KAFKA_ACL_OPERATION_DELETE => "Delete",
        Op::RD_KAFKA_ACL_OPERATION_ALTER => "Alter",
        Op::RD_KAFKA_ACL_OPERATION_DESCRIBE => "Describe",
        Op::RD_KAFKA_ACL_OPERATION_CLUSTER_ACTION => "ClusterAction",
        Op::RD_KAFKA_ACL_OPERATION_DESCRIBE_CONFIGS => "DescribeConfigs",
        Op::RD_KAFKA_ACL_OPERATION_ALTER_CONFIGS => "AlterConfigs",
        Op::RD_KAFKA_ACL_OPERATION_IDEMPOTENT_WRITE => "IdempotentWrite",
        _ => UNKNOWN,
    }
}

fn resource(native: rd::rd_kafka_ResourceType_t) -> &'static str {
    use rd::rd_kafka_ResourceType_t as Kind;
    match native {
        Kind::RD_KAFKA_RESOURCE_TOPIC => "topic",
        Kind::RD_KAFKA_RESOURCE_GROUP => "group",
        // In ACLs this number means the cluster: <https://kafka.apache.org/protocol>, DescribeAcls.
        Kind::RD_KAFKA_RESOURCE_BROKER => "cluster",
        Kind::RD_KAFKA_RESOURCE_TRANSACTIONAL_ID => "transactional id",
        _ => UNKNOWN,
    }
}
