//! The parameters of a browser's request: a query in which one that stands twice is told apart from the others, because
//! the client has a right to hear of it (RFC 6749 §3.1, §4.1.2.1).

use std::borrow::Cow;

/// A parameter that stands more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Repeated;

/// A query's parameters; those without a value count as left out.
#[derive(Debug)]
pub(crate) struct QueryParameters<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> QueryParameters<'a> {
    /// Reads a query; `None` if it is badly encoded.
    pub(crate) fn parse(query: &'a str) -> Option<Self> {
        let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((web::form::decode(name)?, web::form::decode(value)?))
        });
        pairs.collect::<Option<_>>().map(Self)
    }

    /// The one value of `name`, unless it is missing or empty.
    pub(crate) fn once(&self, name: &str) -> Result<Option<&str>, Repeated> {
        let mut found = self.0.iter().filter(|(known, _)| known == name);
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(Repeated),
            (found, None) => Ok(found.map(|(_, value)| &**value).filter(|value| !value.is_empty())),
        }
    }

    /// Whether any parameter stands more than once.
    pub(crate) fn repeat(&self) -> bool {
        let mut names: Vec<&str> = self.0.iter().map(|(name, _)| &**name).collect();
        names.sort_unstable();
        names.windows(2).any(|pair| matches!(pair, [one, other] if one == other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_read_once_or_not_at_all() {
        let read = QueryParameters::parse("a=1+2%26&b=&c=x&c=x&d").unwrap();
        assert_eq!(read.once("a"), Ok(Some("1 2&")));
        assert_eq!((read.once("b"), read.once("d"), read.once("e")), (Ok(None), Ok(None), Ok(None)));
        assert_eq!(read.once("c"), Err(Repeated));
        assert!(read.repeat() && !QueryParameters::parse("a=1&b=1").unwrap().repeat());
        assert!(QueryParameters::parse("a=%").is_none() && QueryParameters::parse("%ff=1").is_none());
    }
}
