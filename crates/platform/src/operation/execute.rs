//! From a document to an answer.

use crate::{
    Parts, Platform,
    http::params::Params,
    operation::{
        budget::{self, Budget, Exceeded, Reserved},
        documents::{self, SharedDocument},
        limits::{self, Pages},
        request_errors::RequestError,
        wording::as_in_reference,
    },
    scalars::{
        ApiScalar,
        literals::{self, Literals},
    },
    schema::{Schema, context::GraphqlContext},
};
use juniper::{
    Definition, ExecutionError, GraphQLError, Operation, OperationType, ParseError, Spanning, Value,
};
use serde_json::{Map, Value as JsonValue};
use service::{Principal, RequestContext};
use std::{borrow::Cow, sync::Arc};

/// What a request came to.
#[derive(Debug)]
pub(crate) enum Executed {
    /// The operation ran; some fields may have failed.
    Data {
        data: Value<ApiScalar>,
        errors: Vec<ExecutionError<ApiScalar>>,
        /// Why fields failed on our side, for the log alone.
        cause: Option<String>,
        /// The memory of the node that the answer takes.
        reserved: Option<Reserved>,
        /// About how long it is.
        length: usize,
    },
    /// Nothing ran.
    Errors(Vec<RequestError>),
    /// There is no memory for an answer just now.
    NoMemory,
    /// A mutation came by a method that must not change anything.
    MutationNotAllowed,
}

/// The most errors of one document that are told.
const ERRORS: usize = 20;

/// An operation that may run.
pub(crate) struct Ready {
    platform: Platform,
    document: SharedDocument,
    given: Map<String, JsonValue>,
    call: GraphqlContext,
    budget: Budget,
    /// Whether it may take long on the processor.
    pub(crate) is_heavy: bool,
}

/// Reads the document, or finds it among those that were read, and weighs it.
///
/// # Errors
/// The answer to an operation that does not run.
pub(crate) fn prepare(
    platform: &Platform,
    (ctx, principal): (RequestContext, Principal),
    may_change: bool,
    params: Params,
) -> Result<Ready, Box<Executed>> {
    let Params { query, operation_name, variables: given } = params;
    let Parts { schema, shape, settings, documents, service, memory, .. } = &*platform.0;
    let errors = |error| Box::new(Executed::Errors(vec![error]));
    let budget = Budget::new(settings.answer_bytes, Arc::clone(memory), principal.organisation_id.clone());
    let name = operation_name.as_deref();
    let maximum = usize::try_from(service.policy().page_maximum).unwrap_or(usize::MAX);
    let pages = Pages { variables: &given, maximum };
    let ready = |document, given, literals, is_heavy| {
        let call = GraphqlContext::new(service.clone(), ctx, principal, literals);
        Ready { platform: platform.clone(), document, given, call, budget, is_heavy }
    };

    if let Some(kept) = documents.find(&query, name) {
        if kept.borrow_dependent().is_mutation() && !may_change {
            return Err(Executed::MutationNotAllowed.into());
        }
        // The variables are new, and with them how much is asked for.
        let weight = kept.borrow_dependent().weigh(pages, shape, settings).map_err(errors)?;
        return Ok(ready(kept, given, Literals::default(), weight.is_heavy()));
    }
    let (source, literals) = literals::lift(&query, shape.json_fields(), settings.tokens).map_err(errors)?;
    let same = matches!(source, Cow::Borrowed(_));
    let mut is_heavy = false;
    let checks = |document: &[Definition<'_, ApiScalar>]| {
        check_types(document, schema)?;
        let Some(operation) = chosen(document, name) else { return Ok(true) };
        if operation.item.operation_type == OperationType::Mutation && !may_change {
            return Ok(false);
        }
        let weight = limits::check(document, operation, pages, shape, settings);
        is_heavy = weight.map_err(|error| vec![error])?.is_heavy();
        Ok(true)
    };
    let kept = documents::prepare(Arc::clone(schema), source.into_owned(), name, checks);
    let kept = kept.map_err(Executed::Errors)?.ok_or(Executed::MutationNotAllowed)?;
    if same {
        documents.keep(&query, name, &kept);
    }
    Ok(ready(kept, given, literals, is_heavy))
}

impl Ready {
    /// It runs at another time than it was read.
    pub(crate) fn set_context(&mut self, ctx: RequestContext) {
        self.call.ctx = ctx;
    }

    pub(crate) fn is_mutation(&self) -> bool {
        self.document.borrow_dependent().is_mutation()
    }

    /// Runs it to its end.
    pub(crate) async fn run(self) -> Executed {
        let Self { platform, document, given, call, budget, .. } = self;
        let prepared = document.borrow_dependent();
        let operation = prepared.run(given, &platform.0.schema, &call);
        let budget::Ran { outcome, reserved, length } =
            budget::run(budget, !prepared.is_mutation(), operation).await;
        match outcome {
            Ok(Ok((data, errors))) => Executed::Data { data, errors, cause: call.cause(), reserved, length },
            Ok(Err(error)) => Executed::Errors(invalid(error, prepared.name())),
            Err(Exceeded::Node) => Executed::NoMemory,
            Err(exceeded) => Executed::Errors(vec![exceeded.error()]),
        }
    }
}

/// The operation that will run; none if the document and the name do not tell.
pub(crate) fn chosen<'d, 'a>(
    document: &'d [Definition<'a, ApiScalar>],
    name: Option<&str>,
) -> Option<&'d Spanning<Operation<'a, ApiScalar>>> {
    let mut operations = document.iter().filter_map(|definition| match definition {
        Definition::Operation(operation) => Some(operation),
        Definition::Fragment(_) => None,
    });
    match name {
        Some(_) => operations.find(|operation| operation.item.name.map(|spanning| spanning.item) == name),
        None => match (operations.next(), operations.next()) {
            (only, None) => only,
            (_, Some(_)) => None,
        },
    }
}

/// Makes sure that the types of all variables exist: the library panics at the default value of one that does not.
fn check_types(document: &[Definition<'_, ApiScalar>], schema: &Schema) -> Result<(), Vec<RequestError>> {
    for definition in document {
        let Definition::Operation(operation) = definition else { continue };
        let variables =
            operation.item.variables_definition.iter().flat_map(|variables| variables.item.iter());
        for (_, variable) in variables {
            let name = variable.var_type.item.innermost_name();
            if schema.schema.concrete_type_by_name(name).is_none() {
                return Err(vec![
                    RequestError::invalid(format!("Unknown type \"{name}\"")).at(variable.var_type.start()),
                ]);
            }
        }
    }
    Ok(())
}

pub(crate) fn unreadable(error: &Spanning<ParseError>) -> RequestError {
    let rejection = match &error.item {
        ParseError::DepthLimitExceeded(limit) => RequestError::invalid(format!(
            "the document nests more than {limit} levels deep: ask for the inner objects in a request of their own"
        ))
        .with("limitOf", "nesting")
        .with("limit", *limit),
        ParseError::TokenLimitExceeded(limit) => RequestError::invalid(format!(
            "the document has more than {limit} words and signs: split it into several requests"
        ))
        .with("limitOf", "tokens")
        .with("limit", *limit),
        ParseError::FieldLimitExceeded(limit) => {
            RequestError::invalid(format!("the document has more than {limit} fields")).with("limit", *limit)
        }
        ParseError::UnexpectedToken(text) if text.parse::<i128>().is_ok_and(|n| i32::try_from(n).is_err()) => {
            RequestError::invalid(format!("{text} does not fit into Int, which has 32 bits"))
        }
        other @ (ParseError::UnexpectedToken(_)
        | ParseError::UnexpectedEndOfFile
        | ParseError::LexerError(_)
        | ParseError::ExpectedScalarError(_)) => RequestError::invalid(format!("the document cannot be read: {other}")),
    };
    rejection.at(error.start())
}

pub(crate) fn invalid(error: GraphQLError, name: Option<&str>) -> Vec<RequestError> {
    let message = match error {
        GraphQLError::ParseError(error) => return vec![unreadable(&error)],
        GraphQLError::ValidationError(errors) => {
            let error = |error: &juniper::RuleError| {
                error
                    .locations()
                    .iter()
                    .fold(RequestError::invalid(as_in_reference(error.message())), |error, at| error.at(*at))
            };
            return errors.iter().take(ERRORS).map(error).collect();
        }
        GraphQLError::MultipleOperationsProvided => {
            "the document has several operations: `operationName` must say which one".to_owned()
        }
        GraphQLError::NoOperationProvided => "the document has no operation".to_owned(),
        GraphQLError::UnknownOperationName => match name {
            Some(name) => format!("the document has no operation called {name}"),
            None => "the document has no operation".to_owned(),
        },
        GraphQLError::IsSubscription | GraphQLError::NotSubscription | GraphQLError::NotSupported(_) => {
            "this API has no subscriptions".to_owned()
        }
    };
    vec![RequestError::invalid(message)]
}
