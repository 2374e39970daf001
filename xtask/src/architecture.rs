//! The house keeps to its plan: every crate uses only the rooms that `ARCHITECTURE.md` allows it, and every test
//! that a document names as holding a promise is there.

use std::fs;
use std::path::Path;

use crate::process::Outcome;
use crate::promises;
use crate::rooms::{Kind, Rooms, Use};

/// Checks the manifests and the documents; the reason names every fault, not only the first.
pub(crate) fn check(root: &Path) -> Outcome {
    let document = read(&root.join("ARCHITECTURE.md"))?;
    let rooms = Rooms::parse(&document)?;
    let manifests = manifests(root)?;

    let mut faults = Vec::new();
    for (room, kind) in rooms.kinds() {
        let built = manifests.iter().any(|manifest| manifest.folder == room);
        match (kind, built) {
            (Kind::Planned, true) => {
                faults
                    .push(format!("ARCHITECTURE.md: `{room}` exists now, so it is not `(planned)` any more"));
            }
            (Kind::Built | Kind::TestsOnly, false) => {
                faults.push(format!("ARCHITECTURE.md: the room `{room}` has no crate in crates/{room}"));
            }
            _ => {}
        }
    }
    for manifest in &manifests {
        faults.extend(manifest.faults(&rooms));
    }
    faults.extend(promises::faults(root)?);
    if faults.is_empty() {
        Ok(())
    } else {
        Err(format!("the architecture check found:\n  {}", faults.join("\n  ")))
    }
}

/// What the check needs of a `Cargo.toml`.
struct Manifest {
    folder: String,
    package: String,
    uses: Vec<(Use, String)>,
}

impl Manifest {
    fn parse(folder: &str, text: &str) -> Outcome<Self> {
        let table: toml::Table =
            text.parse().map_err(|error| format!("crates/{folder}/Cargo.toml: {error}"))?;
        let package = table
            .get("package")
            .and_then(|package| package.get("name"))
            .and_then(toml::Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let mut uses = declared(&table);
        let targets = table.get("target").and_then(toml::Value::as_table);
        for target in targets.into_iter().flat_map(toml::Table::values).filter_map(toml::Value::as_table) {
            uses.extend(declared(target));
        }
        Ok(Self { folder: folder.to_owned(), package, uses })
    }

    fn faults(&self, rooms: &Rooms) -> Vec<String> {
        let Self { folder, package, uses } = self;
        if !rooms.contains(folder) {
            return vec![format!("crates/{folder}: not in ARCHITECTURE.md's table of rooms")];
        }
        let mut faults = Vec::new();
        if package != folder {
            faults
                .push(format!("crates/{folder}: its package is called `{package}`; name it like its folder"));
        }
        for (place, used) in uses.iter().filter(|(_, used)| rooms.contains(used)) {
            // A crate's integration tests may name the crate itself; that crosses no wall.
            if used != folder && !rooms.allow(folder, used, *place) {
                let rule = rooms.rule(folder);
                faults.push(format!(
                    "crates/{folder}: uses `{used}`, but may use {rule} (ARCHITECTURE.md, Rooms)"
                ));
            }
        }
        faults
    }
}

/// The dependencies of the manifest, or of one `[target.…]` part of it, by their packages' names.
fn declared(table: &toml::Table) -> Vec<(Use, String)> {
    let parts = [
        ("dependencies", Use::Product),
        ("build-dependencies", Use::Product),
        ("dev-dependencies", Use::Tests),
    ];
    let mut found = Vec::new();
    for (key, place) in parts {
        let listed = table.get(key).and_then(toml::Value::as_table);
        for (name, value) in listed.into_iter().flatten() {
            let renamed = value.get("package").and_then(toml::Value::as_str);
            found.push((place, renamed.unwrap_or(name).to_owned()));
        }
    }
    found
}

fn manifests(root: &Path) -> Outcome<Vec<Manifest>> {
    let crates = root.join("crates");
    let entries = fs::read_dir(&crates).map_err(|error| format!("{}: {error}", crates.display()))?;
    let mut all = Vec::new();
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path().join("Cargo.toml");
        if path.is_file() {
            all.push(Manifest::parse(&entry.file_name().to_string_lossy(), &read(&path)?)?);
        }
    }
    all.sort_by(|one, other| one.folder.cmp(&other.folder));
    Ok(all)
}

/// A file's text, or which file could not be read.
pub(crate) fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rooms() -> Rooms {
        Rooms::parse(
            "## Rooms\n| room | may use |\n| - | - |\n| domain | — |\n| store, auth | domain |\n| testkit (tests only) | all |\n",
        )
        .unwrap()
    }

    fn faults(folder: &str, dependencies: &str) -> Vec<String> {
        let text = format!("[package]\nname = \"{folder}\"\n{dependencies}");
        Manifest::parse(folder, &text).unwrap().faults(&rooms())
    }

    #[test]
    fn a_crate_that_keeps_to_its_rooms_has_no_fault() {
        let dependencies = "[dependencies]\ndomain.workspace = true\nserde = \"1\"\n[dev-dependencies]\ntestkit = { path = \"x\" }\n";
        assert!(faults("auth", dependencies).is_empty());
    }

    #[test]
    fn every_way_to_declare_a_dependency_is_seen() {
        for dependencies in [
            "[dependencies]\nstore.workspace = true\n",
            "[build-dependencies]\nstore = { path = \"../store\" }\n",
            "[dev-dependencies]\nstore.workspace = true\n",
            "[dependencies]\ndata = { package = \"store\", path = \"../store\" }\n",
            "[target.'cfg(unix)'.dependencies]\nstore.workspace = true\n",
            "[dependencies]\ntestkit.workspace = true\n",
        ] {
            let found = faults("auth", dependencies);
            assert_eq!(found.len(), 1, "{dependencies}: {found:?}");
        }
    }

    #[test]
    fn an_unlisted_crate_and_a_misnamed_package_are_faults() {
        assert!(faults("cellar", "").concat().contains("not in ARCHITECTURE.md"));
        let misnamed = Manifest::parse("auth", "[package]\nname = \"door\"\n").unwrap();
        assert!(misnamed.faults(&rooms()).concat().contains("like its folder"));
    }
}
