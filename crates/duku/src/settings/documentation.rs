//! Which documentation is served, and where.

use super::{Settings, Urls, urls::optional_base_url};
use crate::command_error::CommandError;
use docs::{Address, Docs, Library};

impl Settings {
    /// The documentation: Duku's own, or that of the folder that is named. `urls` are those of the other surfaces.
    ///
    /// # Errors
    /// Its URL is wrong or that of another surface, or the folder cannot be read or would mislead its readers.
    pub fn documentation(&self, urls: &Urls) -> Result<Docs, CommandError> {
        let address = self.docs_address(urls)?;
        let Some(folder) = &self.docs_folder else { return Ok(Docs::embedded(address)) };
        let library =
            Library::read(folder).map_err(|error| CommandError::new(format!("--docs-folder: {error}")))?;
        let problems = library.check();
        if problems.is_empty() {
            return Ok(Docs::of(library, address));
        }
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let lines = lines.join("\n  ");
        let folder = folder.display();
        Err(CommandError::new(format!("--docs-folder: the pages in {folder} have faults:\n  {lines}")))
    }

    fn docs_address(&self, urls: &Urls) -> Result<Address, CommandError> {
        let product = format!("{}/", urls.viewport);
        let Some(url) = optional_base_url("--docs-url", self.docs_url.as_ref())? else {
            let public = optional_base_url("--public-url", self.public_url.as_ref())?;
            let url = format!("{}/docs", public.as_ref().unwrap_or(&urls.platform));
            return Ok(Address { url, host: None, product });
        };
        let host = authority(&url);
        if [&urls.auth, &urls.platform, &urls.viewport].iter().any(|other| authority(other) == host) {
            return Err(CommandError::new(format!(
                "--docs-url must have a host name of its own, and {host} serves something else; without the setting the \
                 documentation is at /docs"
            )));
        }
        Ok(Address { host: Some(host.to_owned()), url, product })
    }
}

/// Host and port, as requests name them.
fn authority(url: &str) -> &str {
    url.split_once("://").map_or(url, |(_, authority)| authority)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::GivenSettings;
    use std::{fs, path::PathBuf};

    fn address(given: GivenSettings) -> Result<Address, CommandError> {
        let settings = given.resolve(None).unwrap();
        let urls = Urls::resolve(&settings, "127.0.0.1:8080".parse().unwrap()).unwrap();
        settings.docs_address(&urls)
    }

    fn given(public: &str, docs: &str) -> GivenSettings {
        let some = |url: &str| Some(url.to_owned()).filter(|url| !url.is_empty());
        GivenSettings { public_url: some(public), docs_url: some(docs), ..GivenSettings::default() }
    }

    #[test]
    fn the_documentation_is_below_the_public_url_unless_it_has_a_host_of_its_own() {
        let local = address(given("", "")).unwrap();
        assert_eq!((&*local.url, local.host), ("http://127.0.0.1:8080/docs", None));
        let below = address(given("https://platform.x.org", "")).unwrap();
        assert_eq!((&*below.url, below.host), ("https://platform.x.org/docs", None));
        let own = address(given("https://platform.x.org", "https://docs.x.org:8443/")).unwrap();
        assert_eq!(own.url, "https://docs.x.org:8443");
        assert_eq!(own.host.as_deref(), Some("docs.x.org:8443"));
        assert_eq!(own.product, "https://viewport.x.org/");
    }

    #[test]
    fn a_host_that_serves_something_else_is_rejected() {
        for url in
            ["https://platform.x.org", "https://viewport.x.org", "https://auth.x.org", "https://x.org/docs"]
        {
            let error = address(given("https://platform.x.org", url)).unwrap_err().to_string();
            assert!(error.contains("--docs-url"), "{url}: {error}");
        }
    }

    #[test]
    fn a_folder_with_faults_is_rejected_with_file_and_line() {
        let folder = tempfile::tempdir().unwrap();
        let rejection = |folder: PathBuf| {
            let given = GivenSettings { docs_folder: Some(folder), ..GivenSettings::default() };
            let settings = given.resolve(None).unwrap();
            let urls = Urls::resolve(&settings, "127.0.0.1:8080".parse().unwrap()).unwrap();
            settings.documentation(&urls).err().map(|error| error.to_string())
        };
        fs::write(folder.path().join("a.md"), "# A\n\n[b](b.md)\n").unwrap();
        let faults = rejection(folder.path().to_owned()).unwrap();
        assert!(faults.contains("\n  a.md:3: b.md leads to no page; "), "{faults}");
        fs::write(folder.path().join("b.md"), "# B\n").unwrap();
        assert_eq!(rejection(folder.path().to_owned()), None);
        assert!(rejection(folder.path().join("gone")).unwrap().contains("gone"));
    }
}
