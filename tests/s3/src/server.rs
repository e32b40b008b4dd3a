//! The server on its own threads.

use std::{io, net::Ipv4Addr, path::PathBuf, sync::Arc};

use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use s3s::{
    auth::SimpleAuth,
    service::{S3Service, S3ServiceBuilder},
};
use tokio::net::TcpListener;

use crate::{Policy, Requests, access::Access, objects::Objects, requests::Counter};

/// Enough that a slow file does not hold up a fast one; the tests need the cores themselves.
const THREADS: usize = 2;

/// A running server. It stops, in the middle of requests if need be, when this is dropped.
pub struct TestS3 {
    endpoint: String,
    requests: Counter,
    /// Taken only when dropped.
    runtime: Option<tokio::runtime::Runtime>,
}

impl TestS3 {
    /// Serves the objects below `root`, which is made if need be, on a free loopback port.
    pub fn start(root: impl Into<PathBuf>, policy: Policy) -> io::Result<Self> {
        let root = root.into();
        std::fs::create_dir_all(&root)?;
        for bucket in &policy.buckets {
            std::fs::create_dir_all(root.join(bucket))?;
        }
        let requests = Counter::default();
        let service = service(root, policy, requests.clone())?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("test-s3")
            .enable_all()
            .build()?;
        // Bound without the runtime's help: a test may start this inside a runtime of its own.
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        runtime.spawn(async { serve(TcpListener::from_std(listener)?, service).await });
        Ok(Self { endpoint, requests, runtime: Some(runtime) })
    }

    /// Its address, as `http://127.0.0.1:port`. Clients need path style; any region will do.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What was asked of it so far.
    pub fn requests(&self) -> Requests {
        self.requests.now()
    }
}

impl Drop for TestS3 {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Not the plain drop: that would block, which a test inside a runtime may not.
            runtime.shutdown_background();
        }
    }
}

fn service(root: PathBuf, policy: Policy, requests: Counter) -> io::Result<S3Service> {
    let files = s3s_fs::FileSystem::new(&root)
        .map_err(|error| io::Error::other(format!("cannot serve {}: {error:?}", root.display())))?;
    let policy = Arc::new(policy);
    let mut auth = SimpleAuth::new();
    for principal in &policy.principals {
        let secret = principal.secret_access_key.as_str().into();
        auth.register(principal.access_key_id.clone(), secret);
    }
    let mut builder = S3ServiceBuilder::new(Objects::new(files, policy.clone()));
    builder.set_auth(auth);
    builder.set_access(Access { root, policy, requests });
    Ok(builder.build())
}

async fn serve(listener: TcpListener, service: S3Service) -> io::Result<()> {
    let http = auto::Builder::new(TokioExecutor::new());
    // An error of accept is that of one connection, or passes: too many open files.
    loop {
        let Ok((stream, _peer)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        // Best effort: without it answers are only slower.
        let _ = stream.set_nodelay(true);
        let connection = http.serve_connection(TokioIo::new(stream), service.clone()).into_owned();
        // A connection that breaks is the client's business.
        tokio::spawn(async move { connection.await.is_ok() });
    }
}
