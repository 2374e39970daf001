//! Crates that we keep out: one cryptography library is enough to trust, and none of the machine's own.

use std::path::Path;

use crate::process::{self, Outcome};

const BANNED: [&str; 4] = ["ring", "openssl", "openssl-sys", "native-tls"];

/// Asks Cargo what is really compiled for this machine. The lock file says more than that: it also lists what
/// features that nobody enables would bring.
pub(crate) fn check(root: &Path) -> Outcome {
    let arguments = ["tree", "--workspace", "--all-features", "--edges", "normal,build"];
    let tree = process::read(
        process::cargo().current_dir(root).args(arguments).args(["--prefix", "none", "--format", "{p}"]),
    )?;
    let found = banned_in(&tree);
    if found.is_empty() {
        return Ok(());
    }
    let advice = "`cargo tree --all-features --invert NAME` shows who brought it";
    Err(format!("these crates are compiled in, and must not be: {}; {advice}", found.join(", ")))
}

/// The banned ones among lines like `serde v1.0.0`.
fn banned_in(tree: &str) -> Vec<&'static str> {
    let is_compiled = |name: &&str| tree.lines().any(|line| line.split(' ').next() == Some(*name));
    BANNED.into_iter().filter(is_compiled).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_names_count_and_parts_of_names_do_not() {
        assert_eq!(banned_in("spring v1.0.0\nring v0.17.0\nring-compat v1.0.0\n"), ["ring"]);
        assert!(banned_in("aws-lc-rs v1.19.0\nrustls v0.23.0 (*)\n").is_empty());
    }
}
