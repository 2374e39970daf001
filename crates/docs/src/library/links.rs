//! Where links between files lead.

use super::text::decoded;

/// What a link leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// A page of the library, if there is one at `path`.
    Page {
        /// As in [`super::Page::path`].
        path: String,
        /// What stands behind `#`; empty without one.
        fragment: String,
    },
    /// Somewhere else: another site, this server outside the documentation, a mailbox.
    Elsewhere,
    /// Nothing that a page may lead to.
    Forbidden,
}

/// The address of a file's page: `integrations/README.md` is the page of its folder.
pub(super) fn page_path(file: &str) -> String {
    let bare = file.strip_suffix(".md").unwrap_or(file);
    let (folder, name) = bare.rsplit_once('/').unwrap_or(("", bare));
    match name {
        "README" | "index" => folder.to_owned(),
        _ => bare.to_owned(),
    }
}

/// What `link` leads to, written in `file`.
pub(super) fn target(link: &str, file: &str) -> Target {
    if link.starts_with('/') {
        return Target::Elsewhere;
    }
    let scheme = link.split_once(':').map(|(scheme, _)| scheme).filter(|scheme| is_scheme(scheme));
    if let Some(scheme) = scheme {
        let known = ["http", "https", "mailto"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
        return if known { Target::Elsewhere } else { Target::Forbidden };
    }
    let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
    let path = decoded(path).unwrap_or_else(|| path.to_owned());
    let fragment = decoded(fragment).unwrap_or_else(|| fragment.to_owned());
    if path.is_empty() {
        return Target::Page { path: page_path(file), fragment };
    }
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            ".." if parts.pop().is_none() => parts.push(".."),
            ".." | "." | "" => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    let is_file = path.strip_suffix(".md").is_some();
    Target::Page { path: if is_file { page_path(&joined) } else { joined }, fragment }
}

fn is_scheme(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && characters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_between_files_become_links_between_pages() {
        let page = |path: &str, fragment: &str| Target::Page { path: path.into(), fragment: fragment.into() };
        let from = "integrations/api-keys.md";
        for (link, expected) in [
            ("../viewport.md", page("viewport", "")),
            ("graphql-api.md#limits", page("integrations/graphql-api", "limits")),
            ("#here", page("integrations/api-keys", "here")),
            ("README.md", page("integrations", "")),
            ("../README.md", page("", "")),
            ("../", page("", "")),
            ("../../secret.md", page("../secret", "")),
            ("a%20b.md", page("integrations/a b", "")),
        ] {
            assert_eq!(target(link, from), expected, "{link}");
        }
        for link in ["https://a.example/x.md", "/settings", "mailto:ada@example.org", "//a.example"] {
            assert_eq!(target(link, from), Target::Elsewhere, "{link}");
        }
        assert_eq!(target("JavaScript:alert(1)", from), Target::Forbidden);
    }
}
