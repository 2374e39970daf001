//! Lists every page of `docs/`, so that the crate holds whatever is there, and colours its code.

mod highlight;

use flate2::{Compression, GzBuilder};
use highlight::Highlighter;
use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};
use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?).join("../../docs");
    let root = root.canonicalize()?;
    // A folder is looked through whole, so a page that comes or goes counts too.
    println!("cargo::rerun-if-changed={}", root.display());
    println!("cargo::rerun-if-changed=build");
    let mut files = Vec::new();
    pages_in(&root, &mut files)?;
    files.sort();
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    fs::write(out.join("highlighted.rs"), highlighted(&files)?)?;
    let entry = |file: &PathBuf| {
        let name = file.strip_prefix(&root).map_err(io::Error::other)?;
        Ok((name.to_string_lossy().replace('\\', "/"), fs::read_to_string(file)?))
    };
    let pages = files.iter().map(entry).collect::<io::Result<Vec<_>>>()?;
    pack(&out.join("pages.json.gz"), &serde_json::to_vec(&pages)?)?;
    println!("cargo::rerun-if-changed=assets");
    for name in ["docs.css", "docs.js"] {
        pack(&out.join(name).with_added_extension("gz"), &fs::read(Path::new("assets").join(name))?)?;
    }
    Ok(())
}

fn pack(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut packed = GzBuilder::new().write(fs::File::create(file)?, Compression::best());
    packed.write_all(bytes)?;
    packed.finish().map(drop)
}

/// The colours of each block of code, as a table that is searched by the block's hash.
fn highlighted(files: &[PathBuf]) -> io::Result<String> {
    let highlighter = Highlighter::new();
    let mut table = BTreeMap::new();
    for file in files {
        let text = fs::read_to_string(file)?;
        let mut block: Option<(String, String)> = None;
        for event in Parser::new(&text) {
            match event {
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                    let language = info.split([' ', ',', '\t']).next().unwrap_or_default();
                    block = Some((language.to_owned(), String::new()));
                }
                Event::Text(text) => {
                    if let Some((_, code)) = &mut block {
                        code.push_str(&text);
                    }
                }
                Event::End(TagEnd::CodeBlock) => {
                    let Some((language, code)) = block.take() else { continue };
                    if let Some(spans) = highlighter.spans(&language, &code) {
                        table.insert(highlight::name(&language, &code), spans);
                    }
                }
                _ => {}
            }
        }
    }
    let rows = table.iter().map(|(name, spans)| format!("    ({name}, &{spans:?}),\n"));
    Ok(format!("&[\n{}]\n", rows.collect::<String>()))
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
