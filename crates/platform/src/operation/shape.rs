//! What must be known of the schema before a document is executed: how many entries its lists may have, and
//! where it takes JSON. Read once from the schema itself.

use crate::{scalars::ApiScalar, scalars::json};
use juniper::{
    InputValue, SchemaType, Type,
    meta::{Argument, Field, MetaType},
};
use std::collections::HashMap;

/// How many entries a list without `first` is taken to have.
const ENTRIES: usize = 100;

/// The schema as the limits see it.
#[derive(Debug)]
pub(crate) struct Shape {
    types: HashMap<String, TypeShape>,
    /// Input fields and arguments whose type is `JSON`.
    json_fields: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct TypeShape {
    /// Whether the type belongs to introspection.
    pub(crate) introspection: bool,
    fields: HashMap<String, FieldShape>,
}

#[derive(Debug)]
pub(crate) struct FieldShape {
    /// The name of the type of its value, or of the entries of its list.
    pub(crate) type_name: String,
    pub(crate) entries: Entries,
}

/// How many values a field has.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Entries {
    One,
    /// As many as `first` says, or so many without it.
    Page(usize),
    /// A list that is not paged: about so many.
    About(usize),
}

impl Shape {
    pub(crate) fn of(schema: &SchemaType<ApiScalar>) -> Self {
        let introspection = Introspection::of(schema);
        let mut shape = Self { types: HashMap::new(), json_fields: Vec::new() };
        for meta in schema.concrete_type_list() {
            shape.note_json(meta);
            let (Some(name), Some(fields)) = (meta.name(), fields(meta)) else { continue };
            let fields = fields.iter().map(|field| (field.name.to_string(), introspection.field(field)));
            let shape_of_type = TypeShape { introspection: name.starts_with("__"), fields: fields.collect() };
            shape.types.insert(name.to_string(), shape_of_type);
        }
        shape
    }

    fn note_json(&mut self, meta: &MetaType<ApiScalar>) {
        let inputs = match meta {
            MetaType::InputObject(object) => object.input_fields.iter().collect(),
            _ => fields(meta).into_iter().flatten().flat_map(arguments).collect::<Vec<_>>(),
        };
        for input in inputs {
            if input.arg_type.innermost_name() == json::NAME {
                self.json_fields.push(input.name.to_string());
            }
        }
    }

    pub(crate) fn type_named(&self, name: &str) -> Option<&TypeShape> {
        self.types.get(name)
    }

    pub(crate) fn json_fields(&self) -> &[String] {
        &self.json_fields
    }
}

impl TypeShape {
    pub(crate) fn field(&self, name: &str) -> Option<&FieldShape> {
        self.fields.get(name)
    }
}

fn fields(meta: &MetaType<ApiScalar>) -> Option<&[Field<ApiScalar>]> {
    match meta {
        MetaType::Object(object) => Some(&object.fields),
        MetaType::Interface(interface) => Some(&interface.fields),
        _ => None,
    }
}

fn arguments(field: &Field<ApiScalar>) -> &[Argument<ApiScalar>] {
    field.arguments.as_deref().unwrap_or_default()
}

/// The library's own test takes `[T!]!` for no list.
fn is_list(of: &Type) -> bool {
    of.to_string().contains('[')
}

/// How long the lists of introspection are, on average, in this schema.
struct Introspection {
    types: usize,
    directives: usize,
    fields: usize,
    arguments: usize,
    input_fields: usize,
    enum_values: usize,
}

impl Introspection {
    fn of(schema: &SchemaType<ApiScalar>) -> Self {
        let types = schema.concrete_type_list();
        let mean = |total: usize, among: usize| total.div_ceil(among.max(1));
        let all_fields: Vec<_> = types.iter().filter_map(|meta| fields(meta)).flatten().collect();
        let all_arguments = all_fields.iter().map(|field| arguments(field).len()).sum();
        let input_fields = types.iter().map(|meta| match meta {
            MetaType::InputObject(object) => object.input_fields.len(),
            _ => 0,
        });
        let enum_values = types.iter().map(|meta| match meta {
            MetaType::Enum(words) => words.values.len(),
            _ => 0,
        });
        Self {
            types: types.len(),
            directives: schema.directive_list().len(),
            fields: mean(all_fields.len(), types.len()),
            arguments: mean(all_arguments, all_fields.len()),
            input_fields: mean(input_fields.sum(), types.len()),
            enum_values: mean(enum_values.sum(), types.len()),
        }
    }

    fn field(&self, field: &Field<ApiScalar>) -> FieldShape {
        let type_name = field.field_type.innermost_name().to_owned();
        let first = arguments(field).iter().find(|argument| argument.name == "first");
        let entries = match (is_list(&field.field_type), first) {
            (false, _) => Entries::One,
            (true, Some(first)) => Entries::Page(default_of(first).unwrap_or(ENTRIES)),
            (true, None) if type_name.starts_with("__") => Entries::About(self.entries(&field.name)),
            (true, None) => Entries::About(ENTRIES),
        };
        FieldShape { type_name, entries }
    }

    fn entries(&self, list: &str) -> usize {
        match list {
            "types" => self.types,
            "directives" => self.directives,
            "fields" => self.fields,
            "args" => self.arguments,
            "inputFields" => self.input_fields,
            "enumValues" => self.enum_values,
            // `interfaces`, `possibleTypes`, `locations`
            _ => 1,
        }
    }
}

fn default_of(argument: &Argument<ApiScalar>) -> Option<usize> {
    match &argument.default_value {
        Some(InputValue::Scalar(ApiScalar::Int(number))) => usize::try_from(*number).ok(),
        _ => None,
    }
}
