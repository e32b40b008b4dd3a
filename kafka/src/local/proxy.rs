//! A TCP proxy before a broker, which does to requests and answers what networks do on bad days.
//! It reads of a request its kind and its number, and of an answer its number.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// Larger than any request of a test; a frame beyond it is a proxy that lost its place.
const FRAME_BYTES_MAX: usize = 64 << 20;

/// Kafka's numbers of requests that tests speak of.
pub mod api_key {
    /// Appends records.
    pub const PRODUCE: i16 = 0;
    /// Begins a transaction's part in a partition.
    pub const ADD_PARTITIONS_TO_TXN: i16 = 24;
    /// Begins a transaction's part in a group.
    pub const ADD_OFFSETS_TO_TXN: i16 = 25;
    /// Commits or aborts.
    pub const END_TXN: i16 = 26;
    /// Writes a transaction's offsets.
    pub const TXN_OFFSET_COMMIT: i16 = 28;
}

/// What happens to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strike {
    /// It arrives; its connection dies before the answer.
    LoseAnswer,
    /// It never arrives, and its connection stands still.
    HoldRequest,
    /// It arrives and is answered; the answer never comes, and its connection stands still.
    HoldAnswer,
    /// It arrives so much later, and so does all behind it, although its sender may be gone.
    Late(Duration),
}

/// The proxy. Its threads end with the process.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    plan: Arc<Plan>,
}

/// What shall happen, and what did.
#[derive(Debug, Default)]
struct Plan {
    orders: Mutex<Orders>,
    /// Something struck.
    struck: Condvar,
}

#[derive(Debug, Default)]
struct Orders {
    /// For the next request of one kind that has these bytes in it.
    next: Option<(i16, Vec<u8>, Strike)>,
    /// For all requests of a kind that have these bytes in them: how long their answers take more.
    delays: Vec<(i16, Vec<u8>, Duration)>,
    struck: u32,
}

impl Plan {
    fn lock(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What happens to this request.
    fn take(&self, api_key: i16, frame: &[u8]) -> (Option<Strike>, Option<Duration>) {
        let mut orders = self.lock();
        let is_meant = |(kind, within, _): &mut (i16, Vec<u8>, Strike)| {
            *kind == api_key && contains(frame, within)
        };
        let strike = orders.next.take_if(is_meant).map(|(.., strike)| strike);
        let mut delays = orders.delays.iter();
        let delay = delays.find(|(kind, within, _)| *kind == api_key && contains(frame, within));
        (strike, delay.map(|(.., delay)| *delay))
    }

    fn has_struck(&self) {
        self.lock().struck += 1;
        self.struck.notify_all();
    }
}

impl Proxy {
    /// Listens now; forwards to `broker` once there is one.
    pub fn start(broker: impl Fn() -> Option<SocketAddr> + Send + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let plan = Arc::new(Plan::default());
        let shared = Arc::clone(&plan);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A broker that is down refuses, and so does the proxy: by closing.
                let Some(server) = broker().and_then(|broker| TcpStream::connect(broker).ok())
                else {
                    continue;
                };
                let plan = Arc::clone(&shared);
                thread::spawn(move || serve(client, server, plan));
            }
        });
        Ok(Self { address, plan })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Strikes the next request of this kind.
    pub fn strike(&self, api_key: i16, strike: Strike) {
        self.strike_within(api_key, "", strike);
    }

    /// Strikes the next request of this kind that has a text in it, such as a topic's name.
    pub fn strike_within(&self, api_key: i16, text: &str, strike: Strike) {
        self.plan.lock().next = Some((api_key, text.as_bytes().to_vec(), strike));
    }

    /// Takes an order back that nothing met yet.
    pub fn spare(&self) {
        self.plan.lock().next = None;
    }

    /// From now on every answer to a request of this kind that has a text in it takes so much longer.
    pub fn delay_answers(&self, api_key: i16, text: &str, delay: Duration) {
        self.plan.lock().delays.push((api_key, text.as_bytes().to_vec(), delay));
    }

    /// No answer is delayed any more.
    pub fn hurry(&self) {
        self.plan.lock().delays.clear();
    }

    /// How often it struck: an answer was lost, or what was to be held is held.
    pub fn struck(&self) -> u32 {
        self.plan.lock().struck
    }
}

/// One connection, shared by its two directions.
struct Connection {
    client: TcpStream,
    server: TcpStream,
    plan: Arc<Plan>,
    /// Answers that shall not come as they are: the request's number, and what happens.
    marked: Mutex<Vec<(i32, Fate)>>,
    is_held: AtomicBool,
}

#[derive(Clone, Copy)]
enum Fate {
    Hold,
    Delay(Duration),
}

fn serve(client: TcpStream, server: TcpStream, plan: Arc<Plan>) {
    // Small messages back and forth: without this each waits 40 ms for company.
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    let connection = Arc::new(Connection {
        client,
        server,
        plan,
        marked: Mutex::default(),
        is_held: AtomicBool::new(false),
    });
    let shared = Arc::clone(&connection);
    let back = thread::spawn(move || {
        // Either side may close at any time; that ends the connection and nothing else.
        let _ = shared.answers();
        shared.end();
    });
    let _ = connection.requests();
    connection.end();
    let _ = back.join();
}

impl Connection {
    fn end(&self) {
        let _ = self.server.shutdown(Shutdown::Both);
        let _ = self.client.shutdown(Shutdown::Both);
    }

    fn marked(&self) -> MutexGuard<'_, Vec<(i32, Fate)>> {
        self.marked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forwards requests, until one is struck.
    fn requests(&self) -> io::Result<()> {
        let (mut client, mut server) = (&self.client, &self.server);
        loop {
            let frame = read_frame(&mut client)?;
            if self.is_held.load(Ordering::SeqCst) {
                continue; // it sends, and nothing arrives
            }
            let kind = i16::from_be_bytes([frame[4], frame[5]]);
            let number = i32::from_be_bytes([frame[8], frame[9], frame[10], frame[11]]);
            let (strike, delay) = self.plan.take(kind, &frame);
            match strike {
                None => {
                    let delayed = delay.map(|delay| (number, Fate::Delay(delay)));
                    self.marked().extend(delayed);
                }
                Some(Strike::HoldRequest) => {
                    self.is_held.store(true, Ordering::SeqCst);
                    self.plan.has_struck();
                    continue;
                }
                Some(Strike::HoldAnswer) => self.marked().push((number, Fate::Hold)),
                Some(Strike::Late(by)) => {
                    self.plan.has_struck();
                    thread::sleep(by);
                }
                // First, so that no answer can slip through.
                Some(Strike::LoseAnswer) => client.shutdown(Shutdown::Both)?,
            }
            server.write_all(&frame)?;
            if strike == Some(Strike::LoseAnswer) {
                self.plan.has_struck();
                // The broker carries it out although nobody hears: give it the time.
                thread::sleep(Duration::from_millis(300));
                return Ok(());
            }
        }
    }

    /// Forwards answers.
    fn answers(&self) -> io::Result<()> {
        let (mut client, mut server) = (&self.client, &self.server);
        loop {
            let frame = read_frame(&mut server)?;
            let number = i32::from_be_bytes([frame[4], frame[5], frame[6], frame[7]]);
            let fate = {
                let mut marked = self.marked();
                let at = marked.iter().position(|(marked, _)| *marked == number);
                at.map(|at| marked.swap_remove(at).1)
            };
            match fate {
                Some(Fate::Hold) => {
                    self.is_held.store(true, Ordering::SeqCst);
                    self.plan.has_struck();
                }
                Some(Fate::Delay(delay)) => thread::sleep(delay),
                None => {}
            }
            if !self.is_held.load(Ordering::SeqCst) {
                client.write_all(&frame)?;
            }
        }
    }
}

fn contains(frame: &[u8], text: &[u8]) -> bool {
    text.is_empty() || frame.windows(text.len()).any(|found| found == text)
}

/// One message with its size before it. Whatever its direction, it begins with eight bytes or more.
fn read_frame(from: &mut &TcpStream) -> io::Result<Vec<u8>> {
    let mut size = [0; 4];
    from.read_exact(&mut size)?;
    let count = u32::from_be_bytes(size) as usize;
    if !(8..=FRAME_BYTES_MAX).contains(&count) {
        return Err(io::Error::other(format!("a frame of {count} bytes")));
    }
    let mut frame = vec![0; 4 + count];
    frame[..4].copy_from_slice(&size);
    from.read_exact(&mut frame[4..])?;
    Ok(frame)
}
