//! Retries: the one place where a call to S3 is repeated. The SDK's own are switched off, because
//! they end where a body begins.

use std::{future::Future, time::Duration};

use crate::{GetError, PutError};

/// How often, and how patiently, one call tries.
///
/// Exponential backoff with full jitter: couriers that were throttled together do not come back
/// together (AWS Builders' Library, "Timeouts, retries, and backoff with jitter").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all, the first included; at least 1.
    pub attempts_max: u32,
    /// Longest delay before the second attempt; doubles with each one after.
    pub delay_base: Duration,
    /// No delay is longer.
    pub delay_max: Duration,
    /// Longest attempt, its body included.
    pub attempt_timeout: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            // Rides out a blip. Whoever called backs off for longer on their own, so that a call
            // ends well within Kafka's `max.poll.interval.ms`.
            attempts_max: 4,
            // About one round trip to S3.
            delay_base: Duration::from_millis(100),
            // An S3 prefix that is throttled recovers within seconds.
            delay_max: Duration::from_secs(5),
            // The largest object of a batch is 128 MiB: 30 s is 4.5 MB/s.
            attempt_timeout: Duration::from_secs(30),
        }
    }
}

impl RetryPolicy {
    /// Longest delay after the given attempt, counted from 1.
    fn delay_bound(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(16);
        self.delay_base.saturating_mul(1 << doublings).min(self.delay_max)
    }

    /// Runs attempts until one succeeds, fails for good, or was the last.
    pub async fn run<T, E, F>(&self, attempt: impl Fn() -> F) -> Result<T, E>
    where
        E: Passing,
        F: Future<Output = Result<T, E>>,
    {
        for nth in 1.. {
            let error = match tokio::time::timeout(self.attempt_timeout, attempt()).await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) => error,
                Err(_elapsed) => E::unavailable(format!("no answer in {:?}", self.attempt_timeout)),
            };
            if !error.passes() || nth >= self.attempts_max {
                return Err(error);
            }
            let delay = self.delay_bound(nth).mul_f64(fastrand::f64());
            tracing::debug!(attempt = nth, ?delay, %error, "trying the store again");
            tokio::time::sleep(delay).await;
        }
        unreachable!("the loop returns at its last attempt")
    }
}

/// An error that says whether it is worth another attempt.
pub trait Passing: std::error::Error {
    /// Whether the same call may succeed by itself a little later.
    fn passes(&self) -> bool;

    /// The error of a call that got no answer.
    fn unavailable(detail: String) -> Self;
}

impl Passing for GetError {
    fn passes(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    fn unavailable(detail: String) -> Self {
        Self::Unavailable(detail)
    }
}

impl Passing for PutError {
    fn passes(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    fn unavailable(detail: String) -> Self {
        Self::Unavailable(detail)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        attempts_max: 3,
        delay_base: Duration::from_millis(100),
        delay_max: Duration::from_millis(300),
        attempt_timeout: Duration::from_secs(1),
    };

    /// Runs `POLICY` over scripted errors and returns the result with the attempts it took.
    async fn run(script: &[Option<GetError>]) -> (Result<(), GetError>, usize) {
        let attempts = Cell::new(0);
        let result = POLICY
            .run(async || {
                let error = script[attempts.get()].clone();
                attempts.set(attempts.get() + 1);
                error.map_or(Ok(()), Err)
            })
            .await;
        (result, attempts.get())
    }

    fn unavailable() -> Option<GetError> {
        Some(GetError::Unavailable("503".to_owned()))
    }

    #[test]
    fn delays_double_up_to_the_cap() {
        let bounds: Vec<u128> =
            [1, 2, 3, 4, u32::MAX].map(|n| POLICY.delay_bound(n).as_millis()).into();
        assert_eq!(bounds, [100, 200, 300, 300, 300]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_passes_is_tried_again() {
        assert_eq!(run(&[unavailable(), unavailable(), None]).await, (Ok(()), 3));
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_pass_is_not() {
        let missing = Some(GetError::MissingOrDenied);
        assert_eq!(run(&[missing]).await, (Err(GetError::MissingOrDenied), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_attempt_is_the_last() {
        let script = [unavailable(), unavailable(), unavailable(), None];
        assert_eq!(run(&script).await, (Err(unavailable().unwrap()), 3));
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_without_an_answer_ends() {
        let hang = async || std::future::pending::<Result<(), GetError>>().await;
        let expected = GetError::Unavailable("no answer in 1s".to_owned());
        assert_eq!(POLICY.run(hang).await, Err(expected));
    }
}
