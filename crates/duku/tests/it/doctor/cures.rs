//! `duku doctor`: each state that something can be in has its line, the cure of that line is run, and then nothing is broken.

use super::patient::{Diagnosis, Patient, command_in};
use crate::server::{Database, Server, duku};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

const RESTORE: &str = "duku restore --force FILE";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signing_key_that_cannot_be_used_is_withdrawn_by_the_command_that_is_named() {
    let spoil = "UPDATE signing_keys SET sealed_private_key = x'0102'";
    let current = Patient::new();
    current.sql(spoil).await;
    let listed = current.settings(&mut duku(&["admin", "signing-key", "list"])).output().unwrap();
    assert!(String::from_utf8_lossy(&listed.stdout).contains("cannot be used"), "{listed:?}");
    current.is_cured(
        "signing keys",
        "fail",
        "the server does not start on it",
        "duku admin signing-key withdraw",
    );
    current.serves();
    // One that has not begun to sign, and one of an algorithm that there is not.
    for spoil in [spoil, "UPDATE signing_keys SET algorithm = 'XS256'"] {
        let next = Patient::new();
        next.run("duku admin signing-key rotate");
        next.sql(&format!("{spoil} WHERE signs_from_ms = (SELECT MAX(signs_from_ms) FROM signing_keys)"))
            .await;
        next.is_cured(
            "signing keys",
            "fail",
            "the server does not start on it",
            "duku admin signing-key withdraw",
        );
        next.serves();
    }
}

#[test]
fn a_signing_key_whose_id_begins_with_a_hyphen_can_be_named() {
    let patient = Patient::new();
    let kid = "-f7D_uHew04_qhOO7yqUyhdPD72rKRJOUkqUCcf6bJ0";
    let output = patient.settings(&mut duku(&["admin", "signing-key", "withdraw", kid])).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains(kid) && !said.contains("unexpected"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_of_the_schema_that_is_missing_is_named_and_restored() {
    for (change, words) in [
        ("DROP TABLE targets", "targets"),
        ("DROP TABLE audit_heads", "audit_heads"),
        ("DROP TABLE api_keys", "api_keys"),
        ("DROP TABLE retired_secrets", "retired_secrets"),
        ("DROP TABLE meta", "meta"),
        ("DROP TABLE signing_keys", "signing_keys"),
        ("DROP TABLE schema_migrations", "schema_migrations"),
        ("ALTER TABLE mails DROP COLUMN attempts", "attempts"),
        ("DROP TRIGGER audit_events_never_go", "audit_events_never_go"),
    ] {
        let patient = Patient::new();
        patient.sql(&format!("PRAGMA foreign_keys = OFF; {change}")).await;
        patient.is_restored("database", words);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_audit_log_that_was_tampered_with_is_named_and_restored() {
    let last = "sequence = (SELECT MAX(sequence) FROM audit_events WHERE chain = 'system')";
    for (change, words) in [
        ("UPDATE audit_events SET actor_name = 'eve'".to_owned(), "was changed"),
        (format!("DELETE FROM audit_events WHERE chain = 'system' AND {last}"), "its sealed end is"),
        ("UPDATE audit_heads SET seal = 'x'".to_owned(), "seal"),
        ("DELETE FROM audit_heads WHERE chain = 'system'".to_owned(), "sealed end"),
    ] {
        let triggers = ["never_change", "never_go", "never_replaced"];
        let patient = Patient::new();
        // Whoever may do this can put the triggers back as well.
        let disarmed: Vec<_> =
            triggers.iter().map(|name| format!("DROP TRIGGER audit_events_{name};")).collect();
        let rearmed: Vec<_> = triggers
            .iter()
            .map(|name| {
                format!(
                    "CREATE TRIGGER audit_events_{name} BEFORE UPDATE ON audit_events BEGIN SELECT 1; END;"
                )
            })
            .collect();
        patient.sql(&format!("{}{change};{}", disarmed.concat(), rearmed.concat())).await;
        let unchecked = patient.settings(&mut duku(&["doctor", "--json", "--no-audit"])).output().unwrap();
        Diagnosis::of(&unchecked).is_content_with("audit log");
        patient.is_restored("audit log", words);
    }
}

#[test]
fn a_file_that_was_overwritten_is_named_and_restored() {
    let overwrite = |name: &'static str, range: std::ops::Range<usize>| {
        let patient = Patient::new();
        let mut bytes = fs::read(patient.file(name)).unwrap();
        bytes[range].fill(0xEE);
        fs::write(patient.file(name), bytes).unwrap();
        patient
    };
    for length in [4, 16, 100, 4096] {
        overwrite("duku.db", 0..length).is_restored("database", "restore a backup");
    }
    let patient = Patient::new();
    let mut bytes = fs::read(patient.file("duku.db")).unwrap();
    (3..bytes.len() / 4096).for_each(|page| bytes[page * 4096 + 8..page * 4096 + 40].fill(0xEE));
    fs::write(patient.file("duku.db"), bytes).unwrap();
    patient.is_restored("database", "damaged");
    let half = Patient::new();
    let bytes = fs::read(half.file("duku.db")).unwrap();
    fs::write(half.file("duku.db"), &bytes[..bytes.len() / 8192 * 4096]).unwrap();
    half.is_restored("database", "damaged");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_of_a_newer_version_are_named_and_restored() {
    let patient = Patient::new();
    patient.sql("INSERT INTO schema_migrations (version, name) VALUES (99, 'later')").await;
    let cure = patient.doctor(&[]).cure("database", "fail", "schema version 99");
    assert!(cure.contains("restore a backup from before the upgrade"), "{cure}");
    patient.run(RESTORE);
    patient.doctor(&[]).is_content_with("database");
}

#[test]
fn a_database_that_is_gone_is_named_and_restored() {
    let gone = Patient::new();
    fs::remove_file(gone.file("duku.db")).unwrap();
    gone.is_restored("database", "is the master key of an installation");
    let empty = Patient::new();
    fs::write(empty.file("duku.db"), "").unwrap();
    empty.is_restored("database", "is the master key of an installation");
    for with_file in [false, true] {
        let log = Patient::new();
        fs::write(log.file("duku.db-wal"), "what is left").unwrap();
        fs::remove_file(log.file("duku.db")).unwrap();
        if with_file {
            fs::write(log.file("duku.db"), "").unwrap();
        }
        log.is_restored("database", "is what is left of its data");
    }
    // The other cure.
    let patient = Patient::new();
    fs::remove_file(patient.file("duku.db")).unwrap();
    let cure = patient.doctor(&[]).cure("database", "fail", "is the master key of an installation");
    assert!(cure.contains("move the master key out of the data directory"), "{cure}");
    fs::rename(patient.file("master.key"), patient.dir.path().join("master.key")).unwrap();
    patient.doctor(&[]).is_content_with("master key");
    Server::start_with(Database::Sqlite, &[("DUKU_DATA_DIR", patient.data.to_str().unwrap())]).make_acme();
    patient.doctor(&[]).is_content_with("database");
}

#[test]
fn a_master_key_that_is_a_directory_makes_room_for_the_file() {
    let patient = Patient::new();
    let (key, kept) = (patient.file("master.key"), patient.dir.path().join("kept.key"));
    fs::rename(&key, &kept).unwrap();
    fs::create_dir(&key).unwrap();
    let started = patient.settings(&mut duku(&["serve"])).output().unwrap();
    assert!(String::from_utf8_lossy(&started.stderr).contains("is a directory"), "{started:?}");
    let cure = patient.doctor(&[]).cure("master key", "fail", "it is a directory");
    assert!(cure.contains("the one with the fingerprint") && !cure.contains("chmod"), "{cure}");
    patient.run(&command_in(&cure, "rmdir"));
    fs::copy(kept, key).unwrap();
    patient.doctor(&[]).is_content_with("master key");
    patient.serves();
}

#[test]
fn a_master_key_that_cannot_be_used_is_replaced_by_the_right_one() {
    let patient = Patient::new();
    let key = patient.file("master.key");
    let good = fs::read(&key).unwrap();
    let other = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    for (text, words) in [
        ("", "cannot use the master key"),
        ("too short", "cannot use the master key"),
        (other, "the data are sealed under"),
    ] {
        fs::write(&key, text).unwrap();
        let cure = patient.doctor(&[]).cure("master key", "fail", words);
        assert!(cure.contains("right master key") || cure.contains("belongs to these data"), "{cure}");
        fs::write(&key, &good).unwrap();
        patient.doctor(&[]).is_content_with("master key");
    }
    fs::remove_file(&key).unwrap();
    let cure = patient.doctor(&[]).cure("master key", "fail", "there is none");
    assert!(cure.contains("bring the key back"), "{cure}");
    fs::write(&key, &good).unwrap();
    patient.mode("master.key", 0o600);
    patient.doctor(&[]).is_content_with("master key");
    patient.doctor(&[("DUKU_MASTER_KEY", "short")]).cure("master key", "fail", "DUKU_MASTER_KEY");
    let hex = String::from_utf8(good).unwrap();
    let given = duku(&["doctor", "--json"])
        .env("DUKU_DATA_DIR", &patient.data)
        .env("DUKU_LISTEN", "127.0.0.1:0")
        .env("DUKU_METRICS_LISTEN", "127.0.0.1:0")
        .env("DUKU_MASTER_KEY", hex.trim())
        .output()
        .unwrap();
    Diagnosis::of(&given).is_content_with("master key");
}

#[test]
fn modes_that_let_others_in_are_set_right_by_the_command_that_is_named() {
    let patient = Patient::new();
    for (name, mode, check, state, words) in [
        ("master.key", 0o644, "master key", "fail", "everyone on this machine can read it"),
        ("duku.db", 0o644, "files", "warn", "other users can open"),
        ("", 0o755, "directory", "warn", "open to other users"),
    ] {
        patient.mode(name, mode);
        patient.is_cured(check, state, words, "chmod");
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    String::from_utf8_lossy(&id.stdout).trim() == "0"
}

/// A copy of the binary that other users can reach.
fn program_for_others(dir: &Path) -> PathBuf {
    let program = dir.join("duku");
    fs::copy(env!("CARGO_BIN_EXE_duku"), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program
}

#[test]
fn another_user_than_that_of_the_data_is_told_so_and_the_right_one_is_content() {
    assert!(is_root(), "this test runs the doctor as another user: run it as root");
    let patient = Patient::new();
    let program = program_for_others(patient.dir.path());
    let owned = Command::new("chown").args(["-R", "games:games"]).arg(&patient.data).status().unwrap();
    assert!(owned.success());
    let doctor_as = |user: &str| {
        let mut command = Command::new("setpriv");
        command.args([&format!("--reuid={user}"), "--regid=nogroup", "--clear-groups"]).arg(&program);
        command.args(["doctor", "--json"]);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("DUKU_")) {
            command.env_remove(name);
        }
        Diagnosis::of(&patient.settings(&mut command).output().unwrap())
    };
    let states: [(&str, &dyn Fn(), &str); 4] = [
        ("the directory is closed", &|| {}, "database"),
        ("the directory is open", &|| patient.mode("", 0o755), "database"),
        ("others may write into it", &|| patient.mode("", 0o777), "database"),
        ("the master key alone is closed", &|| patient.mode("duku.db", 0o666), "master key"),
    ];
    for (state, make, check) in states {
        make();
        let diagnosis = doctor_as("nobody");
        let cure = diagnosis.cure(check, "fail", "belongs to user games");
        assert!(diagnosis.0.iter().all(|line| !line.to_string().contains("no data")), "{state}");
        // Whoever may write into the directory leaves files of SQLite behind there, which are the other's.
        for name in ["duku.db-wal", "duku.db-shm"] {
            let _ = fs::remove_file(patient.file(name));
        }
        // There is no sudo here; what it would do is done by setpriv.
        let user = command_in(&cure, "sudo -u").split('\'').nth(1).unwrap().to_owned();
        doctor_as(&user).is_content_with("database");
        doctor_as(&user).is_content_with("master key");
    }
    let cure = doctor_as("nobody").cure("master key", "fail", "belongs to user games");
    assert!(cure.contains("chown -R"), "{cure}");
    assert!(Command::new("chown").args(["-R", "nobody"]).arg(&patient.data).status().unwrap().success());
    patient.mode("", 0o700);
    patient.mode("duku.db", 0o600);
    doctor_as("nobody").is_content_with("database");
    doctor_as("nobody").is_content_with("master key");
}
