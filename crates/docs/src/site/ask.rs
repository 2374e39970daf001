//! Asking: as a page for people, and as Markdown or JSON for machines.

use super::{
    Asked, BADLY_ENCODED, Docs, LONGEST, Rejection, RejectionBody, etag, frame::Frame, machines::MARKDOWN,
};
use crate::ask::{Answer, Asking, Confidence, Named, Passage, UNSURE, as_json, as_markdown};
use askama::Template;
use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};
use pages::Head;
use web::Form;

const FAILED: &str = "Questions cannot be answered just now. It is not your fault, and it has been logged.";

#[derive(Template)]
#[template(path = "ask.html")]
struct Shown<'a> {
    head: Head,
    frame: Frame<'a>,
    question: &'a str,
    rejection: Option<&'a str>,
    /// Said before an answer that may be none.
    unsure: Option<&'static str>,
    passages: &'a [Passage],
    sources: Vec<Named>,
}

/// `/ask?q=…&page=…`: for people.
pub(super) async fn page(docs: &Docs, asked: &Asked) -> Response<Body> {
    let form = Form::parse(asked.query().as_bytes());
    let asking = form.map_err(|_| BADLY_ENCODED).and_then(|form| {
        let page = form.get("page").and_then(|path| docs.library_cache().library.place(path));
        asking(form.get("q"), form.get("goal"), page)
    });
    if asked.wants_json() {
        return machine(docs, asked, asking).await;
    }
    match asking {
        // The box alone, without a complaint.
        Err(EMPTY) if asked.query().is_empty() => show(docs, asked, "", None, &Answer::default()),
        Err(rejection) => {
            show(docs, asked, "", Some((StatusCode::BAD_REQUEST, rejection)), &Answer::default())
        }
        Ok(asking) => {
            let question = asking.question.clone();
            let answer = docs.library_cache().ask(asking).await;
            let rejection = answer.is_none().then_some((StatusCode::INTERNAL_SERVER_ERROR, FAILED));
            show(docs, asked, &question, rejection, &answer.unwrap_or_default())
        }
    }
}

/// `/PAGE.md?ask=…&goal=…`: for machines. Nothing if nothing is asked.
pub(super) async fn of_page(docs: &Docs, asked: &Asked, place: usize) -> Option<Response<Body>> {
    // Also an empty question is one: whoever asks nothing is told so, and does not get the page.
    let mut names = asked.query().split('&').map(|pair| pair.split('=').next().unwrap_or_default());
    if !names.any(|name| name == "ask") {
        return None;
    }
    let form = Form::parse(asked.query().as_bytes()).map_err(|_| BADLY_ENCODED);
    let asking = form.and_then(|form| asking(form.get("ask"), form.get("goal"), Some(place)));
    Some(machine(docs, asked, asking).await)
}

const EMPTY: Rejection = "Nothing is asked: put a question in plain words behind `ask=`.";
const TOO_LONG: Rejection = "That is too long: a question and a goal have at most 1,000 characters each.";

fn asking(question: Option<&str>, goal: Option<&str>, page: Option<usize>) -> Result<Asking, Rejection> {
    let question = question.unwrap_or_default().trim();
    let goal = goal.unwrap_or_default().trim();
    if question.is_empty() {
        return Err(EMPTY);
    }
    if [question, goal].iter().any(|text| text.chars().count() > LONGEST) {
        return Err(TOO_LONG);
    }
    Ok(Asking { question: question.to_owned(), goal: goal.to_owned(), page })
}

async fn machine(docs: &Docs, asked: &Asked, asking: Result<Asking, Rejection>) -> Response<Body> {
    let library = &docs.library_cache().library;
    let outcome = match asking {
        Err(rejection) => Err((StatusCode::BAD_REQUEST, rejection)),
        Ok(asking) => {
            let question = asking.question.clone();
            let answer = docs.library_cache().ask(asking).await;
            answer.map(|answer| (question, answer)).ok_or((StatusCode::INTERNAL_SERVER_ERROR, FAILED))
        }
    };
    let mut response = match outcome {
        Ok((question, answer)) if asked.wants_json() => {
            web::json(StatusCode::OK, &as_json(library, &question, &answer, docs.url()))
        }
        Ok((question, answer)) => {
            let text = as_markdown(library, &question, &answer, docs.url());
            etag::plain(StatusCode::OK, MARKDOWN, text)
        }
        Err((status, error)) if asked.wants_json() => web::json(status, &RejectionBody { error }),
        Err((status, error)) => etag::plain(status, MARKDOWN, format!("{error}\n")),
    };
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
    response
}

fn show(
    docs: &Docs,
    asked: &Asked,
    question: &str,
    rejection: Option<(StatusCode, &str)>,
    answer: &Answer,
) -> Response<Body> {
    let status = rejection.map_or(StatusCode::OK, |(status, _)| status);
    let library = &docs.library_cache().library;
    let sources = answer.sources.iter().filter_map(|source| Named::of(library, source, asked.mount.base()));
    let shown = Shown {
        head: Head::new("Ask"),
        frame: Frame::of(docs, asked, None),
        question,
        rejection: rejection.map(|(_, rejection)| rejection),
        unsure: (answer.confidence == Confidence::Unsure).then_some(UNSURE),
        passages: &answer.text,
        sources: sources.collect(),
    };
    let mut response = pages::html(status, &shown);
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
    response
}
