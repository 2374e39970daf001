//! The committed schema is the schema.

use std::path::Path;
use testkit::assert_committed;

#[test]
fn the_committed_schema_is_the_schema() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.graphql");
    assert_committed(&path, &platform::sdl(), "UPDATE_SCHEMA", "cargo test -p platform schema");
}
