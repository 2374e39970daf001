//! HTTP/2 (RFC 9113) as an attacker speaks it: frames by hand, answers never taken.

use crate::outcome::{During, Outcome};
use std::net::{Ipv4Addr, SocketAddr};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// RFC 9113 §6.5.2.
const INITIAL_WINDOW_SIZE: [u8; 2] = [0, 4];

/// Connects from another address of this machine.
pub(crate) async fn connect_from(source: Ipv4Addr, server: SocketAddr) -> Outcome<TcpStream> {
    let socket = TcpSocket::new_v4().during("a socket")?;
    socket.bind((source, 0).into()).during("binding to another address")?;
    socket.connect(server).await.during("connecting")
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(0).to_be_bytes();
    let mut frame = length.get(1..).unwrap_or_default().to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A string literal of HPACK (RFC 7541 §5.2), not compressed.
fn literal(text: &str, block: &mut Vec<u8>) {
    match u8::try_from(text.len()) {
        Ok(length) if length < 127 => block.push(length),
        _ => {
            block.push(127);
            let mut rest = text.len().saturating_sub(127);
            while rest >= 128 {
                block.push(u8::try_from(rest % 128).unwrap_or(0) | 128);
                rest /= 128;
            }
            block.push(u8::try_from(rest).unwrap_or(0));
        }
    }
    block.extend(text.as_bytes());
}

fn headers(method: u8, path: &str, token: Option<&str>) -> Vec<u8> {
    // From the static table: the method, and the scheme http.
    let mut block = vec![method, 0x86, 0x04];
    literal(path, &mut block);
    block.push(0x01);
    literal("duku.test", &mut block);
    if let Some(token) = token {
        // authorization is number 23, content-type number 31.
        block.extend([0x0f, 8]);
        literal(&format!("Bearer {token}"), &mut block);
        block.extend([0x0f, 16]);
        literal("application/json", &mut block);
    }
    block
}

fn opening() -> Vec<u8> {
    let window = [INITIAL_WINDOW_SIZE.as_slice(), &0_u32.to_be_bytes()].concat();
    [PREFACE, &frame(SETTINGS, 0, 0, &window)].concat()
}

/// Asks for a page on each of so many streams and leaves no window for the answers.
pub(crate) fn pages_without_window(path: &str, streams: u32) -> Vec<u8> {
    let mut bytes = opening();
    for number in 0..streams {
        bytes.extend(frame(HEADERS, END_STREAM | END_HEADERS, 2 * number + 1, &headers(0x82, path, None)));
    }
    bytes
}

/// Begins a request on each of so many streams and holds the end of its body back.
pub(crate) fn bodies_held_back(path: &str, token: Option<&str>, streams: u32, body: usize) -> Vec<u8> {
    let mut bytes = opening();
    for number in 0..streams {
        let stream = 2 * number + 1;
        bytes.extend(frame(HEADERS, END_HEADERS, stream, &headers(0x83, path, token)));
        bytes.extend(frame(DATA, 0, stream, &vec![b' '; body]));
    }
    bytes
}

/// Sends the bytes, then reads and forgets what comes until the server closes the connection.
pub(crate) async fn send_and_wait(mut stream: TcpStream, bytes: &[u8]) {
    if stream.write_all(bytes).await.is_ok() {
        let mut buffer = [0; 4096];
        while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
    }
}
