//! The site, asked as browsers and programs ask it.

use super::*;
use http::{Method, Request};
use http_body_util::BodyExt;
use tower::ServiceExt;

const FOLDER: [(&str, &str); 5] = [
    (
        "SUMMARY.md",
        "# Summary\n\n* [Welcome](README.md)\n\n## Use it\n\n* [API keys](use/keys.md)\n* [Folder](use/README.md)\n* [Odd & ends](odd%20name.md)\n",
    ),
    ("README.md", "# Acme docs\n\nAll of Acme,\nin *words*.\n\n[Keys](use/keys.md#rotate)\n"),
    (
        "use/keys.md",
        "# API keys\n\nKeys open doors.\n\n## Rotate\n\nThe old secret stops at once. See [home](../README.md).\n\n### Grace\n\nA day <b>more</b>.\n\n## Revoke\n\nGone.\n",
    ),
    ("use/README.md", "# Using\n\nHow to.\n"),
    ("odd name.md", "# Odd & ends\n\nSmall things.\n"),
];

fn docs(host: Option<&str>) -> Docs {
    let library = Library::of(FOLDER.map(|(file, text)| (file.to_owned(), text.into())));
    assert_eq!(library.check(), []);
    let url = if host.is_some() { "https://docs.example" } else { "https://acme.example/docs" };
    let address = Address {
        url: url.to_owned(),
        host: host.map(ToOwned::to_owned),
        product: "https://acme.example/".to_owned(),
    };
    Docs::of(library, address)
}

struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answered {
    async fn of(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Self {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn send(method: Method, path: &str, headers: &[(&str, &str)]) -> Answered {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    Answered::of(docs(None).router().oneshot(request).await.unwrap()).await
}

async fn get(path: &str) -> Answered {
    send(Method::GET, path, &[]).await
}

async fn get_own(path: &str) -> Answered {
    let request = Request::get(path)
        .header("host", "Docs.example")
        .header("accept", "text/html")
        .body(Body::empty())
        .unwrap();
    let docs = docs(Some("docs.example"));
    assert!(docs.is_own(request.uri(), request.headers()), "{path}");
    Answered::of(docs.answer_own(request).await).await
}

#[tokio::test]
async fn every_page_that_is_compiled_in_is_there_for_people_and_as_it_is_written() {
    let address = Address { url: "https://x.example/docs".into(), host: None, product: "/".into() };
    let docs = Docs::embedded(address);
    for page in docs.library_cache().library.pages() {
        let fetch = async |path: String| {
            let request = Request::get(path).body(Body::empty()).unwrap();
            Answered::of(docs.router().oneshot(request).await.unwrap()).await
        };
        let shown = fetch(address_of(&page.path)).await;
        assert_eq!(shown.status, 200, "{}", page.path);
        assert_eq!(shown.text.matches("aria-current=\"page\"").count(), 1, "{}", page.path);
        for forbidden in [" style=", "<style", "<script>", "javascript:"] {
            assert!(!shown.text.contains(forbidden), "{}: {forbidden}", page.path);
        }
        let markdown = fetch(address_of(&page.file)).await;
        assert!(markdown.text.starts_with(&*page.markdown), "{}", page.path);
    }
}

fn address_of(path: &str) -> String {
    address("/docs", path)
}

#[tokio::test]
async fn a_page_has_its_way_around() {
    let shown = get("/docs/use/keys").await;
    assert_eq!(shown.status, 200);
    for part in [
        "<title>API keys · Duku</title>",
        "<meta name=\"description\" content=\"Keys open doors.\">",
        "<link rel=\"canonical\" href=\"https://acme.example/docs/use/keys\">",
        "type=\"text/markdown\" href=\"/docs/use/keys.md\"",
        "<a href=\"/docs/use/keys\" aria-current=\"page\">API keys</a>",
        "<h2>Use it</h2>",
        "rel=\"prev\" href=\"/docs\"",
        "rel=\"next\" href=\"/docs/use\"",
        "<li><a href=\"#rotate\">Rotate</a></li>",
        "<li class=\"under\"><a href=\"#grace\">Grace</a></li>",
        "action=\"/docs/search\"",
        "action=\"/docs/ask\"",
        "name=\"page\" value=\"use/keys\"",
        "&lt;b&gt;more&lt;/b&gt;",
        "See <a href=\"/docs\">home</a>",
    ] {
        assert!(shown.text.contains(part), "{part} is not in {}", shown.text);
    }
    assert!(!shown.text.contains("noindex"));
    let odd = get("/docs/odd%20name").await;
    assert!(
        odd.text.contains("href=\"/docs/odd%20name\" aria-current=\"page\">Odd &#38; ends<"),
        "{}",
        odd.text
    );
}

#[tokio::test]
async fn markdown_is_as_written_and_says_how_to_ask() {
    for (path, start) in [
        ("/docs/use/keys.md", "# API keys\n"),
        ("/docs/README.md", "# Acme docs\n"),
        ("/docs/use/README.md", "# Using\n"),
    ] {
        let answer = get(path).await;
        assert_eq!(answer.header("content-type"), "text/markdown; charset=utf-8");
        assert!(answer.text.starts_with(start), "{path}");
        let how = format!("GET https://acme.example{path}?ask=<question>");
        assert!(answer.text.contains(&how), "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn machines_find_every_page() {
    let list = get("/llms.txt").await;
    assert_eq!(list.header("content-type"), "text/plain; charset=utf-8");
    assert!(list.text.starts_with("# Acme docs\n\n> All of Acme, in words.\n"), "{}", list.text);
    assert!(
        list.text.contains(
            "\n## Use it\n\n- [API keys](https://acme.example/docs/use/keys.md): Keys open doors.\n"
        )
    );
    assert_eq!(list.text, get("/docs/llms.txt").await.text);
    let all = get("/llms-full.txt").await.text;
    assert!(all.contains("# Odd & ends") && all.contains("# Acme docs"));
    assert!(all.contains("[Keys](https://acme.example/docs/use/keys#rotate)"), "{all}");
}

#[tokio::test]
async fn other_names_of_a_page_lead_to_it_for_good() {
    for (path, to) in [
        ("/docs/", "/docs"),
        ("/docs/README", "/docs"),
        ("/docs/index.html", "/docs"),
        ("/docs/index.md", "/docs/README.md"),
        ("/docs/use/keys/", "/docs/use/keys"),
        ("/docs/use/keys.html", "/docs/use/keys"),
        ("/docs/use/", "/docs/use"),
        ("/docs/use.md?ask=a+b", "/docs/use/README.md?ask=a+b"),
        ("/docs/use/README", "/docs/use"),
        ("/docs/odd%20name/", "/docs/odd%20name"),
    ] {
        let answer = get(path).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (308, to), "{path}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_never_an_error() {
    for path in [
        "/docs/nowhere",
        "/docs/../../etc/passwd",
        "/docs/%2e%2e/%2e%2e/etc/passwd",
        "/docs/..%2f..%2fetc%2fpasswd.md",
        "/docs/%00",
        "/docs/%ff%fe",
        "/docs/%",
        "/docs/use//keys",
        "/docs//evil.example/",
        "/docs/SUMMARY.md",
        "/docs/<script>alert(1)</script>",
        "/docs/use/keys.md.md",
        &format!("/docs/{}", "x".repeat(5000)),
    ] {
        let encoded = path.replace(['<', '>'], "%3C");
        let answer = get(&encoded).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(!answer.text.contains("<script>"), "{path}");
    }
}

#[tokio::test]
async fn the_nearest_pages_are_named() {
    for path in
        ["/docs/keys", "/docs/use/key", "/docs/api-keys", "/docs/using-keys", "/docs/integrations/apikeys"]
    {
        let answer = get(path).await;
        let first = answer.text.split("one of these").nth(1).and_then(|rest| rest.split("</li>").next());
        let first = first.unwrap_or_else(|| panic!("{path}: {}", answer.text));
        assert!(first.ends_with("<a href=\"/docs/use/keys\">API keys</a>"), "{path}: {first}");
    }
    let markdown = get("/docs/api-keys.md").await;
    assert_eq!(
        (markdown.status.as_u16(), markdown.header("content-type")),
        (404, "text/markdown; charset=utf-8")
    );
    assert!(
        markdown.text.contains("- [API keys](https://acme.example/docs/use/keys.md)"),
        "{}",
        markdown.text
    );
}

#[tokio::test]
async fn pages_that_are_not_alike_are_not_named() {
    for path in ["/docs/zebra", "/docs/use/pricing", "/docs/use/zebra"] {
        let answer = get(path).await;
        assert!(!answer.text.contains("one of these"), "{path}: {}", answer.text);
        assert!(answer.text.contains("start at the beginning"), "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn whoever_has_a_page_already_is_told_so() {
    for path in ["/docs", "/docs/use/keys", "/docs/use/keys.md", "/llms.txt", "/llms-full.txt"] {
        let first = get(path).await;
        assert_eq!(first.header("cache-control"), "public, no-cache", "{path}");
        let tag = first.header("etag");
        let again = send(Method::GET, path, &[("if-none-match", &format!("\"x\", W/{tag}"))]).await;
        assert_eq!((again.status.as_u16(), &*again.text, again.header("etag")), (304, "", tag), "{path}");
        assert_eq!(send(Method::GET, path, &[("if-none-match", "\"x\"")]).await.status, 200, "{path}");
        let head = send(Method::HEAD, path, &[]).await;
        assert_eq!((head.status.as_u16(), &*head.text, head.header("etag")), (200, "", tag), "{path}");
        assert_eq!(send(Method::POST, path, &[]).await.status, 405, "{path}");
    }
}

#[tokio::test]
async fn a_search_is_a_page_and_json() {
    let page = get("/docs/search?q=old+secr").await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("<a href=\"/docs/use/keys#rotate\">Rotate</a>"), "{}", page.text);
    assert!(page.text.contains("<mark>secret</mark>"), "{}", page.text);
    assert!(page.text.contains("value=\"old secr\""));
    assert_eq!(page.header("vary"), "Accept");

    let json = send(Method::GET, "/docs/search?q=old+secr", &[("accept", "application/json")]).await;
    assert_eq!(json.header("content-type"), "application/json");
    let found: serde_json::Value = serde_json::from_str(&json.text).unwrap();
    let first = &found["results"][0];
    assert_eq!(found["query"], "old secr");
    assert_eq!(first["url"], "https://acme.example/docs/use/keys#rotate");
    assert_eq!(first["path"], "/docs/use/keys#rotate");
    assert_eq!((&first["title"], &first["section"]), (&"API keys".into(), &"Rotate".into()));
    assert!(
        first["parts"].as_array().unwrap().iter().any(|part| part["hit"] == true && part["text"] == "secret")
    );

    assert!(get("/docs/search?q=zebra").await.text.contains("Nothing has"));
    assert_eq!(get("/docs/search").await.status, 200);
}

#[tokio::test]
async fn searches_take_whatever_is_typed_up_to_their_limit() {
    let escaped = get("/docs/search?q=%3Cimg+src%3Dx+onerror%3Dalert(1)%3E%22%27").await;
    assert_eq!(escaped.status, 200);
    assert!(!escaped.text.contains("<img"), "{}", escaped.text);
    let marked = get("/docs/search?q=day+more").await.text;
    assert!(marked.contains("&#60;b&#62;<mark>more</mark>"), "{marked}");
    for odd in ["%22", "a%22+OR+%22b", "NEAR(a+b)", "title:x", "*", "-a", "%F0%9F%94%91", "%E2%80%AE", "%01"]
    {
        assert_eq!(get(&format!("/docs/search?q={odd}")).await.status, 200, "{odd}");
    }
    for bad in ["%00", "%ff", "%", "a&q=b"] {
        assert_eq!(get(&format!("/docs/search?q={bad}")).await.status, 400, "{bad}");
    }
    assert_eq!(get(&format!("/docs/search?q={}", "a".repeat(1000))).await.status, 200);
    let long = format!("/docs/search?q={}", "a".repeat(1001));
    let answer = get(&long).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text.contains("at most 1,000 characters"), "{}", answer.text);
    let json = send(Method::GET, &long, &[("accept", "application/json")]).await;
    assert_eq!(json.status, 400);
    assert!(json.text.contains("1,000 characters"), "{}", json.text);
}

#[tokio::test]
async fn an_empty_question_is_rejected_and_no_question_gets_the_page() {
    let page = "/docs/use/keys.md";
    for nothing in ["ask=", "ask", "ask=%20%20", "ask=&goal=x", "goal=x&ask="] {
        assert_eq!(get(&format!("{page}?{nothing}")).await.status, 400, "{nothing}");
    }
    for other in ["", "?goal=x", "?task=x", "?x=ask"] {
        let answer = get(&format!("{page}{other}")).await;
        assert!(answer.status == 200 && answer.text.starts_with("# "), "{other}");
    }
}

#[tokio::test]
async fn on_a_host_of_its_own_the_site_is_at_the_root() {
    let home = get_own("/").await;
    assert_eq!(home.status, 200);
    assert!(home.text.contains("<a href=\"/use/keys#rotate\">Keys</a>"), "{}", home.text);
    assert!(home.text.contains("href=\"https://docs.example\""), "{}", home.text);
    let markdown = get_own("/use/keys.md").await;
    assert!(
        markdown.text.contains("GET https://docs.example/use/keys.md?ask=<question>"),
        "{}",
        markdown.text
    );
    assert!(get_own("/llms.txt").await.text.contains("(https://docs.example/use/keys.md)"));
    assert!(get_own("/search?q=secret").await.text.contains("href=\"/use/keys#rotate\""));
    for (path, to) in
        [("/docs/use/keys", "/use/keys"), ("/docs", "/"), ("/use/keys/", "/use/keys"), ("/README", "/")]
    {
        let answer = get_own(path).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (308, to), "{path}");
    }
    for path in ["/graphql", "/login", "/docs//evil.example", "//evil.example/"] {
        let answer = get_own(path).await;
        assert!(!answer.header("location").starts_with("//"), "{path}");
        assert!(answer.status == 404 || answer.status == 308, "{path}: {}", answer.status);
    }
}

#[tokio::test]
async fn only_the_own_host_is_the_sites() {
    let docs = docs(Some("docs.example"));
    let is_own = |path: &'static str, host: &'static str| {
        let headers = HeaderMap::from_iter([(header::HOST, http::HeaderValue::from_static(host))]);
        docs.is_own(&Uri::from_static(path), &headers)
    };
    assert!(is_own("/", "docs.example") && is_own("/llms.txt", "DOCS.EXAMPLE"));
    assert!(docs.is_own(&Uri::from_static("https://docs.example/"), &HeaderMap::new()), "HTTP/2");
    assert!(
        is_own("/", "docs.example.") && is_own("/", "docs.example:443") && is_own("/", "docs.example.:80")
    );
    assert!(
        !is_own("/", "acme.example") && !is_own("/", "docs.example.evil") && !is_own("/", "docs.example:81")
    );
    assert!(!is_own("/assets/docs.css", "docs.example") && !is_own("/healthz", "docs.example"));
    assert!(!super::tests::docs(None).is_own(&Uri::from_static("/"), &HeaderMap::new()));
    let request = Request::post("/").body(Body::empty()).unwrap();
    assert_eq!(docs.answer_own(request).await.status(), 405);
}

/// The server's promises of a quick start and little memory rest on this.
#[tokio::test]
async fn nothing_is_read_or_made_before_it_is_asked_for() {
    let docs = Docs::embedded(docs(Some("docs.example")).0.address.clone());
    let router = docs.router();
    let ask = async |path: &'static str| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        assert!(!docs.is_own(request.uri(), request.headers()));
        router.clone().oneshot(request).await.unwrap().status()
    };
    assert_eq!(ask("/graphql").await, StatusCode::NOT_FOUND);
    assert!(docs.0.cache.get().is_none(), "the pages are read");
    assert_eq!(ask("/docs").await, StatusCode::OK);
    assert_eq!(docs.library_cache().made(), (1, false), "one page is made, and nothing to search in");
    assert_eq!(ask("/llms-full.txt").await, StatusCode::OK);
    assert_eq!(docs.library_cache().made(), (1, false));
    assert_eq!(ask("/docs/search?q=key").await, StatusCode::OK);
    assert_eq!(docs.library_cache().made(), (1, true));
}
