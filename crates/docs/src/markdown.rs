//! From Markdown to HTML: headings get anchors, links between pages lead to where the pages are served.

use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

/// The title and the HTML of a page that is served at `/docs/{path}`.
pub(crate) fn render(markdown: &str, path: &str) -> (String, String) {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let events = Parser::new_ext(markdown, options).map(|event| match event {
        // Pages are ours, and none of them needs markup of its own.
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            let dest_url = address(&dest_url, path).map_or(dest_url, CowStr::from);
            Event::Start(Tag::Link { link_type, dest_url, title, id })
        }
        other => other,
    });
    let (title, events) = with_anchors(events);
    let mut text = String::new();
    html::push_html(&mut text, events.into_iter());
    // What scrolls sideways must be reachable by keyboard.
    let text = text
        .replace("<table>", "<div class=\"scroll\" tabindex=\"0\"><table class=\"table\">")
        .replace("</table>", "</table></div>")
        .replace("<pre>", "<pre tabindex=\"0\">");
    (title, text)
}

/// Names each heading by its words; the first one of the highest level is the title.
fn with_anchors<'a>(events: impl Iterator<Item = Event<'a>>) -> (String, Vec<Event<'a>>) {
    let mut title = String::new();
    let mut named = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for event in events {
        match (&event, &mut open) {
            (Event::Start(Tag::Heading { .. }), _) => open = Some((named.len(), String::new())),
            (Event::Text(text) | Event::Code(text), Some((_, words))) => words.push_str(text),
            (Event::End(TagEnd::Heading(level)), Some((start, words))) => {
                if *level == HeadingLevel::H1 && title.is_empty() {
                    title.clone_from(words);
                }
                if let Some(Event::Start(Tag::Heading { id, .. })) = named.get_mut(*start) {
                    *id = Some(CowStr::from(anchor(words)));
                }
                open = None;
            }
            _ => {}
        }
        named.push(event);
    }
    (title, named)
}

/// "When an exchange is refused" becomes `when-an-exchange-is-refused`, as on code hosts.
fn anchor(words: &str) -> String {
    let lower = words.to_lowercase();
    let kept = lower.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Where a link to another page's file leads; nothing for every other link.
fn address(link: &str, from: &str) -> Option<String> {
    let (file, fragment) = link.split_once('#').unwrap_or((link, ""));
    let page = file.strip_suffix(".md").filter(|file| !file.contains("://"))?;
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in page.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." => {}
            part => parts.push(part),
        }
    }
    let fragment = if fragment.is_empty() { String::new() } else { format!("#{fragment}") };
    Some(format!("/docs/{}{fragment}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_named_and_markup_is_text() {
        let (title, html) = render("# A `b` page\n\n## One & two\n\n<script>x</script>\n", "a/b");
        assert_eq!(title, "A b page");
        assert!(html.contains("<h2 id=\"one--two\">One &amp; two</h2>"), "{html}");
        assert!(!html.contains("<script>"), "{html}");
    }

    #[test]
    fn links_between_files_become_links_between_pages() {
        assert_eq!(address("../viewport.md", "integrations/api-keys").unwrap(), "/docs/viewport");
        assert_eq!(
            address("graphql-api.md#limits", "integrations/api-keys").unwrap(),
            "/docs/integrations/graphql-api#limits"
        );
        assert_eq!(address("https://a.example/x.md", "a"), None);
        assert_eq!(address("#here", "a"), None);
    }
}
