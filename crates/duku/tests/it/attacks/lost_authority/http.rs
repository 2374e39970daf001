//! Requests whose bytes are sent when the test says so, and a browser that keeps cookies.

use std::{collections::BTreeMap, fmt::Write as _, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// What the installation calls itself, wherever it listens: copies of one database must have one issuer.
pub(super) const BASE: &str = "http://127.0.0.1:8080";
pub(super) const PROTOCOL: &str = "/realms/duku/protocol/openid-connect";

#[derive(Debug, Clone, Default)]
pub(super) struct Request {
    pub(super) method: &'static str,
    pub(super) target: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

/// How much of the body is kept back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeptBack {
    Nothing,
    Body,
    LastByte,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Reply {
    /// 0 if none came.
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) text: String,
}

impl Request {
    pub(super) fn get(target: impl Into<String>) -> Self {
        Self { method: "GET", target: target.into(), ..Self::default() }
    }

    pub(super) fn form(target: impl Into<String>, fields: &[(&str, &str)]) -> Self {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        let body = body.extend_pairs(fields).finish();
        Self { method: "POST", target: target.into(), body, ..Self::default() }
            .with("content-type", "application/x-www-form-urlencoded")
    }

    pub(super) fn graphql(query: &str) -> Self {
        let body = serde_json::json!({ "query": query }).to_string();
        Self { method: "POST", target: "/graphql".to_owned(), body, ..Self::default() }
            .with("content-type", "application/json")
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sends it, except for what is kept back.
    pub(super) async fn begin(&self, server: SocketAddr, kept_back: KeptBack) -> Begun {
        let mut stream = TcpStream::connect(server).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut head = format!(
            "{} {} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nsec-fetch-site: same-origin\r\nuser-agent: Firefox on a test\r\n",
            self.method,
            self.target,
            &BASE["http://".len()..]
        );
        for (name, value) in &self.headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        if self.method == "POST" {
            write!(head, "content-length: {}\r\n", self.body.len()).unwrap();
        }
        head.push_str("\r\n");
        let sent = match kept_back {
            KeptBack::Nothing => self.body.len(),
            KeptBack::Body => 0,
            KeptBack::LastByte => self.body.len() - 1,
        };
        let (now, later) = self.body.split_at(sent);
        stream.write_all(format!("{head}{now}").as_bytes()).await.unwrap();
        Begun { stream, rest: later.to_owned() }
    }

    pub(super) async fn send(&self, server: SocketAddr) -> Reply {
        self.begin(server, KeptBack::Nothing).await.finish().await
    }
}

/// A request that is not sent to its end.
pub(super) struct Begun {
    stream: TcpStream,
    rest: String,
}

impl Begun {
    /// Sends the rest and reads what comes. A server that has answered and closed already is no error.
    pub(super) async fn finish(mut self) -> Reply {
        let _ = self.stream.write_all(self.rest.as_bytes()).await;
        let mut bytes = Vec::new();
        let _ = timeout(Duration::from_secs(20), self.stream.read_to_end(&mut bytes)).await;
        Reply::read(&bytes)
    }
}

impl Reply {
    fn read(bytes: &[u8]) -> Self {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Self::default() };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or_default();
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let reply = Self { status, headers, text: String::new() };
        let body = &bytes[end + 4..];
        let body =
            if reply.header("transfer-encoding") == "chunked" { unchunked(body) } else { body.to_vec() };
        Self { text: String::from_utf8_lossy(&body).into_owned(), ..reply }
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Cookies that were set to something: name and value.
    pub(super) fn cookies(&self) -> impl Iterator<Item = (&str, &str)> {
        let set = self.headers.iter().filter(|(name, _)| name == "set-cookie");
        set.filter_map(|(_, value)| value.split(';').next()?.split_once('='))
    }

    #[track_caller]
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text))
    }

    /// The address that it leads to, without this installation's origin.
    pub(super) fn location(&self) -> &str {
        let location = self.header("location");
        location.strip_prefix(BASE).unwrap_or(location)
    }

    /// A parameter of that address.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let query = self.location().split_once('?')?.1;
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }

    /// The text of the element with this `id`.
    #[track_caller]
    pub(super) fn element(&self, id: &str) -> String {
        let after =
            self.text.split_once(&format!(" id=\"{id}\"")).unwrap_or_else(|| panic!("no {id}: {self:?}")).1;
        after.split_once('>').unwrap().1.split('<').next().unwrap().to_owned()
    }

    /// The hidden fields of the page's forms.
    pub(super) fn hidden_fields(&self) -> Vec<(String, String)> {
        let attribute = |tag: &str, name: &str| {
            let after = tag.split_once(&format!(" {name}=\""))?.1;
            Some(after.split('"').next()?.to_owned())
        };
        let tags = self.text.split("<input type=\"hidden\"").skip(1);
        let tags = tags.filter_map(|tag| tag.split('>').next());
        tags.filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default())))
            .collect()
    }
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let length = String::from_utf8_lossy(&rest[..end]).into_owned();
        let length = usize::from_str_radix(length.trim(), 16).unwrap_or_default();
        if length == 0 || rest.len() < end + 2 + length {
            break;
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + length]);
        rest = rest.get(end + 4 + length..).unwrap_or_default();
    }
    body
}

/// Keeps cookies and follows no redirect.
#[derive(Debug, Clone)]
pub(super) struct Browser {
    pub(super) server: SocketAddr,
    pub(super) cookies: BTreeMap<String, String>,
}

impl Browser {
    pub(super) const fn new(server: SocketAddr) -> Self {
        Self { server, cookies: BTreeMap::new() }
    }

    pub(super) fn cookie_header(&self) -> String {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        cookies.join("; ")
    }

    pub(super) async fn send(&mut self, request: Request) -> Reply {
        let reply = request.with("cookie", self.cookie_header()).send(self.server).await;
        for (name, value) in reply.cookies() {
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        reply
    }

    pub(super) async fn get(&mut self, target: &str) -> Reply {
        self.send(Request::get(target)).await
    }

    pub(super) async fn post(&mut self, target: &str, fields: &[(&str, &str)]) -> Reply {
        self.send(Request::form(target, fields)).await
    }

    /// Sends a page's own form: what it hides, and what a person types.
    pub(super) async fn fill_in(&mut self, target: &str, fields: &[(&str, &str)]) -> Reply {
        let hidden = self.get(target).await.hidden_fields();
        let mut all: Vec<(&str, &str)> = hidden.iter().map(|(name, value)| (&**name, &**value)).collect();
        all.retain(|(name, _)| !fields.iter().any(|(typed, _)| typed == name));
        all.extend(fields);
        self.post(target, &all).await
    }

    /// Signs in and goes into Viewport. `code` is of the second factor.
    pub(super) async fn enter(&mut self, email: &str, password: &str, code: Option<&str>) {
        let page = self.get("/login").await.location().to_owned();
        let mut reply = self.post(&page, &[("email", email), ("password", password)]).await;
        if let Some(code) = code {
            reply = self.post(&page, &[("code", code)]).await;
        }
        assert_eq!(reply.status, 303, "{email}: {}", reply.text);
        let reply = self.get(reply.location()).await;
        assert!(self.cookies.contains_key("duku_session"), "{email}: {reply:?}");
    }

    /// The answer to an authorization request of one's own making, by this browser's sign-in.
    pub(super) async fn authorize(&mut self) -> Reply {
        let challenge = jose::base64url::encode(&jose::sha256(VERIFIER.as_bytes()));
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("client_id", "viewport"),
                ("redirect_uri", &format!("{BASE}/login/callback")),
                ("response_type", "code"),
                ("scope", "openid"),
                ("state", "any"),
                ("code_challenge", &challenge),
                ("code_challenge_method", "S256"),
            ])
            .finish();
        self.get(&format!("{PROTOCOL}/auth?{query}")).await
    }
}

pub(super) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// The form that redeems a code of [`Browser::authorize`].
pub(super) fn code_form(code: &str) -> Vec<(&'static str, String)> {
    vec![
        ("grant_type", "authorization_code".to_owned()),
        ("client_id", "viewport".to_owned()),
        ("code", code.to_owned()),
        ("redirect_uri", format!("{BASE}/login/callback")),
        ("code_verifier", VERIFIER.to_owned()),
    ]
}
