//! How much memory answers take: of one request, and of all that are under way.
//!
//! The limits of `limits` weigh a document before it runs and know nothing of how long its values are. So values are counted as
//! they are made, and the entries of lists as they are read; what goes beyond is not made, and the operation ends. A request
//! takes from the memory of the node in steps, and gives back what it took when the client has taken the answer.
//!
//! The budget of a request goes with its task, because the library gives leaves no context.

use crate::operation::request_errors::{Code, RequestError};
use domain::OrganisationId;
use juniper::{FieldError, Value};
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    future::poll_fn,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

tokio::task_local! {
    static BUDGET: Budget;
}

/// What a field takes beside its text: its name in the answer, and the library's tree.
const FIELD_TEXT: usize = 16;
const FIELD_MEMORY: usize = 112;
/// How much is taken from the node's memory at once.
const STEP: usize = 16 * 1024;
/// So much an answer always gets: large ones must not keep everyone from small ones.
const ALWAYS: usize = 4 * STEP;
/// What may be read for an answer, in sizes of the largest answer: entries take more room than their text.
const READ_FACTOR: usize = 4;

/// The memory of all answers that are under way. Small ones always get theirs. An organisation's only large answer may take what is
/// left; several of one organisation leave a quarter, unless they take an eighth at most.
#[derive(Debug)]
pub(crate) struct NodeMemory {
    limit: usize,
    used: AtomicUsize,
    /// What large answers take of it.
    large: Mutex<HashMap<OrganisationId, usize>>,
}

impl NodeMemory {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, used: AtomicUsize::new(0), large: Mutex::default() }
    }

    fn large(&self) -> MutexGuard<'_, HashMap<OrganisationId, usize>> {
        self.large.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A part of the node's memory for an answer to an organisation. It is given back when the value is dropped.
#[derive(Debug)]
pub(crate) struct Reserved {
    node: Arc<NodeMemory>,
    organisation: OrganisationId,
    bytes: usize,
}

/// What counts of an answer as large.
const fn as_large(bytes: usize) -> usize {
    if bytes > ALWAYS { bytes } else { 0 }
}

impl Reserved {
    /// Takes so much more, unless it is not there.
    fn grow(&mut self, bytes: usize) -> bool {
        let held = self.bytes.saturating_add(bytes);
        let mut large = None;
        if as_large(held) > 0 {
            let by_organisation = large.insert(self.node.large());
            let (limit, total) = (self.node.limit, self.node.used.load(Relaxed).saturating_add(bytes));
            let all = by_organisation.get(&self.organisation).copied().unwrap_or_default();
            let others = all - as_large(self.bytes);
            let own = others.saturating_add(held);
            if total > limit || (others > 0 && total > limit / 4 * 3 && own > limit / 8) {
                return false;
            }
            by_organisation.insert(self.organisation.clone(), own);
        }
        // While large answers wait, so that no two take the same.
        self.node.used.fetch_add(bytes, Relaxed);
        self.bytes = held;
        true
    }

    /// Gives back what goes beyond.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        let less = as_large(self.bytes) - as_large(bytes);
        if less > 0 {
            let mut large = self.node.large();
            if let Some(own) = large.get_mut(&self.organisation) {
                *own -= less;
                if *own == 0 {
                    large.remove(&self.organisation);
                }
            }
        }
        self.node.used.fetch_sub(self.bytes - bytes, Relaxed);
        self.bytes = bytes;
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.shrink(0);
    }
}

/// Which budget is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exceeded {
    /// The answer is longer than one may be.
    Answer { limit: usize },
    /// More was read than an answer needs.
    Read { limit: usize },
    /// The answers of all requests take all the memory that there is for them.
    Node,
}

impl Exceeded {
    pub(crate) fn error(self) -> RequestError {
        let (name, limit) = match self {
            Self::Answer { limit } => ("answerBytes", limit),
            Self::Read { limit } => ("readBytes", limit),
            Self::Node => {
                return RequestError::new(Code::Internal, self.message());
            }
        };
        RequestError::invalid(self.message()).with("limitOf", name).with("limit", limit)
    }

    pub(crate) fn message(self) -> String {
        match self {
            Self::Answer { limit } => format!(
                "the answer would be longer than {limit} bytes (graphql_answer_bytes): ask for smaller pages with \
                 `first`, or for fewer fields"
            ),
            Self::Read { limit } => format!(
                "the lists that the operation reads take more than {limit} bytes (four times graphql_answer_bytes): \
                 ask for smaller pages with `first`"
            ),
            Self::Node => {
                "the answers that are under way take all the memory that there is for them just now: \
                           try again in a moment"
                    .to_owned()
            }
        }
    }
}

/// What one request may use, and has used.
pub(crate) struct Budget {
    limit: usize,
    /// Bytes of the answer.
    text: Cell<usize>,
    /// Memory of the answer beyond its text.
    tree: Cell<usize>,
    /// Memory of the entries that are read and not answered yet.
    read: Cell<usize>,
    /// None once the answer has it.
    reserved: RefCell<Option<Reserved>>,
    exceeded: Cell<Option<Exceeded>>,
}

impl Budget {
    /// For an answer to this organisation.
    pub(crate) const fn new(limit: usize, node: Arc<NodeMemory>, organisation: OrganisationId) -> Self {
        Self {
            limit,
            text: Cell::new(0),
            tree: Cell::new(0),
            read: Cell::new(0),
            reserved: RefCell::new(Some(Reserved { node, organisation, bytes: 0 })),
            exceeded: Cell::new(None),
        }
    }

    fn add(&self, to: &Cell<usize>, bytes: usize) {
        to.set(to.get().saturating_add(bytes));
        self.settle();
    }

    /// Looks whether it is too much by now, and takes from the node what is missing.
    fn settle(&self) {
        if self.exceeded.get().is_some() {
            return;
        }
        let read_limit = self.limit.saturating_mul(READ_FACTOR);
        let total = self.text.get().saturating_add(self.tree.get()).saturating_add(self.read.get());
        if self.text.get() > self.limit {
            self.exceeded.set(Some(Exceeded::Answer { limit: self.limit }));
        } else if self.read.get() > read_limit {
            self.exceeded.set(Some(Exceeded::Read { limit: read_limit }));
        } else if let Some(reserved) = &mut *self.reserved.borrow_mut() {
            let missing = total.saturating_sub(reserved.bytes);
            if missing > 0 && !reserved.grow(missing.next_multiple_of(STEP)) {
                self.exceeded.set(Some(Exceeded::Node));
            }
        }
    }
}

fn with<T>(of: impl FnOnce(&Budget) -> T) -> Option<T> {
    BUDGET.try_with(of).ok()
}

/// Counts a text of the answer.
pub(crate) fn text(bytes: usize) {
    with(|budget| budget.add(&budget.text, bytes));
}

/// Counts fields of the answer.
pub(crate) fn fields(count: usize) {
    with(|budget| {
        budget.tree.set(budget.tree.get().saturating_add(count * FIELD_MEMORY));
        budget.add(&budget.text, count * FIELD_TEXT);
    });
}

/// Counts what was read for the answer.
pub(crate) fn read(bytes: usize) {
    with(|budget| budget.add(&budget.read, bytes));
}

/// What was read is gone again.
pub(crate) fn forget(bytes: usize) {
    with(|budget| budget.read.set(budget.read.get().saturating_sub(bytes)));
}

/// Whether nothing more is to be made or read.
pub(crate) fn is_exceeded() -> bool {
    with(|budget| budget.exceeded.get().is_some()).unwrap_or(false)
}

/// What a client is told of it.
pub(crate) fn exceeded() -> Option<String> {
    with(|budget| budget.exceeded.get()).flatten().map(Exceeded::message)
}

/// The same as an error of the field that cannot be answered any more.
pub(crate) fn check<S>() -> Result<(), FieldError<S>> {
    exceeded().map_or(Ok(()), |message| Err(FieldError::new(message, Value::Null)))
}

/// What became of an operation, and the memory that its answer takes.
pub(crate) struct Ran<T> {
    pub(crate) outcome: Result<T, Exceeded>,
    pub(crate) reserved: Option<Reserved>,
    /// About so long the answer is.
    pub(crate) length: usize,
}

/// Runs an operation within a budget. One that only reads ends as soon as the budget is used up; one that changes something runs to
/// its end, and its fields say so by themselves.
pub(crate) async fn run<T>(budget: Budget, only_reads: bool, operation: impl Future<Output = T>) -> Ran<T> {
    let within = async move {
        let outcome = {
            let mut operation = pin!(operation);
            let exceeded = || with(|budget| budget.exceeded.get()).flatten().filter(|_| only_reads);
            poll_fn(|cx| {
                let polled = operation.as_mut().poll(cx);
                match exceeded() {
                    Some(exceeded) => std::task::Poll::Ready(Err(exceeded)),
                    None => polled.map(Ok),
                }
            })
            .await
        };
        BUDGET.with(|budget| Ran { outcome, reserved: budget.reserved.take(), length: budget.text.get() })
    };
    BUDGET.scope(budget, within).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(limit: usize) -> Arc<NodeMemory> {
        Arc::new(NodeMemory::new(limit))
    }

    fn organisation(last: char) -> OrganisationId {
        OrganisationId::parse(&format!("org_{}{last}", "0".repeat(25))).unwrap()
    }

    fn budget(limit: usize, node: &Arc<NodeMemory>) -> Budget {
        Budget::new(limit, Arc::clone(node), organisation('1'))
    }

    #[tokio::test]
    async fn what_reads_ends_when_its_budget_is_used_up_and_gives_its_memory_back() {
        let node = node(usize::MAX);
        let ran = run(budget(100, &node), true, async {
            text(101);
            std::future::pending::<()>().await;
        });
        let Ran { outcome, reserved, .. } = ran.await;
        assert_eq!(outcome, Err(Exceeded::Answer { limit: 100 }));
        drop(reserved);
        assert_eq!(node.used.load(Relaxed), 0);
    }

    #[tokio::test]
    async fn what_changes_something_runs_to_its_end() {
        let ran = run(budget(100, &node(usize::MAX)), false, async {
            read(401);
            tokio::task::yield_now().await;
            check::<crate::scalars::ApiScalar>().unwrap_err().message().to_owned()
        });
        assert!(ran.await.outcome.unwrap().contains("more than 400 bytes"));
    }

    #[tokio::test]
    async fn answers_share_the_memory_of_the_node_until_they_are_taken() {
        let node = node(4 * ALWAYS);
        let mut first = run(budget(1 << 30, &node), true, async { text(3 * ALWAYS) }).await;
        let ask = |bytes| {
            let budget = Budget::new(1 << 30, Arc::clone(&node), organisation('2'));
            run(budget, true, async move { text(bytes) })
        };
        assert_eq!(first.outcome, Ok(()));
        assert_eq!(ask(ALWAYS + 1).await.outcome, Err(Exceeded::Node));
        let small = [ask(ALWAYS).await, ask(ALWAYS).await];
        assert!(small.iter().all(|ran| ran.outcome.is_ok()), "small answers are made all the same");
        drop(small);
        first.reserved.as_mut().unwrap().shrink(2 * ALWAYS);
        assert_eq!(ask(ALWAYS + 1).await.outcome, Ok(()));
        drop(first);
        assert_eq!(node.used.load(Relaxed), 0);
    }

    #[tokio::test]
    async fn an_organisation_that_takes_all_it_can_get_leaves_memory_for_others() {
        let node = node(64 * STEP);
        let ask = async |last, bytes| {
            run(Budget::new(1 << 30, Arc::clone(&node), organisation(last)), true, async move { text(bytes) })
                .await
        };
        let mut greedy = Vec::new();
        loop {
            let ran = ask('1', ALWAYS + 1).await;
            if ran.outcome.is_err() {
                break;
            }
            greedy.push(ran);
        }
        assert!(node.used.load(Relaxed) <= 48 * STEP);
        let other = ask('2', 8 * STEP).await;
        assert_eq!(other.outcome, Ok(()), "an eighth is left for whoever has nothing");
        assert_eq!(ask('2', ALWAYS + 1).await.outcome, Err(Exceeded::Node), "and no more than that");
        drop((greedy, other));
        assert_eq!((node.used.load(Relaxed), node.large().len()), (0, 0));
    }

    #[tokio::test]
    async fn the_only_answer_of_an_organisation_may_take_all_memory() {
        let node = node(64 * STEP);
        let ran = run(budget(1 << 30, &node), true, async {
            for _ in 0..64 {
                text(STEP);
            }
        });
        let Ran { outcome, reserved, .. } = ran.await;
        assert_eq!((outcome, node.used.load(Relaxed)), (Ok(()), 64 * STEP));
        drop(reserved);
        assert_eq!(node.used.load(Relaxed), 0);
    }

    #[tokio::test]
    async fn what_was_read_and_is_gone_counts_no_more() {
        let ran = run(budget(100, &node(usize::MAX)), true, async {
            for _ in 0..1000 {
                read(300);
                forget(300);
            }
        });
        assert_eq!(ran.await.outcome, Ok(()));
    }
}
