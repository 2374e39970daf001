//! The GraphQL API: one endpoint for API keys and people, over HTTP as the GraphQL-over-HTTP specification has it.
//!
//! A request passes these files in order: `endpoint` takes it in, `authenticate` asks whose it is, `negotiate` and
//! `params` read it, `documents` remembers what was read before, `limits` weighs the document before anything of it runs, `execute` runs it within a `budget`, and the fields in
//! `schema` call the use cases of `service`, which hold every rule. What went wrong comes back through `errors` (one
//! field), `faults` (the document) or `refusal` (the whole request).

mod answer;
mod authenticate;
mod budget;
mod call;
mod documents;
mod endpoint;
mod errors;
mod execute;
mod faults;
mod heavy;
mod limits;
mod literals;
mod metadata;
mod negotiate;
mod params;
mod refusal;
mod scalars;
mod schema;
mod settings;
mod shape;
mod together;
mod variables;

pub use metadata::PATH as RESOURCE_METADATA_PATH;
pub use settings::Settings;

use axum::{
    Router,
    routing::{MethodFilter, get, on},
};
use budget::NodeMemory;
use documents::Documents;
use heavy::Heavy;
use http::Method;
use schema::Schema;
use service::Service;
use shape::Shape;
use std::sync::Arc;

/// The GraphQL API on a service. Cheap to clone.
#[derive(Clone)]
pub struct Platform(Arc<Parts>);

struct Parts {
    service: Service,
    settings: Settings,
    schema: Arc<Schema>,
    shape: Shape,
    documents: Documents,
    memory: Arc<NodeMemory>,
    heavy: Heavy,
}

impl Platform {
    /// The API of `service`.
    pub fn new(service: Service, settings: Settings) -> Self {
        let schema = schema::build(settings.tokens);
        let shape = Shape::of(&schema.schema);
        let documents = Documents::new(settings.documents);
        let memory = Arc::new(NodeMemory::new(settings.memory_bytes));
        let (schema, heavy) = (Arc::new(schema), Heavy::new());
        Self(Arc::new(Parts { service, settings, schema, shape, documents, memory, heavy }))
    }

    /// Its routes. Each request must carry a [`web::RequestHead`] among its extensions.
    pub fn router(self) -> Router {
        Router::new()
            .route(
                "/graphql",
                on(MethodFilter::GET.or(MethodFilter::POST), endpoint::serve)
                    .fallback(|| async { refusal::method_not_allowed(&[Method::GET, Method::POST]) }),
            )
            .route(
                metadata::PATH,
                get(metadata::show)
                    .fallback(|| async { refusal::method_not_allowed(&[Method::GET, Method::HEAD]) }),
            )
            .with_state(self)
    }

    fn service(&self) -> &Service {
        &self.0.service
    }

    fn settings(&self) -> &Settings {
        &self.0.settings
    }
}

/// The schema in the schema definition language, always in the same order.
pub fn sdl() -> String {
    schema::build(Settings::default().tokens).as_sdl()
}
