//! The reference of the schema in the users' documentation: a page that is written from the schema itself.

use graphql_parser::schema::{Definition, EnumType, Field, InputValue, Type, TypeDefinition, parse_schema};
use std::{collections::HashMap, path::Path};
use testkit::assert_committed;

const HEAD: &str = "# GraphQL schema

Every operation and type of the [GraphQL API](graphql-api.md). In the repository the schema is `crates/platform/schema.graphql`, and a
running server answers GraphQL introspection.
";

#[test]
fn the_committed_reference_is_the_schema() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/integrations/graphql-schema.md");
    assert_committed(&path, &page(&platform::sdl()), "UPDATE_REFERENCES", "cargo test -p platform reference");
}

fn page(sdl: &str) -> String {
    let document = parse_schema::<String>(sdl).unwrap();
    let types: Vec<_> = document
        .definitions
        .into_iter()
        .filter_map(|definition| match definition {
            Definition::TypeDefinition(named) => Some(named),
            _ => None,
        })
        .collect();
    let mut page = HEAD.to_owned();
    let links: Links = types.iter().filter_map(heading).collect();
    for (name, title) in [("Query", "Queries"), ("Mutation", "Mutations")] {
        page.extend(["\n## ", title, "\n"]);
        for named in &types {
            if let TypeDefinition::Object(object) = named
                && object.name == name
            {
                object.fields.iter().for_each(|field| page.push_str(&operation(name, field, &links)));
            }
        }
    }
    section(&mut page, "Types", types.iter().filter_map(|named| object(named, &links)));
    section(&mut page, "Inputs", types.iter().filter_map(|named| input(named, &links)));
    section(&mut page, "Enumerations", types.iter().filter_map(enumeration));
    section(&mut page, "Scalars", types.iter().filter_map(scalar));
    page
}

fn section(page: &mut String, title: &str, parts: impl Iterator<Item = String>) {
    page.extend(["\n## ", title, "\n"]);
    parts.for_each(|part| page.push_str(&part));
}

fn operation(kind: &str, field: &Field<'_, String>, links: &Links) -> String {
    let text = described(kind, &field.name, field.description.as_deref());
    let arguments = table("argument", field.arguments.iter().map(|argument| value(argument, links)));
    format!("{text}\nReturns {}.\n{arguments}", linked(&field.field_type, links))
}

fn object(named: &TypeDefinition<'_, String>, links: &Links) -> Option<String> {
    let TypeDefinition::Object(object) = named else { return None };
    if matches!(object.name.as_str(), "Query" | "Mutation") {
        return None;
    }
    let rows = object.fields.iter().map(|field| {
        let arguments: Vec<_> = field
            .arguments
            .iter()
            .map(|argument| format!("{}: {}", argument.name, argument.value_type))
            .collect();
        let name = if arguments.is_empty() {
            field.name.clone()
        } else {
            format!("{}({})", field.name, arguments.join(", "))
        };
        let description = field.description.clone();
        let description = description.unwrap_or_else(|| panic!("{} has no description", field.name));
        (name, linked(&field.field_type, links), description)
    });
    Some(format!(
        "{}{}",
        described("Type", &object.name, object.description.as_deref()),
        table("field", rows)
    ))
}

fn input(named: &TypeDefinition<'_, String>, links: &Links) -> Option<String> {
    let TypeDefinition::InputObject(input) = named else { return None };
    let fields = table("field", input.fields.iter().map(|field| value(field, links)));
    Some(format!("{}{fields}", described("Input", &input.name, input.description.as_deref())))
}

fn enumeration(named: &TypeDefinition<'_, String>) -> Option<String> {
    let TypeDefinition::Enum(EnumType { name, description, values, .. }) = named else { return None };
    let mut text = format!(
        "{}\n| value | meaning |\n| --- | --- |\n",
        described("Enumeration", name, description.as_deref())
    );
    for value in values {
        text.extend([
            "| `",
            &value.name,
            "` | ",
            &cell(
                value.description.as_deref().unwrap_or_else(|| panic!("{} has no description", value.name)),
            ),
            " |
",
        ]);
    }
    Some(text)
}

fn scalar(named: &TypeDefinition<'_, String>) -> Option<String> {
    let TypeDefinition::Scalar(scalar) = named else { return None };
    Some(described("Scalar", &scalar.name, scalar.description.as_deref()))
}

fn described(kind: &str, name: &str, description: Option<&str>) -> String {
    format!(
        "\n### {kind} `{name}`\n\n{}\n",
        description.unwrap_or_else(|| panic!("{name} has no description"))
    )
}

fn value(given: &InputValue<'_, String>, links: &Links) -> (String, String, String) {
    let description = given.description.clone();
    let description = description.unwrap_or_else(|| panic!("{} has no description", given.name));
    let default = given.default_value.as_ref().map(|default| format!(" Default: `{default}`."));
    (
        given.name.clone(),
        linked(&given.value_type, links),
        description + default.as_deref().unwrap_or_default(),
    )
}

fn table(what: &str, rows: impl Iterator<Item = (String, String, String)>) -> String {
    let rows: Vec<_> =
        rows.map(|(name, kind, text)| format!("| `{name}` | {kind} | {} |\n", cell(&text))).collect();
    if rows.is_empty() {
        return String::new();
    }
    format!("\n| {what} | type | meaning |\n| --- | --- | --- |\n{}", rows.concat())
}

/// What stands before each type's name in its heading.
type Links = HashMap<String, &'static str>;

fn heading(named: &TypeDefinition<'_, String>) -> Option<(String, &'static str)> {
    match named {
        TypeDefinition::Object(object) => Some((object.name.clone(), "type")),
        TypeDefinition::InputObject(input) => Some((input.name.clone(), "input")),
        TypeDefinition::Enum(enumeration) => Some((enumeration.name.clone(), "enumeration")),
        TypeDefinition::Scalar(scalar) => Some((scalar.name.clone(), "scalar")),
        _ => None,
    }
}

/// A type's name, leading to what is said of it; the scalars that every schema has say nothing.
fn linked(kind: &Type<'_, String>, links: &Links) -> String {
    fn innermost<'a>(kind: &'a Type<'_, String>) -> &'a str {
        match kind {
            Type::NamedType(name) => name,
            Type::ListType(inner) | Type::NonNullType(inner) => innermost(inner),
        }
    }
    let name = innermost(kind);
    match links.get(name) {
        Some(before) => format!("[`{kind}`](#{before}-{})", name.to_lowercase()),
        None => format!("`{kind}`"),
    }
}

fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}
