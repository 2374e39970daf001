//! Writes pages that show every piece of the look with realistic content, to be looked at with a designer's eyes:
//! `cargo run -p pages --example specimen [FOLDER]`, or serves them with `… --example specimen serve [PORT]`, which lets the
//! script and the policy work as they do in the product.

use askama::Template;
use axum::Router;
use axum::routing::get;
use domain::Timestamp;
use http::StatusCode;
use pages::{Chrome, DaysChart, FormError, Head, Section, Time};

const NOW: Timestamp = Timestamp::from_seconds(1_795_503_600);

#[derive(Template)]
#[template(path = "specimen.html")]
struct Specimen {
    chrome: Chrome,
    chart: DaysChart,
    guard: bool,
}

#[allow(clippy::unused_self, reason = "templates can only call methods of what they are given")]
impl Specimen {
    fn ago(&self, seconds: i64) -> Time {
        pages::relative(&NOW.plus_seconds(-seconds), &NOW)
    }

    fn on(&self, days: i64) -> Time {
        pages::date(&NOW.plus_seconds(days * 86_400))
    }

    fn at(&self, seconds: i64) -> Time {
        pages::moment(&NOW.plus_seconds(-seconds))
    }
}

#[derive(Template)]
#[template(path = "specimen-card.html")]
struct Card {
    head: Head,
}

#[derive(Template)]
#[template(path = "specimen-dialog.html")]
struct Dialog {
    once: bool,
}

fn specimen(guard: bool) -> Specimen {
    let counts = [
        0, 3, 4, 4, 6, 0, 0, 5, 8, 9, 7, 12, 1, 0, 14, 15, 11, 16, 18, 2, 0, 21, 17, 19, 24, 26, 3, 1, 28, 31,
    ];
    let days = counts.iter().zip(-29..).map(|(count, day)| (NOW.plus_seconds(day * 86_400), *count));
    Specimen {
        chrome: Chrome {
            title: "Specimen".into(),
            partial: false,
            now: NOW,
            notice: String::new(),
            errors: FormError::default(),
            fresh: true,
            organisation: "Acme Industries".into(),
            organisation_id: "o1".into(),
            organisations: vec![
                ("o1".into(), "Acme Industries".into()),
                ("o2".into(), "Globex Research".into()),
            ],
            user_id: "u1".into(),
            email: "ada.lovelace@example.org".into(),
            is_admin: true,
            section: Section::ApiKeys,
            attention: 2,
        },
        chart: pages::days_chart(days.collect(), "token issued", "tokens issued"),
        guard,
    }
}

fn card() -> Card {
    Card { head: Head::new("Sign in") }
}

fn missing() -> pages::Message {
    pages::message_for(StatusCode::NOT_FOUND)
        .link("Go to your products", "/")
        .request_id("01935b6e-7f3a-7c10")
}

fn router() -> Router {
    let page = |once| get(async move || pages::html(StatusCode::OK, &Dialog { once }));
    Router::new()
        .route("/", get(async || pages::html(StatusCode::OK, &specimen(true))))
        .route("/plain", get(async || pages::html(StatusCode::OK, &specimen(false))))
        .route("/card", get(async || pages::html(StatusCode::OK, &card())))
        .route("/dialog", page(false))
        .route("/once", page(true).post(async || pages::html(StatusCode::OK, &Dialog { once: true })))
        .fallback(async || missing().respond())
        .merge(pages::assets())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next().unwrap_or_else(|| "target/specimen".to_owned());
    if first == "serve" {
        let port: u16 = arguments.next().unwrap_or_else(|| "8099".to_owned()).parse()?;
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
        println!("http://127.0.0.1:{port}/");
        axum::serve(listener, router()).await?;
        return Ok(());
    }
    std::fs::create_dir_all(&first)?;
    for (name, text) in
        [("index", specimen(true).render()?), ("card", card().render()?), ("message", missing().render()?)]
    {
        std::fs::write(format!("{first}/{name}.html"), text)?;
    }
    println!("{first}");
    Ok(())
}
