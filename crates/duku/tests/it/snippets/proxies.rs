//! Configurations of proxies, read by the proxies themselves where they are installed.

use super::{Rule, all_pass};
use crate::{deploy::has, server::free_port};
use std::{fs, path::Path, process::Command};

/// Runs a command that only reads a configuration.
fn accepts(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() && !said.to_lowercase().contains("warn") { Ok(()) } else { Err(said) }
}

/// A certificate and its key, as two files and as one.
fn make_certificate(folder: &Path) {
    let arguments =
        ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=platform.example.org", "-days", "1"];
    let files = ["-keyout", "key.pem", "-out", "fullchain.pem"];
    let output = Command::new("openssl").args(arguments).args(files).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let both =
        ["fullchain.pem", "key.pem"].map(|file| fs::read_to_string(folder.join(file)).unwrap()).concat();
    fs::write(folder.join("duku.pem"), both).unwrap();
}

#[test]
fn nginx_takes_its_blocks() {
    if !has("nginx", "-v") {
        return;
    }
    all_pass(Rule::Nginx, |fence| {
        let folder = tempfile::tempdir().unwrap();
        make_certificate(folder.path());
        let here = folder.path().display().to_string();
        let servers = fence
            .text
            .replace("/etc/ssl/duku", &here)
            .replace("listen 443", &format!("listen {}", free_port()));
        let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let rooms: String = kinds.map(|kind| format!("{kind}_temp_path {here}/{kind};\n")).concat();
        let whole = format!("pid {here}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{rooms}{servers}}}\n");
        fs::write(folder.path().join("nginx.conf"), whole).unwrap();
        accepts(Command::new("nginx").args(["-t", "-q", "-p", &here, "-c", "nginx.conf", "-e", "stderr"]))
    });
}

#[test]
fn haproxy_takes_its_blocks() {
    if !has("haproxy", "-v") {
        return;
    }
    all_pass(Rule::Haproxy, |fence| {
        let folder = tempfile::tempdir().unwrap();
        make_certificate(folder.path());
        let text = fence.text.replace("/etc/haproxy", &folder.path().display().to_string());
        let file = folder.path().join("haproxy.cfg");
        fs::write(&file, text).unwrap();
        accepts(Command::new("haproxy").arg("-c").arg("-f").arg(&file))
    });
}
