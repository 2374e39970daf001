//! The parts of a question that each say one thing.

/// The parts of a text between marks that end a thought.
pub(super) fn clauses(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (clause, after) = rest.split_at_checked(clause_end(rest))?;
        rest = after;
        (!clause.is_empty()).then_some(clause)
    })
}

/// Where the first clause of a text ends. A hyphen ends one only if it stands alone.
fn clause_end(text: &str) -> usize {
    let marks = text.char_indices().filter(|(_, c)| ".!?:;,\n–—-".contains(*c));
    let mut ends = marks.filter_map(|(at, c)| {
        let (before, after) = text.split_at_checked(at + c.len_utf8())?;
        let is_hyphen = before.ends_with('-') && !before.ends_with(" -");
        (!is_hyphen && after.starts_with(char::is_whitespace)).then_some(before.len())
    });
    ends.next().unwrap_or(text.len())
}

/// A text without the tags of markup in it: what is asked stands between them.
pub(super) fn without_tags(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once('<') {
        kept.push_str(before);
        let is_tag = tag.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
        if let Some((_, after)) = tag.split_once('>').filter(|_| is_tag) {
            kept.push(' ');
            rest = after;
        } else {
            kept.push('<');
            rest = tag;
        }
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_no_words() {
        assert_eq!(without_tags("<b>how long</b> lives it"), " how long  lives it");
        for plain in ["is 3 < 5 and 5 > 3", "a <", "<b", ""] {
            assert_eq!(without_tags(plain), plain);
        }
    }

    #[test]
    fn a_text_falls_into_clauses() {
        let parts: Vec<&str> =
            clauses("It says: 401, invalid_client - what now? Re-read v1.2").map(str::trim).collect();
        assert_eq!(parts, ["It says:", "401,", "invalid_client -", "what now?", "Re-read v1.2"]);
        assert_eq!(clauses("").count(), 0);
    }
}
