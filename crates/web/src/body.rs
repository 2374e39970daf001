//! Bodies of bounded size.

use axum::body::{Body, Bytes};
use http_body_util::{BodyExt, LengthLimitError, Limited};

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// It is over the limit.
    TooLarge,
    /// The connection broke.
    Broken,
}

/// Reads a body of at most `maximum` bytes.
///
/// # Errors
/// The body is larger, or the connection broke.
pub(crate) async fn read_body(body: Body, maximum: usize) -> Result<Bytes, BodyError> {
    match Limited::new(body, maximum).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge),
        Err(_) => Err(BodyError::Broken),
    }
}
