//! `duku doctor` and what is wrong around the data: settings, clocks, the disk, addresses. Each cure is carried out.

use crate::{
    doctor::patient::{Diagnosis, Patient, command_in},
    faults::stopping::SmallDisk,
    server::{Database, Server, duku},
};
use std::{fs, net::TcpListener, path::Path};
use tempfile::TempDir;

#[test]
fn a_disk_with_little_room_is_named_until_there_is_some() {
    let dir = TempDir::with_prefix("duku-test-").unwrap();
    let disk = SmallDisk::mount(dir.path().join("data"), "8m");
    let patient = Patient::new();
    let data = disk.0.to_str().unwrap();
    for name in ["duku.db", "master.key"] {
        fs::copy(patient.file(name), disk.0.join(name)).unwrap();
    }
    let cure = patient.doctor(&[("DUKU_DATA_DIR", data)]).cure("disk", "fail", "free at");
    assert!(cure.contains("free some space"), "{cure}");
    disk.resize("2g");
    patient.doctor(&[("DUKU_DATA_DIR", data)]).is_content_with("disk");
}

type Variables<'a> = &'a [(&'a str, &'a str)];

/// A setting that is wrong, what is said of it, what the cure must name, and the setting as the cure has it.
#[test]
fn settings_that_are_wrong_are_set_right_as_the_cure_says() {
    let patient = Patient::new();
    let trusted = ("DUKU_TRUSTED_PROXIES", "10.0.0.5");
    let https = ("DUKU_PUBLIC_URL", "https://duku.example.org");
    let cases: [(Variables<'_>, &str, &str, &str, &str, Variables<'_>); 10] = [
        (&[("DUKU_METRICS_LISTEN", "off")], "metrics", "warn", "off", "set --metrics-listen", &[]),
        (
            &[("DUKU_LISEN", "x")],
            "configuration",
            "warn",
            "DUKU_LISEN",
            "lists every setting",
            &[("DUKU_LISTEN", "127.0.0.1:0")],
        ),
        (
            &[("DUKU_ACTIVE_KEYS", "0")],
            "configuration",
            "fail",
            "active-keys",
            "correct it",
            &[("DUKU_ACTIVE_KEYS", "1")],
        ),
        (
            &[("DUKU_PUBLIC_URL", "http://duku.example.org")],
            "urls",
            "warn",
            "unprotected",
            "https://",
            &[https, trusted],
        ),
        (&[https], "proxies", "warn", "no proxy is trusted", "--trusted-proxies", &[https, trusted]),
        (
            &[("DUKU_PUBLIC_URL", "duku")],
            "urls",
            "fail",
            "--public-url",
            "correct the setting",
            &[https, trusted],
        ),
        (
            &[("DUKU_LISTEN", "0.0.0.0:0")],
            "urls",
            "warn",
            "for others",
            "set --public-url",
            &[("DUKU_LISTEN", "0.0.0.0:0"), https, trusted],
        ),
        (&[("DUKU_TRUSTED_PROXIES", "0.0.0.0/0")], "proxies", "warn", "everybody", "own address", &[trusted]),
        (
            &[("DUKU_CONNECTIONS", "1000000")],
            "open files",
            "warn",
            "1000000 connections",
            "lower --connections",
            &[("DUKU_CONNECTIONS", "100")],
        ),
        (
            &[("DUKU_DATABASE_URL", "mysql://u@x")],
            "database",
            "fail",
            "sqlite:// or postgres://",
            "--database-url",
            &[],
        ),
    ];
    for (wrong, check, state, words, names, right) in cases {
        let cure = patient.doctor(wrong).cure(check, state, words);
        assert!(cure.contains(names), "{cure}");
        patient.doctor(right).is_content_with(check);
    }
}

#[test]
fn an_address_that_something_else_has_is_free_when_that_has_ended() {
    let patient = Patient::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (setting, check) in [("DUKU_LISTEN", "listen"), ("DUKU_METRICS_LISTEN", "metrics")] {
        let cure =
            patient.doctor(&[(setting, &address)]).cure(check, "fail", "does not answer as Duku would");
        assert!(cure.contains("stop that program, or choose another address"), "{cure}");
        patient.doctor(&[]).is_content_with(check);
    }
    drop(taken);
    patient.doctor(&[("DUKU_LISTEN", &address)]).is_content_with("listen");
    let cure =
        patient.doctor(&[("DUKU_LISTEN", "203.0.113.9:80")]).cure("listen", "fail", "nothing can listen");
    assert!(cure.contains("127.0.0.1:8080"), "{cure}");
}

#[test]
fn a_configuration_file_with_a_password_is_closed_by_the_command_that_is_named() {
    let patient = Patient::new();
    let file = patient.file("duku.toml");
    fs::write(&file, "smtp_url = \"smtps://u:hunter2@mail.example.org\"\nmail_from = \"d@example.org\"\n")
        .unwrap();
    patient.mode("duku.toml", 0o644);
    let doctor = || {
        let mut command = duku(&["doctor", "--json", "--no-mail", "--config", file.to_str().unwrap()]);
        Diagnosis::of(&patient.settings(&mut command).output().unwrap())
    };
    let cure = doctor().cure("configuration", "warn", "holds a password");
    assert!(!cure.contains("hunter2"));
    patient.run(&command_in(&cure, "chmod"));
    doctor().is_content_with("configuration");
}

#[test]
fn a_backup_that_was_never_made_is_made_by_the_command_that_is_named() {
    let patient = Patient::new();
    let cure = patient.doctor(&[]).cure("backup", "warn", "none was ever made");
    let place = patient.dir.path().join("nightly.db");
    patient.run(&command_in(&cure, "duku backup").replace("/backup/duku.db", place.to_str().unwrap()));
    patient.doctor(&[]).is_content_with("backup");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signing_key_that_is_late_comes_when_a_server_runs() {
    let patient = Patient::new();
    patient.sql("UPDATE signing_keys SET signs_from_ms = signs_from_ms - 3000000000").await;
    let cure = patient.doctor(&[]).cure("signing keys", "warn", "the next was due");
    assert!(cure.contains("a running server makes it"), "{cure}");
    let mut server =
        Server::start_with(Database::Sqlite, &[("DUKU_DATA_DIR", patient.data.to_str().unwrap())]);
    let started = std::time::Instant::now();
    while server.admin(&["signing-key", "list"]).as_array().is_none_or(|keys| keys.len() < 2) {
        assert!(started.elapsed().as_secs() < 30, "no signing key was made");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(server.stop());
    patient.doctor(&[]).is_content_with("signing keys");
}

const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

#[test]
fn a_clock_that_was_set_back_is_named_until_it_goes_right() {
    assert!(Path::new(FAKETIME).exists(), "install Debian's package `faketime`");
    let patient = Patient::new();
    let back = [("LD_PRELOAD", FAKETIME), ("FAKETIME", "-10d"), ("FAKETIME_DONT_FAKE_MONOTONIC", "1")];
    let cure = patient.doctor(&back).cure("clock", "fail", "set back");
    assert!(cure.contains("NTP"), "{cure}");
    patient.doctor(&[]).is_content_with("clock");
}
