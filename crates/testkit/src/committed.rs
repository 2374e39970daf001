//! Files that are made from the code and kept beside it.

use std::{env, fs, path::Path};

/// The file says what the code does. With this variable set, it is written first.
///
/// # Panics
/// It says something else; `how` tells the way to write it anew.
pub fn assert_committed(path: &Path, made: &str, variable: &str, how: &str) {
    if env::var_os(variable).is_some() {
        fs::write(path, made).unwrap();
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == made,
        "{} is not what the code says: look at the difference after `{variable}=1 {how}`, and commit it if you meant it",
        path.display()
    );
}
