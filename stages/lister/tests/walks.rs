//! Walks over an S3 server with policies.

use std::{fs, path::Path, time::Duration};

use cordon_lister::{ListError, Lister, Page, Walk};
use cordon_store::{Credentials, RetryPolicy, S3Settings};
use cordon_test_s3::{Action, Policy, TestS3};

const BUCKET: &str = "payloads";
const TIME_MS: i64 = 1_700_000_000_000;

struct Fixture {
    server: TestS3,
    objects: tempfile::TempDir,
}

impl Fixture {
    fn start() -> Self {
        let objects = tempfile::tempdir().unwrap();
        let policy = Policy { buckets: vec![BUCKET.to_owned()], ..Policy::default() }
            .grant("lister", Action::ListBucket, BUCKET, "")
            .grant("stage", Action::GetObject, BUCKET, "logs/");
        let server = TestS3::start(objects.path(), policy).unwrap();
        Self { server, objects }
    }

    /// As the server keeps them: a file for each object.
    fn plant(&self, key: &str) {
        let path = self.objects.path().join(BUCKET).join(key);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).unwrap();
        fs::write(path, key).unwrap();
    }

    fn lister(&self, principal: &str) -> Lister {
        let secret = format!(
            "aws_access_key_id = {principal}\naws_secret_access_key = {principal}-secret\n"
        );
        let settings = S3Settings {
            endpoint: Some(self.server.endpoint().to_owned()),
            region: "us-east-1".to_owned(),
            path_style: true,
            credentials: Credentials::parse(&secret).unwrap(),
            retry: RetryPolicy {
                delay_base: Duration::from_millis(1),
                delay_max: Duration::from_millis(4),
                ..RetryPolicy::default()
            },
        };
        Lister::new(&settings).unwrap()
    }
}

fn key(prefix: &str, time_ms: i64, n: u32) -> String {
    format!("{prefix}/{time_ms}-6f1ddc2a-58a4-4f0c-8d5d-{n:012x}")
}

fn keys(pages: &[Page]) -> Vec<String> {
    pages.iter().flat_map(|page| &page.found).map(|found| found.key.to_string()).collect()
}

async fn walk_to_the_end(lister: &Lister, walk: &Walk) -> Vec<Page> {
    let (mut pages, mut behind) = (Vec::new(), None);
    loop {
        let page: Page = lister.page(BUCKET, walk, behind.as_deref()).await.unwrap();
        behind.clone_from(&page.next);
        pages.push(page);
        if behind.is_none() {
            return pages;
        }
    }
}

#[tokio::test]
async fn a_walk_finds_the_payloads_of_its_time_and_nothing_else() {
    let fixture = Fixture::start();
    let at = |after_ms, n| key("logs", TIME_MS + after_ms, n);
    for planted in [
        at(-1, 1),
        at(0, 2),
        at(5, 3),
        at(10, 4),
        key("logs/a", TIME_MS, 5),
        key("logs.x", TIME_MS, 6),
        key("subgraphs", TIME_MS, 7),
        "logs/canary".to_owned(),
    ] {
        fixture.plant(&planted);
    }
    let lister = fixture.lister("lister");
    let times_ms = TIME_MS..TIME_MS + 10;
    let walk = Walk::new("logs".parse().unwrap(), times_ms.clone());
    let pages = walk_to_the_end(&lister, &walk).await;
    assert_eq!(keys(&pages), [at(0, 2), at(5, 3)]);
    assert_eq!(pages[0].found[0].size_bytes, at(0, 2).len() as i64);
    assert_eq!((pages[0].strangers, &pages[0].below[..]), (1, &["logs/a/".to_owned()][..]));

    let shard = Walk::new("logs/a".parse().unwrap(), times_ms);
    assert_eq!(keys(&walk_to_the_end(&lister, &shard).await), [key("logs/a", TIME_MS, 5)]);
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_overlap() {
    let fixture = Fixture::start();
    // More than two pages of S3's thousand keys.
    let planted: Vec<String> = (0..2_100).map(|n| key("logs", TIME_MS + i64::from(n), n)).collect();
    planted.iter().for_each(|key| fixture.plant(key));
    let lister = fixture.lister("lister");
    let all = Walk::new("logs".parse().unwrap(), 0..i64::MAX);
    let pages = walk_to_the_end(&lister, &all).await;
    assert!(pages.len() >= 3, "{} pages", pages.len());
    assert_eq!(keys(&pages), planted);

    // What lies behind the time is not asked for.
    let some = Walk::new("logs".parse().unwrap(), TIME_MS + 100..TIME_MS + 200);
    let pages = walk_to_the_end(&lister, &some).await;
    assert_eq!((pages.len(), &keys(&pages)[..]), (1, &planted[100..200]));
}

#[tokio::test]
async fn whoever_may_not_list_is_told_what_to_allow() {
    let fixture = Fixture::start();
    let walk = Walk::new("logs".parse().unwrap(), 0..i64::MAX);
    let refused = fixture.lister("stage").page(BUCKET, &walk, None).await;
    let Err(ListError::Refused(words)) = refused else { panic!("{refused:?}") };
    assert!(words.contains("allow s3:ListBucket on payloads"), "{words}");
}
