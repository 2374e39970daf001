//! Lists every page of `docs/`, so that the crate holds whatever is there.

use flate2::{Compression, write::GzEncoder};
use std::{
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?).join("../../docs");
    let root = root.canonicalize()?;
    // A folder is looked through whole, so a page that comes or goes counts too.
    println!("cargo::rerun-if-changed={}", root.display());
    println!("cargo::rerun-if-changed=build.rs");
    let mut files = Vec::new();
    pages_in(&root, &mut files)?;
    files.sort();
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    let questions = root.join("ask/QUESTIONS.md");
    files.retain(|file| *file != questions);
    let mut packed = GzEncoder::new(fs::File::create(out.join("questions.gz"))?, Compression::best());
    packed.write_all(&fs::read(questions)?)?;
    packed.finish()?;
    let entry = |file: &PathBuf| {
        let name = file.strip_prefix(&root).map_err(io::Error::other)?;
        let (name, path) = (name.to_string_lossy().replace('\\', "/"), file.to_string_lossy());
        Ok(format!("    ({name:?}, include_str!({path:?})),\n"))
    };
    let entries = files.iter().map(entry).collect::<io::Result<String>>()?;
    fs::write(out.join("embedded.rs"), format!("&[\n{entries}]\n"))
}

fn pages_in(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        // Records for builders are no pages for users.
        if path.ends_with("docs/decisions") {
            continue;
        }
        if path.is_dir() {
            pages_in(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            files.push(path);
        }
    }
    Ok(())
}
