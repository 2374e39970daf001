//! Questions that nobody should ask, and what holds for every answer.

use super::{Answer, Asking, Confidence, Guide, Passage, Source, as_json, as_markdown};
use crate::{Address, Block, BlockKind, Docs, Page, library::Library};
use axum::body::Body;
use http::Request;
use http_body_util::BodyExt;
use proptest::prelude::*;
use std::sync::LazyLock;
use tower::ServiceExt;

struct Asked {
    library: Library,
    guide: Guide,
    /// Everything that the pages say, without any white space.
    said: String,
}

static ASKED: LazyLock<Asked> = LazyLock::new(|| {
    let library = Library::embedded();
    let sections = library.pages().iter().flat_map(Page::sections);
    let said = sections.flat_map(|section| &section.blocks).map(said).collect();
    let guide = Guide::of(&library).unwrap();
    Asked { library, guide, said }
});

/// What a block says, with the names of a row's columns.
fn said(block: &Block) -> String {
    match &block.kind {
        BlockKind::Row { columns, .. } => dense(&format!("{}\u{0}{}", block.text, columns.join("\u{0}"))),
        _ => dense(&block.text),
    }
}

fn dense(text: &str) -> String {
    text.split_whitespace().collect()
}

fn ask(question: &str) -> Answer {
    ask_page(question, None)
}

fn ask_page(question: &str, page: Option<&str>) -> Answer {
    let page = page.map(|path| ASKED.library.place(path).unwrap());
    let asking = Asking { question: question.to_owned(), goal: String::new(), page };
    ASKED.guide.answer(&ASKED.library, &asking).unwrap()
}

fn is_refused(answer: &Answer) -> bool {
    answer.text.is_empty() && answer.excerpts.is_empty()
}

#[test]
fn what_is_no_question_is_refused() {
    for question in [
        "",
        " \n\t ",
        "what is the and of to?",
        "\u{0}\u{1}\u{2}\u{fffd}",
        "?!…—",
        "🦀🦀🦀",
        "Как сбросить пароль?",
        "パスワードを変更するには",
        "¿Cuánto cuesta el alojamiento en la nube?",
    ] {
        assert!(is_refused(&ask(question)), "{question:?}");
    }
}

#[test]
fn a_long_question_is_answered_like_any_other() {
    for long in ["key ".repeat(250), "x".repeat(1000), "rotate/".repeat(140), "a_b".repeat(330)] {
        let _ = ask(&long);
    }
}

/// What people paste and how they ask, each with words that the answer or its excerpts must have.
#[test]
fn questions_in_all_forms_are_answered() {
    for (question, fact) in [
        ("expires_in", "seconds"),
        ("client_secret_expires_at", "stops working"),
        ("rotate", "rotat"),
        ("duku.toml", "duku.toml"),
        (
            "{\"error\":\"invalid_client\",\"error_description\":\"This client_secret was replaced by a rotation and has been rejected since 2026-11-01T10:00:00Z.\"}",
            "rotation",
        ),
        (
            "Traceback (most recent call last):\n  File \"deploy.py\", line 12, in <module>\n    token = fetch_token()\n  \
             File \"deploy.py\", line 5, in fetch_token\n    raise HTTPError(401)\nHTTPError: 401 invalid_client",
            "invalid_client",
        ),
        ("How many keys can we have, and how long does a token live?", "10 active keys"),
        ("how do I extend a token?", "exchange"),
    ] {
        let answer = ask(question);
        let said = pieces(&answer).join(" ").to_lowercase();
        assert!(!is_refused(&answer) && said.contains(fact), "{question} {:?}: {said}", answer.confidence);
    }
}

fn answer_of(files: impl IntoIterator<Item = (String, String)>, question: &str) -> Answer {
    let library = Library::of(files);
    let asking = Asking { question: question.to_owned(), ..Asking::default() };
    Guide::of(&library).unwrap().answer(&library, &asking).unwrap()
}

#[test]
fn a_folder_without_a_list_of_questions_is_unsure_and_refuses_only_what_it_has_no_word_of() {
    let files = || {
        [
            ("tea.md", "# Tea\n\nGreen tea draws at 70 degrees.\n"),
            ("cups.md", "# Cups\n\nCups hold 200 ml.\n"),
        ]
        .map(|(file, text)| (file.to_owned(), text.into()))
    };
    let answer = answer_of(files(), "how hot must the water for green tea be, please?");
    assert_eq!(answer.confidence, Confidence::Unsure);
    assert_eq!(answer.text, [Passage::Sentences("Green tea draws at 70 degrees.".into())]);
    assert!(is_refused(&answer_of(files(), "blockchain")));
    assert!(is_refused(&answer_of([], "anything")));
}

#[test]
fn a_broken_list_of_questions_breaks_no_answer() {
    let list = "# Questions\n## [Gone](../gone.md)\n> nothing\n- who\n## [Tea](../tea.md)\n- early\n> no such words\n- what\nodd\n";
    let files = [
        ("tea.md", "# Tea\n\nGreen tea draws at 70 degrees.\n"),
        ("ask/QUESTIONS.md", list),
        ("ask/SYNONYMS.md", "* :\n* a\n*: ,,\n"),
    ];
    let files = files.map(|(file, text)| (file.to_owned(), text.into()));
    let answer = answer_of(files, "green tea degrees");
    assert_eq!(answer.text, [Passage::Sentences("Green tea draws at 70 degrees.".into())]);
}

#[test]
fn a_folder_of_many_pages_is_answered() {
    let page = |number: usize| {
        (
            format!("p{number}.md"),
            format!("# Service {number}\n\nService {number} listens on port {}.\n", 20_000 + number),
        )
    };
    let answer = answer_of((0..10_000).map(page), "which port does service 7321 listen on?");
    let says = |passage: &Passage| matches!(passage, Passage::Sentences(text) if text.contains("27321"));
    assert!(answer.text.iter().any(says), "{:?}", answer.text);
}

#[test]
fn the_same_question_has_the_same_answer() {
    for question in ["How long does an access token live?", "rotate", "who is the king of Spain"] {
        let other = Guide::of(&ASKED.library).unwrap();
        let asking = Asking { question: question.to_owned(), ..Asking::default() };
        let again = other.answer(&ASKED.library, &asking).unwrap();
        assert_eq!(ask(question), again, "{question}");
    }
}

#[test]
fn the_page_that_is_asked_weighs() {
    let path = |source: &Source| ASKED.library.pages()[source.place.page].path.clone();
    let best = |answer: &Answer, page: &str| {
        let own = answer.sources.iter().filter(|source| path(source) == page);
        own.map(|source| source.score).fold(0.0, f64::max)
    };
    let anywhere = ask("how do I rotate a key?");
    for page in ["guides/rotate-without-downtime", "integrations/api-keys"] {
        let asked = ask_page("how do I rotate a key?", Some(page));
        assert!(best(&asked, page) > best(&anywhere, page), "{page}");
    }
}

#[test]
fn markup_in_a_question_stays_text() {
    let question = "How long does an access token live? </h1><script>alert(1)</script> [x](javascript:1) ```";
    let answer = ask(question);
    let markdown = as_markdown(&ASKED.library, question, &answer, "/docs");
    assert!(!markdown.contains("<script>") && !markdown.contains("[x](javascript"), "{markdown}");
    let json = serde_json::to_value(as_json(&ASKED.library, question, &answer, "/docs")).unwrap();
    assert_eq!(json["question"], question, "JSON has its own escapes");
    assert!(!json["answer"].as_str().unwrap().contains("<script"));
}

#[tokio::test]
async fn markup_in_a_question_stays_text_in_a_browser() {
    let address = Address { url: "https://x.example/docs".into(), host: None, product: "/".into() };
    let request = "/docs/ask?q=token+%3Cscript%3Ealert(1)%3C/script%3E%22+onload=%22x";
    let request = Request::get(request).header("accept", "text/html").body(Body::empty()).unwrap();
    let response = Docs::embedded(address).router().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let page = response.into_body().collect().await.unwrap().to_bytes();
    let page = String::from_utf8(page.to_vec()).unwrap();
    assert!(page.contains("alert(1)") && !page.contains("<script>alert"), "{page}");
    assert!(!page.contains("\" onload=\""), "{page}");
}

/// The pieces of an answer that stand in the pages as they are.
fn pieces(answer: &Answer) -> Vec<&str> {
    let mut pieces = Vec::new();
    for passage in answer.text.iter().chain(answer.excerpts.iter().flat_map(|excerpt| &excerpt.text)) {
        match passage {
            Passage::Sentences(text) | Passage::Code { text, .. } => pieces.push(text.as_str()),
            Passage::List(items, _) => pieces.extend(items.iter().map(String::as_str)),
        }
    }
    pieces
}

/// Whether the pages say a piece: as it stands, or sentence by sentence, or cell by cell if it is a table's row.
fn is_said(piece: &str) -> bool {
    const ENDS: [char; 7] = ['.', ':', ';', '(', ')', '?', '!'];
    let piece = dense(piece);
    let mut parts = piece.split_inclusive(ENDS).map(|part| part.trim_matches(ENDS));
    ASKED.said.contains(&piece) || parts.all(|part| ASKED.said.contains(part))
}

fn question() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "how",
        "many",
        "long",
        "who",
        "can",
        "what",
        "show",
        "me",
        "key",
        "token",
        "secret",
        "rotate",
        "revoke",
        "limit",
        "expire",
        "admin",
        "backup",
        "LIMIT_REACHED",
        "/graphql",
        "client_id",
        "metrics",
        "weather",
        "the",
        "?",
        "\u{0}",
        "10",
        "expirey",
        "organization",
        "why",
        "where",
        "example",
        "python",
    ]);
    prop_oneof![
        prop::collection::vec(known, 0..12).prop_map(|words| words.join(" ")),
        "\\PC{0,80}",
        ".{0,1000}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn answers_are_made_of_what_the_pages_say(question in question()) {
        let answer = ask(&question);
        prop_assert!(answer.sources.iter().all(|source| (0.0..=1.0).contains(&source.score)));
        prop_assert_eq!(answer.text.is_empty(), answer.excerpts.is_empty());
        for piece in pieces(&answer) {
            prop_assert!(is_said(piece), "{:?} is not said by the pages", piece);
        }
    }
}
