//! A TCP proxy in front of a broker that can lose an answer: the request arrives, the connection
//! dies.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicI32, AtomicU32, Ordering},
    },
    thread,
};

/// Larger than any request of a test; a frame beyond it is a proxy that lost its place.
const FRAME_BYTES_MAX: usize = 8 << 20;

/// No request has this key.
const NONE: i32 = -1;

/// The proxy. Its threads end with the process.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    fate: Arc<Fate>,
}

/// What shall happen to the next request of one kind.
struct Fate {
    api_key: AtomicI32,
    struck: AtomicU32,
}

impl Proxy {
    /// Listens now; forwards to `broker` once connections come.
    pub(crate) fn start(broker: impl Fn() -> SocketAddr + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let fate = Arc::new(Fate { api_key: AtomicI32::new(NONE), struck: AtomicU32::new(0) });
        let shared = Arc::clone(&fate);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A broker that is down refuses, and so does the proxy: by closing.
                let Ok(server) = TcpStream::connect(broker()) else { continue };
                let fate = Arc::clone(&shared);
                thread::spawn(move || serve(client, server, &fate));
            }
        });
        Self { port, fate }
    }

    /// Loses the answer to the next request of this kind.
    pub(crate) fn lose_answer_to(&self, api_key: i16) {
        self.fate.api_key.store(i32::from(api_key), Ordering::SeqCst);
    }

    /// How many answers were lost.
    pub(crate) fn lost(&self) -> u32 {
        self.fate.struck.load(Ordering::SeqCst)
    }
}

fn serve(client: TcpStream, server: TcpStream, fate: &Fate) {
    let (Ok(mut from_server), Ok(mut to_client)) = (server.try_clone(), client.try_clone()) else {
        return;
    };
    let back = thread::spawn(move || {
        let _ = io::copy(&mut from_server, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Both);
    });
    // Either side may close at any time; that ends the connection and nothing else.
    let _ = forward(&client, &server, fate);
    let _ = server.shutdown(Shutdown::Both);
    let _ = client.shutdown(Shutdown::Both);
    let _ = back.join();
}

/// Forwards requests frame by frame, until one is to lose its answer.
fn forward(mut client: &TcpStream, mut server: &TcpStream, fate: &Fate) -> io::Result<()> {
    loop {
        let mut size = [0; 4];
        client.read_exact(&mut size)?;
        let count = u32::from_be_bytes(size) as usize;
        assert!((2..=FRAME_BYTES_MAX).contains(&count), "a frame of {count} bytes");
        let mut frame = vec![0; count];
        client.read_exact(&mut frame)?;
        let api_key = i32::from(i16::from_be_bytes([frame[0], frame[1]]));
        let strike = fate
            .api_key
            .compare_exchange(api_key, NONE, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok();
        if strike {
            // First, so that no answer can slip through.
            client.shutdown(Shutdown::Both)?;
        }
        server.write_all(&size)?;
        server.write_all(&frame)?;
        if strike {
            fate.struck.fetch_add(1, Ordering::SeqCst);
            // The broker carries the request out although nobody hears: give it the time.
            thread::sleep(std::time::Duration::from_millis(300));
            return Ok(());
        }
    }
}
