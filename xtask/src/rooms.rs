//! The table of rooms in `ARCHITECTURE.md`: which crate may use which. It stands there once, for readers and for
//! the check alike.

use std::collections::{BTreeMap, BTreeSet};

use crate::markdown;
use crate::process::Outcome;

/// The heading that the table stands under.
const HEADING: &str = "Rooms";

/// What kind of room it is; written in brackets behind the name, nothing for the usual kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A crate of the product.
    Built,
    /// `(planned)`: its rule is known, its crate comes when it has content.
    Planned,
    /// `(tests only)`: every other crate may use it, but only in its tests.
    TestsOnly,
}

/// Where a dependency is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// `[dependencies]` and `[build-dependencies]`: part of the product.
    Product,
    /// `[dev-dependencies]`.
    Tests,
}

/// What the second column says.
#[derive(Debug, Clone, PartialEq, Eq)]
enum MayUse {
    Only(BTreeSet<String>),
    AllBut(BTreeSet<String>),
}

/// One room and its rule.
#[derive(Debug, Clone)]
struct Room {
    kind: Kind,
    may_use: MayUse,
}

/// The whole table.
#[derive(Debug)]
pub(crate) struct Rooms(BTreeMap<String, Room>);

impl Rooms {
    /// Reads the table from the text of `ARCHITECTURE.md`.
    pub(crate) fn parse(document: &str) -> Outcome<Self> {
        let rows = markdown::table_under(document, HEADING)
            .ok_or_else(|| format!("ARCHITECTURE.md: no table under a heading `{HEADING}`"))?;
        let mut rooms = BTreeMap::new();
        for row in rows {
            let (Some(names), Some(rule)) = (row.first(), row.get(1)) else {
                return Err(format!(
                    "ARCHITECTURE.md, {HEADING}: a row needs two cells, this has fewer: {row:?}"
                ));
            };
            let may_use = parse_rule(rule);
            for name in names.split(',') {
                let (name, kind) = parse_name(name)?;
                let room = Room { kind, may_use: may_use.clone() };
                if rooms.insert(name.clone(), room).is_some() {
                    return Err(format!("ARCHITECTURE.md, {HEADING}: `{name}` stands there twice"));
                }
            }
        }
        let rooms = Self(rooms);
        rooms.knows_all_that_it_names()?;
        Ok(rooms)
    }

    /// A misspelt name in the second column would forbid or allow nothing, silently.
    fn knows_all_that_it_names(&self) -> Outcome {
        for (name, room) in &self.0 {
            let (MayUse::Only(named) | MayUse::AllBut(named)) = &room.may_use;
            if let Some(unknown) = named.iter().find(|other| !self.0.contains_key(*other)) {
                return Err(format!(
                    "ARCHITECTURE.md, {HEADING}: `{name}` names `{unknown}`, which is no room"
                ));
            }
        }
        Ok(())
    }

    /// Every room with its kind.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = (&str, Kind)> {
        self.0.iter().map(|(name, room)| (name.as_str(), room.kind))
    }

    /// Is this a room?
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// May `room` use `other` there?
    pub(crate) fn allow(&self, room: &str, other: &str, place: Use) -> bool {
        let (Some(from), Some(to)) = (self.0.get(room), self.0.get(other)) else {
            return false;
        };
        if to.kind == Kind::TestsOnly && from.kind != Kind::TestsOnly {
            return place == Use::Tests;
        }
        match &from.may_use {
            MayUse::Only(named) => named.contains(other),
            MayUse::AllBut(named) => !named.contains(other),
        }
    }

    /// The rule of a room in words, for a complaint.
    pub(crate) fn rule(&self, name: &str) -> String {
        let listed = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
        match self.0.get(name).map(|room| &room.may_use) {
            None => "it is not in the table".to_owned(),
            Some(MayUse::Only(names)) if names.is_empty() => "no other room".to_owned(),
            Some(MayUse::Only(names)) => format!("only {}", listed(names)),
            Some(MayUse::AllBut(names)) if names.is_empty() => "all".to_owned(),
            Some(MayUse::AllBut(names)) => format!("all but {}", listed(names)),
        }
    }
}

/// `docs (planned)` gives the name and the kind.
fn parse_name(cell: &str) -> Outcome<(String, Kind)> {
    let (name, kind) = match cell.trim().split_once('(') {
        None => (cell, Kind::Built),
        Some((name, "planned)")) => (name, Kind::Planned),
        Some((name, "tests only)")) => (name, Kind::TestsOnly),
        Some(_) => {
            return Err(format!(
                "ARCHITECTURE.md, {HEADING}: in `{}` the brackets may say `planned` or `tests only`",
                cell.trim()
            ));
        }
    };
    Ok((bare(name), kind))
}

/// `—`, `all`, `all but duku` or `domain, jose`.
fn parse_rule(cell: &str) -> MayUse {
    let names = |list: &str| list.split(',').map(bare).filter(|name| !name.is_empty()).collect();
    match bare(cell).as_str() {
        "—" | "-" | "" => MayUse::Only(BTreeSet::new()),
        "all" => MayUse::AllBut(BTreeSet::new()),
        _ => match cell.trim().strip_prefix("all but ") {
            Some(list) => MayUse::AllBut(names(list)),
            None => MayUse::Only(names(cell)),
        },
    }
}

fn bare(name: &str) -> String {
    name.trim().trim_matches('`').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
# Architecture
## Rooms
| room | may use | holds |
| --- | --- | --- |
| `domain` | — | rules |
| `jose`, store | `domain` | |
| auth, viewport (planned) | domain, jose | doors |
| duku | all | |
| testkit (tests only) | all but duku | |
";

    #[test]
    fn the_table_says_who_may_use_whom() {
        let rooms = Rooms::parse(TABLE).unwrap();
        for (user, used, allowed) in [
            ("store", "domain", true),
            ("domain", "store", false),
            ("auth", "jose", true),
            ("auth", "store", false),
            ("auth", "viewport", false),
            ("duku", "auth", true),
            ("duku", "testkit", false),
            ("testkit", "auth", true),
            ("testkit", "duku", false),
            ("auth", "nobody", false),
        ] {
            assert_eq!(rooms.allow(user, used, Use::Product), allowed, "{user} uses {used}");
        }
    }

    #[test]
    fn tests_may_use_the_test_room_and_nothing_more() {
        let rooms = Rooms::parse(TABLE).unwrap();
        assert!(rooms.allow("domain", "testkit", Use::Tests));
        assert!(rooms.allow("duku", "testkit", Use::Tests));
        assert!(!rooms.allow("domain", "store", Use::Tests));
    }

    #[test]
    fn kinds_and_rules_read_as_they_are_written() {
        let rooms = Rooms::parse(TABLE).unwrap();
        let kinds: Vec<_> = rooms.kinds().collect();
        assert!(
            kinds.contains(&("viewport", Kind::Planned)) && kinds.contains(&("testkit", Kind::TestsOnly))
        );
        assert_eq!(rooms.rule("domain"), "no other room");
        assert_eq!(rooms.rule("auth"), "only domain, jose");
        assert_eq!(rooms.rule("testkit"), "all but duku");
    }

    #[test]
    fn a_table_with_a_slip_is_refused() {
        for (slip, because) in [
            ("| a | b |", "no room"),
            ("| a | — |\n| a | — |", "twice"),
            ("| a (someday) | — |", "brackets"),
            ("| a |", "two cells"),
        ] {
            let text = format!("## Rooms\n| room | may use |\n| - | - |\n{slip}\n");
            let reason = Rooms::parse(&text).unwrap_err();
            assert!(reason.contains(because), "{reason}");
        }
        assert!(Rooms::parse("# Nothing").unwrap_err().contains("no table"));
    }
}
