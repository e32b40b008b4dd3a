//! How to reach S3.

use std::time::Duration;

use aws_sdk_s3::config::{
    BehaviorVersion, Builder, Region, StalledStreamProtectionConfig, retry::RetryConfig,
    timeout::TimeoutConfig,
};

use crate::{Credentials, RetryPolicy};

/// Longest wait for a connection: three SYNs, which Linux sends after 0, 1 and 3 seconds.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(3100);
/// A body that does not move for so long is given up; S3's own latency is far below a second.
const STALL_GRACE: Duration = Duration::from_secs(5);

/// How to reach S3, and as whom.
#[derive(Clone, Debug)]
pub struct S3Settings {
    /// Another server than AWS, as `http://host:port` or `https://host[:port]`.
    pub endpoint: Option<String>,
    /// The region, never guessed; another server usually takes any.
    pub region: String,
    /// Name the bucket in the path rather than in the host: what most other servers need.
    pub path_style: bool,
    /// Whose requests these are.
    pub credentials: Credentials,
    /// How often and how patiently each call tries.
    pub retry: RetryPolicy,
}

/// What is wrong with settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsFault {
    /// No region.
    #[error("the S3 region is empty; name it, even where the server takes any")]
    Region,
    /// Not an address.
    #[error("the S3 endpoint {0:?} does not begin with http:// or https:// and a host")]
    Endpoint(String),
}

impl S3Settings {
    fn check(&self) -> Result<(), SettingsFault> {
        if self.region.trim().is_empty() {
            return Err(SettingsFault::Region);
        }
        match &self.endpoint {
            Some(endpoint) if !is_endpoint(endpoint) => {
                Err(SettingsFault::Endpoint(endpoint.clone()))
            }
            _ => Ok(()),
        }
    }

    /// Where S3 is, for messages.
    pub fn place(&self) -> String {
        self.endpoint.clone().unwrap_or_else(|| format!("S3 in {}", self.region))
    }

    /// The SDK's configuration, for this crate and the lister: nobody else may name the SDK.
    pub fn sdk_config(&self) -> Result<Builder, SettingsFault> {
        self.check()?;
        let stalls = StalledStreamProtectionConfig::enabled().grace_period(STALL_GRACE).build();
        let mut config = aws_sdk_s3::Config::builder()
            .region(Region::new(self.region.clone()))
            .credentials_provider(self.credentials.to_sdk())
            .force_path_style(self.path_style)
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).build())
            .stalled_stream_protection(stalls)
            // Pinned, so that a new SDK does not change what is sent without anyone deciding it.
            .behavior_version(BehaviorVersion::v2026_01_12());
        config.set_endpoint_url(self.endpoint.clone());
        Ok(config)
    }
}

fn is_endpoint(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| !host.is_empty() && !host.starts_with(['/', ':']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(endpoint: Option<&str>, region: &str) -> Result<(), SettingsFault> {
        let settings = S3Settings {
            endpoint: endpoint.map(str::to_owned),
            region: region.to_owned(),
            path_style: true,
            credentials: Credentials::parse("aws_access_key_id=a\naws_secret_access_key=b")
                .unwrap(),
            retry: RetryPolicy::default(),
        };
        settings.check()
    }

    #[test]
    fn settings_are_checked_before_use() {
        assert_eq!(check(None, "eu-central-1"), Ok(()));
        assert_eq!(check(Some("http://127.0.0.1:9000"), "any"), Ok(()));
        assert_eq!(check(None, " "), Err(SettingsFault::Region));
        for endpoint in ["", "localhost:9000", "http://", "https:///x", "ftp://host"] {
            let fault = SettingsFault::Endpoint(endpoint.to_owned());
            assert_eq!(check(Some(endpoint), "any"), Err(fault));
        }
    }
}
