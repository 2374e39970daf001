//! How requests are put together: out of what there really is, and out of what is not.

use super::sender::Known;
use proptest::{prelude::*, sample::select};

/// Something out of `known`, or something made up.
fn either(known: Vec<String>) -> impl Strategy<Value = String> {
    prop_oneof![3 => select(known), 1 => any::<String>(), 1 => "[ -~]{0,40}"]
}

pub(super) const NAMES: [&str; 44] = [
    "grant_type",
    "client_id",
    "client_secret",
    "scope",
    "code",
    "redirect_uri",
    "code_verifier",
    "refresh_token",
    "device_code",
    "user_code",
    "token",
    "token_type_hint",
    "state",
    "nonce",
    "response_type",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "max_age",
    "login_hint",
    "email",
    "password",
    "step",
    "label",
    "expires",
    "days",
    "grace",
    "end_tokens",
    "name",
    "base_url",
    "description",
    "role",
    "next",
    "first",
    "after",
    "action",
    "query",
    "variables",
    "operationName",
    "id",
    "q",
    "page",
    "ask",
    "goal",
];

fn form(values: Vec<String>) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec((select(NAMES.to_vec()), either(values)), 0..7).prop_map(|pairs| {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(pairs);
        form.finish().into_bytes()
    })
}

pub(super) fn body(values: Vec<String>) -> impl Strategy<Value = Vec<u8>> {
    let json = (either(values.clone()), either(values.clone())).prop_map(|(query, value)| {
        serde_json::json!({ "query": query, "variables": { "a": value }, "operationName": null })
            .to_string()
            .into_bytes()
    });
    let large = (1..200_000_usize).prop_map(|length| vec![b'a'; length]);
    prop_oneof![4 => form(values), 3 => json, 2 => any::<Vec<u8>>(), 1 => large]
}

pub(super) fn target(known: &Known) -> impl Strategy<Value = String> + use<> {
    let values = known.values.clone();
    let segment = prop_oneof![select(values.clone()), "[A-Za-z0-9_.~-]{1,30}", any::<String>()];
    let query = proptest::option::of(form(values));
    let encoded = segment.prop_map(|text| {
        let encoded: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        encoded.replace('+', "%20")
    });
    (select(known.paths.clone()), encoded, query, 0..20_u8).prop_map(|(path, segment, query, odd)| {
        let filled: Vec<&str> =
            path.split('/').map(|part| if part.starts_with('{') { segment.as_str() } else { part }).collect();
        let mut target = filled.join("/");
        match odd {
            0 => target.push('/'),
            1 => target = format!("{target}/{segment}"),
            2 => target = format!("/{target}"),
            3 => target = format!("/{segment}"),
            _ => {}
        }
        match query {
            Some(query) => format!("{target}?{}", String::from_utf8(query).unwrap()),
            None => target,
        }
    })
}

pub(super) fn headers(known: &Known) -> impl Strategy<Value = Vec<(&'static str, Vec<u8>)>> + use<> {
    let some = |words: &[&str]| {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        proptest::option::weighted(0.7, either(words).prop_map(String::into_bytes))
    };
    let kind = some(&[
        "application/x-www-form-urlencoded",
        "application/json",
        "application/graphql",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
    ]);
    let accept = some(&[
        "text/html",
        "application/json",
        "*/*",
        "application/graphql-response+json",
        "text/markdown;q=0",
    ]);
    let authorization =
        proptest::option::of(either(known.authorizations.clone()).prop_map(String::into_bytes));
    let cookie = proptest::option::weighted(0.6, either(known.cookies.clone()).prop_map(String::into_bytes));
    let site = proptest::option::weighted(0.2, select(vec!["same-origin", "cross-site", "none", "x"]));
    let htmx = proptest::option::weighted(0.3, Just("true"));
    let odd = proptest::option::weighted(
        0.2,
        (
            select(vec![
                "x-forwarded-for",
                "if-none-match",
                "range",
                "accept-language",
                "host",
                "origin",
                "content-encoding",
                "hx-target",
            ]),
            any::<Vec<u8>>(),
        ),
    );
    (kind, accept, authorization, cookie, site, htmx, odd).prop_map(
        |(kind, accept, authorization, cookie, site, htmx, odd)| {
            let bytes = |text: &str| text.as_bytes().to_vec();
            let mut headers = Vec::new();
            headers.extend(kind.map(|value| ("content-type", value)));
            headers.extend(accept.map(|value| ("accept", value)));
            headers.extend(authorization.map(|value| ("authorization", value)));
            headers.extend(cookie.map(|value| ("cookie", value)));
            headers.extend(site.map(|value| ("sec-fetch-site", bytes(value))));
            headers.extend(htmx.map(|value| ("hx-request", bytes(value))));
            headers.extend(odd);
            headers
        },
    )
}
