//! HTTP/1.1 as a client that hides nothing: no retries, no pool, one connection that is open or not. So an operation's
//! interval is its own, and "was not answered" means what it says.

use crate::outcome::Outcome;
use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// `Retry-After`, in seconds.
    pub(crate) retry_after: Option<u64>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Why nothing came back.
#[derive(Debug, Clone)]
pub(crate) enum Lost {
    /// Nobody listened: the server has not seen the request.
    Unreachable(String),
    /// It was sent, at least in part, and not answered.
    Unanswered(String),
}

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreachable(why) => write!(f, "unreachable: {why}"),
            Self::Unanswered(why) => write!(f, "unanswered: {why}"),
        }
    }
}

/// One client of one server.
#[derive(Debug)]
pub(crate) struct Client {
    address: SocketAddr,
    /// Its own address, where that matters.
    from: Option<Ipv4Addr>,
    stream: Option<TcpStream>,
    limit: Duration,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) const fn new(address: SocketAddr, limit: Duration) -> Self {
        Self { address, from: None, stream: None, limit, buffer: Vec::new() }
    }

    /// The same client at another address of this machine.
    pub(crate) const fn at(mut self, from: Ipv4Addr) -> Self {
        self.from = Some(from);
        self
    }

    /// Sends the request and waits for its answer, on a new connection if there is none.
    pub(crate) async fn send(&mut self, request: &[u8]) -> Result<Answer, Lost> {
        let answer = timeout(self.limit, self.exchange(request)).await;
        let answer =
            answer.unwrap_or_else(|_| Err(Lost::Unanswered(format!("no answer in {:?}", self.limit))));
        if answer.is_err() {
            self.stream = None;
        }
        answer
    }

    /// Whether the server has closed the connection while it was idle, so that nobody would send anything on it.
    pub(crate) fn is_idle_closed(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| matches!(stream.try_read(&mut [0; 1]), Ok(0)))
    }

    async fn exchange(&mut self, request: &[u8]) -> Result<Answer, Lost> {
        if self.is_idle_closed() {
            self.stream = None;
        }
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(self.address, self.from).await?,
        };
        let broken = |error: std::io::Error| Lost::Unanswered(error.to_string());
        stream.write_all(request).await.map_err(broken)?;
        self.buffer.clear();
        let head = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end;
            }
            if stream.read_buf(&mut self.buffer).await.map_err(broken)? == 0 {
                return Err(Lost::Unanswered(format!("closed after {} bytes", self.buffer.len())));
            }
        };
        let text = String::from_utf8_lossy(self.buffer.get(..head).unwrap_or_default()).into_owned();
        let head_of = Head::parse(&text).map_err(Lost::Unanswered)?;
        let mut body = self.buffer.split_off(head + 4);
        while body.len() < head_of.length {
            if stream.read_buf(&mut body).await.map_err(broken)? == 0 {
                return Err(Lost::Unanswered("closed in the middle of an answer".to_owned()));
            }
        }
        if !head_of.close {
            self.stream = Some(stream);
        }
        Ok(Answer { status: head_of.status, retry_after: head_of.retry_after, body })
    }
}

async fn connect(address: SocketAddr, from: Option<Ipv4Addr>) -> Result<TcpStream, Lost> {
    let connected = async {
        let socket = TcpSocket::new_v4()?;
        if let Some(from) = from {
            socket.bind(SocketAddr::from((from, 0)))?;
        }
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        Ok::<_, std::io::Error>(stream)
    };
    connected.await.map_err(|error| Lost::Unreachable(error.to_string()))
}

struct Head {
    status: u16,
    length: usize,
    retry_after: Option<u64>,
    close: bool,
}

impl Head {
    fn parse(text: &str) -> Outcome<Self> {
        let mut lines = text.split("\r\n");
        let first = lines.next().unwrap_or_default();
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| format!("no HTTP: {first}"))?;
        let mut head = Self { status, length: 0, retry_after: None, close: false };
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => head.length = value.parse().map_err(|_| "a bad length".to_owned())?,
                "retry-after" => head.retry_after = value.parse().ok(),
                "connection" => head.close = value.eq_ignore_ascii_case("close"),
                "transfer-encoding" => return Err("an answer in chunks".to_owned()),
                _ => {}
            }
        }
        Ok(head)
    }
}

fn find(text: &[u8], pattern: &[u8]) -> Option<usize> {
    text.windows(pattern.len()).position(|window| window == pattern)
}

/// A `GET`.
pub(crate) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: duku\r\n\r\n").into_bytes()
}

fn post(path: &str, kind: &str, more: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: duku\r\ncontent-type: {kind}\r\n{more}content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

const PROTOCOL: &str = "/realms/duku/protocol/openid-connect";
const FORM: &str = "application/x-www-form-urlencoded";

/// An exchange of a pair for a token.
pub(crate) fn exchange(client_id: &str, secret: &str) -> Vec<u8> {
    let body = format!("grant_type=client_credentials&client_id={client_id}&client_secret={secret}");
    post(&format!("{PROTOCOL}/token"), FORM, "", &body)
}

/// An exchange of an assertion for a token (RFC 7523 §2.2).
pub(crate) fn exchange_assertion(client_id: &str, assertion: &str) -> Vec<u8> {
    let body = format!(
        "grant_type=client_credentials&client_id={client_id}&client_assertion={assertion}\
         &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
    );
    post(&format!("{PROTOCOL}/token"), FORM, "", &body)
}

/// RFC 7009: a key ends one of its tokens.
pub(crate) fn revoke_token(client_id: &str, secret: &str, token: &str) -> Vec<u8> {
    let body = format!("client_id={client_id}&client_secret={secret}&token={token}");
    post(&format!("{PROTOCOL}/revoke"), FORM, "", &body)
}

/// A GraphQL request.
pub(crate) fn graphql(token: &str, query: &str) -> Vec<u8> {
    let body = serde_json::json!({ "query": query }).to_string();
    post("/graphql", "application/json", &format!("authorization: Bearer {token}\r\n"), &body)
}

/// Whether the text stands there.
pub(crate) fn contains(text: &[u8], pattern: &[u8]) -> bool {
    find(text, pattern).is_some()
}
