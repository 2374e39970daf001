//! The processes behind one browser: a chromedriver of its own on a port that it chose, and Chromium under it.

use super::webdriver::Session;
use serde_json::{Value, json};
use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::{LazyLock, mpsc},
    time::Duration,
};
use tempfile::TempDir;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A browser that does not start in this time will not.
const START: Duration = Duration::from_secs(30);

/// `cargo test` runs all tests in this one process. Under nextest, which gives each a process of its own,
/// `.config/nextest.toml` sets the same limit.
static PLACES: LazyLock<std::sync::Arc<Semaphore>> = LazyLock::new(|| std::sync::Arc::new(Semaphore::new(2)));

/// Everything that has to end with the browser.
pub(super) struct Processes {
    driver: Child,
    chromium: Option<u64>,
    profile: TempDir,
    _place: OwnedSemaphorePermit,
}

impl Drop for Processes {
    fn drop(&mut self) {
        // Chromium would outlive its driver. Its helpers end when it does.
        if let Some(id) = self.chromium {
            Command::new("kill").args(["-KILL", &id.to_string()]).stderr(Stdio::null()).status().ok();
        }
        self.driver.kill().ok();
        self.driver.wait().ok();
        // The helpers write a last word into the profile; it is removed when they are gone.
        let folder = self.profile.path().as_os_str().as_encoded_bytes();
        for _ in 0..100 {
            if !somebody_names(folder) {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Has a process of this machine the words on its command line?
fn somebody_names(words: &[u8]) -> bool {
    let Ok(processes) = std::fs::read_dir("/proc") else { return false };
    processes
        .filter_map(|process| std::fs::read(process.ok()?.path().join("cmdline")).ok())
        .any(|line| line.windows(words.len()).any(|part| part == words))
}

/// Starts both and opens a session.
pub(super) async fn start(width: u32, height: u32) -> (Session, Processes) {
    let place = PLACES.clone().acquire_owned().await.unwrap();
    let profile = TempDir::with_prefix("duku-browser-").unwrap();
    let (driver, port) = driver();
    let options = options(&profile, width, height);
    let mut processes = Processes { driver, chromium: None, profile, _place: place };
    let session = tokio::time::timeout(START, Session::start(port, options))
        .await
        .expect("Chromium starts in time")
        .unwrap_or_else(|error| panic!("Chromium does not start: {error}"));
    processes.chromium = session.process;
    (session, processes)
}

fn options(profile: &TempDir, width: u32, height: u32) -> Value {
    let arguments = [
        "--headless",
        // Root, as in most containers, may not use the sandbox.
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-extensions",
        "--no-proxy-server",
        "--lang=en-GB",
        "--hide-scrollbars",
        &format!("--user-data-dir={}", profile.path().display()),
        &format!("--window-size={width},{height}"),
    ];
    // Offering to keep passwords would cover the page.
    let preferences =
        json!({ "credentials_enable_service": false, "profile.password_manager_enabled": false });
    json!({ "args": arguments, "prefs": preferences })
}

/// A driver and its port. One that ends at once found its port taken on one of the two loopback addresses: another takes another.
fn driver() -> (Child, u16) {
    for _ in 0..5 {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("chromedriver does not start ({error}): `cargo xtask test` installs it")
            });
        if let Some(port) = port(&mut driver) {
            return (driver, port);
        }
        driver.kill().ok();
        driver.wait().ok();
    }
    panic!("chromedriver says on which port it listens");
}

/// `ChromeDriver was started successfully on port 43157.`
fn port(driver: &mut Child) -> Option<u16> {
    let (tell, told) = mpsc::channel();
    let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    // Reads to the end, so that the driver never waits for a reader.
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let port = line
                .strip_suffix('.')
                .and_then(|line| line.rsplit_once("on port "))
                .map(|(_, port)| port.parse());
            if let Some(Ok(port)) = port {
                tell.send(port).ok();
            }
        }
    });
    told.recv_timeout(START).ok()
}
