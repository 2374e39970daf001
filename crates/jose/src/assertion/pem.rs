//! PEM (RFC 7468): the labelled blocks in a text.

use base64::{Engine as _, engine::general_purpose::STANDARD};

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// One block: its label and what it holds.
pub(super) struct Block<'a> {
    pub(super) label: &'a str,
    pub(super) bytes: Vec<u8>,
}

/// Whether a block begins anywhere in `text`.
pub(super) fn is_pem(text: &str) -> bool {
    text.contains(BEGIN)
}

/// The blocks in `text`. What stands around them is ignored (RFC 7468 §5.2). Nothing if a block has no end, an end of another label, or a
/// body that is no base64.
pub(super) fn blocks(mut text: &str) -> Option<Vec<Block<'_>>> {
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
