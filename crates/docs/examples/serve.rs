//! Shows a folder of Markdown as the documentation site would: `cargo run -p docs --example serve -- FOLDER [PORT]`.
//!
//! Without a folder it shows the pages that are compiled in. What is wrong with the pages is said first.

use docs::{Address, Docs, Library};
use std::{error::Error, path::Path};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next();
    let port: u16 = arguments.next().unwrap_or_else(|| "8098".to_owned()).parse()?;
    let library = match &folder {
        Some(folder) => Library::read(Path::new(folder))?,
        None => Library::embedded(),
    };
    for problem in library.check() {
        eprintln!("{problem}");
    }
    let url = format!("http://127.0.0.1:{port}/docs");
    println!("{} pages at {url}", library.pages().len());
    let docs = Docs::of(library, Address { url, host: None, product: "/".to_owned() });
    let router = docs.router().merge(pages::assets_with(&docs::ASSETS));
    axum::serve(tokio::net::TcpListener::bind(("127.0.0.1", port)).await?, router).await?;
    Ok(())
}
