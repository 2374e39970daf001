//! The addresses to listen on, and the mail server.

use super::Findings;
use crate::{
    app::Ambient,
    cli::serve::METRICS_DEFAULT,
    mail::SmtpMailer,
    settings::{MailServer, Settings},
};
use std::{io::ErrorKind, net::SocketAddr, time::Duration};
use tokio::net::TcpListener;

const PATIENCE: Duration = Duration::from_secs(3);

pub(super) async fn check(findings: &mut Findings, settings: &Settings) {
    check_address(findings, "listen", "--listen", &settings.listen, "/readyz").await;
    match settings.metrics_listen.as_deref() {
        Some("off") => findings.warn(
            "metrics",
            "/metrics is off",
            "without it nobody sees what happens: set --metrics-listen",
        ),
        given => {
            let address = given.unwrap_or(METRICS_DEFAULT);
            check_address(findings, "metrics", "--metrics-listen", address, "/metrics").await;
        }
    }
}

/// Free, or taken by a server of ours that answers.
async fn check_address(
    findings: &mut Findings,
    subject: &'static str,
    option: &str,
    address: &str,
    path: &str,
) {
    match TcpListener::bind(address).await {
        Ok(_) => findings.ok(subject, format!("{address} is free: no server runs there now")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => match ask(address, path).await {
            Ok(200) => findings.ok(subject, format!("a server answers on {address}, and {path} is good")),
            Ok(503) => findings.fail(
                subject,
                format!("a server answers on {address}, and {path} says that it cannot serve"),
                "its log says why; see the database above",
            ),
            Ok(status) => findings.fail(
                subject,
                format!("what answers on {address} is no Duku: {path} gives {status}"),
                format!("stop that program, or choose another address with {option}"),
            ),
            Err(why) => findings.fail(
                subject,
                format!("{address} is taken, and what took it does not answer as Duku would ({why})"),
                format!("stop that program, or choose another address with {option}"),
            ),
        },
        Err(error) if error.kind() == ErrorKind::PermissionDenied => findings.fail(
            subject,
            format!("this user may not listen on {address}"),
            format!("choose a port above 1023 with {option}, or give the unit AmbientCapabilities=CAP_NET_BIND_SERVICE"),
        ),
        Err(error) => findings.fail(
            subject,
            format!("nothing can listen on {address}: {error}"),
            format!("{option} takes an address of this machine, like 127.0.0.1:8080"),
        ),
    }
}

async fn ask(address: &str, path: &str) -> Result<u16, String> {
    let reachable = match address.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_unspecified() => format!("127.0.0.1:{}", address.port()),
        _ => address.to_owned(),
    };
    let client =
        reqwest::Client::builder().timeout(PATIENCE).no_proxy().build().map_err(|error| error.to_string())?;
    match client.get(format!("http://{reachable}{path}")).send().await {
        Ok(answer) => Ok(answer.status().as_u16()),
        Err(error) if error.is_timeout() => Err("no answer in time".to_owned()),
        Err(_) => Err("no HTTP".to_owned()),
    }
}

pub(super) async fn check_mail(findings: &mut Findings, settings: &Settings, ambient: &Ambient) {
    let server = match MailServer::resolve(settings) {
        Ok(Some(server)) => server,
        Ok(None) => return findings.ok("mail", "no mail server is set: links are handed over by hand"),
        Err(error) => return findings.fail("mail", error.to_string(), "correct the settings for mail"),
    };
    let shown = format!("{server:?}");
    let answered = match SmtpMailer::new(server, ambient.clone()) {
        Ok(mailer) => mailer.answers().await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match answered {
        Ok(()) => findings.ok("mail", format!("{shown} answers")),
        Err(error) => findings.fail(
            "mail",
            error,
            "check --smtp-url, the password and the firewall; mail waits and is tried again for three days",
        ),
    }
}
