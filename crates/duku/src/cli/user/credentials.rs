//! The file that holds the sessions of `duku login`, by server: `credentials.json` in the user's configuration directory.
//!
//! Refresh tokens work once, so whoever reads one to use it holds the lock until the next one is written.

use super::atomic_file::AtomicFile;
use crate::command_error::CommandError;
use domain::Timestamp;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fmt, fs,
    io::{self, ErrorKind, Read},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const VARIABLE: &str = "DUKU_CREDENTIALS_FILE";

/// An access or refresh token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
pub(super) struct Token(String);

impl Token {
    pub(super) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(redacted)")
    }
}

/// One session with one server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) realm: String,
    pub(super) access_token: Token,
    /// Unix milliseconds.
    pub(super) access_token_expires_at: i64,
    pub(super) refresh_token: Token,
    /// Unix milliseconds; sessions of earlier versions do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) refresh_token_expires_at: Option<i64>,
}

/// An access token is used up a little early: the clocks of two machines differ.
const LEEWAY_SECONDS: i64 = 30;

impl Session {
    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        now.plus_seconds(LEEWAY_SECONDS) < Timestamp::from_ms(self.access_token_expires_at)
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Content {
    servers: BTreeMap<String, Session>,
}

/// Where the file is: `DUKU_CREDENTIALS_FILE`, else `duku/credentials.json` in `$XDG_CONFIG_HOME` or `~/.config`.
pub(super) fn path() -> Result<PathBuf, CommandError> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(path) = variable(VARIABLE) {
        return Ok(path);
    }
    // The XDG Base Directory Specification has relative paths ignored.
    let configuration = variable("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
    let configuration = configuration.or_else(|| variable("HOME").map(|home| home.join(".config")));
    let configuration = configuration.ok_or_else(|| {
        CommandError::new(format!(
            "there is no home directory for the credentials: name a file with {VARIABLE}"
        ))
    })?;
    Ok(configuration.join("duku").join("credentials.json"))
}

/// The file, locked against every other command until this is dropped, and able to be written.
pub(super) struct Credentials {
    path: PathBuf,
    content: Content,
    draft: Option<AtomicFile>,
    _lock: fs::File,
}

impl Credentials {
    /// Waits for the lock and reads the file.
    ///
    /// # Errors
    /// The file or its directory cannot be used, others may read it, or it is damaged.
    pub(super) async fn lock(path: PathBuf) -> Result<Self, CommandError> {
        let opened = tokio::task::spawn_blocking(move || {
            let shown = path.display().to_string();
            Self::open(path)
                .map_err(|error| CommandError::new(format!("cannot use the credentials in {shown}: {error}")))
        });
        opened.await.map_err(|error| CommandError::new(error.to_string()))?
    }

    fn open(path: PathBuf) -> io::Result<Self> {
        if let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        }
        let mut lock_path = path.clone().into_os_string();
        // A file of its own: the credentials are replaced, and a lock on the replaced file would keep nobody out.
        lock_path.push(".lock");
        let lock =
            fs::OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(lock_path)?;
        lock.lock()?;
        let content = read(&path)?;
        let draft = Some(AtomicFile::of(&path)?);
        Ok(Self { path, content, draft, _lock: lock })
    }

    /// The session with `server`.
    pub(super) fn session(&self, server: &str) -> Option<&Session> {
        self.content.servers.get(server)
    }

    /// The servers that there is a session with.
    pub(super) fn servers(&self) -> Vec<&str> {
        self.content.servers.keys().map(String::as_str).collect()
    }

    /// Keeps a session in place of the one before.
    pub(super) fn keep(&mut self, server: &str, session: Session) -> Result<(), CommandError> {
        self.content.servers.insert(server.to_owned(), session);
        self.write()
    }

    /// Forgets a session.
    pub(super) fn forget(&mut self, server: &str) -> Result<(), CommandError> {
        self.content.servers.remove(server);
        self.write()
    }

    fn write(&mut self) -> Result<(), CommandError> {
        let text = Zeroizing::new(serde_json::to_string_pretty(&self.content)?);
        let draft = self.draft.take().map_or_else(|| AtomicFile::of(&self.path), Ok);
        draft.and_then(|draft| draft.commit(&format!("{}\n", text.as_str()))).map_err(|error| {
            CommandError::new(format!(
                "cannot write the credentials to {}: {error}; sign in again with `duku login`",
                self.path.display()
            ))
        })
    }
}

fn read(path: &Path) -> io::Result<Content> {
    let mut file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Content::default()),
        Err(error) => return Err(error),
    };
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        return Err(io::Error::other(
            "others on this machine can read them; run chmod 600 on the file, then sign out and in again",
        ));
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text)?;
    serde_json::from_str(&text).map_err(|error| {
        io::Error::other(format!(
            "the file is damaged ({error}): remove it and sign in again with `duku login`"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn session(token: &str) -> Session {
        Session {
            realm: "duku".to_owned(),
            access_token: Token::new("access"),
            access_token_expires_at: 1_800_000_000_000,
            refresh_token: Token::new(token),
            refresh_token_expires_at: None,
        }
    }

    #[tokio::test]
    async fn sessions_are_kept_by_server_in_a_file_of_their_owner() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new").join("credentials.json");
        let mut file = Credentials::lock(path.clone()).await.unwrap();
        assert!(file.servers().is_empty() && !path.exists());
        file.keep("https://a.example", session("a")).unwrap();
        file.keep("https://b.example", session("b")).unwrap();
        file.forget("https://a.example").unwrap();
        drop(file);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        let file = Credentials::lock(path).await.unwrap();
        assert_eq!(file.servers(), ["https://b.example"]);
        assert_eq!(file.session("https://b.example").unwrap().refresh_token.expose(), "b");
    }

    #[tokio::test]
    async fn a_file_that_others_can_read_or_that_is_damaged_is_rejected() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("credentials.json");
        fs::write(&path, "{\"servers\":{}}").unwrap();
        for mode in [0o640, 0o604, 0o660] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = Credentials::lock(path.clone()).await.err().unwrap().to_string();
            assert!(error.contains("chmod 600") && error.contains("credentials.json"), "{error}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(Credentials::lock(path.clone()).await.is_ok());
        fs::write(&path, "{\"servers\":").unwrap();
        let error = Credentials::lock(path).await.err().unwrap().to_string();
        assert!(error.contains("damaged") && error.contains("duku login"), "{error}");
    }

    #[test]
    fn a_token_is_fresh_until_shortly_before_its_end_and_never_printed() {
        let session = session("secret");
        assert!(session.is_fresh(Timestamp::from_seconds(1_799_999_969)));
        assert!(!session.is_fresh(Timestamp::from_seconds(1_799_999_970)));
        assert!(!format!("{session:?}").contains("secret"));
    }
}
