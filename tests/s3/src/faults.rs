//! A proxy that breaks requests as it is told: what networks and S3 do on bad days.

use std::{
    collections::VecDeque,
    io,
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// What happens to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: it is passed on, and answered.
    Pass,
    /// It is answered with this status and S3 error code, and not passed on.
    Answer(u16, &'static str),
    /// It is taken and never answered, nor passed on.
    Hang,
    /// It is passed on, and its answer is lost: the client cannot know what happened.
    LoseAnswer,
    /// It is passed on, and never answered.
    HangAnswer,
    /// Its answer breaks off in the middle of the body.
    CutBody,
    /// A bit of its answer's body is flipped.
    FlipAnswerBit,
    /// A bit of its own body is flipped before it is passed on.
    FlipUploadBit,
}

/// Stands before an S3 server and gives each request, in order, the next fault of a script; when
/// the script is over, requests pass.
pub struct FaultProxy {
    endpoint: String,
    script: Script,
    /// Taken only when dropped.
    runtime: Option<tokio::runtime::Runtime>,
}

#[derive(Clone)]
struct Script(Arc<Mutex<VecDeque<Fault>>>);

impl Script {
    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FaultProxy {
    /// Stands before `upstream` (`http://host:port`) with a script.
    pub fn start(upstream: &str, script: impl IntoIterator<Item = Fault>) -> io::Result<Self> {
        let upstream = upstream.strip_prefix("http://").unwrap_or(upstream).to_owned();
        let script = Script(Arc::new(Mutex::new(script.into_iter().collect())));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("fault-proxy")
            .enable_all()
            .build()?;
        // Bound without the runtime's help: a test may start this inside a runtime of its own.
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let script_of_task = script.clone();
        runtime.spawn(async move {
            serve(TcpListener::from_std(listener)?, upstream, script_of_task).await
        });
        Ok(Self { endpoint, script, runtime: Some(runtime) })
    }

    /// Its address.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Adds faults for the requests to come.
    pub fn inject(&self, faults: impl IntoIterator<Item = Fault>) {
        self.script.lock().extend(faults);
    }

    /// Faults that no request has met yet.
    pub fn pending(&self) -> Vec<Fault> {
        self.script.lock().iter().copied().collect()
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn serve(listener: TcpListener, upstream: String, script: Script) -> io::Result<()> {
    loop {
        let (client, _peer) = listener.accept().await?;
        let (upstream, script) = (upstream.clone(), script.clone());
        // A connection that breaks is what this is for.
        tokio::spawn(async move { serve_one(client, &upstream, &script).await.is_ok() });
    }
}

/// Serves one request; the connection ends with it, so that the next one meets the next fault.
async fn serve_one(mut client: TcpStream, upstream: &str, script: &Script) -> io::Result<()> {
    let request = read_request(&mut client).await?;
    let fault = script.lock().pop_front().unwrap_or(Fault::Pass);
    let answer = match fault {
        Fault::Hang => std::future::pending().await,
        Fault::Answer(status, code) => error_answer(status, code),
        Fault::Pass => ask(upstream, &request).await?,
        Fault::HangAnswer => {
            ask(upstream, &request).await?;
            std::future::pending().await
        }
        Fault::LoseAnswer => ask(upstream, &request).await.map(|_| Vec::new())?,
        Fault::CutBody => cut_body(ask(upstream, &request).await?),
        Fault::FlipAnswerBit => flip_bit(ask(upstream, &request).await?),
        Fault::FlipUploadBit => ask(upstream, &flip_bit(request)).await?,
    };
    client.write_all(&answer).await?;
    client.shutdown().await
}

/// Reads a head and, by its content-length, a body.
async fn read_request(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut request = Vec::new();
    let body_at = loop {
        if let Some(at) = body_start(&request) {
            break at;
        }
        if client.read_buf(&mut request).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let end = body_at + content_length(&request[..body_at]);
    while request.len() < end {
        if client.read_buf(&mut request).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(request)
}

/// Passes a request on and returns the whole answer. Both are told to close their connection: a
/// header that no signature covers.
async fn ask(upstream: &str, request: &[u8]) -> io::Result<Vec<u8>> {
    let mut server = TcpStream::connect(upstream).await?;
    server.write_all(&with_close(request)).await?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).await?;
    Ok(with_close(&answer))
}

fn with_close(message: &[u8]) -> Vec<u8> {
    let first_line_end = message.windows(2).position(|w| w == b"\r\n").unwrap_or_default() + 2;
    let (first_line, rest) = message.split_at(first_line_end.min(message.len()));
    [first_line, b"connection: close\r\n", rest].concat()
}

fn error_answer(status: u16, code: &str) -> Vec<u8> {
    let body = format!("<Error><Code>{code}</Code><Message>injected</Message></Error>");
    format!(
        "HTTP/1.1 {status} Injected\r\nconnection: close\r\ncontent-type: application/xml\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Cuts the body in half.
fn cut_body(mut answer: Vec<u8>) -> Vec<u8> {
    let body_at = body_start(&answer).unwrap_or(answer.len());
    answer.truncate(body_at + (answer.len() - body_at) / 2);
    answer
}

/// Flips a bit of the body's first byte.
fn flip_bit(mut message: Vec<u8>) -> Vec<u8> {
    if let Some(body) = body_start(&message).and_then(|at| message.get_mut(at)) {
        *body ^= 1;
    }
    message
}

fn body_start(message: &[u8]) -> Option<usize> {
    message.windows(4).position(|w| w == b"\r\n\r\n").map(|at| at + 4)
}

fn content_length(head: &[u8]) -> usize {
    String::from_utf8_lossy(head)
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .unwrap_or(0)
}
