//! Lists. Resolving a value of the schema as a future costs several times what the value itself does, and nearly every
//! call asks for a list of entries with nothing but plain values, like `{ subjects { id name } }`. Such a list needs
//! no futures: none of its fields waits for anything.

use crate::scalars::ApiScalar;
use futures::future::ready;
use juniper::{
    ArcStr, BoxFuture, ExecutionResult, Executor, GraphQLType, GraphQLTypeAsync, GraphQLValue,
    GraphQLValueAsync, Registry, Selection, macros::reflect, marker, meta::MetaType,
};

/// A list of objects whose fields are plain values, unless something is selected below them.
pub(crate) struct List<T>(Vec<T>);

impl<T> FromIterator<T> for List<T> {
    fn from_iter<I: IntoIterator<Item = T>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

impl<T> List<T> {
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
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
        selection: Option<&[Selection<'_, ApiScalar>]>,
        executor: &Executor<'_, '_, T::Context, ApiScalar>,
    ) -> ExecutionResult<ApiScalar> {
        self.0.resolve(info, selection, executor)
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
            Box::pin(ready(self.0.resolve(info, selection, executor)))
        } else {
            self.0.resolve_async(info, selection, executor)
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
