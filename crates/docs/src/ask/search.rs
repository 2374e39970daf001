//! What of a library speaks of a question: sections, units and listed questions, by BM25.

use super::{
    Asking,
    synonyms::Synonyms,
    units::{only_points, units},
};
use crate::library::{Library, Place, bare};
use rusqlite::{Connection, OpenFlags, params};
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Mutex, PoisonError},
};

/// More words than a question has: the rest is not looked for.
const MOST_WORDS: usize = 64;
/// How many sections, units and listed questions are looked at.
const SECTIONS: u32 = 60;
const UNITS: u32 = 200;
/// What a synonym counts, of this documentation and of English in general, and a word of what the answer is for, in parts of
/// an asked word.
const SYNONYM: f64 = 0.5;
const GENERAL_SYNONYM: f64 = 0.25;
const GOAL: f64 = 0.25;
/// What the nearest listed question counts at the section that it is listed for, in parts of what it counts at the unit.
const LISTED_IN_SECTION: f64 = 0.5;
/// What the page that is asked has more.
const ASKED_PAGE: f64 = 1.15;
/// What a unit counts that only says where something is.
const ONLY_POINTS: f64 = 0.75;
/// In how many sections it is looked how much of the question they speak of.
const COVERING: usize = 3;
/// What a word counts that only a section's listed questions have.
const ONLY_ASKED: f64 = 0.5;
/// What a word counts that no section has, in parts of what a word of one section counts: it speaks for another subject.
const UNKNOWN: f64 = 1.5;
/// What the rarest word of a question must tell at least: that of a word which half the sections have.
const TELLING: f64 = std::f64::consts::LN_2;

/// Identifiers stay whole, and their parts are added to the text.
const TABLES: &str = "
    CREATE VIRTUAL TABLE section USING fts5(title, heading, body, asked, content='', tokenize = \"porter unicode61 tokenchars '_'\");
    CREATE VIRTUAL TABLE unit USING fts5(title, heading, body, asked, content='', tokenize = \"porter unicode61 tokenchars '_'\");
    CREATE VIRTUAL TABLE question USING fts5(body, content='', tokenize = \"porter unicode61 tokenchars '_'\");
";
const ADD_SECTION: &str =
    "INSERT INTO section (rowid, title, heading, body, asked) VALUES (?1, ?2, ?3, ?4, ?5)";
const ADD_UNIT: &str = "INSERT INTO unit (rowid, title, heading, body, asked) VALUES (?1, ?2, ?3, ?4, ?5)";
const ADD_QUESTION: &str = "INSERT INTO question (rowid, body) VALUES (?1, ?2)";
const FIND_SECTIONS: &str = "SELECT rowid, -rank FROM section \
    WHERE section MATCH ?1 AND rank MATCH 'bm25(2.0, 5.0, 1.0, 1.0)' ORDER BY rank, rowid LIMIT ?2";
const FIND_UNITS: &str = "SELECT rowid, -rank FROM unit \
    WHERE unit MATCH ?1 AND rank MATCH 'bm25(0.5, 1.0, 1.0, 1.0)' ORDER BY rank, rowid LIMIT ?2";
const FIND_QUESTIONS: &str =
    "SELECT rowid, -rank FROM question WHERE question MATCH ?1 ORDER BY rank, rowid LIMIT ?2";
const COUNT: &str = "SELECT COUNT(*) FROM section WHERE section MATCH ?1";
/// The second query is the first one without what is only asked.
const SPEAKS: &str = "SELECT (SELECT COUNT(*) FROM section WHERE section MATCH ?1 AND rowid = ?3), \
    (SELECT COUNT(*) FROM section WHERE section MATCH ?2 AND rowid = ?3)";

/// A library's text, to be asked.
pub(super) struct Search {
    connection: Mutex<Connection>,
    /// Of each row of `section`.
    places: Vec<Place>,
    /// Of each row of `unit`.
    units: Vec<Unit>,
    /// The rows of section and unit that each row of `question` is listed for.
    listed: Vec<(usize, usize)>,
    synonyms: Synonyms,
    general: Synonyms,
    /// The words of the pages, and how often each stands there.
    vocabulary: HashMap<String, usize>,
}

/// A part of a section that can be an answer.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) place: Place,
    /// Which row of `section`.
    section: usize,
    /// Which of the section's blocks.
    pub(super) block: usize,
    pub(super) text: String,
    only_points: bool,
}

/// A unit that may be the answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    /// Which of the units.
    pub(super) unit: usize,
    pub(super) place: Place,
    /// 0 to 3.5, or 15 % more on the page that is asked.
    pub(super) score: f64,
}

/// A hit of each row, by the row's number from 0.
type Hits = HashMap<usize, f64>;

impl Search {
    pub(super) fn of(library: &Library) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_in_memory_with_flags(flags)?;
        connection.execute_batch(TABLES)?;
        let (mut places, mut all, mut listed) = (Vec::new(), Vec::new(), Vec::new());
        let transaction = connection.transaction()?;
        {
            let mut add_section = transaction.prepare(ADD_SECTION)?;
            let mut add_unit = transaction.prepare(ADD_UNIT)?;
            let mut add_question = transaction.prepare(ADD_QUESTION)?;
            for (place, page, section) in library.sections() {
                let row = places.len();
                places.push(place);
                let title = indexed(&page.title);
                // What stands above the first heading is about what the title says.
                let heading =
                    if section.headings.is_empty() { title.clone() } else { indexed(&section.name()) };
                let first = all.len();
                for (block, at) in section.blocks.iter().zip(0..) {
                    let of_block = units(block).into_iter();
                    all.extend(of_block.map(|text| {
                        let only_points = only_points(block, &text);
                        Unit { place, section: row, block: at, text, only_points }
                    }));
                }
                let mut answers = vec![Vec::new(); all.len() - first];
                let mut asked = String::new();
                for answered in library.questions_of(place) {
                    let of_section = all.get(first..).unwrap_or_default();
                    let of_block = |unit: &Unit| unit.block == answered.block;
                    let quoted = of_section
                        .iter()
                        .position(|unit| of_block(unit) && bare(&unit.text).contains(&answered.quote));
                    let Some(unit) = quoted.or_else(|| of_section.iter().position(of_block)) else {
                        continue;
                    };
                    for question in &answered.questions {
                        listed.push((row, first + unit));
                        let question = indexed(question);
                        add_question.execute(params![rowid(listed.len() - 1), question])?;
                        asked.push_str(&question);
                        asked.push(' ');
                        answers.get_mut(unit).into_iter().for_each(|answers| answers.push(question.clone()));
                    }
                }
                let mut body = String::new();
                for (unit, at) in all.iter().zip(0..).skip(first) {
                    let text = indexed(&unit.text);
                    let answers = answers.get(at - first).map(|answers| answers.join(" "));
                    add_unit.execute(params![rowid(at), title, heading, text, answers])?;
                    body.push_str(&text);
                    body.push(' ');
                }
                add_section.execute(params![rowid(row), title, heading, body, asked])?;
            }
        }
        transaction.commit()?;
        let synonyms = Synonyms::of(library.synonyms());
        let mut vocabulary = HashMap::new();
        for word in all.iter().flat_map(|unit| words(&unit.text)) {
            *vocabulary.entry(word).or_default() += 1;
        }
        Ok(Self {
            connection: Mutex::new(connection),
            places,
            units: all,
            listed,
            synonyms,
            general: Synonyms::general(),
            vocabulary,
        })
    }

    pub(super) fn unit(&self, at: usize) -> Option<&Unit> {
        self.units.get(at)
    }

    /// The units that may answer, best first, and how much of the question the best sections speak of, 0 to 1.
    pub(super) fn candidates(&self, asking: &Asking) -> rusqlite::Result<(Vec<Candidate>, f64)> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let mut asked = words(&asking.question);
        for word in &mut asked {
            if count(&connection, word)? == 0.0 {
                *word = self.respelt(word).unwrap_or(word).to_owned();
            }
        }
        let meant = self.synonyms.meant(&asked);
        let general = self.general.meant(&asked);
        let goal = words(&asking.goal);
        let meant_words = meant.iter().map(|(_, word)| *word).collect::<BTreeSet<_>>().into_iter().collect();
        let general_words =
            general.iter().map(|(_, word)| *word).collect::<BTreeSet<_>>().into_iter().collect();
        let wanted = [
            (all(&asked), 1.0),
            (meant_words, SYNONYM),
            (general_words, GENERAL_SYNONYM),
            (all(&goal), GOAL),
        ];
        let find = |sql, limit| -> rusqlite::Result<Hits> {
            let mut hits = Hits::new();
            for (words, weight) in &wanted {
                for (row, score) in find(&connection, sql, words, limit)? {
                    *hits.entry(row).or_default() += score * weight;
                }
            }
            Ok(scaled(hits))
        };
        let sections = find(FIND_SECTIONS, SECTIONS)?;
        let units = find(FIND_UNITS, UNITS)?;
        let (mut nearest, mut nearest_in_section) = (Hits::new(), Hits::new());
        for (question, score) in find(FIND_QUESTIONS, UNITS)? {
            let Some((section, unit)) = self.listed.get(question) else { continue };
            for (hits, row) in [(&mut nearest, unit), (&mut nearest_in_section, section)] {
                let best = hits.entry(*row).or_default();
                *best = best.max(score);
            }
        }
        let at = |hits: &Hits, row: usize| hits.get(&row).copied().unwrap_or_default();
        let rows: BTreeSet<usize> = units.keys().chain(nearest.keys()).copied().collect();
        let candidate = |row: usize| {
            let unit = self.units.get(row)?;
            let fit = at(&sections, unit.section)
                + at(&units, row)
                + at(&nearest, row)
                + LISTED_IN_SECTION * at(&nearest_in_section, unit.section);
            let is_asked = asking.page == Some(unit.place.page);
            let score = if is_asked { fit * ASKED_PAGE } else { fit };
            Some(Candidate { unit: row, place: unit.place, score })
        };
        let mut candidates: Vec<Candidate> = rows.into_iter().filter_map(candidate).collect();
        sort(&mut candidates);
        let mut best = Vec::new();
        for section in candidates.iter().filter_map(|candidate| Some(self.units.get(candidate.unit)?.section))
        {
            if !best.contains(&section) {
                best.push(section);
            }
            if best.len() == COVERING {
                break;
            }
        }
        let coverage = self.coverage(&connection, &asked, &meant, &best)?;
        // What only says where something is speaks of the question, too, but does not answer it.
        for candidate in &mut candidates {
            if self.units.get(candidate.unit).is_some_and(|unit| unit.only_points) {
                candidate.score *= ONLY_POINTS;
            }
        }
        sort(&mut candidates);
        Ok((candidates, coverage))
    }

    /// The word of the pages that a misspelt one most likely is.
    fn respelt(&self, word: &str) -> Option<&str> {
        let letters = word.chars().count();
        let distance = match letters {
            0..5 => return None,
            5..9 => 1,
            _ => 2,
        };
        let alike = self.vocabulary.iter().filter(|(known, _)| {
            known.chars().next() == word.chars().next()
                && known.chars().count().abs_diff(letters) <= distance
                && strsim::osa_distance(known, word) <= distance
        });
        alike.max_by_key(|(known, count)| (**count, *known)).map(|(known, _)| known.as_str())
    }

    /// How much of the question's words, each weighed by how few sections have it, some sections have on average.
    fn coverage(
        &self,
        connection: &Connection,
        asked: &[String],
        meant: &[(usize, &str)],
        sections: &[usize],
    ) -> rusqlite::Result<f64> {
        let mut speaks = connection.prepare_cached(SPEAKS)?;
        let all = u32::try_from(self.places.len()).map_or(f64::MAX, f64::from);
        let (mut spoken, mut whole, mut telling) = (0.0, 0.0, 0.0_f64);
        for (word, at) in asked.iter().zip(0..) {
            let having = count(connection, word)?;
            let weight =
                ((all - having + 0.5) / (having + 0.5)).ln_1p() * if having > 0.0 { 1.0 } else { UNKNOWN };
            telling = telling.max(weight);
            let others = meant.iter().filter(|(place, _)| *place == at).map(|(_, other)| *other);
            let either = any_of(&others.chain([word.as_str()]).collect::<Vec<_>>());
            let pages = format!("{{title heading body}} : ({either})");
            for section in sections {
                let said = speaks.query_row(params![either, pages, rowid(*section)], |row| {
                    let (anywhere, in_page): (u32, u32) = (row.get(0)?, row.get(1)?);
                    Ok(if in_page > 0 { 1.0 } else { ONLY_ASKED * f64::from(anywhere) })
                })?;
                spoken += weight * said;
                whole += weight;
            }
        }
        Ok(if whole > 0.0 && telling >= TELLING { spoken / whole } else { 0.0 })
    }
}

/// How many sections have a word.
fn count(connection: &Connection, word: &str) -> rusqlite::Result<f64> {
    let mut count = connection.prepare_cached(COUNT)?;
    Ok(count.query_row([quoted(word)], |row| row.get::<_, u32>(0))?.into())
}

/// The rows that have at least one of the words, with how well.
fn find(
    connection: &Connection,
    sql: &str,
    words: &[&str],
    limit: u32,
) -> rusqlite::Result<Vec<(usize, f64)>> {
    if words.is_empty() {
        return Ok(Vec::new());
    }
    let query = any_of(words);
    let mut find = connection.prepare_cached(sql)?;
    let rows =
        find.query_map(params![query, limit], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, f64>(1)?)))?;
    rows.map(|row| row.map(|(number, score)| (usize::try_from(number - 1).unwrap_or(usize::MAX), score)))
        .collect()
}

/// Best first.
fn sort(candidates: &mut [Candidate]) {
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.unit.cmp(&b.unit)));
}

fn all(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

/// In parts of the best.
fn scaled(mut hits: Hits) -> Hits {
    let best = hits.values().copied().fold(f64::MIN_POSITIVE, f64::max);
    for score in hits.values_mut() {
        *score /= best;
    }
    hits
}

fn rowid(row: usize) -> i64 {
    i64::try_from(row + 1).unwrap_or(i64::MAX)
}

/// As FTS5 takes a word: a string, in which nothing is syntax.
fn quoted(word: &str) -> String {
    format!("\"{word}\"")
}

fn any_of(words: &[&str]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" OR ")
}

/// A text with the parts of its identifiers behind it, as it is indexed.
fn indexed(text: &str) -> String {
    let mut whole = text.to_owned();
    for part in text
        .split(|c: char| !is_of_word(c))
        .filter(|word| word.contains('_'))
        .flat_map(|word| word.split('_'))
    {
        whole.push(' ');
        whole.push_str(part);
    }
    whole
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The words of a text, each once: identifiers whole and in parts.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut seen = HashSet::new();
    let of_text = text.split(|c| !is_of_word(c)).map(str::to_lowercase);
    let all = of_text.flat_map(|word| {
        let parts: Vec<String> = word.split('_').map(str::to_owned).collect();
        let is_identifier = parts.len() > 1;
        std::iter::once(word).chain(parts.into_iter().filter(move |_| is_identifier))
    });
    all.filter(|word| word.contains(char::is_alphanumeric) && seen.insert(word.clone()))
        .take(MOST_WORDS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_words_and_so_are_their_parts() {
        assert_eq!(
            words("What does expires_in say, `--no-audit`?"),
            ["what", "does", "expires_in", "expires", "in", "say", "no", "audit"]
        );
        assert!(words("?! — 🦀 \u{0} __").is_empty());
        assert_eq!(indexed("the client_id, not a_b."), "the client_id, not a_b. client id a b");
    }
}
