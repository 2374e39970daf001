//! Documents that someone garbled: whatever they say, the answer is an answer.

use crate::harness::{Actor, Harness};
use serde_json::{Value, json};

/// Good documents, a blank between any two tokens. `PRODUCT` stands for the id of a product.
const DOCUMENTS: [&str; 5] = [
    "query A ( $a : Int = 1 , $m : JSON ) { subjects ( first : $a ) { id name ...F targets ( first : 2 ) { id \
     subject { ...F } metadata } } } fragment F on Subject { id x : name ... on Subject { baseUrl } ... \
     @include ( if : true ) { description } }",
    "mutation M ( $m : JSON = { a : [ 1 , { b : null } ] } , $i : CreateSubjectInput ! ) { a : \
     upsertSimulationTarget ( input : { subjectId : PRODUCT , buildKey : \"k\" , name : \"n\" , version : \"1\" , \
     environment : \"e\" , metadata : $m } ) { id metadata subject { name } } createSubject ( input : $i ) { id } }",
    "mutation { upsertSimulationTarget ( input : { metadata : { a : [ { } , [ ] , 1.5 , true , \"ü\" ] } , subjectId : \
     PRODUCT , buildKey : \"k\" , name : \"n\" , version : \"1\" , environment : \"e\" } ) { id } }",
    "{ __schema { types { name fields ( includeDeprecated : true ) { name type { name ofType { name } } args { name } } \
     } } __type ( name : \"Subject\" ) { name } viewer { kind organisation { name } scopes } }",
    "query A { apiKeys { id status } } query B { members { role } auditLog ( first : 5 ) { details } }",
];

const TOKENS: [&str; 40] = [
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ":",
    "$",
    "!",
    "=",
    "@",
    "...",
    "|",
    "&",
    "subjects",
    "id",
    "first",
    "-1",
    "3000000000",
    "1.5e9",
    "\"x\"",
    "\"\"\"b\n\"\"\"",
    "\"\\u00e9\"",
    "null",
    "true",
    "query",
    "mutation",
    "subscription",
    "fragment",
    "on",
    "Subject",
    "Nothing",
    "F",
    "...F",
    "$a",
    "metadata",
    "JSON",
    "#c\n",
    "\u{FEFF}",
    "😀",
];

/// Numbers that look random and are the same at every run.
struct SeededRandom(u64);

impl SeededRandom {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % limit
    }

    fn one_of<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    /// A document with up to three tokens lost, doubled, replaced or exchanged.
    fn garble(&mut self, document: &str) -> String {
        let mut tokens: Vec<_> = document.split(' ').collect();
        for _ in 0..self.below(4) {
            let (place, other) = (self.below(tokens.len()), self.below(tokens.len()));
            match self.below(4) {
                0 => drop(tokens.remove(place)),
                1 => tokens.insert(place, self.one_of(&TOKENS)),
                2 => tokens[place] = self.one_of(&TOKENS),
                _ => tokens.swap(place, other),
            }
        }
        tokens.join(" ")
    }
}

#[tokio::test]
async fn no_document_brings_the_api_down() {
    let harness = Harness::new().await;
    let product = format!("\"{}\"", harness.product("Shop").await);
    let token = harness.token(Actor::Admin).await;
    let mut random = SeededRandom(0x5EED);
    let mut good = 0;
    for _ in 0..1500 {
        let document = random.one_of(&DOCUMENTS).replace("PRODUCT", &product);
        let document = random.garble(&document);
        let variables = match random.below(4) {
            0 => json!({ "a": 1, "i": { "name": "New" } }),
            1 => json!({ "a": { "b": [1] }, "m": { "x": 1 }, "i": [] }),
            2 => json!({ "a": "x", "m": null, "i": null }),
            _ => Value::Null,
        };
        let answer = harness.ask_by(&token, &document, variables).await;
        assert_eq!(answer.status, 200, "{document}: {}", answer.body);
        assert_ne!(answer.code(), "INTERNAL", "{document}: {}", answer.body);
        good += usize::from(answer.code() == "OK");
    }
    assert!((50..1000).contains(&good), "{good} documents were still good");
}

#[tokio::test]
async fn a_default_of_an_unknown_type_is_an_unknown_type() {
    let harness = Harness::new().await;
    for document in
        ["query ($a: Nothing = 1) { viewer { id } }", "query ($a: [Nothing!]! = [1]) { viewer { id } }"]
    {
        let answer = harness.ask(Actor::Key, document).await;
        assert_eq!((answer.code(), answer.message()), ("VALIDATION_FAILED", "Unknown type \"Nothing\""));
        assert_eq!(answer.body["errors"][0]["locations"][0]["line"], 1);
    }
}
