//! The GraphQL API: one endpoint for API keys and people, over HTTP as the GraphQL-over-HTTP specification has it.
//!
//! A request passes these files in order: `endpoint` takes it in, `authenticate` asks whose it is, `negotiate` and
//! `params` read it, `documents` remembers what was read before, `limits` weighs the document before anything of it runs, `execute` runs it within a `budget`, and the fields in
//! `schema` call the use cases of `service`, which hold every rule. What went wrong comes back through `errors` (one
//! field), `request_errors` (the document) or `rejection` (the whole request).

mod errors;
mod http;
mod operation;
mod scalars;
mod schema;
mod settings;

pub use http::metadata::PATH as RESOURCE_METADATA_PATH;
pub use settings::Settings;

use ::http::Method;
use axum::{
    Router,
    routing::{MethodFilter, get, on},
};
use operation::budget::NodeMemory;
use operation::documents::Documents;
use operation::heavy::Heavy;
use operation::shape::Shape;
use schema::Schema;
use service::Service;
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
                on(MethodFilter::GET.or(MethodFilter::POST), http::endpoint::serve)
                    .fallback(|| async { http::rejection::method_not_allowed(&[Method::GET, Method::POST]) }),
            )
            .route(
                http::metadata::PATH,
                get(http::metadata::show)
                    .fallback(|| async { http::rejection::method_not_allowed(&[Method::GET, Method::HEAD]) }),
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
