//! `Subject`: a product.

use super::{PAGE, list::List, target::Target};
use crate::scalars::date_time::DateTime;
use crate::{
    scalars::ApiScalar,
    schema::context::{GraphqlContext, Outcome},
};
use domain::TargetId;
use juniper::{GraphQLInputObject, ID, Nullable, graphql_object};
use service::products::SubjectChange;

pub(crate) struct Subject(pub(crate) domain::Subject);

/// A product: an application under test.
#[graphql_object]
#[graphql(context = GraphqlContext, scalar = ApiScalar)]
impl Subject {
    /// Its id, `sbj_…`.
    fn id(&self) -> ID {
        ID::new(self.0.id.as_str())
    }

    /// Its name.
    fn name(&self) -> &str {
        self.0.details.name.as_str()
    }

    /// Its description.
    fn description(&self) -> Option<&str> {
        self.0.details.description.as_deref()
    }

    /// The URL at which it runs.
    fn base_url(&self) -> Option<&str> {
        self.0.details.base_url.as_deref()
    }

    /// When it was created.
    fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When it last changed.
    fn updated_at(&self) -> DateTime {
        self.0.updated_at.into()
    }

    /// Its targets, oldest first.
    async fn targets(
        &self,
        context: &GraphqlContext,
        #[graphql(default = PAGE, description = "How many, from 1 to what the server allows (1000, unless it sets `page_maximum`).")]
        first: Option<i32>,
        #[graphql(description = "The id of the last target of the page before.")] after: Option<ID>,
    ) -> Outcome<List<Target>> {
        let page = context.page(first, PAGE, after, TargetId::parse)?;
        context.targets_of(&self.0, page).await
    }
}

/// A new product.
#[derive(Debug, GraphQLInputObject)]
#[graphql(scalar = ApiScalar)]
pub(crate) struct CreateSubjectInput {
    /// Its name: 1 to 200 visible characters.
    pub(crate) name: String,
    /// Its description, at most 4000 characters.
    pub(crate) description: Option<String>,
    /// The URL at which it runs: a whole `http` or `https` URL.
    pub(crate) base_url: Option<String>,
}

/// A change of a product. What is left out stays as it is.
#[derive(Debug, GraphQLInputObject)]
#[graphql(scalar = ApiScalar)]
pub(crate) struct UpdateSubjectInput {
    /// The product's id.
    pub(crate) id: ID,
    /// The new name; a product always has one, so null leaves it as it is.
    name: Option<String>,
    /// The new description; null removes it.
    description: Nullable<String>,
    /// The new base URL; null removes it.
    base_url: Nullable<String>,
}

impl UpdateSubjectInput {
    pub(crate) fn into_change(self) -> SubjectChange {
        SubjectChange {
            name: self.name,
            description: self.description.explicit(),
            base_url: self.base_url.explicit(),
            seen_at: None,
        }
    }
}
