//! The values of variables, from JSON, by the types that the operation gives them.

use crate::{
    operation::wording::undefined_input,
    scalars::{ApiScalar, json},
    schema::Schema,
};
use juniper::{GraphQLError, InputValue, Operation, RuleError, Variables, meta::MetaType};
use serde_json::{Map, Value as JsonValue};

/// The values for the variables of `operation`; others are ignored.
///
/// # Errors
/// A member that its input type does not have.
pub(crate) fn of(
    operation: &Operation<'_, ApiScalar>,
    mut given: Map<String, JsonValue>,
    schema: &Schema,
) -> Result<Variables<ApiScalar>, GraphQLError> {
    let definitions = operation.variables_definition.iter().flat_map(|definitions| definitions.item.iter());
    let (mut values, mut errors) = (Variables::new(), Vec::new());
    for (name, definition) in definitions {
        if let Some(value) = given.remove(name.item) {
            let mut reader = Reader { schema, undefined: Vec::new() };
            let value = reader.input(value, Some(definition.var_type.item.innermost_name()));
            values.insert(name.item.to_owned(), value);
            errors.extend(reader.undefined.into_iter().map(|undefined| {
                let message = format!("Variable \"${}\" got invalid value; {undefined}", name.item);
                RuleError::new(&message, &[definition.var_type.start()])
            }));
        }
    }
    if errors.is_empty() { Ok(values) } else { Err(GraphQLError::ValidationError(errors)) }
}

struct Reader<'a> {
    schema: &'a Schema,
    /// What is said of members that no type has.
    undefined: Vec<String>,
}

impl Reader<'_> {
    /// One value. Where the schema wants JSON, it stays whole; elsewhere its parts are told apart.
    fn input(&mut self, value: JsonValue, type_name: Option<&str>) -> InputValue<ApiScalar> {
        match value {
            JsonValue::Null => InputValue::Null,
            value if type_name == Some(json::NAME) => InputValue::Scalar(ApiScalar::Json(value)),
            JsonValue::Array(items) => {
                InputValue::list(items.into_iter().map(|item| self.input(item, type_name)).collect())
            }
            JsonValue::Object(members) => {
                let meta = type_name.and_then(|name| self.schema.schema.concrete_type_by_name(name));
                let members = members.into_iter().map(|(name, value)| {
                    let field = meta.and_then(|meta| meta.input_field_by_name(&name));
                    if let (None, Some(MetaType::InputObject(object))) = (field, meta) {
                        self.undefined.push(undefined_input(&name, object.name.as_str()));
                    }
                    let value = self.input(value, field.map(|field| field.arg_type.innermost_name()));
                    (name, value)
                });
                InputValue::object(members.collect())
            }
            value => InputValue::Scalar(ApiScalar::of_json(value)),
        }
    }
}
