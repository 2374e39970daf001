//! An issuer on this machine: HTTPS with a certificate of its own authority, and every fault that one can have.

use std::{
    collections::HashMap,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};
use tempfile::TempDir;

/// How a path is answered.
#[derive(Debug, Clone)]
pub(crate) enum Document {
    /// With JSON.
    Json(String),
    /// With this whole response, status line and all.
    Raw(String),
    /// Not at all, for a while.
    Stalls(Duration),
}

type Documents = Arc<Mutex<HashMap<String, Document>>>;

/// The issuer's server. It answers one request a connection.
pub(crate) struct TlsIssuer {
    /// `https://localhost:PORT`
    pub(crate) url: String,
    /// The authority's certificate.
    pub(crate) authority: PathBuf,
    documents: Documents,
    _folder: TempDir,
}

impl TlsIssuer {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = certificate(folder.path());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let documents = Documents::default();
        let known = Arc::clone(&documents);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, known) = (Arc::clone(&config), Arc::clone(&known));
                std::thread::spawn(move || answer(stream, config, &known));
            }
        });
        let authority = folder.path().join("ca.pem");
        Self { url, authority, documents, _folder: folder }
    }

    pub(crate) fn put(&self, path: &str, document: Document) {
        self.documents.lock().unwrap().insert(path.to_owned(), document);
    }

    /// Publishes an issuer's documents.
    pub(crate) fn publish(&self, issuer: &testkit::TestIssuer) {
        self.put("/.well-known/openid-configuration", Document::Json(issuer.discovery().to_string()));
        self.put("/jwks", Document::Json(issuer.jwks().to_string()));
    }
}

/// An authority, and a certificate of it for `localhost`.
fn certificate(folder: &Path) -> Arc<rustls::ServerConfig> {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
    let run = |arguments: &str| {
        let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost\n").unwrap();
    let pair = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    run(&format!("req -x509 {pair} -subj /CN=Test-CA -days 2 -keyout ca.key -out ca.pem"));
    run(&format!("req -new {pair} -subj /CN=localhost -keyout key.pem -out request.pem"));
    run(
        "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out cert.pem",
    );
    let chain = CertificateDer::pem_file_iter(folder.join("cert.pem")).unwrap();
    let chain: Vec<_> = chain.collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Arc::new(builder.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap())
}

fn answer(mut stream: TcpStream, config: Arc<rustls::ServerConfig>, documents: &Documents) {
    let mut connection = rustls::ServerConnection::new(config).unwrap();
    let mut tls = rustls::Stream::new(&mut connection, &mut stream);
    let mut request = Vec::new();
    let mut part = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match tls.read(&mut part) {
            Ok(count) if count > 0 => request.extend_from_slice(&part[..count]),
            _ => return,
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    assert!(!request.to_lowercase().contains("authorization"), "nothing of ours is sent");
    let path = request.split(' ').nth(1).unwrap_or_default();
    let found = documents.lock().unwrap().get(path).cloned();
    let response = match found {
        Some(Document::Json(body)) => format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        ),
        Some(Document::Raw(response)) => response,
        Some(Document::Stalls(time)) => {
            std::thread::sleep(time);
            return;
        }
        None => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(),
    };
    let _ = tls.write_all(response.as_bytes());
    connection.send_close_notify();
    let _ = rustls::Stream::new(&mut connection, &mut stream).flush();
}
