//! The `JSON` scalar. Written out by hand because the library's scalars cannot hold objects or lists.

use super::{ApiScalar, JsonText, literals::Literals};
use crate::operation::budget;
use juniper::{
    ArcStr, BoxFuture, ExecutionResult, Executor, FromInputValue, GraphQLType, GraphQLValue,
    GraphQLValueAsync, InputValue, ParseScalarResult, ParseScalarValue, Registry, ScalarToken, Selection,
    ToInputValue, Value, macros::reflect, marker, meta::MetaType,
};
use serde_json::Value as JsonValue;

/// The scalar's name in the schema.
pub(crate) const NAME: &str = "JSON";

/// Any JSON value.
#[derive(Debug, Clone)]
pub(crate) enum Json {
    /// The value itself.
    Value(JsonValue),
    /// A value that stood in the document and was lifted out of it before the library read it.
    Lifted(usize),
}

impl Json {
    /// The value, found among those that were lifted out of the document if it was one of them.
    pub(crate) fn resolve(self, literals: &Literals) -> JsonValue {
        match self {
            Self::Value(value) => value,
            Self::Lifted(index) => literals.get(index),
        }
    }
}

impl GraphQLType<ApiScalar> for Json {
    fn name((): &()) -> Option<ArcStr> {
        Some(NAME.into())
    }

    fn meta(info: &(), registry: &mut Registry<ApiScalar>) -> MetaType<ApiScalar> {
        registry
            .build_scalar_type::<Self>(info)
            .description("Any JSON value: an object, a list, a string, a number, true or false.")
            .specified_by_url("https://datatracker.ietf.org/doc/html/rfc8259")
            .into_meta()
    }
}

impl GraphQLValue<ApiScalar> for Json {
    type Context = ();
    type TypeInfo = ();

    fn type_name(&self, info: &()) -> Option<ArcStr> {
        Self::name(info)
    }

    fn resolve(
        &self,
        (): &(),
        _: Option<&[Selection<'_, ApiScalar>]>,
        _: &Executor<'_, '_, (), ApiScalar>,
    ) -> ExecutionResult<ApiScalar> {
        budget::check()?;
        Ok(match self {
            // As text, it takes the room that it takes in the answer, and is counted to the byte.
            Self::Value(value) => Value::Scalar(ApiScalar::Text(JsonText::of(value)?)),
            Self::Lifted(_) => Value::Null,
        })
    }
}

impl GraphQLValueAsync<ApiScalar> for Json {
    fn resolve_async<'a>(
        &'a self,
        info: &'a (),
        selection: Option<&'a [Selection<'_, ApiScalar>]>,
        executor: &'a Executor<'_, '_, (), ApiScalar>,
    ) -> BoxFuture<'a, ExecutionResult<ApiScalar>> {
        Box::pin(futures::future::ready(self.resolve(info, selection, executor)))
    }
}

impl ToInputValue<ApiScalar> for Json {
    fn to_input_value(&self) -> InputValue<ApiScalar> {
        match self {
            Self::Value(value) => InputValue::Scalar(ApiScalar::Json(value.clone())),
            Self::Lifted(_) => InputValue::Null,
        }
    }
}

impl FromInputValue<ApiScalar> for Json {
    type Error = &'static str;

    fn from_input_value(input: &InputValue<ApiScalar>) -> Result<Self, Self::Error> {
        match input {
            InputValue::Scalar(scalar) => Ok(Self::Value(scalar.to_json())),
            InputValue::Enum(name) => {
                Literals::index_of(name).map(Self::Lifted).ok_or("a string in JSON needs quotes")
            }
            InputValue::Null | InputValue::Variable(_) | InputValue::List(_) | InputValue::Object(_) => {
                Err("expected a JSON value")
            }
        }
    }
}

impl ParseScalarValue<ApiScalar> for Json {
    fn from_str(token: ScalarToken<'_>) -> ParseScalarResult<ApiScalar> {
        crate::scalars::literals::scalar(token).map(ApiScalar::Json)
    }
}

impl marker::IsInputType<ApiScalar> for Json {}
impl marker::IsOutputType<ApiScalar> for Json {}

impl reflect::BaseType<ApiScalar> for Json {
    const NAME: reflect::Type = NAME;
}

impl reflect::BaseSubTypes<ApiScalar> for Json {
    const NAMES: reflect::Types = &[NAME];
}

impl reflect::WrappedType<ApiScalar> for Json {
    const VALUE: reflect::WrappedValue = 1;
}
