//! The file that a shell reads before a command of the demo is pasted into it: the demo's data, its server and its keys.

use crate::{
    cli::next::{program, quoted},
    command_error::CommandError,
    settings::{GivenSettings, Settings, Switch},
};
use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
};
use tokio::net::TcpListener;

/// What would lead a command away from the demo's own data and server.
pub(super) const FOREIGN: [&str; 6] = [
    "DUKU_DATABASE_URL",
    "DUKU_MASTER_KEY_FILE",
    "DUKU_CONFIG",
    "DUKU_PUBLIC_URL",
    "DUKU_PLATFORM_URL",
    "DUKU_AUTH_URL",
];

/// The file, readable by its owner alone. It goes with the demo's data.
pub(super) struct Environment {
    path: PathBuf,
    file: File,
}

impl Environment {
    /// Begins the file in the data's folder.
    pub(super) fn make(data_dir: &Path) -> Result<Self, CommandError> {
        let path = data_dir.join("env");
        let mut file = store::create_private(&path)?;
        writeln!(file, "unset {}", FOREIGN.join(" "))?;
        if program() != "duku" {
            let folder = std::env::current_exe()?;
            let folder = folder.parent().unwrap_or(Path::new("/")).display().to_string();
            writeln!(file, "export PATH={}:\"$PATH\"", quoted(&folder))?;
        }
        let mut environment = Self { path, file };
        environment.add("DUKU_DATA_DIR", &data_dir.display().to_string())?;
        let credentials = data_dir.join("credentials.json");
        environment.add("DUKU_CREDENTIALS_FILE", &credentials.display().to_string())?;
        Ok(environment)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a variable.
    pub(super) fn add(&mut self, name: &str, value: &str) -> Result<(), CommandError> {
        Ok(writeln!(self.file, "export {name}={}", quoted(value))?)
    }
}

/// The user's settings, on data that nobody will miss. Where the default address is in use, on a port that is free; an address
/// that somebody named is not replaced.
pub(super) async fn throw_away(settings: Settings, dir: &Path) -> Settings {
    let is_default = settings.listen == GivenSettings::default().filled().listen;
    let taken = is_default && TcpListener::bind(&settings.listen).await.is_err();
    let listen = if taken { "127.0.0.1:0".to_owned() } else { settings.listen.clone() };
    Settings {
        data_dir: dir.to_owned(),
        database_url: None,
        master_key_file: None,
        metrics_listen: Some("off".to_owned()),
        public_url: None,
        auth_url: None,
        platform_url: None,
        realm: auth::Settings::default().realm,
        active_keys: 10,
        rate_limit: Switch::On,
        listen,
        ..settings
    }
}
