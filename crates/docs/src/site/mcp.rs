//! The documentation for agents: an MCP server over streamable HTTP (<https://modelcontextprotocol.io>), without sessions, so
//! that any node answers any request.

use super::{Docs, LONGEST, search::found};
use crate::{
    ask::{Asking, as_markdown},
    library::{Page, address},
};
use axum::{body::Body, extract::Request};
use http::Response;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, JsonObject,
        ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
    },
    service::RequestContext,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
    },
};
use serde_json::{Value, json};
use std::{fmt::Write, sync::Arc};

/// The largest request, in bytes.
const LARGEST: usize = 64 * 1024;

/// Answers one request of an MCP client.
pub(super) async fn answer(docs: &Docs, request: Request) -> Response<Body> {
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(LARGEST)
        // Whoever may read the pages may ask about them, from any host and page: there is nothing to steal.
        .disable_allowed_hosts();
    let server = McpServer(docs.clone());
    let service = StreamableHttpService::new(
        move || Ok(server.clone()),
        Arc::new(NeverSessionManager::default()),
        config,
    );
    service.handle(request).await.map(Body::new)
}

/// Where agents ask.
#[derive(Clone)]
struct McpServer(Docs);

impl ServerHandler for McpServer {
    fn get_info(&self) -> ServerConfig {
        let first = self.0.library_cache().library.first();
        let about = first.map_or_else(String::new, |page| format!("{}: {}", page.title, page.description));
        let mut info = ServerConfig::new(ServerCapabilities::builder().enable_tools().build());
        info.server_info = Implementation::new("duku-docs", env!("CARGO_PKG_VERSION"))
            .with_title(first.map_or("Documentation", |page| &page.title));
        info.instructions = Some(format!(
            "Documentation. {about} Use `ask` with a whole question, `search` with words, and `read` for a page."
        ));
        info
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools()))
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = Arguments(call.arguments.unwrap_or_default());
        let outcome = match &*call.name {
            "ask" => self.ask(&arguments).await,
            "search" => self.search(&arguments).await,
            "read" => self.read(&arguments),
            other => {
                let message = format!("there is no tool {other:?}: use ask, search or read");
                return Err(ErrorData::invalid_params(message, None));
            }
        };
        let result = match outcome {
            Ok(text) => CallToolResult::success(vec![ContentBlock::text(text)]),
            Err(complaint) => CallToolResult::error(vec![ContentBlock::text(complaint)]),
        };
        Ok(result.into())
    }
}

fn tools() -> Vec<Tool> {
    let text = |about: &str| json!({ "type": "string", "maxLength": LONGEST, "description": about });
    let page = || text("A page's path, like `integrations/api-keys`.");
    vec![
        tool(
            "ask",
            "Ask the documentation",
            "Answers a question with sentences of the documentation, the passages that they are from, and where those stand. \
             Says so if the documentation does not answer it.",
            &json!({
                "question": text("A whole question, in plain words."),
                "goal": text("What the answer is for, if that helps."),
                "page": page(),
            }),
            "question",
        ),
        tool(
            "search",
            "Search the documentation",
            "Finds sections of the documentation by words, best first.",
            &json!({ "query": text("Words to look for.") }),
            "query",
        ),
        tool(
            "read",
            "Read a page",
            "Gives a page of the documentation as Markdown.",
            &json!({ "page": page() }),
            "page",
        ),
    ]
}

fn tool(name: &'static str, title: &str, about: &'static str, properties: &Value, wanted: &str) -> Tool {
    let schema = json!({
        "type": "object",
        "properties": properties,
        "required": [wanted],
        "additionalProperties": false,
    });
    let schema = schema.as_object().cloned().unwrap_or_default();
    Tool::new(name, about, schema)
        .with_title(title)
        .with_annotations(ToolAnnotations::new().read_only(true).idempotent(true).open_world(false))
}

/// What a tool was called with.
struct Arguments(JsonObject);

impl Arguments {
    fn optional(&self, name: &str) -> Result<Option<&str>, String> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.chars().count() <= LONGEST => Ok(Some(text.trim())),
            Some(Value::String(_)) => Err(format!("`{name}` has more than {LONGEST} characters")),
            Some(_) => Err(format!("`{name}` is no text")),
        }
    }

    fn needed(&self, name: &str) -> Result<&str, String> {
        match self.optional(name)? {
            Some(text) if !text.is_empty() => Ok(text),
            _ => Err(format!("`{name}` is missing or empty")),
        }
    }
}

impl McpServer {
    async fn ask(&self, arguments: &Arguments) -> Result<String, String> {
        let question = arguments.needed("question")?.to_owned();
        let goal = arguments.optional("goal")?.unwrap_or_default().to_owned();
        let pages = self.0.library_cache();
        let page = match arguments.optional("page")? {
            None | Some("") => None,
            Some(path) => Some(pages.library.place(path).ok_or_else(|| self.unknown(path))?),
        };
        let answer = pages.ask(Asking { question: question.clone(), goal, page }).await;
        let answer = answer.ok_or("questions cannot be answered just now: try again later")?;
        Ok(as_markdown(&pages.library, &question, &answer, self.0.url()))
    }

    async fn search(&self, arguments: &Arguments) -> Result<String, String> {
        let query = arguments.needed("query")?;
        let hits = found(&self.0, query, self.0.url()).await.map_err(ToOwned::to_owned)?;
        if hits.is_empty() {
            return Ok("Nothing was found: try fewer or other words, or ask a whole question.".to_owned());
        }
        let mut text = String::new();
        for hit in hits {
            let _ = writeln!(text, "- {}: {}\n  <{}>", hit.name(), hit.excerpt, hit.url);
        }
        Ok(text)
    }

    fn read(&self, arguments: &Arguments) -> Result<String, String> {
        let path = arguments.optional("page")?.ok_or("`page` is missing")?;
        let page = self.0.library_cache().library.page(path.trim_matches('/').trim_end_matches(".md"));
        page.map(|page: &Page| page.standalone(self.0.url())).ok_or_else(|| self.unknown(path))
    }

    fn unknown(&self, path: &str) -> String {
        format!("there is no page {path:?}; <{}> lists all of them", address(self.0.url(), "llms.txt"))
    }
}

#[cfg(test)]
#[path = "mcp_tests.rs"]
mod tests;
