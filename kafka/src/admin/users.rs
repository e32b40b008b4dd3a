//! SCRAM-SHA-512 users.

#![expect(unsafe_code, reason = "librdkafka's admin interface is not wrapped")]

use std::{ptr, time::Duration};

use rdkafka::{bindings as rd, client::NativeClient, error::RDKafkaErrorCode as Code};

use super::request::{Op, items, make, request};
use crate::{
    ffi::{Owned, Refusal, c_string, text},
    secret::Password,
};

/// RFC 5802's floor. Passwords are 256 random bits, so that stretching adds nothing to them.
const ITERATIONS: i32 = 4096;

const SHA_512: rd::rd_kafka_ScramMechanism_t =
    rd::rd_kafka_ScramMechanism_t::RD_KAFKA_SCRAM_MECHANISM_SHA_512;

type Alteration = rd::rd_kafka_UserScramCredentialAlteration_t;

/// Makes a user, or changes its password.
pub(super) fn upsert(
    client: &NativeClient,
    user: &str,
    password: &Password,
    timeout: Duration,
) -> Result<(), Refusal> {
    let name = c_string(user);
    let password = password.expose().as_bytes();
    // SAFETY: name and password live for the call, which copies them; without a salt librdkafka
    // draws one.
    let alteration = unsafe {
        make(
            |_, _| {
                rd::rd_kafka_UserScramCredentialUpsertion_new(
                    name.as_ptr(),
                    SHA_512,
                    ITERATIONS,
                    password.as_ptr(),
                    password.len(),
                    ptr::null(),
                    0,
                )
            },
            rd::rd_kafka_UserScramCredentialAlteration_destroy,
        )
    }?;
    alter(client, &alteration, timeout)
}

/// Removes a user; `false` when there was none.
pub(super) fn delete(
    client: &NativeClient,
    user: &str,
    timeout: Duration,
) -> Result<bool, Refusal> {
    let name = c_string(user);
    // SAFETY: the name lives for the call, which copies it.
    let alteration = unsafe {
        make(
            |_, _| rd::rd_kafka_UserScramCredentialDeletion_new(name.as_ptr(), SHA_512),
            rd::rd_kafka_UserScramCredentialAlteration_destroy,
        )
    }?;
    match alter(client, &alteration, timeout) {
        Ok(()) => Ok(true),
        Err(refusal) if refusal.code == Code::ResourceNotFound => Ok(false),
        Err(refusal) => Err(refusal),
    }
}

fn alter(
    client: &NativeClient,
    alteration: &Owned<Alteration>,
    timeout: Duration,
) -> Result<(), Refusal> {
    let mut alterations = [alteration.ptr()];
    request(
        client,
        Op::RD_KAFKA_ADMIN_OP_ALTERUSERSCRAMCREDENTIALS,
        timeout,
        // SAFETY: the array and what it points to live for the call, which copies them.
        |r| unsafe {
            let alterations = alterations.as_mut_ptr();
            rd::rd_kafka_AlterUserScramCredentials(r.client, alterations, 1, r.options, r.queue);
        },
        // SAFETY: the event is of this request, and lives for the call.
        |event| unsafe {
            let result = rd::rd_kafka_event_AlterUserScramCredentials_result(event);
            let mut count = 0;
            let responses =
                rd::rd_kafka_AlterUserScramCredentials_result_responses(result, &raw mut count);
            for response in items(responses, count) {
                let error = rd::rd_kafka_AlterUserScramCredentials_result_response_error(response);
                Refusal::of_error(error).map_or(Ok(()), Err)?;
            }
            Ok(())
        },
    )
}

/// A user that can authenticate by SCRAM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScramUser {
    /// Its name.
    pub name: String,
    /// Whether by SCRAM-SHA-512, which is what cordon uses; otherwise by a weaker hash alone.
    pub by_sha_512: bool,
}

/// All users that can authenticate by SCRAM.
pub(super) fn list(client: &NativeClient, timeout: Duration) -> Result<Vec<ScramUser>, Refusal> {
    request(
        client,
        Op::RD_KAFKA_ADMIN_OP_DESCRIBEUSERSCRAMCREDENTIALS,
        timeout,
        // SAFETY: no names asks for all.
        |r| unsafe {
            let names = ptr::null_mut();
            rd::rd_kafka_DescribeUserScramCredentials(r.client, names, 0, r.options, r.queue);
        },
        // SAFETY: the event is of this request, and lives for the call.
        |event| unsafe {
            let result = rd::rd_kafka_event_DescribeUserScramCredentials_result(event);
            let mut count = 0;
            let users = rd::rd_kafka_DescribeUserScramCredentials_result_descriptions(
                result,
                &raw mut count,
            );
            Ok(items(users, count).into_iter().map(|user| read(user)).collect())
        },
    )
}

/// # Safety
/// `user` belongs to a living event.
unsafe fn read(user: *const rd::rd_kafka_UserScramCredentialsDescription_t) -> ScramUser {
    // SAFETY: the caller's event is alive, and with it the user, its name and its credentials;
    // the indexes are below their count.
    unsafe {
        let count = rd::rd_kafka_UserScramCredentialsDescription_scramcredentialinfo_count(user);
        let by_sha_512 = (0..count).any(|index| {
            let credential =
                rd::rd_kafka_UserScramCredentialsDescription_scramcredentialinfo(user, index);
            rd::rd_kafka_ScramCredentialInfo_mechanism(credential) == SHA_512
        });
        let name = text(rd::rd_kafka_UserScramCredentialsDescription_user(user));
        ScramUser { name, by_sha_512 }
    }
}
