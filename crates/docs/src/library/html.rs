//! How a page's text looks.

use super::{
    highlight::highlight,
    links::Target,
    markdown::{Piece, Readable},
    outline::{Outline, language, number},
    text::{breakable, encoded, escape},
};
use pulldown_cmark::{Alignment, CodeBlockKind, CowStr, Event, Tag, TagEnd, html};
use std::fmt::Write;

/// The HTML of a page whose library stands below `base`.
pub(super) fn render(source: &str, outline: &Outline, base: &str) -> String {
    let readable = Readable::of(source);
    let (pieces, _) = readable.pieces();
    let mut writer = Writer {
        outline,
        base,
        events: Vec::with_capacity(pieces.len()),
        headings: 0,
        links: 0,
        code: None,
        table: Table::default(),
    };
    for (piece, _) in pieces {
        writer.take(piece);
    }
    let mut text = String::with_capacity(source.len() * 2);
    html::push_html(&mut text, writer.events.into_iter());
    text
}

/// The address of a page below `base`.
pub(crate) fn address(base: &str, path: &str) -> String {
    match (base, path) {
        ("", "") => "/".to_owned(),
        (base, "") => base.to_owned(),
        (base, path) => format!("{base}/{}", encoded(path)),
    }
}

/// The address of a place on a page below `base`; of the page, without a fragment.
pub(crate) fn place(base: &str, path: &str, fragment: &str) -> String {
    let page = address(base, path);
    if fragment.is_empty() { page } else { format!("{page}#{}", encoded(fragment)) }
}

#[derive(Default)]
struct Table {
    alignments: Vec<Alignment>,
    column: usize,
    /// Where the events of the cell begin.
    cell: usize,
    /// Where the events of its head begin, and whether a name stands in it.
    head: Option<(usize, bool)>,
    /// What the columns are called.
    names: Vec<String>,
}

impl Table {
    /// The beginning of the next cell. On a phone, where rows are stacked, cells say which column they are of if there are
    /// several.
    fn cell(&mut self) -> String {
        let is_number = self.alignments.get(self.column) == Some(&Alignment::Right);
        let class = if is_number { " class=\"num\"" } else { "" };
        let name = self.names.get(self.column).filter(|name| self.column > 0 && !name.is_empty());
        self.column += 1;
        if self.head.is_some() {
            self.names.push(String::new());
            return format!("<th scope=\"col\"{class}>");
        }
        match name {
            Some(name) if self.alignments.len() > 2 => {
                let mut label = String::new();
                escape(name, &mut label);
                format!("<td{class} data-label=\"{label}\">")
            }
            _ => format!("<td{class}>"),
        }
    }
}

struct Writer<'a> {
    outline: &'a Outline,
    base: &'a str,
    events: Vec<Event<'a>>,
    headings: usize,
    links: usize,
    code: Option<(String, String)>,
    table: Table,
}

impl<'a> Writer<'a> {
    fn markup(&mut self, text: impl Into<CowStr<'a>>) {
        self.events.push(Event::Html(text.into()));
    }

    fn take(&mut self, piece: Piece<'a>) {
        match piece {
            Piece::HintStart(style) => {
                let (name, label) = (style.name(), style.label());
                self.markup(format!(
                    "<aside class=\"hint hint-{name}\" role=\"note\"><p class=\"hint-label\">{label}</p>\n"
                ));
            }
            Piece::HintEnd => self.markup("</aside>\n"),
            Piece::Markdown(Event::Text(text)) => {
                if let Some((_, code)) = &mut self.code {
                    code.push_str(&text);
                } else {
                    self.note_words(&text);
                    self.events.push(Event::Text(text));
                }
            }
            Piece::Markdown(Event::Code(text)) => {
                self.note_words(&text);
                self.markup(format!("<code>{}</code>", breakable(&text)));
            }
            Piece::Markdown(Event::Start(tag)) => self.start(tag),
            Piece::Markdown(Event::End(tag)) => self.end(tag),
            Piece::Markdown(event) => self.events.push(event),
        }
    }

    fn note_words(&mut self, text: &str) {
        if let Some((_, named)) = &mut self.table.head {
            *named = true;
            self.table.names.iter_mut().last().into_iter().for_each(|name| name.push_str(text));
        }
    }

    fn start(&mut self, tag: Tag<'a>) {
        match tag {
            Tag::Heading { level, .. } => {
                let outline = self.outline;
                let Some(heading) = outline.headings.get(self.headings) else { return };
                let mut text = format!("<h{0} id=\"{1}\">", number(level), heading.anchor);
                // A title needs no way to itself, and a link cannot stand in a link.
                if number(level) > 1 && !heading.has_link {
                    let _ = write!(text, "<a class=\"self\" href=\"#{}\">", encoded(&heading.anchor));
                }
                self.markup(text);
            }
            Tag::CodeBlock(kind) => {
                let language = match &kind {
                    CodeBlockKind::Fenced(info) => language(info).to_owned(),
                    CodeBlockKind::Indented => String::new(),
                };
                self.code = Some((language, String::new()));
            }
            Tag::Link { link_type, dest_url, title, id } => {
                let dest_url = self.link().map_or(dest_url, CowStr::from);
                self.events.push(Event::Start(Tag::Link { link_type, dest_url, title, id }));
            }
            Tag::Table(alignments) => {
                self.table.alignments = alignments;
                self.table.names.clear();
                self.markup("<div class=\"wide\" tabindex=\"0\"><table>\n");
            }
            Tag::TableHead => {
                self.table.column = 0;
                self.table.head = Some((self.events.len(), false));
                self.markup("<thead><tr>");
            }
            Tag::TableRow => {
                self.table.column = 0;
                self.markup("<tr>");
            }
            Tag::TableCell => {
                let start = self.table.cell();
                self.markup(start);
                self.table.cell = self.events.len();
            }
            other => self.events.push(Event::Start(other)),
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(level) => {
                let linked = self.outline.headings.get(self.headings).is_none_or(|heading| heading.has_link);
                self.headings += 1;
                let own = if number(level) > 1 && !linked { "</a>" } else { "" };
                self.markup(format!("{own}</h{}>\n", number(level)));
            }
            TagEnd::CodeBlock => {
                let (language, code) = self.code.take().unwrap_or_default();
                self.markup(snippet(&language, &code));
            }
            TagEnd::TableCell if self.table.head.is_none() => self.markup("</td>"),
            // A corner without words is the head of nothing.
            TagEnd::TableCell if self.events.len() == self.table.cell => {
                self.events.pop();
                self.markup("<td></td>");
            }
            TagEnd::TableCell => self.markup("</th>"),
            TagEnd::TableHead => {
                match self.table.head.take() {
                    Some((start, false)) => self.events.truncate(start),
                    _ => self.markup("</tr></thead>"),
                }
                self.markup("<tbody>\n");
            }
            TagEnd::TableRow => self.markup("</tr>\n"),
            TagEnd::Table => self.markup("</tbody></table></div>\n"),
            other => self.events.push(Event::End(other)),
        }
    }

    /// Where the next link leads, unless it is written as it should stand.
    fn link(&mut self) -> Option<String> {
        let link = self.outline.links.get(self.links);
        self.links += 1;
        match &link?.target {
            Target::Elsewhere => None,
            Target::Forbidden => Some("#".to_owned()),
            Target::Page { path, fragment } => Some(place(self.base, path, fragment)),
        }
    }
}

/// A code block: it scrolls, so it can be reached by keyboard.
pub(crate) fn snippet(language: &str, code: &str) -> String {
    let mut name = String::new();
    escape(language, &mut name);
    let class = if name.is_empty() { String::new() } else { format!(" class=\"language-{name}\"") };
    format!(
        "<div class=\"snippet\" data-language=\"{name}\"><pre tabindex=\"0\"><code{class}>{}</code></pre></div>\n",
        highlight(language, code)
    )
}

#[cfg(test)]
mod tests {
    use super::super::outline::outline;
    use super::*;

    fn html(source: &str) -> String {
        render(source, &outline(source, "a/b.md"), "/docs")
    }

    #[test]
    fn headings_lead_to_themselves_and_markup_is_text() {
        let shown = html("# A\n\n## One & two\n\n## See [c](c.md)\n\n<script>x</script>\n\na <b>c</b>\n");
        assert!(shown.contains("<h1 id=\"a\">A</h1>"), "{shown}");
        assert!(
            shown.contains("<h2 id=\"one--two\"><a class=\"self\" href=\"#one--two\">One &amp; two</a></h2>"),
            "{shown}"
        );
        assert!(shown.contains("<h2 id=\"see-c\">See <a href=\"/docs/a/c\">c</a></h2>"), "{shown}");
        assert!(shown.contains("<p>&lt;script&gt;x&lt;/script&gt;"), "{shown}");
        assert!(shown.contains("a &lt;b&gt;c&lt;/b&gt;"), "{shown}");
    }

    #[test]
    fn hints_stand_apart() {
        let shown = html("{% hint style=\"warning\" %}\nOnce & *only*.\n{% endhint %}\n");
        assert_eq!(
            shown,
            "<aside class=\"hint hint-warning\" role=\"note\"><p class=\"hint-label\">Warning</p>\n\
             <p>Once &amp; <em>only</em>.</p>\n</aside>\n"
        );
    }

    #[test]
    fn tables_scroll_and_have_no_style_of_their_own() {
        let shown = html("| a | b |\n| --- | ---: |\n| 1 | 2 |\n\n| | |\n| --- | :---: |\n| 3 | 4 |\n");
        assert!(!shown.contains("style="), "the policy forbids it: {shown}");
        assert!(shown.contains("<th scope=\"col\" class=\"num\">b</th>"), "{shown}");
        let corner = html("| | a |\n| --- | --- |\n| 1 | 2 |\n");
        assert!(corner.contains("<thead><tr><td></td><th scope=\"col\">a</th>"), "{corner}");
        assert_eq!(shown.matches("<thead>").count(), 1, "a head without a name is no head: {shown}");
        assert_eq!(shown.matches("<div class=\"wide\" tabindex=\"0\">").count(), 2);
        assert!(shown.contains("<td>3</td>"), "{shown}");
    }

    #[test]
    fn long_names_are_broken_between_their_words() {
        let shown = html("`database_timeout_seconds` and `client_id` & `a<b`\n");
        assert!(shown.contains("<code>database_<wbr>timeout_<wbr>seconds</code>"), "{shown}");
        assert!(shown.contains("<code>client_id</code> &amp; <code>a&lt;b</code>"), "{shown}");
    }

    #[test]
    fn cells_of_wide_tables_say_their_column() {
        let shown = html(
            "| a | `b` | c<d |\n| --- | --- | --- |\n| 1 | 2 | 3 |\n\n| a | b |\n| --- | --- |\n| 4 | 5 |\n",
        );
        assert!(
            shown.contains("<tr><td>1</td><td data-label=\"b\">2</td><td data-label=\"c&lt;d\">3</td></tr>"),
            "{shown}"
        );
        assert!(shown.contains("<td>4</td><td>5</td>"), "{shown}");
    }

    #[test]
    fn what_no_page_may_lead_to_leads_nowhere() {
        assert!(html("[x](javascript:alert(1))\n").contains("<a href=\"#\">x</a>"));
        assert!(html("[x](https://a.example/?a=1&b)\n").contains("href=\"https://a.example/?a=1&amp;b\""));
    }

    #[test]
    fn code_is_text_whatever_its_language_is_called() {
        let shown = html("```\"><img>\n<b>&\n```\n");
        assert!(shown.contains("data-language=\"&quot;&gt;&lt;img&gt;\""), "{shown}");
        assert!(shown.contains("&lt;b&gt;&amp;"), "{shown}");
    }
}
