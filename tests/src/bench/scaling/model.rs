//! How many datapoints a second a deployment takes, and what stops it there.
//!
//! Everything is linear: slots share nothing, a datapoint costs what it costs, and a transaction
//! covers a full batch where there is work enough. So the rate is the lowest of a few limits, and
//! what a rate needs is its product with what was measured at one slot.

use serde::Serialize;

/// What S3 serves for each prefix:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html>.
const PREFIX_PUTS_PER_S: f64 = 3_500.0;
const PREFIX_GETS_PER_S: f64 = 5_500.0;
/// List prices in us-east-1, for a thousand requests: <https://aws.amazon.com/s3/pricing/>.
const GETS_1000_USD: f64 = 0.0004;
const PUTS_1000_USD: f64 = 0.005;
/// A core for an hour, on demand (half of c7i.large there): <https://aws.amazon.com/ec2/pricing/>.
const CORE_HOUR_USD: f64 = 0.0446;
const HOURS_A_MONTH: f64 = 730.0;
const SECONDS_A_MONTH: f64 = HOURS_A_MONTH * 3600.0;

/// What was measured with one slot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Costs {
    /// Datapoints a second.
    pub(super) slot_per_s: f64,
    /// CPU of a datapoint in the stage's own processes.
    pub(super) stage_cpu_us: f64,
    /// CPU of a transaction in the broker: of a datapoint's pointers too, few as they are.
    pub(super) broker_cpu_us_per_transaction: f64,
    /// CPU of a datapoint in whatever else runs on the stage's machine.
    pub(super) beside_cpu_us: f64,
    pub(super) datapoints_per_transaction: f64,
    pub(super) gets_per_million: f64,
    pub(super) puts_per_million: f64,
}

/// What there is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Deployment {
    pub(super) slots: u32,
    /// Of the stage's input.
    pub(super) partitions: u32,
    /// Of the stage's machines.
    pub(super) cores: f64,
    /// Of the brokers that coordinate transactions; `None` where they share the stage's.
    pub(super) broker_cores: Option<f64>,
    /// Of the bucket, for the output.
    pub(super) prefixes: u32,
}

/// What bounds a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Limit {
    Slots,
    Partitions,
    Cores,
    Coordinators,
    Puts,
    Gets,
}

impl Limit {
    /// What to turn when it is reached.
    pub(super) fn knob(self) -> &'static str {
        match self {
            Self::Slots => "courier.slots, or more couriers",
            Self::Partitions => "partitions of the input in topology.yaml",
            Self::Cores => "more couriers on other machines; a slot more gains nothing",
            Self::Coordinators => "courier.batch_datapoints_max, or more brokers",
            Self::Puts => "courier.batch_datapoints_max, or more prefixes",
            Self::Gets => "larger payloads, or more prefixes",
        }
    }
}

/// What a rate needs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Needs {
    pub(super) slots: u32,
    /// Of the input: one for each slot at least.
    pub(super) partitions: u32,
    pub(super) cores: f64,
    pub(super) transactions_per_s: f64,
    pub(super) broker_cores: f64,
    pub(super) gets_per_s: f64,
    pub(super) puts_per_s: f64,
    pub(super) prefixes: u32,
    pub(super) cores_usd_a_month: f64,
    pub(super) requests_usd_a_month: f64,
}

impl Costs {
    /// Each limit, in datapoints a second.
    pub(super) fn limits(&self, there: &Deployment) -> [(Limit, f64); 6] {
        let prefixes = f64::from(there.prefixes);
        let broker_cpu_us = self.broker_cpu_us_per_transaction / self.datapoints_per_transaction;
        let (shared_cpu_us, coordinators) = match there.broker_cores {
            Some(cores) => (self.beside_cpu_us, cores * 1e6 / broker_cpu_us),
            None => (self.beside_cpu_us + broker_cpu_us, f64::INFINITY),
        };
        [
            (Limit::Slots, self.slot_per_s * f64::from(there.slots)),
            (Limit::Partitions, self.slot_per_s * f64::from(there.partitions)),
            (Limit::Cores, there.cores * 1e6 / (self.stage_cpu_us + shared_cpu_us)),
            (Limit::Coordinators, coordinators),
            (Limit::Puts, prefixes * PREFIX_PUTS_PER_S * 1e6 / self.puts_per_million),
            (Limit::Gets, prefixes * PREFIX_GETS_PER_S * 1e6 / self.gets_per_million),
        ]
    }

    /// The lowest limit: how many datapoints a second there will be, and what stops them.
    pub(super) fn first_limit(&self, there: &Deployment) -> (Limit, f64) {
        let [first, rest @ ..] = self.limits(there);
        rest.into_iter().fold(first, |low, next| if next.1 < low.1 { next } else { low })
    }

    /// What so many datapoints a second need.
    pub(super) fn needs(&self, per_s: f64) -> Needs {
        let millions_per_s = per_s / 1e6;
        let transactions_per_s = per_s / self.datapoints_per_transaction;
        let (gets_per_s, puts_per_s) =
            (self.gets_per_million * millions_per_s, self.puts_per_million * millions_per_s);
        let slots = (per_s / self.slot_per_s).ceil() as u32;
        let cores = self.stage_cpu_us * millions_per_s;
        let prefixes = (puts_per_s / PREFIX_PUTS_PER_S).max(gets_per_s / PREFIX_GETS_PER_S);
        let requests_usd_per_s = (gets_per_s * GETS_1000_USD + puts_per_s * PUTS_1000_USD) / 1e3;
        Needs {
            slots,
            partitions: slots,
            cores,
            transactions_per_s,
            broker_cores: transactions_per_s * self.broker_cpu_us_per_transaction / 1e6,
            gets_per_s,
            puts_per_s,
            prefixes: prefixes.ceil() as u32,
            cores_usd_a_month: cores * CORE_HOUR_USD * HOURS_A_MONTH,
            requests_usd_a_month: requests_usd_per_s * SECONDS_A_MONTH,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Round numbers: a slot takes 100,000 a second, and a core 200,000.
    const COSTS: Costs = Costs {
        slot_per_s: 100_000.0,
        stage_cpu_us: 4.0,
        broker_cpu_us_per_transaction: 10_000.0,
        beside_cpu_us: 0.5,
        datapoints_per_transaction: 20_000.0,
        gets_per_million: 250.0,
        puts_per_million: 50.0,
    };
    const PLENTY: Deployment = Deployment {
        slots: 100,
        partitions: 100,
        cores: 100.0,
        broker_cores: Some(100.0),
        prefixes: 100,
    };

    #[test]
    fn each_limit_can_be_the_first() {
        let first = |there| COSTS.first_limit(&there);
        let of = |limit, per_s: f64| (limit, per_s);
        assert_eq!(first(Deployment { slots: 3, ..PLENTY }), of(Limit::Slots, 300_000.0));
        assert_eq!(first(Deployment { partitions: 2, ..PLENTY }), of(Limit::Partitions, 200_000.0));
        assert_eq!(first(Deployment { cores: 4.5, ..PLENTY }), of(Limit::Cores, 1e6));
        assert_eq!(
            first(Deployment { broker_cores: Some(1.0), ..PLENTY }),
            of(Limit::Coordinators, 2e6)
        );
        let requests = Costs { gets_per_million: 5_500.0, ..COSTS };
        let there = Deployment { prefixes: 2, ..PLENTY };
        assert_eq!(requests.first_limit(&there), of(Limit::Gets, 2e6));
        let requests = Costs { puts_per_million: 7_000.0, ..COSTS };
        assert_eq!(requests.first_limit(&there), of(Limit::Puts, 1e6));
    }

    #[test]
    fn slots_beyond_the_cores_gain_nothing() {
        let rate = |slots| {
            let there = Deployment { slots, cores: 1.0, broker_cores: None, ..PLENTY };
            COSTS.first_limit(&there)
        };
        // 4 + 0.5 + 0.5 µs: 200,000 a second on one core.
        assert_eq!(rate(1), (Limit::Slots, 100_000.0));
        assert_eq!(rate(4), (Limit::Cores, 200_000.0));
        assert_eq!(rate(4), rate(8));
    }

    #[test]
    fn what_is_needed_suffices_and_no_less_does() {
        let needs = COSTS.needs(1e6);
        let there = Deployment {
            slots: needs.slots,
            partitions: needs.partitions,
            // The model's cores are the stage's own.
            cores: needs.cores,
            broker_cores: Some(needs.broker_cores),
            prefixes: needs.prefixes,
        };
        let costs = Costs { beside_cpu_us: 0.0, ..COSTS };
        let rate = |there| costs.first_limit(&there).1;
        assert!((rate(there) - 1e6).abs() < 1.0, "{needs:?}");
        for less in [
            Deployment { slots: there.slots - 1, ..there },
            Deployment { partitions: there.partitions - 1, ..there },
            Deployment { cores: there.cores * 0.9, ..there },
            Deployment { broker_cores: there.broker_cores.map(|cores| cores * 0.9), ..there },
        ] {
            assert!(rate(less) < 1e6, "{less:?}");
        }
    }

    #[test]
    fn prices_are_those_of_the_list() {
        // 10 GETs and 2 PUTs a second.
        let needs = COSTS.needs(40_000.0);
        assert_eq!((needs.gets_per_s, needs.puts_per_s), (10.0, 2.0));
        let usd = (10.0 * 0.0004 + 2.0 * 0.005) / 1000.0 * 3600.0 * 730.0;
        assert!((needs.requests_usd_a_month - usd).abs() < 1e-6);
    }
}
