//! Kafka's protocol as an attacker speaks it: one request, one answer, and no library in between
//! that would ask first, ask again, or explain.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};
use bytes::{Buf as _, Bytes, BytesMut};
use cordon_kafka::secret::Password;
use hmac::{Hmac, Mac as _};
use kafka_protocol::{
    messages::{RequestHeader, ResponseHeader, SaslAuthenticateRequest, SaslHandshakeRequest},
    protocol::{Decodable as _, Encodable as _, HeaderVersion as _, Request, StrBytes},
};
use sha2::{Digest as _, Sha512};

/// A request that is not answered is a fault of the test.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Far more than any answer here has.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// A connection as one principal.
pub(crate) struct Client {
    stream: TcpStream,
    correlation: i32,
}

impl Client {
    /// Connects, and proves by SCRAM who it is.
    pub(crate) fn connect(bootstrap: &str, user: &str, password: &Password) -> Result<Self> {
        let stream = TcpStream::connect(bootstrap)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        let mut client = Self { stream, correlation: 0 };
        client.authenticate(user, password).with_context(|| format!("as {user}"))?;
        Ok(client)
    }

    /// Asks, and waits for the answer.
    pub(crate) fn ask<R: Request>(&mut self, version: i16, request: &R) -> Result<R::Response> {
        self.correlation += 1;
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.correlation)
            .with_client_id(Some(text("attacker")));
        let mut sent = BytesMut::new();
        header.encode(&mut sent, R::header_version(version))?;
        request.encode(&mut sent, version)?;
        self.stream.write_all(&u32::try_from(sent.len())?.to_be_bytes())?;
        self.stream.write_all(&sent)?;
        let mut answer = self.receive()?;
        let header = ResponseHeader::decode(&mut answer, R::Response::header_version(version))?;
        ensure!(header.correlation_id == self.correlation, "an answer to another request");
        let decoded = R::Response::decode(&mut answer, version)?;
        ensure!(!answer.has_remaining(), "an answer with {} bytes too many", answer.remaining());
        Ok(decoded)
    }

    fn receive(&mut self) -> Result<Bytes> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).context("no answer")?;
        let length = u32::from_be_bytes(length) as usize;
        ensure!(length <= ANSWER_BYTES_MAX, "an answer of {length} bytes");
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer).context("half an answer")?;
        Ok(answer.into())
    }

    /// SCRAM-SHA-512 as in <https://www.rfc-editor.org/rfc/rfc5802>.
    fn authenticate(&mut self, user: &str, password: &Password) -> Result<()> {
        let handshake = SaslHandshakeRequest::default().with_mechanism(text("SCRAM-SHA-512"));
        let shaken = self.ask(1, &handshake)?;
        ensure!(shaken.error_code == 0, "no SCRAM: {}", shaken.error_code);

        // A nonce is not to repeat; what an eavesdropper knows is not this test's subject.
        let bare = format!("n={user},r=attacker-{}", self.correlation);
        let first = self.sasl(&format!("n,,{bare}"))?;
        let field = |name: &str| {
            let found = first.split(',').find_map(|part| part.strip_prefix(name));
            found.with_context(|| format!("no {name} in {first}"))
        };
        let (nonce, salt, rounds) =
            (field("r=")?, BASE64.decode(field("s=")?)?, field("i=")?.parse()?);
        let salted: [u8; 64] =
            pbkdf2::pbkdf2_hmac_array::<Sha512, 64>(password.expose().as_bytes(), &salt, rounds);
        let client_key = hmac(&salted, b"Client Key")?;
        let unproven = format!("c=biws,r={nonce}");
        let signed = format!("{bare},{first},{unproven}");
        let signature = hmac(&Sha512::digest(&client_key), signed.as_bytes())?;
        let proof: Vec<u8> = client_key.iter().zip(signature).map(|(a, b)| a ^ b).collect();
        self.sasl(&format!("{unproven},p={}", BASE64.encode(proof)))?;
        Ok(())
    }

    fn sasl(&mut self, message: &str) -> Result<String> {
        let bytes = Bytes::copy_from_slice(message.as_bytes());
        let request = SaslAuthenticateRequest::default().with_auth_bytes(bytes);
        let answer = self.ask(2, &request)?;
        if answer.error_code != 0 {
            bail!("not let in: {}", answer.error_message.unwrap_or_default());
        }
        Ok(String::from_utf8(answer.auth_bytes.to_vec())?)
    }
}

/// A string as messages hold it.
pub(crate) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn hmac(key: &[u8], message: &[u8]) -> Result<Vec<u8>> {
    let mut hmac = Hmac::<Sha512>::new_from_slice(key)?;
    hmac.update(message);
    Ok(hmac.finalize().into_bytes().to_vec())
}
