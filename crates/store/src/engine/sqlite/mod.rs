//! SQLite: every thread reads through a connection of its own, one thread writes.
//!
//! Reading inline is the fastest way (no hand-over to another thread); each statement sees the newest commit of
//! any process. Requests that a thread has at hand together share a read ([`lookups`]). The writer groups transactions that arrive together into one disk flush and answers after it.

pub(crate) mod checkpoint;
pub(crate) mod copy;
pub(crate) mod lookups;
pub(crate) mod open;
pub(crate) mod replace;
mod writer;

pub(crate) use writer::SqliteTransaction;

use crate::{
    Result, StoreError,
    engine::value::{Mapper, Row, Value},
};
use rusqlite::{Connection, Statement, ToSql};
use std::{
    cell::RefCell,
    collections::HashMap,
    path::Path,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static READERS: RefCell<Vec<(u64, Rc<Connection>)>> = const { RefCell::new(Vec::new()) };
}

/// An open SQLite file. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Sqlite(Arc<Shared>);

struct Shared {
    id: u64,
    path: Arc<Path>,
    patience: Duration,
    /// None for a copy, which is only read.
    writer: Option<writer::Writer>,
    _in_use: Option<std::fs::File>,
}

impl Sqlite {
    pub(crate) fn open(path: &Path, patience: Duration) -> Result<Self> {
        let in_use = open::hold(path)?;
        let writer = writer::Writer::start(open::for_writing(path, patience)?, patience.saturating_mul(2))?;
        Ok(Self::new(path, patience, Some(writer), in_use))
    }

    /// A file that nobody writes.
    pub(crate) fn open_copy(path: &Path) -> Result<Self> {
        let patience = Duration::from_secs(5);
        open::for_reading(path, patience)?;
        Ok(Self::new(path, patience, None, None))
    }

    fn new(
        path: &Path,
        patience: Duration,
        writer: Option<writer::Writer>,
        in_use: Option<std::fs::File>,
    ) -> Self {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        Self(Arc::new(Shared { id, path: path.into(), patience, writer, _in_use: in_use }))
    }

    pub(crate) async fn begin(&self) -> Result<SqliteTransaction> {
        self.0.writer.as_ref().ok_or(StoreError::ReadOnly)?.begin().await
    }

    /// As [`crate::Store::close`].
    pub(crate) async fn close(&self, lock_wait: Duration) -> Result<checkpoint::Checkpoint> {
        match &self.0.writer {
            Some(writer) => writer.close(lock_wait).await,
            None => Ok(checkpoint::Checkpoint::Complete),
        }
    }

    /// Runs `work` on this thread's own connection.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let connection = READERS.with_borrow_mut(|readers| {
            if let Some((_, open)) = readers.iter().find(|(id, _)| *id == self.0.id) {
                return Ok(Rc::clone(open));
            }
            let open = Rc::new(open::for_reading(&self.0.path, self.0.patience)?);
            readers.push((self.0.id, Rc::clone(&open)));
            Ok::<_, StoreError>(open)
        })?;
        work(&connection)
    }
}

/// What a statement runs on: the thread's own connection, or the writer's in a transaction.
pub(crate) enum SqliteConnection {
    Reader(Sqlite),
    Writer(SqliteTransaction),
}

impl SqliteConnection {
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        match self {
            Self::Reader(sqlite) => sqlite.read(work),
            Self::Writer(transaction) => transaction.run(work).await,
        }
    }

    pub(crate) async fn commit(&self) -> Result<()> {
        match self {
            Self::Reader(_) => Ok(()),
            Self::Writer(transaction) => transaction.commit().await,
        }
    }

    pub(crate) async fn roll_back(&self) -> Result<()> {
        match self {
            Self::Reader(_) => Ok(()),
            Self::Writer(transaction) => transaction.roll_back().await,
        }
    }
}

pub(crate) fn query<T>(
    connection: &Connection,
    sql: &'static str,
    params: &[Value],
    map: Mapper<T>,
) -> Result<Vec<T>> {
    let mut statement = connection.prepare_cached(&numbered(sql))?;
    bind(&mut statement, params)?;
    let mut rows = statement.raw_query();
    let mut answer = Vec::new();
    while let Some(row) = rows.next()? {
        answer.push(Row::of_sqlite(row).read(map)?);
    }
    Ok(answer)
}

pub(crate) fn execute(connection: &Connection, sql: &'static str, params: &[Value]) -> Result<u64> {
    let mut statement = connection.prepare_cached(&numbered(sql))?;
    bind(&mut statement, params)?;
    let changed = statement.raw_execute()?;
    Ok(u64::try_from(changed).unwrap_or(u64::MAX))
}

thread_local! {
    static NUMBERED: RefCell<HashMap<(usize, usize), Rc<str>>> = RefCell::default();
}

/// The statement with `?2` for `$2`. To SQLite `$2` is a name and not a number: the first name that a statement mentions is its
/// first parameter, whatever it is called. Each text is translated once on each thread, and known by where it stands.
fn numbered(sql: &'static str) -> Rc<str> {
    NUMBERED.with_borrow_mut(|known| {
        let translated =
            known.entry((sql.as_ptr().addr(), sql.len())).or_insert_with(|| sql.replace('$', "?").into());
        Rc::clone(translated)
    })
}

fn bind(statement: &mut Statement<'_>, params: &[impl ToSql]) -> Result<()> {
    if statement.parameter_count() != params.len() {
        return Err(StoreError::Rejected("the statement has other parameters than it was given".into()));
    }
    for (index, value) in params.iter().enumerate() {
        statement.raw_bind_parameter(index + 1, value)?;
    }
    Ok(())
}
