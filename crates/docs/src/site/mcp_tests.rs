use super::*;
use crate::{Address, Library};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use tower::ServiceExt;

fn docs(host: Option<&str>) -> Docs {
    let files = [
        ("README.md", "# Lamps\n\nLamps give light.\n"),
        ("care.md", "# Care\n\n## Cleaning\n\nA lamp is cleaned once a month with a dry cloth.\n"),
    ];
    let url = host.map_or("https://lamps.example/docs".to_owned(), |host| format!("https://{host}"));
    let address = Address { url, host: host.map(str::to_owned), product: "/".to_owned() };
    Docs::of(Library::of(files.map(|(file, text)| (file.to_owned(), text.into()))), address)
}

async fn post(docs: &Docs, path: &str, body: &Value) -> (StatusCode, Value) {
    let request = Request::post(path)
        .header(header::HOST, "lamps.example")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "application/json, text/event-stream")
        .header("MCP-Protocol-Version", "2025-06-18")
        .body(axum::body::Body::from(body.to_string()))
        .unwrap();
    let response = docs.router().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

async fn call(docs: &Docs, tool: &str, arguments: Value) -> Value {
    let params = json!({ "name": tool, "arguments": arguments });
    let body = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params });
    let (status, answer) = post(docs, "/docs/mcp", &body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer["result"].clone()
}

#[tokio::test]
async fn a_client_is_told_what_there_is() {
    let docs = docs(None);
    let params = json!({
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" },
    });
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params });
    let (status, answer) = post(&docs, "/docs/mcp", &hello).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["result"]["serverInfo"]["title"], "Lamps");
    assert!(answer["result"]["instructions"].as_str().unwrap().contains("Lamps give light."));
    let (_, answer) =
        post(&docs, "/docs/mcp", &json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" })).await;
    let tools = answer["result"]["tools"].as_array().unwrap();
    let names: Vec<_> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["ask", "search", "read"]);
    assert!(tools.iter().all(|tool| tool["annotations"]["readOnlyHint"] == true));
}

#[tokio::test]
async fn tools_answer_with_the_pages_words() {
    let docs = docs(None);
    let answer = call(&docs, "ask", json!({ "question": "How is a lamp cleaned?" })).await;
    let text = answer["content"][0]["text"].as_str().unwrap();
    assert!(
        text.contains("once a month") && text.contains("https://lamps.example/docs/care#cleaning"),
        "{text}"
    );
    let answer = call(&docs, "search", json!({ "query": "cloth" })).await;
    assert!(answer["content"][0]["text"].as_str().unwrap().starts_with("- Care › Cleaning: "), "{answer}");
    let answer = call(&docs, "read", json!({ "page": "care" })).await;
    assert!(answer["content"][0]["text"].as_str().unwrap().starts_with("# Care"), "{answer}");
}

#[tokio::test]
async fn what_cannot_be_answered_is_said() {
    let docs = docs(None);
    for (tool, arguments, complaint) in [
        ("ask", json!({}), "`question` is missing"),
        ("ask", json!({ "question": " " }), "`question` is missing or empty"),
        ("ask", json!({ "question": 5 }), "`question` is no text"),
        ("ask", json!({ "question": "x".repeat(1001) }), "more than 1000 characters"),
        ("ask", json!({ "question": "How?", "page": "../etc/passwd" }), "there is no page"),
        ("read", json!({ "page": "nowhere" }), "llms.txt"),
        ("search", json!({}), "`query` is missing"),
    ] {
        let answer = call(&docs, tool, arguments).await;
        assert_eq!(answer["isError"], true, "{answer}");
        assert!(answer["content"][0]["text"].as_str().unwrap().contains(complaint), "{answer}");
    }
    let body = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": { "name": "delete" } });
    let (_, answer) = post(&docs, "/docs/mcp", &body).await;
    assert!(answer["error"]["message"].as_str().unwrap().contains("ask, search or read"), "{answer}");
    let (status, _) = post(&docs, "/docs/mcp", &json!("x".repeat(LARGEST + 1))).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    let get = Request::get("/docs/mcp").body(axum::body::Body::empty()).unwrap();
    assert!(docs.router().oneshot(get).await.unwrap().status().is_client_error());
}

#[tokio::test]
async fn on_a_host_of_its_own_it_stands_at_the_root() {
    let docs = docs(Some("docs.lamps.example"));
    let body = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" });
    let request = Request::post("/mcp")
        .header(header::HOST, "docs.lamps.example")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "application/json, text/event-stream")
        .body(axum::body::Body::from(body.to_string()))
        .unwrap();
    assert_eq!(docs.answer_own(request).await.status(), StatusCode::OK);
}
