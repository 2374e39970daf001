//! Documents that were read and found valid, remembered by their text: pipelines send the same ones again and again.
//!
//! Nothing of a request is remembered with them: who asks, with which variables and for how much is checked every time.

use crate::{
    operation::{
        execute::{chosen, invalid, unreadable},
        limits::{self, Pages, Weight},
        request_errors::RequestError,
        shape::Shape,
        variables,
    },
    scalars::ApiScalar,
    schema::{Schema, context::GraphqlContext, mutation::Mutation, query::Query},
    settings::Settings,
};
use juniper::{
    Definition, EmptySubscription, ExecutionError, GraphQLError, OperationType, ValidatedOperation, Value,
    parser::parse_document_source,
};
use self_cell::self_cell;
use serde_json::{Map, Value as JsonValue};
use std::sync::Arc;

/// Longer documents are read anew each time, so that nobody can fill the memory with them.
const LONGEST: usize = 2048;

type Operation<'a> = ValidatedOperation<'a, Query, Mutation, EmptySubscription<GraphqlContext>, ApiScalar>;

/// A document that is valid, and the operation of it that runs.
pub(crate) struct Prepared<'a> {
    document: Vec<Definition<'a, ApiScalar>>,
    name: Option<&'a str>,
    operation: Operation<'a>,
}

/// What a prepared document points into.
pub(crate) struct Source {
    schema: Arc<Schema>,
    text: String,
    name: Option<String>,
}

self_cell! {
    /// A prepared document with what it points into.
    pub(crate) struct OwnedDocument {
        owner: Source,
        #[covariant]
        dependent: Prepared,
    }
}

/// A prepared document that several requests run.
pub(crate) type SharedDocument = Arc<OwnedDocument>;

impl Prepared<'_> {
    pub(crate) fn operation_type(&self) -> OperationType {
        self.operation.operation_type()
    }

    pub(crate) fn is_mutation(&self) -> bool {
        self.operation_type() == OperationType::Mutation
    }

    /// What the request calls the operation.
    pub(crate) const fn name(&self) -> Option<&str> {
        self.name
    }

    /// Rejects what asks for too much with these variables.
    pub(crate) fn weigh(
        &self,
        pages: Pages<'_>,
        shape: &Shape,
        settings: &Settings,
    ) -> Result<Weight, RequestError> {
        let operation = chosen(&self.document, self.name);
        let weigh = |operation| limits::check(&self.document, operation, pages, shape, settings);
        operation.map_or(Ok(Weight::default()), weigh)
    }

    /// Runs the operation.
    pub(crate) async fn run(
        &self,
        given: Map<String, JsonValue>,
        schema: &Schema,
        call: &GraphqlContext,
    ) -> Result<(Value<ApiScalar>, Vec<ExecutionError<ApiScalar>>), GraphQLError> {
        let operation = chosen(&self.document, self.name);
        let values = operation.map(|operation| variables::of(&operation.item, given, schema)).transpose()?;
        self.operation.execute(&values.unwrap_or_default(), call).await
    }
}

/// Reads a document, lets `checks` look at it before anything is done with it, and validates it. `None` if `checks` says no.
///
/// # Errors
/// The document cannot be read, `checks` finds fault with it, or it does not fit the schema.
pub(crate) fn prepare(
    schema: Arc<Schema>,
    text: String,
    name: Option<&str>,
    checks: impl FnOnce(&[Definition<'_, ApiScalar>]) -> Result<bool, Vec<RequestError>>,
) -> Result<Option<SharedDocument>, Vec<RequestError>> {
    let source = Source { schema, text, name: name.map(str::to_owned) };
    let prepared = OwnedDocument::try_new(source, |source| {
        let name = source.name.as_deref();
        let document = parse_document_source(&source.text, &source.schema.schema)
            .map_err(|error| Stop::Errors(vec![unreadable(&error)]))?;
        if !checks(&document).map_err(Stop::Errors)? {
            return Err(Stop::Rejected);
        }
        let operation = ValidatedOperation::new(&source.text, name, &source.schema);
        let operation = operation.map_err(|error| Stop::Errors(invalid(error, name)))?;
        Ok(Prepared { document, name, operation })
    });
    match prepared {
        Ok(prepared) => Ok(Some(Arc::new(prepared))),
        Err(Stop::Rejected) => Ok(None),
        Err(Stop::Errors(errors)) => Err(errors),
    }
}

enum Stop {
    Rejected,
    Errors(Vec<RequestError>),
}

/// The documents that came most.
pub(crate) struct Documents(quick_cache::sync::Cache<String, SharedDocument>);

impl Documents {
    pub(crate) fn new(capacity: usize) -> Self {
        Self(quick_cache::sync::Cache::new(capacity))
    }

    pub(crate) fn find(&self, text: &str, name: Option<&str>) -> Option<SharedDocument> {
        if text.len() > LONGEST { None } else { self.0.get(&key(text, name)) }
    }

    pub(crate) fn keep(&self, text: &str, name: Option<&str>, kept: &SharedDocument) {
        if text.len() <= LONGEST {
            self.0.insert(key(text, name), Arc::clone(kept));
        }
    }
}

/// A valid document and a valid name hold no NUL, so nothing else has the key of something that is kept.
fn key(text: &str, name: Option<&str>) -> String {
    let name = name.unwrap_or_default();
    let mut key = String::with_capacity(name.len() + 1 + text.len());
    key.push_str(name);
    key.push('\0');
    key.push_str(text);
    key
}
