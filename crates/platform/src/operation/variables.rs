//! The values of variables, from JSON, by the types that the operation gives them.

use crate::{
    scalars::{ApiScalar, json},
    schema::Schema,
};
use juniper::{InputValue, Operation, Variables};
use serde_json::{Map, Value as JsonValue};

/// The values for the variables of `operation`; others are ignored.
pub(crate) fn of(
    operation: &Operation<'_, ApiScalar>,
    mut given: Map<String, JsonValue>,
    schema: &Schema,
) -> Variables<ApiScalar> {
    let definitions = operation.variables_definition.iter().flat_map(|definitions| definitions.item.iter());
    let mut values = Variables::new();
    for (name, definition) in definitions {
        if let Some(value) = given.remove(name.item) {
            let value = input(value, Some(definition.var_type.item.innermost_name()), schema);
            values.insert(name.item.to_owned(), value);
        }
    }
    values
}

/// One value. Where the schema wants JSON, it stays whole; elsewhere its parts are told apart.
fn input(value: JsonValue, type_name: Option<&str>, schema: &Schema) -> InputValue<ApiScalar> {
    match value {
        JsonValue::Null => InputValue::Null,
        value if type_name == Some(json::NAME) => InputValue::Scalar(ApiScalar::Json(value)),
        JsonValue::Array(items) => {
            InputValue::list(items.into_iter().map(|item| input(item, type_name, schema)).collect())
        }
        JsonValue::Object(members) => {
            let meta = type_name.and_then(|name| schema.schema.concrete_type_by_name(name));
            let members = members.into_iter().map(|(name, value)| {
                let field = meta.and_then(|meta| meta.input_field_by_name(&name));
                let value = input(value, field.map(|field| field.arg_type.innermost_name()), schema);
                (name, value)
            });
            InputValue::object(members.collect())
        }
        value => InputValue::Scalar(ApiScalar::of_json(value)),
    }
}
