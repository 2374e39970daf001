//! A library with what is made of it when it is first asked for.

use super::Mount;
use crate::{
    ask::{Answer, Asking, Guide},
    index::Index,
    library::Library,
};
use std::sync::{Arc, OnceLock};

pub(super) struct Shelf {
    pub(super) library: Arc<Library>,
    /// Each page's HTML, below `/docs` and on a host of its own.
    texts: Vec<[OnceLock<String>; 2]>,
    index: Arc<OnceLock<Option<Index>>>,
    guide: Arc<OnceLock<Guide>>,
}

impl Shelf {
    pub(super) fn of(library: Library) -> Self {
        let texts = library.pages().iter().map(|_| Default::default()).collect();
        Self { library: Arc::new(library), texts, index: Arc::default(), guide: Arc::default() }
    }

    pub(super) fn text(&self, place: usize, mount: Mount) -> &str {
        let Some([below, own]) = self.texts.get(place) else { return "" };
        let text = match mount {
            Mount::Below => below,
            Mount::Own => own,
        };
        let page = self.library.pages().get(place);
        text.get_or_init(|| page.map(|page| page.html(mount.base())).unwrap_or_default())
    }

    /// How many pages are made, and whether the index is.
    #[cfg(test)]
    pub(super) fn made(&self) -> (usize, bool) {
        let texts = self.texts.iter().flatten().filter(|text| text.get().is_some());
        (texts.count(), self.index.get().is_some())
    }

    /// Lets `work` use the index, beside the requests that wait for nothing: making it takes a moment. `None` if there is
    /// none; the log says why.
    pub(super) async fn with_index<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Index) -> T + Send + 'static,
    ) -> Option<T> {
        let (library, index) = (Arc::clone(&self.library), Arc::clone(&self.index));
        let worked = tokio::task::spawn_blocking(move || {
            let index = index.get_or_init(|| {
                let made = Index::of(&library);
                made.inspect_err(|error| tracing::error!(%error, "the documentation cannot be searched")).ok()
            });
            index.as_ref().map(work)
        });
        worked.await.ok().flatten()
    }

    /// Answers a question. `None` if that fails; the log says why.
    pub(super) async fn ask(&self, asking: Asking) -> Option<Answer> {
        let (library, guide) = (Arc::clone(&self.library), Arc::clone(&self.guide));
        let answer = self.with_index(move |index| {
            guide.get_or_init(|| Guide::of(&library)).answer(&library, index, &asking)
        });
        answer.await?.inspect_err(|error| tracing::error!(%error, "a question was not answered")).ok()
    }
}
