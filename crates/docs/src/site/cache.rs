//! A library with what is made of it when it is first asked for.

use super::Mount;
use crate::{
    ask::{Answer, Asking, Guide},
    index::Index,
    library::Library,
};
use std::sync::{Arc, OnceLock};
use tokio::sync::Semaphore;

pub(super) struct LibraryCache {
    pub(super) library: Arc<Library>,
    /// Each page's HTML, below `/docs` and on a host of its own.
    texts: Vec<[OnceLock<String>; 2]>,
    index: Arc<Made<Index>>,
    guide: Arc<Made<Guide>>,
}

/// What is made of the library when it is first used, by one request after the other.
struct Made<T> {
    value: OnceLock<Option<T>>,
    /// Whoever waits for the one before waits here, and not on one of the threads on which passwords are checked, too.
    turn: Arc<Semaphore>,
}

impl<T> Default for Made<T> {
    fn default() -> Self {
        Self { value: OnceLock::new(), turn: Arc::new(Semaphore::new(1)) }
    }
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
        (texts.count(), self.index.value.get().is_some())
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
        made: &Arc<Made<M>>,
        read: impl FnOnce(&Library) -> rusqlite::Result<M> + Send + 'static,
        work: impl FnOnce(&M) -> T + Send + 'static,
    ) -> Option<T> {
        let (library, made) = (Arc::clone(&self.library), Arc::clone(made));
        let turn = Arc::clone(&made.turn).acquire_owned().await.ok()?;
        let worked = tokio::task::spawn_blocking(move || {
            // Also if nobody waits for the answer any more.
            let _turn = turn;
            let made = made.value.get_or_init(|| {
                let made = read(&library);
                made.inspect_err(|error| tracing::error!(%error, "the documentation cannot be searched")).ok()
            });
            made.as_ref().map(work)
        });
        worked.await.ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_who_ask_at_once_leave_threads_for_others() {
        let runtime = tokio::runtime::Builder::new_multi_thread().max_blocking_threads(3).build().unwrap();
        let cache = Arc::new(LibraryCache::of(Library::embedded()));
        runtime.block_on(async {
            let asking = Asking { question: "how do I rotate a key?".to_owned(), ..Asking::default() };
            let ask = |_| {
                let (cache, asking) = (Arc::clone(&cache), asking.clone());
                tokio::spawn(async move { cache.ask(asking).await.is_some() })
            };
            let asked: Vec<_> = (0..200).map(ask).collect();
            // Until the first one is at work and all others wait.
            while cache.guide.turn.available_permits() > 0 {
                tokio::task::yield_now().await;
            }
            tokio::task::spawn_blocking(|| ()).await.unwrap();
            let answered = asked.iter().filter(|asked| asked.is_finished()).count();
            assert!(answered < 100, "{answered} had their answers before a thread was free");
            for asked in asked {
                assert!(asked.await.unwrap());
            }
        });
    }
}
