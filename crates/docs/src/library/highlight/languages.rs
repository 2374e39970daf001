//! The languages of the documentation's examples, as far as colours go.

/// How the names of values are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    None,
    /// `name: value` and `"name": value`, anywhere.
    BeforeColon,
    /// `name: value`, at a line's beginning.
    YamlLine,
    /// `name = value`, at a line's beginning.
    Assignment,
    /// A line begins with what it is about.
    FirstWord,
}

#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a habit of a language, and they go together in any way"
)]
pub(super) struct Language {
    pub(super) line_comments: &'static [&'static str],
    pub(super) block_comment: Option<(&'static str, &'static str)>,
    pub(super) quotes: &'static str,
    pub(super) triple_quotes: bool,
    pub(super) quotes_span_lines: bool,
    /// Between apostrophes a backslash is a backslash.
    pub(super) raw_single: bool,
    pub(super) keywords: &'static [&'static str],
    pub(super) keys: Keys,
    /// `-x` and `--long`.
    pub(super) flags: bool,
    /// `$name`.
    pub(super) variables: bool,
    /// Prompts, and what commands print.
    pub(super) is_console: bool,
}

const PLAIN: Language = Language {
    line_comments: &[],
    block_comment: None,
    quotes: "\"",
    triple_quotes: false,
    quotes_span_lines: false,
    raw_single: false,
    keywords: &[],
    keys: Keys::None,
    flags: false,
    variables: false,
    is_console: false,
};

const C_LIKE: Language =
    Language { line_comments: &["//"], block_comment: Some(("/*", "*/")), quotes: "\"'`", ..PLAIN };

static SHELL: Language = Language {
    line_comments: &["#"],
    quotes: "\"'",
    quotes_span_lines: true,
    raw_single: true,
    keywords: &[
        "if", "then", "else", "elif", "fi", "for", "in", "do", "done", "while", "until", "case", "esac",
        "function", "export", "set", "unset", "local", "return", "exit", "trap", "echo", "cd", "test",
        "read", "source", "sudo",
    ],
    flags: true,
    variables: true,
    ..PLAIN
};
static CONSOLE: Language = Language { is_console: true, ..SHELL };
static JSON: Language = Language { keywords: &["true", "false", "null"], keys: Keys::BeforeColon, ..PLAIN };
static GRAPHQL: Language = Language {
    line_comments: &["#"],
    triple_quotes: true,
    keywords: &[
        "query",
        "mutation",
        "subscription",
        "fragment",
        "on",
        "type",
        "input",
        "enum",
        "scalar",
        "interface",
        "union",
        "extend",
        "schema",
        "directive",
        "implements",
        "true",
        "false",
        "null",
    ],
    keys: Keys::BeforeColon,
    variables: true,
    ..PLAIN
};
static YAML: Language = Language {
    line_comments: &["#"],
    quotes: "\"'",
    keywords: &["true", "false", "null", "yes", "no"],
    keys: Keys::YamlLine,
    variables: true,
    ..PLAIN
};
static TOML: Language = Language {
    line_comments: &["#", ";"],
    quotes: "\"'",
    triple_quotes: true,
    keywords: &["true", "false"],
    keys: Keys::Assignment,
    ..PLAIN
};
static NGINX: Language =
    Language { line_comments: &["#"], quotes: "\"'", keys: Keys::FirstWord, variables: true, ..PLAIN };
static PYTHON: Language = Language {
    line_comments: &["#"],
    quotes: "\"'",
    triple_quotes: true,
    keywords: &[
        "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else",
        "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "not", "or",
        "pass", "raise", "return", "try", "while", "with", "yield", "None", "True", "False",
    ],
    ..PLAIN
};
static JAVASCRIPT: Language = Language {
    keywords: &[
        "as",
        "async",
        "await",
        "break",
        "case",
        "catch",
        "class",
        "const",
        "continue",
        "default",
        "delete",
        "do",
        "else",
        "export",
        "extends",
        "finally",
        "for",
        "from",
        "function",
        "if",
        "import",
        "in",
        "instanceof",
        "interface",
        "let",
        "new",
        "of",
        "return",
        "static",
        "switch",
        "this",
        "throw",
        "try",
        "type",
        "typeof",
        "var",
        "while",
        "yield",
        "null",
        "undefined",
        "true",
        "false",
    ],
    ..C_LIKE
};
static GO: Language = Language {
    keywords: &[
        "break",
        "case",
        "chan",
        "const",
        "continue",
        "default",
        "defer",
        "else",
        "fallthrough",
        "for",
        "func",
        "go",
        "if",
        "import",
        "interface",
        "map",
        "package",
        "range",
        "return",
        "select",
        "struct",
        "switch",
        "type",
        "var",
        "nil",
        "true",
        "false",
    ],
    ..C_LIKE
};
static JAVA: Language = Language {
    quotes: "\"'",
    triple_quotes: true,
    keywords: &[
        "abstract",
        "boolean",
        "break",
        "case",
        "catch",
        "class",
        "continue",
        "default",
        "do",
        "double",
        "else",
        "enum",
        "extends",
        "final",
        "finally",
        "for",
        "if",
        "implements",
        "import",
        "instanceof",
        "int",
        "interface",
        "long",
        "new",
        "null",
        "package",
        "private",
        "protected",
        "public",
        "record",
        "return",
        "static",
        "super",
        "switch",
        "this",
        "throw",
        "throws",
        "try",
        "var",
        "void",
        "while",
        "true",
        "false",
    ],
    ..C_LIKE
};
static GROOVY: Language = Language {
    keywords: &[
        "agent",
        "any",
        "as",
        "assert",
        "catch",
        "class",
        "credentials",
        "def",
        "else",
        "environment",
        "finally",
        "for",
        "if",
        "import",
        "in",
        "new",
        "null",
        "pipeline",
        "post",
        "return",
        "sh",
        "stage",
        "stages",
        "steps",
        "this",
        "throw",
        "try",
        "while",
        "withCredentials",
        "true",
        "false",
    ],
    ..JAVA
};
static RUBY: Language = Language {
    line_comments: &["#"],
    quotes: "\"'",
    keywords: &[
        "and",
        "begin",
        "break",
        "case",
        "class",
        "def",
        "do",
        "else",
        "elsif",
        "end",
        "ensure",
        "false",
        "for",
        "if",
        "in",
        "module",
        "next",
        "nil",
        "not",
        "or",
        "require",
        "require_relative",
        "rescue",
        "return",
        "self",
        "then",
        "true",
        "unless",
        "until",
        "when",
        "while",
        "yield",
    ],
    ..PLAIN
};
static RUST: Language = Language {
    quotes: "\"",
    quotes_span_lines: true,
    keywords: &[
        "as", "async", "await", "break", "const", "continue", "crate", "else", "enum", "false", "fn", "for",
        "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return", "self",
        "Self", "static", "struct", "super", "trait", "true", "type", "unsafe", "use", "where", "while",
    ],
    ..C_LIKE
};
static SQL: Language = Language {
    line_comments: &["--"],
    block_comment: Some(("/*", "*/")),
    quotes: "'\"",
    keywords: &[
        "SELECT", "FROM", "WHERE", "AND", "OR", "NOT", "INSERT", "INTO", "VALUES", "UPDATE", "SET", "DELETE",
        "CREATE", "TABLE", "DATABASE", "USER", "ROLE", "GRANT", "ON", "TO", "WITH", "AS", "ORDER", "BY",
        "LIMIT", "OWNER", "NULL",
    ],
    ..PLAIN
};
static INI: Language = Language { variables: true, ..TOML };

/// Every name that a fence may give; those of what has no colours are in it, so that they are known.
#[cfg(test)]
pub(super) const NAMES: [&str; 20] = [
    "sh",
    "console",
    "json",
    "graphql",
    "yaml",
    "toml",
    "ini",
    "nginx",
    "python",
    "javascript",
    "go",
    "java",
    "groovy",
    "ruby",
    "rust",
    "sql",
    "text",
    "",
    "dockerfile",
    "odd",
];

pub(super) fn find(name: &str) -> Option<&'static Language> {
    Some(match name {
        "sh" | "bash" | "shell" | "zsh" | "dotenv" | "env" => &SHELL,
        "console" | "shell-session" => &CONSOLE,
        "json" | "jsonc" => &JSON,
        "graphql" | "gql" => &GRAPHQL,
        "yaml" | "yml" => &YAML,
        "toml" => &TOML,
        "ini" | "properties" | "systemd" => &INI,
        "nginx" | "dockerfile" | "caddy" => &NGINX,
        "python" | "py" => &PYTHON,
        "javascript" | "js" | "typescript" | "ts" => &JAVASCRIPT,
        "go" => &GO,
        "java" | "kotlin" => &JAVA,
        "groovy" | "jenkinsfile" => &GROOVY,
        "ruby" | "rb" => &RUBY,
        "rust" | "rs" => &RUST,
        "sql" => &SQL,
        _ => return None,
    })
}
