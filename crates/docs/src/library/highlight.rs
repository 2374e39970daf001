//! Colours of code: found while this was built for the pages that are compiled in (`build/highlight.rs`). Code of another folder
//! stays plain.

use super::text::escape;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Each block of code by its hash, as lengths in bytes with the letters of their classes.
#[expect(clippy::unreadable_literal, reason = "nobody reads it")]
static HIGHLIGHTED: &[(u64, &[(u16, char)])] = include!(concat!(env!("OUT_DIR"), "/highlighted.rs"));

/// The code as HTML.
pub(super) fn highlight(language: &str, code: &str) -> String {
    let mut into = String::with_capacity(code.len() * 2);
    let mut rest = code;
    // What is typed at a prompt.
    let mut is_command = false;
    for (length, class) in spans(language, code) {
        let Some((text, after)) = rest.split_at_checked(usize::from(*length)) else { break };
        rest = after;
        if is_command && matches!(class, 'p' | 'o' | 'e') {
            into.push_str("</span>");
            is_command = false;
        }
        if matches!(class, ' ' | 'e') {
            escape(text, &mut into);
            continue;
        }
        into.push_str("<span class=\"tok-");
        into.push(*class);
        into.push_str("\">");
        escape(text, &mut into);
        into.push_str("</span>");
        if *class == 'p' {
            into.push_str("<span class=\"cmd\">");
            is_command = true;
        }
    }
    escape(rest, &mut into);
    if is_command {
        into.push_str("</span>");
    }
    into
}

fn spans(language: &str, code: &str) -> &'static [(u16, char)] {
    let mut hasher = DefaultHasher::new();
    (language, code.trim_end_matches('\n')).hash(&mut hasher);
    let found = HIGHLIGHTED.binary_search_by_key(&hasher.finish(), |(name, _)| *name);
    found.ok().and_then(|at| HIGHLIGHTED.get(at)).map_or(&[], |(_, spans)| spans)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BlockKind, library::Library};

    fn text_of(html: &str) -> String {
        let mut text = String::new();
        let mut rest = html;
        while let Some((before, tag)) = rest.split_once('<') {
            text.push_str(before);
            rest = tag.split_once('>').unwrap().1;
        }
        text.push_str(rest);
        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
        text.replace("&#39;", "'").replace("&amp;", "&")
    }

    #[test]
    fn each_block_of_the_pages_is_coloured_and_stays_what_it_is() {
        let library = Library::embedded();
        let mut coloured = 0;
        for block in library.sections().flat_map(|(_, _, section)| &section.blocks) {
            let BlockKind::Code { language } = &block.kind else { continue };
            let html = highlight(language, &block.text);
            assert_eq!(text_of(&html), block.text);
            assert_eq!(html.matches("<span").count(), html.matches("</span>").count());
            coloured += usize::from(html.contains("tok-"));
        }
        assert!(coloured > 60, "{coloured}");
    }

    #[test]
    fn at_a_prompt_commands_stand_out_from_what_they_print() {
        let library = Library::embedded();
        let blocks = library.sections().flat_map(|(_, _, section)| &section.blocks);
        let console = |block: &&crate::Block| matches!(&block.kind, BlockKind::Code { language } if language == "console");
        let block = blocks.filter(console).find(|block| block.text.starts_with("$ ")).unwrap();
        let html = highlight("console", &block.text);
        assert!(html.starts_with("<span class=\"tok-p\">$ </span><span class=\"cmd\">"), "{html}");
    }

    #[test]
    fn code_of_another_folder_stays_plain() {
        assert_eq!(highlight("sh", "echo <unknown> # x"), "echo &lt;unknown&gt; # x");
    }
}
