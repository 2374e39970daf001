//! PgBouncer in front of a PostgreSQL of our own.

use super::{
    ports,
    postgres::{self, as_server_user, owned_folder},
};
use crate::{
    outcome::{During, Outcome, ensure},
    process,
};
use std::{
    net::SocketAddr,
    path::Path,
    process::{Child, Stdio},
    time::{Duration, Instant},
};
use tokio::net::TcpStream;

const START: Duration = Duration::from_secs(30);

/// A pooler, running or not.
#[derive(Debug)]
pub(crate) struct PgBouncer {
    folder: tempfile::TempDir,
    port: u16,
    process: Option<Child>,
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        // Nobody is left to tell.
        let _ = self.kill();
    }
}

impl PgBouncer {
    /// In front of the server at this port, with this `pool_mode` and so many backends at most.
    pub(crate) async fn start(server: u16, mode: &str, backends: usize) -> Outcome<Self> {
        let folder = owned_folder("duku-torture-pgbouncer-")?;
        let port = ports::free()?;
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={server} user=duku\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = {mode}\nmax_client_conn = 2000\n\
             default_pool_size = {backends}\n"
        );
        std::fs::write(folder.path().join("pgbouncer.ini"), text).during("PgBouncer's configuration")?;
        let mut pooler = Self { folder, port, process: None };
        pooler.run().await?;
        Ok(pooler)
    }

    /// Ends it without a word and starts it again: its clients lose their connections.
    pub(crate) async fn restart(&mut self) -> Outcome {
        self.kill()?;
        self.run().await
    }

    async fn run(&mut self) -> Outcome {
        let mut command = as_server_user(Path::new("pgbouncer"), "KILL");
        command.arg("-q").arg(self.folder.path().join("pgbouncer.ini"));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(command.spawn().during("PgBouncer")?);
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        let started = Instant::now();
        while let Err(error) = TcpStream::connect(address).await {
            ensure(started.elapsed() < START, || format!("PgBouncer did not start: {error}"))?;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    fn kill(&mut self) -> Outcome {
        let Some(mut child) = self.process.take() else { return Ok(()) };
        process::signal(&child, "KILL")?;
        child.wait().map(drop).during("waiting for PgBouncer")
    }

    /// The URL of the database behind it.
    pub(crate) fn url(&self) -> String {
        postgres::url(self.port, "duku", "postgres")
    }
}
