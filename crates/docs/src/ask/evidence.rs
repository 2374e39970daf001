//! What a text has that answers some kinds of questions.

use super::{kind::Kind, words::words};
use crate::BlockKind;

/// Something that a text has which answers some kinds of questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Number,
    Time,
    People,
    Url,
    /// It says what can, may, or cannot be.
    Modal,
    /// It says what is done or not.
    Permission,
    Outcome,
    Cure,
    Instruction,
    /// It says with what something is done.
    Way,
    Code,
    Definition,
    Place,
    Reason,
}

/// The signs that a text has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Evidence(u16);

const UNITS: &[&str] = &[
    "millisecond",
    "milliseconds",
    "second",
    "seconds",
    "minute",
    "minutes",
    "hour",
    "hours",
    "day",
    "days",
    "week",
    "weeks",
    "month",
    "months",
    "year",
    "years",
];
const AT_ONCE: &[&str] = &["immediately", "once", "instant", "moment", "ever", "until"];
const NUMBERS: &[&str] = &[
    "no",
    "none",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "twelve",
    "twenty",
    "hundred",
    "thousand",
    "million",
    "unlimited",
];
const PEOPLE: &[&str] = &[
    "admin",
    "admins",
    "member",
    "members",
    "operator",
    "operators",
    "person",
    "people",
    "nobody",
    "owner",
    "everybody",
    "anybody",
    "role",
    "roles",
    "whoever",
    "maintainers",
    "you",
    "holder",
    "user",
    "users",
];
const PERMISSION: &[&str] = &[
    "can", "cannot", "may", "only", "never", "no", "not", "possible", "must", "does", "do", "allowed",
    "nothing", "none", "works",
];
const OUTCOME: &[&str] = &[
    "refused",
    "refuses",
    "ends",
    "answers",
    "answered",
    "gets",
    "becomes",
    "works",
    "stops",
    "invalid",
    "fails",
    "means",
    "cause",
    "cure",
    "deleted",
    "deletes",
    "loses",
    "stays",
    "keeps",
    "continues",
    "removed",
    "removes",
    "if",
    "when",
];
const PLACES: &[&str] = &[
    "under",
    "page",
    "file",
    "folder",
    "directory",
    "settings",
    "open",
    "beside",
    "menu",
    "stderr",
    "repository",
    "leads",
];
const REASONS: &[&str] = &["because", "therefore", "since", "otherwise", "so", "why", "reason", "would"];

const MODALS: &[&str] = &["can", "cannot", "may", "no", "not", "never", "nothing", "supports", "supported"];
const DEFINING: &[&str] = &["is", "are", "means", "holds", "stands"];
const WAYS: &[&str] = &["with", "under", "by", "on", "in"];
const DOING: &[&str] = &["run", "use", "set", "put", "cure"];

impl Evidence {
    pub(super) fn of(text: &str, kind: &BlockKind) -> Self {
        let found = words(text);
        let are = |list: &[&str], word: &String| list.contains(&word.as_str());
        let has = |list: &[&str]| found.iter().any(|word| are(list, word));
        let begins = |list: &[&str]| found.first().is_some_and(|first| are(list, first));
        let number = found.iter().any(|word| word.bytes().all(|byte| byte.is_ascii_digit())) || has(NUMBERS);
        let is_step = matches!(kind, BlockKind::Item { number: Some(_), .. });
        let signs = [
            (Sign::Number, number),
            (Sign::Time, number && has(UNITS) || has(AT_ONCE)),
            (Sign::People, has(PEOPLE)),
            (Sign::Url, has_url(text)),
            (Sign::Modal, has(MODALS)),
            (Sign::Permission, has(PERMISSION)),
            (Sign::Outcome, has(OUTCOME)),
            (Sign::Cure, begins(&["cause"]) || has(&["cure", "retry"])),
            (Sign::Instruction, is_step || begins(IMPERATIVES) || has(DOING) || is_order(text)),
            (Sign::Way, has(IMPERATIVES) && has(WAYS)),
            (Sign::Code, matches!(kind, BlockKind::Code { .. })),
            (Sign::Definition, found.iter().take(6).any(|word| are(DEFINING, word))),
            (
                Sign::Place,
                has(PLACES) || [" go to ", " is at ", " is in "].iter().any(|sign| text.contains(sign)),
            ),
            (Sign::Reason, has(REASONS)),
        ];
        let found = signs.into_iter().filter(|(_, has)| *has);
        Self(found.fold(0, |signs, (sign, _)| signs | 1 << sign as u16))
    }

    const fn has(self, sign: Sign) -> bool {
        self.0 & (1 << sign as u16) != 0
    }

    pub(super) const fn is_code(self) -> bool {
        self.has(Sign::Code)
    }

    /// How well a text with this fits the kind: 1 fits, 0 does not, and words alone do not say.
    pub(super) fn fits(self, kind: Kind) -> f64 {
        let best: &[(Sign, f64)] = match kind {
            Kind::HowMany => &[(Sign::Number, 1.0)],
            Kind::HowLong => &[(Sign::Time, 1.0), (Sign::Number, 0.5)],
            Kind::Who => &[(Sign::People, 1.0)],
            Kind::WhichUrl => &[(Sign::Url, 1.0)],
            Kind::CanI => &[(Sign::Modal, 1.0), (Sign::Permission, 0.5)],
            Kind::WhatHappens => &[(Sign::Cure, 1.0), (Sign::Outcome, 0.7)],
            Kind::HowTo => &[(Sign::Instruction, 1.0), (Sign::Code, 1.0), (Sign::Way, 0.5)],
            Kind::ShowMe => &[(Sign::Code, 1.0)],
            Kind::WhatIs => &[(Sign::Definition, 1.0)],
            Kind::Where => &[(Sign::Place, 1.0), (Sign::Url, 1.0)],
            Kind::Why => &[(Sign::Reason, 1.0)],
            Kind::Plain => return 0.5,
        };
        best.iter().find(|(sign, _)| self.has(*sign)).map_or(0.0, |(_, fits)| *fits)
    }
}

/// Whether a text has an address or a path.
fn has_url(text: &str) -> bool {
    let is_path = |word: &str| word.trim_start_matches(['`', '(', '"']).starts_with('/');
    text.contains("://") || text.contains("127.0.0.1") || text.split_whitespace().any(is_path)
}

/// "To upgrade, replace the binary": an order behind a purpose.
fn is_order(text: &str) -> bool {
    let orders =
        |clause: &str| clause.split_whitespace().next().is_some_and(|first| IMPERATIVES.contains(&first));
    text.split_whitespace().any(|word| word.eq_ignore_ascii_case("to"))
        && text.split(", ").skip(1).any(orders)
}

/// Verbs that orders begin with.
pub(super) const IMPERATIVES: &[&str] = &[
    "open",
    "click",
    "enter",
    "copy",
    "set",
    "run",
    "use",
    "add",
    "make",
    "choose",
    "give",
    "start",
    "stop",
    "put",
    "take",
    "send",
    "ask",
    "replace",
    "restore",
    "move",
    "install",
    "rotate",
    "revoke",
    "generate",
    "exchange",
    "create",
    "write",
    "store",
    "keep",
    "wait",
    "confirm",
    "scan",
    "check",
    "point",
    "change",
    "generate",
    "configure",
    "enable",
    "disable",
    "restrict",
    "delete",
    "remove",
    "invite",
    "upgrade",
    "back",
    "switch",
    "raise",
    "increase",
    "try",
    "turn",
    "export",
    "import",
    "report",
    "register",
    "move",
    "end",
    "find",
    "deploy",
    "build",
    "connect",
    "update",
    "serve",
    "see",
    "read",
    "look",
    "protect",
    "reset",
    "migrate",
    "query",
];
