//! A library with what is made of it when it is first asked for.

use super::Mount;
use crate::{
    ask::{Answer, Asking, Guide},
    index::Index,
    library::Library,
};
use std::sync::{Arc, OnceLock};

pub(super) struct LibraryCache {
    pub(super) library: Arc<Library>,
    /// Each page's HTML, below `/docs` and on a host of its own.
    texts: Vec<[OnceLock<String>; 2]>,
    index: Arc<OnceLock<Option<Index>>>,
    guide: Arc<OnceLock<Option<Guide>>>,
}

impl LibraryCache {
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

    /// Lets `work` use the index. `None` if there is none; the log says why.
    pub(super) async fn with_index<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Index) -> T + Send + 'static,
    ) -> Option<T> {
        self.with(&self.index, Index::of, work).await
    }

    /// Answers a question. `None` if that fails; the log says why.
    pub(super) async fn ask(&self, asking: Asking) -> Option<Answer> {
        let library = Arc::clone(&self.library);
        let answer = self.with(&self.guide, Guide::of, move |guide| guide.answer(&library, &asking)).await;
        answer?.inspect_err(|error| tracing::error!(%error, "a question was not answered")).ok()
    }

    /// Lets `work` use what is made of the library once, beside the requests that wait for nothing: making it takes a moment.
    async fn with<M: Send + Sync + 'static, T: Send + 'static>(
        &self,
        made: &Arc<OnceLock<Option<M>>>,
        read: impl FnOnce(&Library) -> rusqlite::Result<M> + Send + 'static,
        work: impl FnOnce(&M) -> T + Send + 'static,
    ) -> Option<T> {
        let (library, made) = (Arc::clone(&self.library), Arc::clone(made));
        let worked = tokio::task::spawn_blocking(move || {
            let made = made.get_or_init(|| {
                let made = read(&library);
                made.inspect_err(|error| tracing::error!(%error, "the documentation cannot be searched")).ok()
            });
            made.as_ref().map(work)
        });
        worked.await.ok().flatten()
    }
}
