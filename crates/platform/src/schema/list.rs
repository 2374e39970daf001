//! Lists. Resolving a value of the schema as a future costs several times what the value itself does, and nearly every
//! call asks for a list of entries with nothing but plain values, like `{ subjects { id name } }`. Such a list needs
//! no futures: none of its fields waits for anything.

use super::size::Size;
use crate::{operation::budget, scalars::ApiScalar};
use futures::future::ready;
use juniper::{
    ArcStr, BoxFuture, ExecutionResult, Executor, GraphQLType, GraphQLTypeAsync, GraphQLValue,
    GraphQLValueAsync, Object, Registry, Selection, Value, macros::reflect, marker, meta::MetaType,
};

/// A list of objects whose fields are plain values, unless something is selected below them.
///
/// Its entries count for what is read for the answer, as long as they are here. Beyond the budget it is empty: then nothing is
/// answered from it any more.
pub(crate) struct List<T> {
    entries: Vec<T>,
    size: usize,
}

impl<T: Size> FromIterator<T> for List<T> {
    fn from_iter<I: IntoIterator<Item = T>>(entries: I) -> Self {
        let mut entries: Vec<T> = entries.into_iter().collect();
        let size = entries.iter().map(Size::size).sum();
        budget::read(size);
        if budget::is_exceeded() {
            entries = Vec::new();
        }
        Self { entries, size }
    }
}

impl<T> Drop for List<T> {
    fn drop(&mut self) {
        budget::forget(self.size);
    }
}

/// Counts the fields of an object, which are there whether they hold something or not.
fn count_fields(value: &Value<ApiScalar>) {
    budget::fields(value.as_object_value().map_or(1, Object::field_count));
}

impl<T> List<T> {
    pub(crate) const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Whether nothing is selected below any field.
fn only_leaves<C>(selection: &[Selection<'_, ApiScalar>], executor: &Executor<'_, '_, C, ApiScalar>) -> bool {
    selection.iter().all(|selected| match selected {
        Selection::Field(field) => field.item.selection_set.is_none(),
        Selection::InlineFragment(fragment) => only_leaves(&fragment.item.selection_set, executor),
        Selection::FragmentSpread(spread) => executor
            .fragment_by_name(spread.item.name.item)
            .is_some_and(|fragment| only_leaves(&fragment.selection_set, executor)),
    })
}

impl<T: GraphQLType<ApiScalar>> GraphQLType<ApiScalar> for List<T> {
    fn name(_: &T::TypeInfo) -> Option<ArcStr> {
        None
    }

    fn meta(info: &T::TypeInfo, registry: &mut Registry<ApiScalar>) -> MetaType<ApiScalar> {
        Vec::<T>::meta(info, registry)
    }
}

impl<T: GraphQLValue<ApiScalar>> GraphQLValue<ApiScalar> for List<T> {
    type Context = T::Context;
    type TypeInfo = T::TypeInfo;

    fn type_name(&self, _: &T::TypeInfo) -> Option<ArcStr> {
        None
    }

    fn resolve(
        &self,
        info: &T::TypeInfo,
        _: Option<&[Selection<'_, ApiScalar>]>,
        executor: &Executor<'_, '_, T::Context, ApiScalar>,
    ) -> ExecutionResult<ApiScalar> {
        // Where it is beyond the budget it has no entries to say so.
        budget::check()?;
        let mut values = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            budget::check()?;
            let value = executor.resolve(info, entry)?;
            if value.is_null() {
                return Ok(value);
            }
            count_fields(&value);
            values.push(value);
        }
        Ok(Value::list(values))
    }
}

impl<T> GraphQLValueAsync<ApiScalar> for List<T>
where
    T: GraphQLTypeAsync<ApiScalar>,
    T::TypeInfo: Sync,
    T::Context: Sync,
{
    fn resolve_async<'a>(
        &'a self,
        info: &'a T::TypeInfo,
        selection: Option<&'a [Selection<'_, ApiScalar>]>,
        executor: &'a Executor<'_, '_, T::Context, ApiScalar>,
    ) -> BoxFuture<'a, ExecutionResult<ApiScalar>> {
        if selection.is_some_and(|selection| only_leaves(selection, executor)) {
            Box::pin(ready(self.resolve(info, selection, executor)))
        } else {
            Box::pin(async move {
                budget::check()?;
                let values = self.entries.resolve_async(info, selection, executor).await?;
                for value in values.as_list_value().into_iter().flatten() {
                    count_fields(value);
                }
                Ok(values)
            })
        }
    }
}

impl<T: marker::IsOutputType<ApiScalar>> marker::IsOutputType<ApiScalar> for List<T> {}

impl<T: reflect::BaseType<ApiScalar>> reflect::BaseType<ApiScalar> for List<T> {
    const NAME: reflect::Type = T::NAME;
}

impl<T: reflect::BaseSubTypes<ApiScalar>> reflect::BaseSubTypes<ApiScalar> for List<T> {
    const NAMES: reflect::Types = T::NAMES;
}

impl<T: reflect::WrappedType<ApiScalar>> reflect::WrappedType<ApiScalar> for List<T> {
    const VALUE: reflect::WrappedValue = <Vec<T> as reflect::WrappedType<ApiScalar>>::VALUE;
}
