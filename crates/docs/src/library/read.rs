//! Libraries from the disk, and pages that are read away from theirs.

use super::{Library, Page, links::Target, outline::Link};
use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

/// More than any page of words: a larger file was put there by mistake.
const LARGEST: u64 = 4 << 20;

/// A file or folder of a library that cannot be read.
#[derive(Debug)]
pub struct Unreadable {
    path: PathBuf,
    error: io::Error,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read {}: {}", self.path.display(), self.error)
    }
}

impl std::error::Error for Unreadable {}

impl Library {
    /// The pages of a folder: every `.md` file in it and below. Names that begin with a dot are left out.
    ///
    /// # Errors
    /// A file or folder cannot be read, or a file is no text in UTF-8.
    pub fn read(folder: &Path) -> Result<Self, Unreadable> {
        let mut files = Vec::new();
        collect(folder, "", &mut files).map_err(|(path, error)| Unreadable { path, error })?;
        if files.is_empty() {
            let error = io::Error::other("there is no page (no file that ends in .md) in it");
            return Err(Unreadable { path: folder.to_owned(), error });
        }
        Ok(Self::of(files))
    }
}

type Files = Vec<(String, String)>;

fn collect(folder: &Path, below: &str, files: &mut Files) -> Result<(), (PathBuf, io::Error)> {
    let failed = |error| (folder.to_owned(), error);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        let failed = |error| (path.clone(), error);
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
        // A link to a folder is not followed: it may lead back up.
        if entry.file_type().map_err(failed)?.is_dir() {
            collect(&path, &format!("{below}{name}/"), files)?;
        } else if name.strip_suffix(".md").is_some() {
            if fs::metadata(&path).map_err(failed)?.len() > LARGEST {
                return Err(failed(io::Error::other("a page has at most 4 MiB")));
            }
            let text = fs::read_to_string(&path).map_err(failed)?;
            files.push((format!("{below}{name}"), text.replace("\r\n", "\n")));
        }
    }
    Ok(())
}

/// A page's Markdown with whole URLs for its links to other pages.
pub(super) fn standalone(page: &Page, url: &str) -> String {
    let mut text = String::with_capacity(page.markdown.len());
    let mut rest: &str = &page.markdown;
    for link in &page.outline.links {
        let Some(whole) = whole_url(link, url) else { continue };
        let written = format!("]({}", link.written);
        let Some((before, after)) = rest.split_once(&written) else { continue };
        text.push_str(before);
        text.push_str("](");
        text.push_str(&whole);
        rest = after;
    }
    text + rest
}

fn whole_url(link: &Link, url: &str) -> Option<String> {
    let Target::Page { path, fragment } = &link.target else { return None };
    Some(super::html::place(url, path, fragment))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_read_with_everything_below_it() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &[u8]| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("README.md", b"# Hello\r\n\r\nFirst.\r\n");
        write("deep/er/x.md", b"# X\n");
        write("notes.txt", b"no page");
        write(".git/y.md", b"# Y\n");
        let library = Library::read(folder.path()).unwrap();
        let found: Vec<_> = library.pages().iter().map(|page| (&*page.path, &*page.description)).collect();
        assert_eq!(found, [("", "First."), ("deep/er/x", "")]);
        write("bad.md", b"# \xff\n");
        let error = Library::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("bad.md"), "{error}");
    }

    #[test]
    fn a_folder_without_pages_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Library::read(folder.path()).unwrap_err().to_string().contains("no page"));
        assert!(Library::read(&folder.path().join("gone")).is_err());
    }

    #[test]
    fn a_page_that_is_read_alone_has_whole_links() {
        let page = Page::of(
            "a/b.md".into(),
            "# B\n\n[c](c.md#x), `[c](c.md)`, [here](#b), [o](https://o.example)\n".into(),
        );
        assert_eq!(
            page.standalone("https://x.example/docs"),
            "# B\n\n[c](https://x.example/docs/a/c#x), `[c](c.md)`, [here](https://x.example/docs/a/b#b), [o](https://o.example)\n"
        );
    }
}
