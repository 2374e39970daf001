//! A file that always holds an access token that works, for jobs that run longer than one lives.

use super::access_token;
use crate::{
    cli::{output, user::AtomicFile},
    command_error::CommandError,
};
use serde_json::Value;
use std::{path::Path, time::Duration};
use tokio::time::{Instant, sleep};

/// The first pause after a failure; each one after it is twice as long, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Keeps a fresh token in `file`, which only its owner may read and which is replaced whole, until the process is stopped. A new
/// token is fetched when two thirds of the last one's time are over. The first exchange must succeed; a later one is tried again
/// for as long as the last token lives.
///
/// # Errors
/// The first exchange fails, the file cannot be written, or no exchange succeeded before the last token expired.
pub(crate) async fn keep_fresh<F>(file: &Path, exchange: impl Fn() -> F) -> Result<(), CommandError>
where
    F: Future<Output = Result<Value, CommandError>>,
{
    let mut answer = exchange().await?;
    loop {
        let issued = Instant::now();
        write(file, access_token(&answer)?)?;
        let seconds = answer.get("expires_in").and_then(Value::as_u64).unwrap_or(60).max(3);
        let ends = issued + Duration::from_secs(seconds);
        sleep(Duration::from_secs(seconds * 2 / 3)).await;
        let mut pause = FIRST_PAUSE;
        answer = loop {
            match exchange().await {
                Ok(answer) => break answer,
                Err(error) if Instant::now() + pause >= ends => return Err(error),
                Err(error) => output::aside(&format!("{error}; trying again in {} s", pause.as_secs())),
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        };
    }
}

fn write(file: &Path, token: &str) -> Result<(), CommandError> {
    AtomicFile::of(file)
        .and_then(|next| next.commit(token))
        .map_err(|error| CommandError::new(format!("cannot write {}: {error}", file.display())))
}
