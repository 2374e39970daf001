//! Packs the static files with gzip, as browsers get them.

use flate2::{Compression, GzBuilder};
use std::{
    env, fs,
    io::{self, Write},
    path::Path,
};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=assets");
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    for entry in fs::read_dir("assets")? {
        let (path, name) = {
            let entry = entry?;
            (entry.path(), entry.file_name())
        };
        let packed = fs::File::create(Path::new(&out).join(name).with_added_extension("gz"))?;
        let mut packed = GzBuilder::new().write(packed, Compression::best());
        packed.write_all(&fs::read(path)?)?;
        packed.finish()?;
    }
    Ok(())
}
