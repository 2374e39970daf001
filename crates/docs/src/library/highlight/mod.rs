//! Colours of code: comments, strings, keywords, numbers, keys, flags and variables, by the words of each language.
//!
//! A scanner, not a parser: what it does not know stays plain, and no character is ever added, lost or moved. The crates
//! that do more weigh more than all the rest of this site.

mod console;
mod languages;

use super::text::escape;
use languages::{Keys, Language};

/// What a stretch of code is, as the class of its `span`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Comment,
    Text,
    Keyword,
    Number,
    /// The name of a value: a key, an argument, a flag.
    Name,
    Variable,
}

impl Kind {
    const fn class(self) -> &'static str {
        match self {
            Self::Comment => "tok-c",
            Self::Text => "tok-s",
            Self::Keyword => "tok-k",
            Self::Number => "tok-n",
            Self::Name => "tok-f",
            Self::Variable => "tok-v",
        }
    }
}

/// The code as HTML.
pub(super) fn highlight(language: &str, code: &str) -> String {
    let mut into = String::with_capacity(code.len() * 2);
    match languages::find(language) {
        Some(language) if language.is_console => console::write_lines(language, code, &mut into),
        Some(language) => write(language, code, &mut into),
        None => escape(code, &mut into),
    }
    into
}

fn write(language: &Language, code: &str, into: &mut String) {
    let mut scanner = Scanner { language, rest: code, before: '\n', is_fresh: true, into };
    while scanner.step() {}
}

struct Scanner<'a> {
    language: &'a Language,
    rest: &'a str,
    /// The character before the rest.
    before: char,
    /// Nothing but spaces and dashes stands before the rest in its line.
    is_fresh: bool,
    into: &'a mut String,
}

impl Scanner<'_> {
    /// Writes the next stretch; `false` at the end.
    fn step(&mut self) -> bool {
        let Some(first) = self.rest.chars().next() else { return false };
        let found = self.line_start().or_else(|| self.comment()).or_else(|| self.quoted(first));
        match found.or_else(|| self.word(first)) {
            Some((length, kind)) if length > 0 => self.put(length, kind),
            _ => self.put(first.len_utf8(), None),
        }
        true
    }

    fn put(&mut self, length: usize, kind: Option<Kind>) {
        let Some((text, rest)) = self.rest.split_at_checked(length) else { return };
        if let Some(kind) = kind {
            self.into.push_str("<span class=\"");
            self.into.push_str(kind.class());
            self.into.push_str("\">");
        }
        escape(text, self.into);
        if kind.is_some() {
            self.into.push_str("</span>");
        }
        self.before = text.chars().next_back().unwrap_or(self.before);
        let indents = self.is_fresh && text.chars().all(|c| matches!(c, ' ' | '\t' | '-'));
        self.is_fresh = self.before == '\n' || indents;
        self.rest = rest;
    }

    /// What only a line's beginning can be.
    fn line_start(&self) -> Option<(usize, Option<Kind>)> {
        if !self.is_fresh {
            return None;
        }
        let line = self.rest.lines().next().unwrap_or_default();
        let indent = line.len() - line.trim_start_matches([' ', '\t', '-']).len();
        let bare = line.get(indent..).unwrap_or_default();
        match self.language.keys {
            Keys::YamlLine | Keys::Assignment if indent > 0 => {
                Some((indent, None)).filter(|_| self.key_of(bare).is_some())
            }
            Keys::YamlLine | Keys::Assignment => self.key_of(bare).map(|length| (length, Some(Kind::Name))),
            Keys::FirstWord => {
                let word = bare.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(bare.len());
                Some(if indent > 0 { (indent, None) } else { (word, Some(Kind::Keyword)) })
            }
            Keys::BeforeColon | Keys::None => None,
        }
    }

    /// The length of the key that a line begins with.
    fn key_of(&self, line: &str) -> Option<usize> {
        let is_yaml = self.language.keys == Keys::YamlLine;
        let end =
            if is_yaml { line.find(": ").or(line.strip_suffix(':').map(str::len)) } else { line.find('=') };
        let key = line.get(..end?)?;
        let key = if is_yaml { key } else { key.trim_end() };
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '$');
        (!key.is_empty() && key.chars().all(plain)).then_some(key.len())
    }

    fn comment(&self) -> Option<(usize, Option<Kind>)> {
        let line = self.rest.find('\n').unwrap_or(self.rest.len());
        let begins = |mark: &&&str| {
            // In a shell `a#b` is a word, and in a URL `//` is none either.
            self.rest.starts_with(**mark) && (self.before.is_whitespace() || self.before == ';')
        };
        if self.language.line_comments.iter().find(begins).is_some() {
            return Some((line, Some(Kind::Comment)));
        }
        let (open, close) = self.language.block_comment?;
        let inside = self.rest.strip_prefix(open)?;
        let end = inside.find(close).map_or(self.rest.len(), |end| open.len() + end + close.len());
        Some((end, Some(Kind::Comment)))
    }

    fn quoted(&self, first: char) -> Option<(usize, Option<Kind>)> {
        if !self.language.quotes.contains(first) || self.before.is_alphanumeric() {
            return None;
        }
        let mark = first.len_utf8();
        let tripled: String = std::iter::repeat_n(first, 3).collect();
        let length = match self.rest.strip_prefix(&tripled).filter(|_| self.language.triple_quotes) {
            Some(inside) => inside.find(&tripled).map(|end| end + 2 * tripled.len())?,
            None => mark + self.end_of_quote(self.rest.get(mark..)?, first)? + mark,
        };
        let after = self.rest.get(length..).unwrap_or_default().trim_start_matches(' ');
        let is_key = matches!(self.language.keys, Keys::BeforeColon) && after.starts_with(':');
        Some((length, Some(if is_key { Kind::Name } else { Kind::Text })))
    }

    /// Where a quoted text ends; nothing if it does not, because then the mark was an apostrophe.
    fn end_of_quote(&self, inside: &str, mark: char) -> Option<usize> {
        let has_escapes = !(self.language.raw_single && mark == '\'');
        let mut escaped = false;
        // In a shell's quotes a command may stand, with quotes of its own.
        let mut around = vec![mark];
        let mut before = mark;
        for (at, character) in inside.char_indices() {
            match (around.last().copied(), character) {
                _ if escaped => escaped = false,
                (Some(open), '\\') if has_escapes && open != '\'' => escaped = true,
                (_, '\\') if has_escapes && around.len() == 1 => escaped = true,
                (_, '\n') if !self.language.quotes_span_lines && mark != '`' => return None,
                (Some('"'), '(') if self.language.raw_single && before == '$' => around.push(')'),
                (Some(')'), '(') => around.push(')'),
                (Some(')'), '"' | '\'') => around.push(character),
                (Some(open), other) if open == other => {
                    around.pop();
                    if around.is_empty() {
                        return Some(at);
                    }
                }
                _ => {}
            }
            before = character;
        }
        None
    }

    fn word(&self, first: char) -> Option<(usize, Option<Kind>)> {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let length = |text: &str, part: &dyn Fn(char) -> bool| text.find(|c| !part(c)).unwrap_or(text.len());
        if first == '$' && self.language.variables {
            let inside = self.rest.get(1..)?;
            let braced = inside.strip_prefix('{').and_then(|inside| inside.find('}')).map(|end| end + 3);
            let length = braced.unwrap_or_else(|| 1 + length(inside, &is_word));
            return (length > 1).then_some((length, Some(Kind::Variable)));
        }
        if first == '-' && self.language.flags && self.before.is_whitespace() {
            let flag = length(self.rest, &|c| is_word(c) || c == '-');
            return Some((flag, Some(Kind::Name).filter(|_| flag > 1)));
        }
        if !is_word(first) {
            return None;
        }
        let whole = length(self.rest, &is_word);
        let word = self.rest.get(..whole)?;
        if first.is_ascii_digit() {
            let number = length(self.rest, &|c| is_word(c) || c == '.');
            let number = self.rest.get(..number)?.trim_end_matches('.').len();
            let alone = !matches!(self.before, '-' | '/' | '.' | ':' | '=' | '%' | '}');
            return Some((number, Some(Kind::Number).filter(|_| alone || !self.language.flags)));
        }
        let after = self.rest.get(whole..).unwrap_or_default();
        let kind = if self.language.keywords.contains(&word) && !matches!(self.before, '.' | '-' | '/') {
            Some(Kind::Keyword)
        } else if matches!(self.language.keys, Keys::BeforeColon) && after.starts_with(':') {
            Some(Kind::Name)
        } else {
            None
        };
        Some((whole, kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{prelude::*, sample::select};

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

    fn marked(language: &str, code: &str) -> String {
        highlight(language, code)
            .replace("<span class=\"tok-", "[")
            .replace("\">", ":")
            .replace("</span>", "]")
    }

    #[test]
    fn each_language_shows_what_matters() {
        for (language, code, expected) in [
            (
                "json",
                "{\"a\": \"b\", \"n\": 1, \"t\": true}",
                "{[f:&quot;a&quot;]: [s:&quot;b&quot;], [f:&quot;n&quot;]: [n:1], [f:&quot;t&quot;]: [k:true]}",
            ),
            ("sh", "curl -X POST \"$URL/a#b\" # why", "curl [f:-X] POST [s:&quot;$URL/a#b&quot;] [c:# why]"),
            ("sh", "export A=${B}1 && echo don't", "[k:export] A=[v:${B}]1 &amp;&amp; [k:echo] don&#39;t"),
            (
                "yaml",
                "on:\n  - key: 'v' # c\n  x-y: 3\n",
                "[f:on]:\n  - [f:key]: [s:&#39;v&#39;] [c:# c]\n  [f:x-y]: [n:3]\n",
            ),
            ("toml", "listen = \"0.0.0.0:1\"\n# c\n", "[f:listen] = [s:&quot;0.0.0.0:1&quot;]\n[c:# c]\n"),
            (
                "graphql",
                "query Q($id: ID!) { a(first: 2) }",
                "[k:query] Q([v:$id]: ID!) { a([f:first]: [n:2]) }",
            ),
            (
                "python",
                "def f(): # x\n    '''a\nb'''\n    return None",
                "[k:def] f(): [c:# x]\n    [s:&#39;&#39;&#39;a\nb&#39;&#39;&#39;]\n    [k:return] [k:None]",
            ),
            ("javascript", "const u = `a${1}` // c", "[k:const] u = [s:`a${1}`] [c:// c]"),
            ("go", "if err != nil { /* x */ }", "[k:if] err != [k:nil] { [c:/* x */] }"),
            ("nginx", "  listen 443 ssl;", "  [k:listen] [n:443] ssl;"),
            ("text", "if 1 < 2", "if 1 &lt; 2"),
            ("", "x", "x"),
        ] {
            assert_eq!(marked(language, code), expected, "{language}");
        }
    }

    #[test]
    fn on_a_console_commands_stand_out_from_what_they_print() {
        let shown = marked("console", "$ ls -l \\\n    a\nfile\n$ echo 'x\ny' # z\nx\n");
        assert_eq!(
            shown,
            "[p:$ ]<span class=\"cmd:ls [f:-l] \\\n    a]\n[o:file]\n[p:$ ]<span class=\"cmd:[k:echo] [s:&#39;x\ny&#39;] [c:# z]]\n[o:x]\n"
        );
        let heredoc = highlight("console", "$ cat <<'EOF' > a\nx\nEOF\nout\n");
        assert_eq!(heredoc.matches("tok-o").count(), 1, "{heredoc}");
    }

    proptest! {
        #[test]
        fn no_character_is_added_lost_or_moved(
            language in select(languages::NAMES.to_vec()),
            code in "\\PC{0,40}|([a-z$#'\"\\\\\n :=/*<>&{}`-]|\"\"\"|- |\\$ |<<|EOF|0\\.){0,60}",
        ) {
            let html = highlight(language, &code);
            prop_assert_eq!(text_of(&html), code);
            prop_assert_eq!(html.matches("<span").count(), html.matches("</span>").count());
        }
    }
}
