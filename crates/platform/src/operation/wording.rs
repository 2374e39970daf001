//! Messages of the GraphQL library in the words of graphql-js, the reference implementation: programs look for them to step
//! back from a field that an older server does not know.

use std::borrow::Cow;

/// A message of validation. What graphql-js words alike stays.
pub(crate) fn as_in_reference(message: &str) -> Cow<'_, str> {
    // Names of GraphQL hold no quotes.
    let parts: Vec<&str> = message.split('"').collect();
    match parts[..] {
        ["Unknown field ", field, " on type ", of, ""] => {
            format!("Cannot query field \"{field}\" on type \"{of}\".").into()
        }
        ["Unknown argument ", argument, " on field ", field, " of type ", of, ""] => {
            format!("Unknown argument \"{argument}\" on field \"{of}.{field}\".").into()
        }
        [.., before, field, " does not exist on type ", of, ""] if before.ends_with("Field ") => {
            undefined_input(field, of.trim_end_matches('!')).into()
        }
        _ => message.into(),
    }
}

/// What is said of a member that an input type does not have.
pub(crate) fn undefined_input(field: &str, of: &str) -> String {
    format!("Field \"{field}\" is not defined by type \"{of}\".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_names_are_told_as_graphql_js_tells_them() {
        for (told, said) in [
            (r#"Unknown field "x" on type "Y""#, r#"Cannot query field "x" on type "Y"."#),
            (r#"Unknown argument "a" on field "b" of type "C""#, r#"Unknown argument "a" on field "C.b"."#),
            (
                r#"Invalid value for argument "input", reason: Error on "I!" field "m": Field "x" does not exist on type "J!""#,
                r#"Field "x" is not defined by type "J"."#,
            ),
            (r#"Unknown type "Nothing""#, r#"Unknown type "Nothing""#),
        ] {
            assert_eq!(as_in_reference(told), said);
        }
    }
}
