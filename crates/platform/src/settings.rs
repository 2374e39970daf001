//! What an installation may set about the API.

/// The limits of one request, and where clients learn how to get a token.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The largest body that is read, in bytes.
    pub body_bytes: usize,
    /// How deep fields may nest. Introspection is not counted: its own standard query is deeper than any other.
    pub depth: usize,
    /// How many values a query may ask for at most: its fields, times the `first` of the lists around them.
    pub complexity: usize,
    /// How many aliases an operation may have, those of its fragments counted at each spread.
    pub aliases: usize,
    /// How many bytes an answer may have. What is read for it may take four times as much.
    pub answer_bytes: usize,
    /// How many bytes of memory all answers that are under way may take, and what is read for them.
    pub memory_bytes: usize,
    /// How many tokens a document may have.
    pub tokens: usize,
    /// How many documents are remembered once they are read, those of up to 2 KiB.
    pub documents: usize,
    /// The absolute URL of the protected resource's metadata (RFC 9728), as challenges name it.
    pub resource_metadata_url: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            body_bytes: 1024 * 1024,
            depth: 15,
            complexity: 200_000,
            aliases: 50,
            answer_bytes: 8 * 1024 * 1024,
            memory_bytes: 128 * 1024 * 1024,
            tokens: 15_000,
            documents: 256,
            resource_metadata_url: format!("http://127.0.0.1:8080{}", crate::http::metadata::PATH),
        }
    }
}
