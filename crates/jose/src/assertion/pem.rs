//! PEM (RFC 7468): the labelled blocks in a text.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";
/// How many characters a line of a body has (RFC 7468 §2).
const LINE: usize = 64;

/// One block: its label and what it holds.
pub(crate) struct Block<'a> {
    pub(crate) label: &'a str,
    pub(crate) bytes: Vec<u8>,
}

/// Whether a block begins anywhere in `text`.
pub(crate) fn is_pem(text: &str) -> bool {
    text.contains(BEGIN)
}

/// The blocks in `text`. What stands around them is ignored (RFC 7468 §5.2). Nothing if a block has no end, an end of another label, or a
/// body that is no base64.
pub(crate) fn blocks(mut text: &str) -> Option<Vec<Block<'_>>> {
    let mut blocks = Vec::new();
    while let Some((_, rest)) = text.split_once(BEGIN) {
        let (label, rest) = rest.split_once(DASHES)?;
        let (body, rest) = rest.split_once(END)?;
        let (end, rest) = rest.split_once(DASHES)?;
        if end != label {
            return None;
        }
        let body: String = body.split_ascii_whitespace().collect();
        blocks.push(Block { label, bytes: STANDARD.decode(body).ok()? });
        text = rest;
    }
    Some(blocks)
}

/// One block with a line break behind it.
pub(crate) fn write(label: &str, bytes: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(STANDARD.encode(bytes));
    // Room for all of it, so that no copy of a private key is left behind where it grew.
    let room = body.len() + body.len() / LINE + 2 * (label.len() + BEGIN.len() + DASHES.len() + LINE);
    let mut text = Zeroizing::new(String::with_capacity(room));
    text.extend([BEGIN, label, DASHES]);
    for (place, character) in body.chars().enumerate() {
        if place % LINE == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    text.extend(["\n", END, label, DASHES, "\n"]);
    text
}
