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
