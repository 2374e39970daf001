//! From a document to an answer.

use crate::{
    Parts, Platform,
    budget::{self, Budget, Exceeded, Reserved},
    call::Call,
    documents::{self, Prepared},
    faults::Fault,
    limits::{self, Pages},
    literals::{self, Literals},
    params::Params,
    scalars::ApiScalar,
    schema::Schema,
};
use juniper::{
    Definition, ExecutionError, GraphQLError, Operation, OperationType, ParseError, Spanning, Value,
};
use serde_json::{Map, Value as JsonValue};
use service::{Ctx, Principal};
use std::{borrow::Cow, sync::Arc};

/// What a request came to.
#[derive(Debug)]
pub(crate) enum Executed {
    /// The operation, of this type, ran; some fields may have failed.
    Data(Ran, AnswerMemory, OperationType),
    /// Nothing ran.
    Faults(Vec<Fault>),
    /// There is no memory for an answer just now.
    NoMemory,
    /// A mutation came by a method that must not change anything.
    MutationNotAllowed,
}

/// What an operation came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) data: Value<ApiScalar>,
    pub(crate) errors: Vec<ExecutionError<ApiScalar>>,
    /// Why fields failed on our side, for the log alone.
    pub(crate) cause: Option<String>,
}

/// The memory of the node that an answer takes, and about how long it is.
#[derive(Debug)]
pub(crate) struct AnswerMemory {
    pub(crate) reserved: Option<Reserved>,
    pub(crate) length: usize,
}

/// The most faults of one document that are told.
const FAULTS: usize = 20;

/// Who asks, and by a method that may change something or not.
pub(crate) struct Asker {
    pub(crate) ctx: Ctx,
    pub(crate) principal: Principal,
    pub(crate) may_change: bool,
}

pub(crate) async fn execute(platform: &Platform, asker: Asker, params: Params) -> Executed {
    match try_execute(platform, asker, params).await {
        Ok(executed) => executed,
        Err(faults) => Executed::Faults(faults),
    }
}

async fn try_execute(platform: &Platform, asker: Asker, params: Params) -> Result<Executed, Vec<Fault>> {
    let Params { query, operation_name, variables: given } = params;
    let Parts { schema, shape, settings, documents, service, memory } = &*platform.0;
    let budget =
        Budget::new(settings.answer_bytes, Arc::clone(memory), asker.principal.organisation_id.clone());
    let name = operation_name.as_deref();
    let maximum = usize::try_from(service.policy().page_maximum).unwrap_or(usize::MAX);
    let pages = Pages { variables: &given, maximum };

    if let Some(kept) = documents.find(&query, name) {
        let prepared = kept.get();
        if prepared.is_mutation() && !asker.may_change {
            return Ok(Executed::MutationNotAllowed);
        }
        // The variables are new, and with them how much is asked for.
        prepared.weigh(pages, shape, settings).map_err(|fault| vec![fault])?;
        let call = Call::new(service.clone(), asker.ctx, asker.principal, Literals::default());
        return run(prepared, given, schema, &call, budget).await.map_err(|error| invalid(error, name));
    }
    let (source, literals) =
        literals::lift(&query, shape.json_fields(), settings.tokens).map_err(|fault| vec![fault])?;
    let call = Call::new(service.clone(), asker.ctx, asker.principal, literals);
    let same = matches!(source, Cow::Borrowed(_));
    let checks = |document: &[Definition<'_, ApiScalar>]| {
        check_types(document, schema)?;
        let Some(operation) = chosen(document, name) else { return Ok(true) };
        if operation.item.operation_type == OperationType::Mutation && !asker.may_change {
            return Ok(false);
        }
        limits::check(document, operation, pages, shape, settings).map_err(|fault| vec![fault])?;
        Ok(true)
    };
    let Some(kept) = documents::prepare(Arc::clone(schema), source.into_owned(), name, checks)? else {
        return Ok(Executed::MutationNotAllowed);
    };
    if same {
        documents.keep(&query, name, &kept);
    }
    run(kept.get(), given, schema, &call, budget).await.map_err(|error| invalid(error, name))
}

async fn run(
    prepared: &Prepared<'_>,
    given: Map<String, JsonValue>,
    schema: &Schema,
    call: &Call,
    budget: Budget,
) -> Result<Executed, GraphQLError> {
    let operation = prepared.operation_type();
    let only_reads = operation != OperationType::Mutation;
    let budget::Ran { outcome, reserved, length } =
        budget::run(budget, only_reads, prepared.run(given, schema, call)).await;
    match outcome {
        Ok(ran) => ran.map(|(data, errors)| {
            let ran = Ran { data, errors, cause: call.cause() };
            Executed::Data(ran, AnswerMemory { reserved, length }, operation)
        }),
        Err(Exceeded::Node) => Ok(Executed::NoMemory),
        Err(exceeded) => Ok(Executed::Faults(vec![exceeded.fault()])),
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
fn check_types(document: &[Definition<'_, ApiScalar>], schema: &Schema) -> Result<(), Vec<Fault>> {
    for definition in document {
        let Definition::Operation(operation) = definition else { continue };
        let variables =
            operation.item.variables_definition.iter().flat_map(|variables| variables.item.iter());
        for (_, variable) in variables {
            let name = variable.var_type.item.innermost_name();
            if schema.schema.concrete_type_by_name(name).is_none() {
                return Err(vec![
                    Fault::invalid(format!("Unknown type \"{name}\"")).at(variable.var_type.start()),
                ]);
            }
        }
    }
    Ok(())
}

pub(crate) fn unreadable(error: &Spanning<ParseError>) -> Fault {
    let fault = match &error.item {
        ParseError::DepthLimitExceeded(limit) => Fault::invalid(format!(
            "the document nests more than {limit} levels deep: ask for the inner objects in a request of their own"
        ))
        .with("limitOf", "nesting")
        .with("limit", *limit),
        ParseError::TokenLimitExceeded(limit) => Fault::invalid(format!(
            "the document has more than {limit} words and signs: split it into several requests"
        ))
        .with("limitOf", "tokens")
        .with("limit", *limit),
        ParseError::FieldLimitExceeded(limit) => {
            Fault::invalid(format!("the document has more than {limit} fields")).with("limit", *limit)
        }
        ParseError::UnexpectedToken(text) if text.parse::<i128>().is_ok_and(|n| i32::try_from(n).is_err()) => {
            Fault::invalid(format!("{text} does not fit into Int, which has 32 bits"))
        }
        other @ (ParseError::UnexpectedToken(_)
        | ParseError::UnexpectedEndOfFile
        | ParseError::LexerError(_)
        | ParseError::ExpectedScalarError(_)) => Fault::invalid(format!("the document cannot be read: {other}")),
    };
    fault.at(error.start())
}

pub(crate) fn invalid(error: GraphQLError, name: Option<&str>) -> Vec<Fault> {
    let message = match error {
        GraphQLError::ParseError(error) => return vec![unreadable(&error)],
        GraphQLError::ValidationError(errors) => {
            let fault = |error: &juniper::RuleError| {
                error.locations().iter().fold(Fault::invalid(error.message()), |fault, at| fault.at(*at))
            };
            return errors.iter().take(FAULTS).map(fault).collect();
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
    vec![Fault::invalid(message)]
}
