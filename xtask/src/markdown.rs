//! The little of Markdown that the checks read: tables, headings, links.
//!
//! Not a whole parser on purpose: the repository's pages are plain, and a page that needs more than this to be
//! understood is not plain.

use std::collections::{BTreeSet, HashMap};

/// The lines outside fenced code, with their numbers from 1.
pub(crate) fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fence: Option<&str> = None;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let trimmed = line.trim_start();
        let mark = ["```", "~~~"].into_iter().find(|mark| trimmed.starts_with(mark));
        match (fence, mark) {
            (None, Some(opening)) => fence = Some(opening),
            (Some(opening), Some(closing)) if opening == closing => fence = None,
            (None, None) => return Some((index + 1, line)),
            (Some(_), _) => {}
        }
        None
    })
}

/// The first table below the heading with this text (letter case aside): its body rows, cell by cell.
/// `None` if there is no such heading, or no table before the next one.
pub(crate) fn table_under(text: &str, heading: &str) -> Option<Vec<Vec<String>>> {
    let mut lines = prose(text).map(|(_, line)| line);
    lines.find(|line| heading_text(line).is_some_and(|found| found.eq_ignore_ascii_case(heading)))?;
    let table: Vec<&str> = lines
        .take_while(|line| heading_text(line).is_none())
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .collect();
    // The first two lines are the column titles and the rule below them.
    let body = table.get(2..)?;
    Some(body.iter().map(|row| cells(row)).collect())
}

/// The cells of a table row; a `\|` and a `|` inside backticks belong to their cell.
fn cells(row: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let (mut escaped, mut code) = (false, false);
    for character in row.trim().trim_start_matches('|').chars() {
        match character {
            '|' if !escaped && !code => {
                all.push(String::new());
                continue;
            }
            '`' => code = !code,
            _ => {}
        }
        escaped = character == '\\';
        if let Some(cell) = all.last_mut() {
            cell.push(character);
        }
    }
    // A row ends with `|`: what follows is not a cell.
    if all.last().is_some_and(|cell| cell.trim().is_empty()) {
        all.pop();
    }
    all.into_iter().map(|cell| cell.trim().replace("\\|", "|")).collect()
}

/// What stands between backticks.
pub(crate) fn code_spans(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// `## Rooms` gives `Rooms`.
fn heading_text(line: &str) -> Option<&str> {
    let title = line.trim_start_matches('#');
    let level = line.len() - title.len();
    ((1..=6).contains(&level) && title.starts_with(' '))
        .then(|| title.trim().trim_end_matches('#').trim_end())
}

/// Where links and pictures lead, each with its line: `[text](target)`, `[name]: target`, `href=` and `src=`.
pub(crate) fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        let line = without_code(line);
        let inline = line.split("](").skip(1).map(inline_target);
        let html = ["href=\"", "src=\""]
            .into_iter()
            .flat_map(|start| line.split(start).skip(1))
            .map(|rest| rest.split('"').next().unwrap_or_default().to_owned());
        let targets = inline.chain(html).chain(definition_target(&line));
        found.extend(targets.filter(|target| !target.is_empty()).map(|target| (number, target)));
    }
    found
}

/// The target at the start of what follows `](`: up to its closing bracket, without a title.
fn inline_target(rest: &str) -> String {
    if let Some(bracketed) = rest.strip_prefix('<') {
        return bracketed.split('>').next().unwrap_or_default().to_owned();
    }
    let mut depth = 0_i32;
    let closes = |character: char| {
        depth += match character {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        depth < 0
    };
    let target = rest.split(closes).next().unwrap_or_default();
    target.split_whitespace().next().unwrap_or_default().to_owned()
}

/// The target of `[name]: target`; a footnote, `[^name]: …`, is none.
fn definition_target(line: &str) -> Option<String> {
    let rest = line.trim_start().strip_prefix('[').filter(|rest| !rest.starts_with('^'))?;
    let (name, target) = rest.split_once("]:")?;
    if name.contains(']') {
        return None;
    }
    target.split_whitespace().next().map(|target| target.trim_matches(['<', '>']).to_owned())
}

/// The line with its code spans emptied: `[x](y)` in backticks is no link.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("``")
}

/// The anchors of a page: its headings as forges name them, and what HTML tags name with `id` or `name`.
pub(crate) fn anchors(text: &str) -> BTreeSet<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut anchors = BTreeSet::new();
    for (_, line) in prose(text) {
        if let Some(title) = heading_text(line) {
            let slug = slug(title);
            let earlier = seen.entry(slug.clone()).or_default();
            anchors.insert(if *earlier == 0 { slug } else { format!("{slug}-{earlier}") });
            *earlier += 1;
        }
        for start in ["id=\"", "name=\""] {
            let named = line.split(start).skip(1).filter_map(|rest| rest.split('"').next());
            anchors.extend(named.map(str::to_owned));
        }
    }
    anchors
}

/// Small letters, digits, `-` and `_` stay, spaces become `-`, the rest goes; of a link its text stays.
fn slug(title: &str) -> String {
    let mut shown = String::new();
    let mut rest = title;
    while let Some((before, after)) = rest.split_once("](") {
        shown.push_str(before);
        rest = after.split_once(')').map_or("", |(_, tail)| tail);
    }
    shown.push_str(rest);
    let kept = |character: &char| character.is_alphanumeric() || matches!(character, '-' | '_' | ' ');
    shown.to_lowercase().chars().filter(kept).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# Title\n\n## Rooms\nSome words.\n\n| room | may use |\n| --- | --- |\n| a, b | `x|y` |\n| c | d \\| e |\n\n## Next\n| other | table |\n| - | - |\n| z | z |\n";

    #[test]
    fn a_table_is_found_under_its_heading_only() {
        let rows = table_under(PAGE, "rooms").unwrap();
        assert_eq!(rows, [["a, b", "`x|y`"], ["c", "d | e"]]);
        assert_eq!(table_under(PAGE, "Next").unwrap(), [["z", "z"]]);
        assert_eq!(table_under(PAGE, "Title"), None);
        assert_eq!(table_under(PAGE, "Nowhere"), None);
    }

    #[test]
    fn an_empty_cell_counts_where_it_stands() {
        assert_eq!(cells("| a |  | c |"), ["a", "", "c"]);
        assert_eq!(cells("| a | b"), ["a", "b"]);
    }

    #[test]
    fn fenced_code_is_not_prose() {
        let text = "one\n```sh\n# two\n~~~\n```\nthree\n";
        assert_eq!(prose(text).collect::<Vec<_>>(), [(1, "one"), (6, "three")]);
    }

    #[test]
    fn links_of_every_kind() {
        let text = "[a](one.md) and ![b](two.png \"title\") `[c](no.md)`\n[d]: three.md\n[^e]: note\n[f](<with space.md>) <a href=\"four.md#x\">\n[g](five_(1).md)\n";
        let targets: Vec<(usize, String)> = links(text);
        let expected = [
            (1, "one.md"),
            (1, "two.png"),
            (2, "three.md"),
            (4, "with space.md"),
            (4, "four.md#x"),
            (5, "five_(1).md"),
        ];
        assert_eq!(targets, expected.map(|(line, target)| (line, target.to_owned())));
    }

    #[test]
    fn anchors_as_forges_make_them() {
        let text = "# One request, walked\n## `duku serve`: how?\n## Same\n## Same\n## See [the page](x.md)\n<a id=\"here\"></a>\n";
        let expected = ["duku-serve-how", "here", "one-request-walked", "same", "same-1", "see-the-page"];
        assert_eq!(anchors(text).into_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn code_spans_are_what_backticks_hold() {
        assert_eq!(code_spans("`a::b`, and `c`"), ["a::b", "c"]);
        assert!(code_spans("none").is_empty());
    }
}
