//! Introspection: the query that tools send, and what it says.

use crate::harness::{Actor, Harness};
use serde_json::{Value, json};

/// The question that clients' tools ask: every type with everything about it, types of types nine levels down.
pub(crate) fn everything() -> String {
    let of_type = (0..9).fold("kind name".to_owned(), |inner, _| format!("kind name ofType {{ {inner} }}"));
    format!(
        "query Everything {{
           __schema {{
             description
             queryType {{ name kind }} mutationType {{ name kind }} subscriptionType {{ name kind }}
             types {{ ...Whole }}
             directives {{ name description isRepeatable locations args(includeDeprecated: true) {{ ...Input }} }}
           }}
         }}
         fragment Whole on __Type {{
           kind name description specifiedByURL isOneOf
           fields(includeDeprecated: true) {{
             name description args(includeDeprecated: true) {{ ...Input }} type {{ ...Named }}
             isDeprecated deprecationReason
           }}
           inputFields(includeDeprecated: true) {{ ...Input }}
           interfaces {{ ...Named }}
           enumValues(includeDeprecated: true) {{ name description isDeprecated deprecationReason }}
           possibleTypes {{ ...Named }}
         }}
         fragment Input on __InputValue {{
           name description type {{ ...Named }} defaultValue isDeprecated deprecationReason
         }}
         fragment Named on __Type {{ {of_type} }}"
    )
}

/// What introspection says.
pub(crate) struct Introspected(Value);

impl Introspected {
    pub(crate) async fn of(harness: &Harness) -> Self {
        Self(harness.ask(Actor::Key, &everything()).await.data("/__schema"))
    }

    fn types(&self) -> impl Iterator<Item = &Value> {
        let ours = |of: &&Value| !of["name"].as_str().unwrap().starts_with("__");
        self.0["types"].as_array().unwrap().iter().filter(ours)
    }

    fn named(&self, name: &str) -> &Value {
        self.types().find(|of| of["name"] == name).unwrap()
    }

    pub(crate) fn fields(&self, of: &str) -> Vec<String> {
        let fields = self.named(of)["fields"].as_array().unwrap();
        fields.iter().map(|field| field["name"].as_str().unwrap().to_owned()).collect()
    }

    /// The root fields that answer lists, each with the plain values of its entries.
    pub(crate) fn lists(&self) -> Vec<(String, Vec<String>)> {
        let roots = self.named("Query")["fields"].as_array().unwrap();
        let lists = roots.iter().filter(|root| root["type"]["ofType"]["kind"] == "LIST");
        let with_leaves = lists.map(|root| {
            let entry = self.named(innermost(&root["type"])["name"].as_str().unwrap());
            let fields = entry["fields"].as_array().unwrap().iter();
            let leaves = fields.filter(|field| innermost(&field["type"])["kind"] != "OBJECT");
            let name = |of: &Value| of["name"].as_str().unwrap().to_owned();
            (name(root), leaves.map(name).collect())
        });
        with_leaves.collect()
    }

    /// The selection of everything below a field, three levels down; empty below a leaf.
    pub(crate) fn everything(&self, of: &str, field: &str) -> String {
        let fields = self.named(of)["fields"].as_array().unwrap();
        let field = fields.iter().find(|other| other["name"] == field).unwrap();
        self.selection(innermost(&field["type"]), 3).unwrap_or_default()
    }

    /// None if nothing can be selected so far down.
    fn selection(&self, of: &Value, depth: usize) -> Option<String> {
        if of["kind"] != "OBJECT" {
            return Some(String::new());
        }
        let deeper = depth.checked_sub(1)?;
        let fields = self.named(of["name"].as_str().unwrap())["fields"].as_array().unwrap();
        let selected = fields.iter().filter_map(|field| {
            let inner = self.selection(innermost(&field["type"]), deeper)?;
            Some(format!("{}{inner}", field["name"].as_str().unwrap()))
        });
        Some(format!(" {{ {} }}", selected.collect::<Vec<_>>().join(" ")))
    }
}

fn innermost(of: &Value) -> &Value {
    if of["ofType"].is_null() { of } else { innermost(&of["ofType"]) }
}

#[tokio::test]
async fn tools_can_read_the_schema_with_a_token_and_not_without() {
    let harness = Harness::new().await;
    let schema = Introspected::of(&harness).await;
    assert_eq!(schema.0["queryType"]["name"], "Query");
    assert_eq!(schema.0["subscriptionType"], Value::Null);
    assert!(schema.fields("Subject").contains(&"targets".to_owned()));
    let rejected = harness.ask_by("stranger", &everything(), Value::Null).await;
    assert_eq!((rejected.status.as_u16(), rejected.code()), (401, "UNAUTHENTICATED"));
}

#[tokio::test]
async fn every_type_and_every_field_has_a_description() {
    let schema = Introspected::of(&Harness::new().await).await;
    let builtin = ["String", "Int", "Float", "Boolean", "ID"];
    for of in schema.types().filter(|of| !builtin.contains(&of["name"].as_str().unwrap())) {
        assert!(of["description"].is_string(), "{}", of["name"]);
        for part in ["fields", "inputFields", "enumValues"] {
            for member in of[part].as_array().into_iter().flatten() {
                assert!(member["description"].is_string(), "{}.{}", of["name"], member["name"]);
            }
        }
    }
}

#[tokio::test]
async fn an_unknown_type_is_null() {
    let answer = Harness::new().await.ask(Actor::Reader, "{ __type(name: \"Läufer🏃\") { name } }").await;
    assert_eq!(answer.body, json!({ "data": { "__type": null } }));
}
