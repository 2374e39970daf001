//! The committed schema is the schema.

use std::{env, fs, path::Path};

#[test]
fn the_committed_schema_is_the_schema() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.graphql");
    let schema = platform::sdl();
    if env::var_os("UPDATE_SCHEMA").is_some() {
        fs::write(&path, &schema).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == schema,
        "schema.graphql is not what the code says: look at the difference after \
         `UPDATE_SCHEMA=1 cargo test -p platform`, and commit it if you meant it"
    );
}

#[test]
fn everything_in_the_schema_has_a_description() {
    let mut before = "";
    for line in platform::sdl().lines().map(|line| line.trim().to_owned().leak() as &str) {
        let defines = line.starts_with("type ")
            || line.starts_with("input ")
            || line.starts_with("enum ")
            || line.starts_with("scalar ");
        let is_field = line.contains(": ") && !line.starts_with('"') && line.ends_with(['!', ']'])
            || line.ends_with(": String");
        if (defines || is_field) && !before.ends_with('"') {
            panic!("no description: {line}");
        }
        before = line;
    }
}
