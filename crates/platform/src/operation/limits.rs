//! How much an operation asks for, weighed before anything of it runs.
//!
//! Each fragment is weighed once, however often it is spread, so that the weighing itself takes no longer than
//! reading the document, even where the document stands for billions of fields.

use crate::{
    operation::{
        heavy,
        request_errors::RequestError,
        shape::{Entries, FieldShape, Shape, TypeShape},
    },
    scalars::ApiScalar,
    settings::Settings,
};
use juniper::{Definition, InputValue, Operation, OperationType, Selection, Spanning};
use serde_json::{Map, Value as JsonValue};
use std::collections::HashMap;

/// How many values introspection may answer at most: some times the standard query of the clients' tools.
pub(crate) const INTROSPECTION: usize = 100_000;

/// What an operation amounts to, its fragments included at each spread. Numbers stop at the largest one.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weight {
    /// How deep its fields nest, introspection apart.
    pub(crate) depth: usize,
    /// How many of its fields have an alias.
    pub(crate) aliases: usize,
    /// How many values it may answer: fields, times the entries of the lists around them.
    pub(crate) values: usize,
    /// The same of introspection, which has a limit of its own.
    pub(crate) introspection: usize,
    /// How long the names of these values are, in bytes: an alias may be as long as a document.
    pub(crate) names: usize,
}

impl Weight {
    fn beside(self, other: Self) -> Self {
        Self {
            depth: self.depth.max(other.depth),
            aliases: self.aliases.saturating_add(other.aliases),
            values: self.values.saturating_add(other.values),
            introspection: self.introspection.saturating_add(other.introspection),
            names: self.names.saturating_add(other.names),
        }
    }

    /// Whether the operation may take long on the processor.
    pub(crate) const fn is_heavy(self) -> bool {
        self.values > heavy::VALUES || self.introspection > heavy::VALUES
    }

    fn check(self, settings: &Settings) -> Result<(), RequestError> {
        within("depth", self.depth, settings.depth, |found, limit| {
            format!(
                "the fields nest {found} deep, the limit is {limit}: ask for the inner objects in a request of their own"
            )
        })?;
        within("aliases", self.aliases, settings.aliases, |found, limit| {
            format!("the operation has {found} aliases, the limit is {limit}: split it into several requests")
        })?;
        let too_many = |found: usize, limit: usize| {
            format!(
                "the operation asks for up to {found} values (its fields, times the `first` of the lists around them), \
                 the limit is {limit}: ask for smaller pages with `first`, or for fewer fields"
            )
        };
        within("complexity", self.values, settings.complexity, too_many)?;
        within("introspection", self.introspection, INTROSPECTION, |found, limit| {
            format!(
                "the operation asks for up to {found} values of introspection, the limit is {limit}: \
                 nest `fields`, `args` and `type` less, or ask for one type at a time with `__type`"
            )
        })?;
        within("answerBytes", self.names, settings.answer_bytes, |found, limit| {
            format!(
                "the names of the fields in the answer would take up to {found} bytes, the limit of an answer is {limit} \
                 (graphql_answer_bytes): ask for smaller pages with `first`, or use shorter aliases"
            )
        })
    }
}

fn within(
    name: &str,
    found: usize,
    limit: usize,
    message: impl FnOnce(usize, usize) -> String,
) -> Result<(), RequestError> {
    if found <= limit {
        return Ok(());
    }
    let error = RequestError::invalid(message(found, limit));
    Err(error.with("limitOf", name).with("limit", limit).with("found", found))
}

/// Rejects an operation that asks for too much, and says how much it asks for.
///
/// # Errors
/// It is over a limit, or a fragment contains itself.
pub(crate) fn check(
    document: &[Definition<'_, ApiScalar>],
    operation: &Spanning<Operation<'_, ApiScalar>>,
    pages: Pages<'_>,
    shape: &Shape,
    settings: &Settings,
) -> Result<Weight, RequestError> {
    let weight = Scale::new(document, pages, shape).operation(&operation.item)?;
    weight.check(settings).map_err(|error| error.at(operation.start()))?;
    Ok(weight)
}

/// What `first` is where a variable says it.
pub(crate) struct Pages<'a> {
    pub(crate) variables: &'a Map<String, JsonValue>,
    /// The largest page that the service gives; more is rejected there.
    pub(crate) maximum: usize,
}

struct Scale<'d, 'a> {
    fragments: HashMap<&'a str, (&'a str, &'d [Selection<'a, ApiScalar>])>,
    weighed: HashMap<&'a str, Weight>,
    /// The fragments that the present selection lies in.
    open: Vec<&'a str>,
    /// Defaults of the operation's variables.
    defaults: HashMap<&'a str, &'d InputValue<ApiScalar>>,
    pages: Pages<'d>,
    shape: &'d Shape,
}

impl<'d, 'a> Scale<'d, 'a> {
    fn new(document: &'d [Definition<'a, ApiScalar>], pages: Pages<'d>, shape: &'d Shape) -> Self {
        let fragments = document.iter().filter_map(|definition| match definition {
            Definition::Fragment(Spanning { item, .. }) => {
                Some((item.name.item, (item.type_condition.item, item.selection_set.as_slice())))
            }
            Definition::Operation(_) => None,
        });
        Self {
            fragments: fragments.collect(),
            weighed: HashMap::new(),
            open: Vec::new(),
            defaults: HashMap::new(),
            pages,
            shape,
        }
    }

    fn operation(mut self, operation: &'d Operation<'a, ApiScalar>) -> Result<Weight, RequestError> {
        let definitions =
            operation.variables_definition.iter().flat_map(|definitions| definitions.item.iter());
        for (name, definition) in definitions {
            if let Some(default) = &definition.default_value {
                self.defaults.insert(name.item, &default.item);
            }
        }
        let root = match operation.operation_type {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        };
        let root = self.shape.type_named(root);
        self.selections(&operation.selection_set, root)
    }

    fn selections(
        &mut self,
        selections: &'d [Selection<'a, ApiScalar>],
        parent: Option<&'d TypeShape>,
    ) -> Result<Weight, RequestError> {
        let mut total = Weight::default();
        for selection in selections {
            let weight = match selection {
                Selection::Field(Spanning { item: field, .. }) => {
                    let shape = parent.and_then(|parent| parent.field(field.name.item));
                    let inner = match &field.selection_set {
                        Some(inner) => {
                            let inner_type = shape.and_then(|shape| self.shape.type_named(&shape.type_name));
                            self.selections(inner, inner_type)?
                        }
                        None => Weight::default(),
                    };
                    let first = field.arguments.as_ref().and_then(|arguments| arguments.item.get("first"));
                    let entries = self.entries(shape, first.map(|first| &first.item));
                    let introspection = matches!(field.name.item, "__schema" | "__type")
                        || parent.is_some_and(|parent| parent.introspection);
                    let name = field.alias.as_ref().unwrap_or(&field.name).item;
                    of_field(inner, entries, introspection, field.alias.is_some(), name.len())
                }
                Selection::FragmentSpread(spread) => self.fragment(&spread.item.name)?,
                Selection::InlineFragment(Spanning { item: fragment, .. }) => {
                    let narrowed = fragment.type_condition.as_ref();
                    let parent = narrowed.map_or(parent, |name| self.shape.type_named(name.item));
                    self.selections(&fragment.selection_set, parent)?
                }
            };
            total = total.beside(weight);
        }
        Ok(total)
    }

    fn fragment(&mut self, name: &Spanning<&'a str>) -> Result<Weight, RequestError> {
        if let Some(weight) = self.weighed.get(name.item) {
            return Ok(*weight);
        }
        // Validation says so of a fragment that is not there.
        let Some((on, selections)) = self.fragments.get(name.item).copied() else {
            return Ok(Weight::default());
        };
        if self.open.contains(&name.item) {
            return Err(
                RequestError::invalid(format!("the fragment {} contains itself", name.item)).at(name.start())
            );
        }
        self.open.push(name.item);
        let weight = self.selections(selections, self.shape.type_named(on))?;
        self.open.pop();
        self.weighed.insert(name.item, weight);
        Ok(weight)
    }

    /// How many entries a field may have.
    fn entries(&self, shape: Option<&FieldShape>, first: Option<&InputValue<ApiScalar>>) -> usize {
        match shape.map_or(Entries::One, |shape| shape.entries) {
            Entries::One => 1,
            Entries::About(entries) => entries,
            Entries::Page(default) => {
                // A page that is too small or too large is rejected by its field, with a better word for it.
                first.and_then(|first| self.number(first)).unwrap_or(default).clamp(1, self.pages.maximum)
            }
        }
    }

    fn number(&self, value: &InputValue<ApiScalar>) -> Option<usize> {
        match value {
            InputValue::Scalar(ApiScalar::Int(number)) => Some(usize::try_from(*number).unwrap_or(0)),
            InputValue::Variable(name) => match self.pages.variables.get(name) {
                Some(value) => value.as_i64().map(|number| usize::try_from(number).unwrap_or(0)),
                None => match self.defaults.get(name.as_str()) {
                    Some(InputValue::Scalar(ApiScalar::Int(number))) => usize::try_from(*number).ok(),
                    _ => None,
                },
            },
            _ => None,
        }
    }
}

fn of_field(inner: Weight, entries: usize, introspection: bool, alias: bool, name: usize) -> Weight {
    Weight {
        depth: inner.depth + usize::from(!introspection),
        aliases: inner.aliases.saturating_add(usize::from(alias)),
        values: inner.values.saturating_mul(entries).saturating_add(usize::from(!introspection)),
        introspection: inner.introspection.saturating_mul(entries).saturating_add(usize::from(introspection)),
        names: inner.names.saturating_mul(entries).saturating_add(name),
    }
}
