//! Full-text search over a library's sections, in memory.
//!
//! The tables here are made from the pages and thrown away with the process: nothing of them is data.

mod terms;

pub(crate) use terms::Term;

use crate::library::{BlockKind, Library, Place, Section};
use rusqlite::{Connection, OpenFlags, params};
use std::sync::{Mutex, PoisonError};

/// What stands around a word that was looked for, in SQLite's snippets. Pages are freed of both.
const HIT: [char; 2] = ['\u{2}', '\u{3}'];

const TABLE: &str =
    "CREATE VIRTUAL TABLE section USING fts5(title, heading, body, asked, tokenize = 'porter unicode61')";
const ADD: &str = "INSERT INTO section (rowid, title, heading, body, asked) VALUES (?1, ?2, ?3, ?4, ?5)";
/// A word of a heading says more than one of the text, and one of a question that the section answers about as much. Sorted by FTS5 itself, so that excerpts are made of the best rows alone.
const FIND: &str = "SELECT rowid, rank, snippet(section, 2, char(2), char(3), '…', 28) FROM section \
                    WHERE section MATCH ?1 AND rank MATCH 'bm25(5.0, 8.0, 1.0, 1.0)' ORDER BY rank LIMIT ?2";

/// An index of one library.
pub(crate) struct Index {
    connection: Mutex<Connection>,
    /// Page and section of each row, in the order of the rows.
    places: Vec<Place>,
}

/// A section that was found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Hit {
    /// Where it is.
    pub(crate) place: Place,
    /// How well it fits; more is better.
    pub(crate) score: f64,
    /// The part of its text that fits best.
    pub(crate) excerpt: Marked,
}

/// A text in parts, of which some were looked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Marked(pub(crate) Vec<(String, bool)>);

/// How many of the words a section must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// All of them.
    All,
    /// At least one; the more, the better.
    Any,
}

impl Index {
    /// Reads every section of a library.
    ///
    /// # Errors
    /// SQLite fails: it has no memory, or was built without FTS5.
    pub(crate) fn of(library: &Library) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_in_memory_with_flags(flags)?;
        connection.execute_batch(TABLE)?;
        let mut places = Vec::new();
        let transaction = connection.transaction()?;
        {
            let mut add = transaction.prepare(ADD)?;
            for (page, at) in library.pages().iter().zip(0..) {
                for (section, number) in page.sections().iter().zip(0..) {
                    let place = Place { page: at, section: number };
                    places.push(place);
                    let heading = plain(&section.name());
                    let row = i64::try_from(places.len()).unwrap_or(i64::MAX);
                    let answered = library.questions_of(place).iter();
                    let asked: Vec<&str> =
                        answered.flat_map(|answered| &answered.questions).map(String::as_str).collect();
                    let asked = plain(&asked.join(" "));
                    add.execute(params![row, plain(&page.title), heading, plain(&words(section)), asked])?;
                }
            }
        }
        transaction.commit()?;
        Ok(Self { connection: Mutex::new(connection), places })
    }

    /// The sections that have the words, best first.
    ///
    /// # Errors
    /// SQLite fails.
    pub(crate) fn search(&self, words: &[Term], need: Need, limit: u32) -> rusqlite::Result<Vec<Hit>> {
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let query = query(words, need);
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let mut find = connection.prepare_cached(FIND)?;
        let rows = find.query_map(params![query, limit], |row| {
            let (number, cost): (i64, f64) = (row.get(0)?, row.get(1)?);
            Ok(self.place(number).map(|place| (place, -cost, row.get::<_, String>(2))))
        })?;
        let mut hits = Vec::new();
        for row in rows {
            let Some((place, score, excerpt)) = row? else { continue };
            hits.push(Hit { place, score, excerpt: Marked::of(&excerpt?) });
        }
        Ok(hits)
    }

    fn place(&self, number: i64) -> Option<Place> {
        usize::try_from(number - 1).ok().and_then(|number| self.places.get(number)).copied()
    }
}

fn query(words: &[Term], need: Need) -> String {
    let between = match need {
        Need::All => " AND ",
        Need::Any => " OR ",
    };
    words.iter().map(Term::quoted).collect::<Vec<_>>().join(between)
}

/// Everything that a section says, with the names of a table's columns once before its rows. What is no sentence is set apart
/// by a dot, because excerpts go over several blocks.
fn words(section: &Section) -> String {
    let mut text = String::new();
    let mut add = |words: &str| {
        text.push_str(words);
        text.push_str(if words.ends_with(['.', ':', '!', '?', '…']) { " " } else { " · " });
    };
    let mut before: &[String] = &[];
    for block in &section.blocks {
        if let BlockKind::Row { columns, .. } = &block.kind
            && columns.as_slice() != before
        {
            before = columns;
            add(&columns.join(" | "));
        }
        add(&block.text);
    }
    text.truncate(text.trim_end_matches([' ', '·']).len());
    text
}

/// Control characters say nothing, and two of them mark hits.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl Marked {
    fn of(text: &str) -> Self {
        let mut parts = Vec::new();
        for (index, part) in text.split(HIT).enumerate() {
            if !part.is_empty() {
                parts.push((part.to_owned(), index % 2 == 1));
            }
        }
        Self(parts)
    }

    /// The text without its marks.
    pub(crate) fn plain(&self) -> String {
        self.0.iter().map(|(text, _)| text.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn index() -> (Library, Index) {
        let files = [
            (
                "a.md",
                "# Keys\n\nA key lives ninety days.\n\n## Rotate\n\nThe client_id stays & the <b>secret</b> changes.\n",
            ),
            (
                "b.md",
                "# Tokens\n\nA token was rotated into nothing \u{2}odd\u{3}.\n\n| error | cause |\n| --- | --- |\n| 401 | unknown client |\n",
            ),
        ];
        let library = Library::of(files.map(|(file, text)| (file.to_owned(), text.into())));
        let index = Index::of(&library).unwrap();
        (library, index)
    }

    fn found(query: &str, need: Need) -> Vec<(usize, usize)> {
        let hits = index().1.search(&Term::all(query, true), need, 10).unwrap();
        hits.iter().map(|hit| (hit.place.page, hit.place.section)).collect()
    }

    #[test]
    fn the_heading_weighs_most_and_words_are_found_in_other_forms() {
        assert_eq!(found("rotating", Need::All), [(0, 1), (1, 0)]);
        assert_eq!(found("keys", Need::All)[0], (0, 0));
        assert_eq!(found("client_id", Need::All), [(0, 1)]);
        assert_eq!(found("unknown cause", Need::All), [(1, 0)], "the names of columns count");
    }

    #[test]
    fn a_section_is_found_by_the_words_that_people_ask_with() {
        let files = [
            ("a.md", "# Keys\n\nA key lives ninety days.\n"),
            ("ask/QUESTIONS.md", "## [Keys](../a.md)\n> ninety days\n- when does a credential die\n"),
        ];
        let library = Library::of(files.map(|(file, text)| (file.to_owned(), text.into())));
        let index = Index::of(&library).unwrap();
        let hits = index.search(&Term::all("credential", false), Need::All, 9).unwrap();
        assert_eq!(hits.len(), 1);
        assert_eq!(hits[0].excerpt.plain(), "A key lives ninety days.", "the excerpt is of the page");
    }

    #[test]
    fn all_words_or_any() {
        assert_eq!(found("ninety secret", Need::All), [(0, 0); 0]);
        assert_eq!(found("ninety secret", Need::Any).len(), 2);
        assert_eq!(found("", Need::Any), [(0, 0); 0]);
        assert_eq!(found("-- \"*\" ^", Need::Any), [(0, 0); 0]);
    }

    #[test]
    fn the_last_word_may_be_unfinished() {
        assert_eq!(found("the secr", Need::All), [(0, 1)]);
        let (_, index) = index();
        assert!(index.search(&Term::all("secr", false), Need::All, 9).unwrap().is_empty());
    }

    #[test]
    fn hits_are_marked_and_nothing_else_is() {
        let (_, index) = index();
        let hits = index.search(&Term::all("secret", true), Need::All, 9).unwrap();
        let marked: Vec<_> = hits[0].excerpt.0.iter().filter(|(_, hit)| *hit).collect();
        assert_eq!(marked, [&("secret".to_owned(), true)]);
        assert!(hits[0].excerpt.plain().contains("stays & the <b>secret</b>"));
        assert!(hits[0].score > 0.0);
        let odd = index.search(&Term::all("nothing", true), Need::All, 9).unwrap();
        assert!(odd[0].excerpt.plain().contains("odd"), "a page's own control characters mark nothing");
        assert_eq!(odd[0].excerpt.0.iter().filter(|(_, hit)| *hit).count(), 1);
    }

    proptest! {
        #[test]
        fn whatever_is_typed_is_words_and_never_syntax(query in "\\PC{0,60}|[a-z\"*():^+{} -]{0,40}|(AND|OR|NOT|NEAR|title:| |a){0,8}") {
            let (_, index) = index();
            for unfinished in [true, false] {
                for need in [Need::All, Need::Any] {
                    prop_assert!(index.search(&Term::all(&query, unfinished), need, 5).is_ok());
                }
            }
        }
    }
}
