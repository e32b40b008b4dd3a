//! Files to log datapoints.
