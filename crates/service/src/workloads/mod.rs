//! Issuers of workloads' tokens: whose keys verify what, fetched and remembered. Who may do what with it is in `keys` and `tokens`.

mod issuers;

pub use issuers::{FetchError, Fetched, IssuerFetcher};
pub(crate) use issuers::{Issuers, KeySetPlace, KeySetUnavailable};

use crate::Tokens;
use std::sync::Arc;

impl Tokens<'_> {
    /// Fetches issuers' keys by `fetcher` from now on; the first one that is given stays.
    pub fn use_issuer_fetcher(self, fetcher: Arc<dyn IssuerFetcher>) {
        self.0.issuers.use_fetcher(fetcher);
    }
}
