//! Full-text search over a library's sections, in memory.
//!
//! The tables here are made from the pages and thrown away with the process: nothing of them is data.

mod terms;

pub(crate) use terms::Term;

use crate::{
    ask::Synonyms,
    library::{BlockKind, Library, Place, Section},
};
use rusqlite::{Connection, OpenFlags, params};
use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
};

/// What stands around a word that was looked for, in SQLite's snippets. Pages are freed of both.
const HIT: [char; 2] = ['\u{2}', '\u{3}'];

const TABLE: &str =
    "CREATE VIRTUAL TABLE section USING fts5(title, heading, body, asked, tokenize = 'porter unicode61')";
const ADD: &str = "INSERT INTO section (rowid, title, heading, body, asked) VALUES (?1, ?2, ?3, ?4, ?5)";
/// A word of a heading says more than one of the text, and one of a question that the section answers about as much.
const FIND: &str = "SELECT rowid, -rank FROM section \
                    WHERE section MATCH ?1 AND rank MATCH 'bm25(5.0, 8.0, 1.0, 1.0)'";
const EXCERPT: &str = "SELECT snippet(section, 2, char(2), char(3), '…', 28) FROM section WHERE section MATCH ?1 AND rowid = ?2";
/// What a synonym counts, in parts of a word that was typed.
const SYNONYM: f64 = 0.5;

/// An index of one library.
pub(crate) struct Index {
    connection: Mutex<Connection>,
    /// Page and section of each row, in the order of the rows.
    places: Vec<Place>,
    /// The words of each row's heading.
    headings: Vec<Vec<String>>,
    synonyms: Synonyms,
}

/// A section that was found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Hit {
    /// Where it is.
    pub(crate) place: Place,
    /// How well it fits; more is better.
    pub(crate) score: f64,
    /// Whether it has every word, or what means the same.
    pub(crate) is_whole: bool,
    /// The part of its text that fits best.
    pub(crate) excerpt: Marked,
}

/// A text in parts, of which some were looked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Marked(pub(crate) Vec<(String, bool)>);

/// What a row has of a query.
#[derive(Debug, Clone, Copy, Default)]
struct Fit {
    /// How many of its words are in the row's own text, and how many there or in its questions.
    said: usize,
    had: usize,
    /// Whether its heading has no other words.
    is_named: bool,
    score: f64,
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
        let (mut places, mut headings) = (Vec::new(), Vec::new());
        let transaction = connection.transaction()?;
        {
            let mut add = transaction.prepare(ADD)?;
            for (page, at) in library.pages().iter().zip(0..) {
                for (section, number) in page.sections().iter().zip(0..) {
                    let place = Place { page: at, section: number };
                    places.push(place);
                    // What stands above the first heading is about what the title says.
                    let heading = plain(section.headings.last().unwrap_or(&page.title));
                    headings.push(Term::names(&heading));
                    let title = plain(&format!("{} {}", page.title, above(section)));
                    let row = i64::try_from(places.len()).unwrap_or(i64::MAX);
                    let answered = library.questions_of(place).iter();
                    let asked: Vec<&str> =
                        answered.flat_map(|answered| &answered.questions).map(String::as_str).collect();
                    let asked = plain(&asked.join(" "));
                    add.execute(params![row, title, heading, plain(&words(section)), asked])?;
                }
            }
        }
        transaction.commit()?;
        Ok(Self {
            connection: Mutex::new(connection),
            places,
            headings,
            synonyms: Synonyms::of(library.synonyms()),
        })
    }

    /// The sections that have most of the words, or of what means the same, best first.
    ///
    /// # Errors
    /// SQLite fails.
    pub(crate) fn search(&self, words: &[Term], limit: usize) -> rusqlite::Result<Vec<Hit>> {
        let words = Term::telling(words);
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let meant = Term::meant(&words, &self.synonyms);
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let mut fits: HashMap<i64, Fit> = HashMap::new();
        let others: Vec<Term> = meant.iter().flatten().cloned().collect();
        for (terms, weight) in [(&words, 1.0), (&others, SYNONYM)] {
            for (row, score) in find(&connection, &any_of(terms))? {
                fits.entry(row).or_default().score += weight * score;
            }
        }
        for (word, others) in words.iter().zip(&meant) {
            let either: Vec<Term> = std::iter::once(word).chain(others).cloned().collect();
            let either = any_of(&either);
            for (row, _) in find(&connection, &format!("{{title heading body}} : ({either})"))? {
                fits.entry(row).or_default().said += 1;
            }
            for (row, _) in find(&connection, &either)? {
                fits.entry(row).or_default().had += 1;
            }
        }
        let asked: HashSet<String> = words.iter().flat_map(|word| Term::names(word.text())).collect();
        for (row, fit) in &mut fits {
            let heading = usize::try_from(row - 1).ok().and_then(|row| self.headings.get(row));
            fit.is_named = heading.is_some_and(|heading| {
                !heading.is_empty() && heading.iter().all(|word| asked.contains(word))
            });
        }
        let mut rows: Vec<(i64, Fit)> = fits.into_iter().collect();
        rows.sort_by(|(one, a), (other, b)| {
            let (first, second) =
                (Reverse((a.said + a.had, a.is_named)), Reverse((b.said + b.had, b.is_named)));
            first.cmp(&second).then(b.score.total_cmp(&a.score)).then(one.cmp(other))
        });
        let all = any_of(&words.iter().chain(&others).cloned().collect::<Vec<_>>());
        let mut excerpt = connection.prepare_cached(EXCERPT)?;
        let hits = rows.into_iter().take(limit).filter_map(|(row, fit)| Some((row, fit, self.place(row)?)));
        hits.map(|(row, fit, place)| {
            let excerpt: String = excerpt.query_row(params![all, row], |row| row.get(0))?;
            let is_whole = fit.had == words.len();
            Ok(Hit { place, score: fit.score, is_whole, excerpt: Marked::of(&excerpt) })
        })
        .collect()
    }

    fn place(&self, number: i64) -> Option<Place> {
        usize::try_from(number - 1).ok().and_then(|number| self.places.get(number)).copied()
    }
}

/// The rows that a query finds, with how well.
fn find(connection: &Connection, query: &str) -> rusqlite::Result<Vec<(i64, f64)>> {
    if query.is_empty() {
        return Ok(Vec::new());
    }
    let mut find = connection.prepare_cached(FIND)?;
    let rows = find.query_map([query], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

fn any_of(terms: &[Term]) -> String {
    terms.iter().map(Term::quoted).collect::<Vec<_>>().join(" OR ")
}

/// The headings above a section's own.
fn above(section: &Section) -> String {
    section.headings.split_last().map(|(_, above)| above.join(" ")).unwrap_or_default()
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

    fn found(query: &str) -> Vec<(usize, usize)> {
        let hits = index().1.search(&Term::all(query, true), 10).unwrap();
        hits.iter().map(|hit| (hit.place.page, hit.place.section)).collect()
    }

    #[test]
    fn the_heading_weighs_most_and_words_are_found_in_other_forms() {
        assert_eq!(found("rotating"), [(0, 1), (1, 0)]);
        assert_eq!(found("keys")[0], (0, 0));
        assert_eq!(found("client_id"), [(0, 1)]);
        assert_eq!(found("unknown cause"), [(1, 0)], "the names of columns count");
    }

    #[test]
    fn a_section_is_found_by_the_words_that_people_ask_with() {
        let files = [
            ("a.md", "# Keys\n\nA key lives ninety days.\n"),
            ("ask/QUESTIONS.md", "## [Keys](../a.md)\n> ninety days\n- when does a credential die\n"),
        ];
        let library = Library::of(files.map(|(file, text)| (file.to_owned(), text.into())));
        let index = Index::of(&library).unwrap();
        let hits = index.search(&Term::all("credential", false), 9).unwrap();
        assert_eq!(hits.len(), 1);
        assert_eq!(hits[0].excerpt.plain(), "A key lives ninety days.", "the excerpt is of the page");
    }

    #[test]
    fn sections_with_every_word_come_before_those_with_most() {
        let (_, index) = index();
        let hits = index.search(&Term::all("rotate secret changes", true), 9).unwrap();
        let order: Vec<_> =
            hits.iter().map(|hit| ((hit.place.page, hit.place.section), hit.is_whole)).collect();
        assert_eq!(order, [((0, 1), true), ((1, 0), false)]);
        assert_eq!(found("ninety secret").len(), 2);
        assert_eq!(found(""), [(0, 0); 0]);
        assert_eq!(found("-- \"*\" ^"), [(0, 0); 0]);
    }

    #[test]
    fn a_section_that_is_called_so_comes_first() {
        let text =
            "# Make a backup\n\nA backup.\n\n## Restore\n\nOf a backup.\n\n## Try it\n\nRestore restore.\n";
        let library = Library::of([("a.md".to_owned(), text.into())]);
        let hits = Index::of(&library).unwrap().search(&Term::all("restores", false), 9).unwrap();
        assert_eq!(hits.iter().map(|hit| hit.place.section).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn words_that_every_question_has_are_not_looked_for() {
        assert_eq!(found("how do I rotate the client_id?"), [(0, 1), (1, 0)]);
        assert_eq!(found("what was it")[0], (1, 0), "unless there is nothing else");
    }

    #[test]
    fn what_people_say_finds_what_the_pages_say() {
        let files = [
            ("a.md", "# Rotate without downtime\n\nBoth secrets work.\n\n## Port\n\nIt is 8080.\n"),
            ("ask/SYNONYMS.md", "* downtime: outage\n* port: security group, firewall\n"),
        ];
        let library = Library::of(files.map(|(file, text)| (file.to_owned(), text.into())));
        let index = Index::of(&library).unwrap();
        let found = |query: &str| {
            let hits = index.search(&Term::all(query, true), 9).unwrap();
            hits.first().map(|hit| (hit.place.section, hit.is_whole))
        };
        assert_eq!(found("rotate outages"), Some((0, true)));
        assert_eq!(found("security group"), Some((1, true)), "several words may mean one");
        assert_eq!(found("firewall outage"), Some((1, true)), "the title counts for every section");
    }

    #[test]
    fn the_last_word_may_be_unfinished() {
        assert_eq!(found("the secr"), [(0, 1)]);
        let (_, index) = index();
        assert!(index.search(&Term::all("secr", false), 9).unwrap().is_empty());
    }

    #[test]
    fn hits_are_marked_and_nothing_else_is() {
        let (_, index) = index();
        let hits = index.search(&Term::all("secret", true), 9).unwrap();
        let marked: Vec<_> = hits[0].excerpt.0.iter().filter(|(_, hit)| *hit).collect();
        assert_eq!(marked, [&("secret".to_owned(), true)]);
        assert!(hits[0].excerpt.plain().contains("stays & the <b>secret</b>"));
        assert!(hits[0].score > 0.0);
        let odd = index.search(&Term::all("nothing", true), 9).unwrap();
        assert!(odd[0].excerpt.plain().contains("odd"), "a page's own control characters mark nothing");
        assert_eq!(odd[0].excerpt.0.iter().filter(|(_, hit)| *hit).count(), 1);
    }

    proptest! {
        #[test]
        fn whatever_is_typed_is_words_and_never_syntax(query in "\\PC{0,60}|[a-z\"*():^+{} -]{0,40}|(AND|OR|NOT|NEAR|title:| |a){0,8}") {
            let (_, index) = index();
            for unfinished in [true, false] {
                prop_assert!(index.search(&Term::all(&query, unfinished), 5).is_ok());
            }
        }
    }
}
