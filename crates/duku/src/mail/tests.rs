use super::*;
use domain::{Clock, Email, Entropy, Timestamp};
use std::net::SocketAddr;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
    task::JoinHandle,
};

struct Still;
impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000)
    }
}
impl Entropy for Still {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0xab);
    }
}

/// A mail server that takes one mail and tells what it was told: the commands, then the data as they came.
async fn relay(rejection: Option<&'static str>) -> (SocketAddr, JoinHandle<(Vec<String>, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let told = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read);
        let (mut commands, mut data, mut in_data) = (Vec::new(), String::new(), false);
        write.write_all(b"220 test ESMTP\r\n").await.unwrap();
        loop {
            let mut line = String::new();
            if lines.read_line(&mut line).await.unwrap_or(0) == 0 {
                return (commands, data);
            }
            let answer = match (in_data, line.split_whitespace().next().unwrap_or_default()) {
                (true, ".") => {
                    in_data = false;
                    "250 taken\r\n"
                }
                (true, _) => {
                    data.push_str(&line);
                    continue;
                }
                (false, "EHLO") => "250-test\r\n250-8BITMIME\r\n250 AUTH PLAIN\r\n",
                (false, "AUTH" | "MAIL") if rejection.is_some() => rejection.unwrap(),
                (false, "AUTH") => "235 come in\r\n",
                (false, "DATA") => {
                    in_data = true;
                    "354 go on\r\n"
                }
                (false, "QUIT") => "221 bye\r\n",
                (false, _) => "250 ok\r\n",
            };
            commands.push(line.trim_end().to_owned());
            if write.write_all(answer.as_bytes()).await.is_err() {
                return (commands, data);
            }
        }
    });
    (address, told)
}

fn mailer(address: SocketAddr, password: Option<&str>) -> SmtpMailer {
    let server = MailServer {
        host: address.ip().to_string(),
        port: address.port(),
        protection: Protection::None,
        login: password.map(|password| ("duku".to_owned(), Zeroizing::new(password.to_owned()))),
        from: "Duku <duku@example.org>".parse().unwrap(),
        timeout: Duration::from_secs(1),
    };
    SmtpMailer::new(server, Ambient { clock: Arc::new(Still), entropy: Arc::new(Still) }).unwrap()
}

fn mail(subject: &str, text: &str) -> Mail {
    let to = Email::parse("ada@example.org").unwrap();
    Mail { to, subject: subject.to_owned(), text: text.to_owned() }
}

#[tokio::test]
async fn a_mail_arrives_with_its_headers_and_lines() {
    let (address, told) = relay(None).await;
    let mail = mail("Zoë says: come in", "Hello,\n.a line with a dot\n.\nend\n");
    mailer(address, Some("hunter2")).send(&mail).await.unwrap();
    let (commands, data) = told.await.unwrap();
    assert_eq!(commands[0], "EHLO example.org");
    assert!(commands[1].starts_with("AUTH PLAIN "), "{commands:?}");
    assert!(commands[2].starts_with("MAIL FROM:<duku@example.org>"), "{commands:?}");
    assert_eq!(commands[3], "RCPT TO:<ada@example.org>");
    let (headers, text) = data.split_once("\r\n\r\n").unwrap();
    for header in [
        "Date: Fri, 15 Jan 2027 08:00:00 +0000",
        "From: Duku <duku@example.org>",
        "To: ada@example.org",
        "Subject: =?utf-8?b?Wm/Dqw==?= says: come in",
        "Message-ID: <abababababababababababababababab@example.org>",
        "Content-Type: text/plain; charset=utf-8",
        "Auto-Submitted: auto-generated",
    ] {
        assert!(headers.lines().any(|line| line == header), "{header} is missing in:\n{headers}");
    }
    // A line that begins with a dot is sent with two (RFC 5321 §4.5.2), and every line ends with CR LF.
    assert_eq!(text, "Hello,\r\n..a line with a dot\r\n..\r\nend\r\n");
}

#[tokio::test]
async fn a_subject_cannot_smuggle_headers_in() {
    for subject in ["Hi\r\nBcc: eve@example.org", "Hi\nBcc: eve@example.org", "Hi\r\n\r\nBcc: é"] {
        let (address, told) = relay(None).await;
        mailer(address, None).send(&mail(subject, "text")).await.unwrap();
        let (commands, data) = told.await.unwrap();
        assert_eq!(commands.iter().filter(|command| command.starts_with("RCPT")).count(), 1);
        let (headers, text) = data.split_once("\r\n\r\n").unwrap();
        assert!(!headers.lines().any(|line| line.starts_with("Bcc")), "{headers}");
        assert_eq!(text.trim_end(), "text");
    }
}

#[tokio::test]
async fn a_rejection_is_passed_on_without_the_password() {
    let quoting = "535 who is duku with hunter2 (AGR1a3UAaHVudGVyMg==)?\r\n";
    let (address, _told) = relay(Some(quoting)).await;
    let error = mailer(address, Some("hunter2")).send(&mail("Hi", "text")).await.unwrap_err().0;
    assert!(error.contains(&address.to_string()) && error.contains("who is duku"), "{error}");
    assert!(!error.contains("hunter2") && !error.contains("AGR1a3UAaHVudGVyMg=="), "{error}");
    let (address, _told) = relay(Some("451 come back later\r\n")).await;
    let error = mailer(address, None).send(&mail("Hi", "text")).await.unwrap_err().0;
    assert!(error.contains("come back later") && error.lines().count() == 1, "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_or_says_nothing_is_named_in_time() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let waiting = mailer(address, Some("hunter2"));
    let error = tokio::time::timeout(Duration::from_secs(5), waiting.send(&mail("Hi", "text"))).await;
    let error = error.unwrap().unwrap_err().0;
    assert!(error.contains(&address.to_string()) && error.contains("within 1 s"), "{error}");
    drop(silent);
    let error = waiting.send(&mail("Hi", "text")).await.unwrap_err().0;
    assert!(error.contains(&address.to_string()) && error.contains("refused"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[tokio::test]
async fn starttls_is_required_where_the_url_says_so() {
    let (address, told) = relay(None).await;
    let mut server = mailer(address, Some("hunter2")).server;
    server.protection = Protection::StartTls;
    let ambient = Ambient { clock: Arc::new(Still), entropy: Arc::new(Still) };
    let error = SmtpMailer::new(server, ambient).unwrap().send(&mail("Hi", "text")).await.unwrap_err().0;
    assert!(error.contains(&address.to_string()), "{error}");
    let (commands, _) = told.await.unwrap();
    assert!(!commands.iter().any(|command| command.starts_with("AUTH")), "{commands:?}");
}
