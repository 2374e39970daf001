//! Those who talk to a server over HTTP, and what they get back.

use reqwest::{Client, RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::{Value, json};

/// An API key's pair.
#[derive(Debug, Clone)]
pub struct Pair {
    /// `client_id`
    pub client_id: String,
    /// `client_secret`
    pub client_secret: String,
}

impl Pair {
    /// The pair in an answer of `duku admin … --json` or of `generateApiKey`.
    pub fn of(value: &Value) -> Self {
        let text = |snake: &str, camel: &str| {
            value.get(snake).or_else(|| value.get(camel)).and_then(Value::as_str).unwrap().to_owned()
        };
        Self {
            client_id: text("client_id", "clientId"),
            client_secret: text("client_secret", "clientSecret"),
        }
    }
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
}

impl Answer {
    /// Sends a request.
    pub async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Self { status, headers, text: response.text().await.unwrap() }
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// A header's value; empty if it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// `error` of an RFC 6749 rejection.
    #[track_caller]
    pub fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_default().to_owned()
    }

    /// `error_description` of an RFC 6749 rejection.
    #[track_caller]
    pub fn description(&self) -> String {
        self.json()["error_description"].as_str().unwrap_or_default().to_owned()
    }

    /// The code of the first GraphQL error; empty if there is none.
    #[track_caller]
    pub fn code(&self) -> String {
        self.json()["errors"][0]["extensions"]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// A value of GraphQL's `data`, after making sure that there is no error.
    #[track_caller]
    pub fn data(&self) -> Value {
        let body = self.json();
        assert!(body.get("errors").is_none(), "{body}");
        body["data"].clone()
    }
}

/// A server's endpoints.
#[derive(Debug, Clone)]
pub struct Api {
    /// Its base URL, without a slash at the end.
    pub url: String,
    client: Client,
}

impl Api {
    /// The server at `url`.
    pub fn at(url: impl Into<String>) -> Self {
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { url: url.into(), client }
    }

    /// A client for requests of the test's own making.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// The URL of an endpoint below `/realms/duku/protocol/openid-connect/`.
    pub fn protocol(&self, endpoint: &str) -> String {
        format!("{}/realms/duku/protocol/openid-connect/{endpoint}", self.url)
    }

    /// Exchanges a pair, `client_secret_post`.
    pub async fn exchange(&self, pair: &Pair) -> Answer {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &pair.client_id),
            ("client_secret", &pair.client_secret),
        ];
        Answer::of(self.client.post(self.protocol("token")).form(&form)).await
    }

    /// Exchanges a pair that must be good.
    pub async fn token(&self, pair: &Pair) -> String {
        let answer = self.exchange(pair).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// Posts a GraphQL document.
    pub async fn graphql(&self, token: &str, query: &str, variables: Value) -> Answer {
        let body = json!({ "query": query, "variables": variables });
        Answer::of(self.client.post(format!("{}/graphql", self.url)).bearer_auth(token).json(&body)).await
    }

    /// Whether the API takes the token.
    pub async fn accepts(&self, token: &str) -> bool {
        let answer = self.graphql(token, "{ subjects { id name } }", Value::Null).await;
        match answer.status {
            StatusCode::OK => true,
            StatusCode::UNAUTHORIZED => false,
            other => panic!("{other}: {}", answer.text),
        }
    }
}
