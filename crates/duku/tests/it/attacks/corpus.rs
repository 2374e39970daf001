//! What fuzzing has found worth keeping goes through the same checks here, without a fuzzer: `cargo xtask fuzz` fills the corpus.

#[path = "../../../../../fuzz/src/lib.rs"]
mod targets;

use std::{fs, path::Path};

/// Runs one target over its files, each by its name, so that a failure says which input it was.
fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut inputs = 0;
    for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
        let input = fs::read(entry.path()).unwrap();
        println!("{target}/{}", entry.file_name().to_string_lossy());
        run(&input);
        inputs += 1;
    }
    assert!(inputs >= 4, "{} has too few inputs to prove anything", folder.display());
}

#[test]
fn no_token_request_gets_a_5xx_or_a_token_without_the_secret() {
    replay("token_request", targets::token_request::run);
}

#[test]
fn no_token_that_we_did_not_sign_is_accepted() {
    replay("access_token", targets::access_token::run);
}

#[test]
fn no_document_makes_the_api_fail_or_keeps_it_busy() {
    replay("graphql", targets::graphql::run);
}

#[test]
fn no_cookie_lets_anybody_in() {
    replay("cookies", targets::cookies::run);
}

#[test]
fn every_target_is_replayed_and_can_be_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let own = include_str!("corpus.rs");
    for entry in fs::read_dir(root.join("fuzz_targets")).unwrap().map(Result::unwrap) {
        let name = entry.file_name().to_string_lossy().trim_end_matches(".rs").to_owned();
        assert!(own.contains(&format!("replay(\"{name}\"")), "{name} is not replayed");
        let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
        assert!(manifest.contains(&format!("fuzz_targets/{name}.rs")), "{name} is not in fuzz/Cargo.toml");
    }
}
