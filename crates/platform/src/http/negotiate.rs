//! Which media type a client sends and which it wants (RFC 9110 §12.5.1; GraphQL over HTTP, Media Types).

use http::{HeaderMap, HeaderValue, header};

/// The media types of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MediaType {
    /// The one that clients have always known: a well-formed request is answered 200, whatever it says.
    Json,
    /// The one that the specification made for GraphQL: the status tells whether the request was good.
    GraphqlResponse,
}

impl MediaType {
    const ALL: [Self; 2] = [Self::Json, Self::GraphqlResponse];

    const fn name(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::GraphqlResponse => "application/graphql-response+json",
        }
    }

    pub(crate) const fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        })
    }

    /// The type that the client likes best; none if it can read neither. Without a wish it is JSON.
    pub(crate) fn wanted(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(header::ACCEPT).iter().peekable();
        if values.peek().is_none() {
            return Some(Self::Json);
        }
        let texts = values.map(|value| value.to_str().unwrap_or_default());
        let ranges: Vec<Range<'_>> =
            texts.flat_map(|text| text.split(',')).filter_map(Range::parse).collect();
        // `max_by_key` takes the last of equals: JSON, which everyone reads, wins over `*/*`.
        Self::ALL
            .into_iter()
            .rev()
            .filter_map(|media| Some((media, Wish::of(media, &ranges)?)))
            .max_by_key(|(_, wish)| *wish)
            .map(|(media, _)| media)
    }
}

/// How much a client wants a type: by weight, then by how exactly it is named, then by its place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Wish {
    thousandths: u16,
    precision: u8,
    earliness: std::cmp::Reverse<usize>,
}

impl Wish {
    /// The most precise range that fits decides, even if it says no.
    fn of(media: MediaType, ranges: &[Range<'_>]) -> Option<Self> {
        let fitting = ranges.iter().enumerate().filter_map(|(place, range)| {
            let precision = range.precision(media.name())?;
            let earliness = std::cmp::Reverse(place);
            Some(Self { thousandths: range.thousandths, precision, earliness })
        });
        fitting
            .max_by_key(|wish| (wish.precision, wish.thousandths, wish.earliness))
            .filter(|wish| wish.thousandths > 0)
    }
}

/// One member of `Accept`.
struct Range<'a> {
    name: &'a str,
    thousandths: u16,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let name = parts.next().filter(|name| !name.is_empty())?;
        let mut thousandths = 1000;
        for (parameter, value) in parts.filter_map(|part| part.split_once('=')) {
            if parameter.eq_ignore_ascii_case("q") {
                thousandths = weight(value)?;
            } else if parameter.eq_ignore_ascii_case("charset") && !is_utf8(value) {
                return None;
            }
        }
        Some(Self { name, thousandths })
    }

    fn precision(&self, media: &str) -> Option<u8> {
        match self.name {
            "*/*" => Some(0),
            name if name.eq_ignore_ascii_case("application/*") => Some(1),
            name if name.eq_ignore_ascii_case(media) => Some(2),
            _ => None,
        }
    }
}

/// `0`, `1`, `0.5`, … `0.001` as thousandths.
fn weight(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 {
        return None;
    }
    let thousandths =
        whole.parse::<u16>().ok()?.checked_mul(1000)? + format!("{fraction:0<3}").parse::<u16>().ok()?;
    (thousandths <= 1000).then_some(thousandths)
}

fn is_utf8(charset: &str) -> bool {
    let charset = charset.trim_matches('"');
    charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
}

/// Whether a body is what we read: `application/json`, in UTF-8.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let Ok(text) = value.to_str() else { return false };
    let mut parts = text.split(';').map(str::trim);
    let right_name = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(MediaType::Json.name()));
    right_name
        && parts
            .filter_map(|part| part.split_once('='))
            .all(|(parameter, value)| !parameter.eq_ignore_ascii_case("charset") || is_utf8(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(accept: &str) -> Option<MediaType> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().expect("a header"));
        MediaType::wanted(&headers)
    }

    #[test]
    fn the_best_liked_type_is_chosen() {
        use MediaType::{GraphqlResponse, Json};
        let cases = [
            ("application/json", Some(Json)),
            ("application/graphql-response+json", Some(GraphqlResponse)),
            ("*/*", Some(Json)),
            ("application/*", Some(Json)),
            ("application/graphql-response+json, application/json", Some(GraphqlResponse)),
            ("application/json, application/graphql-response+json", Some(Json)),
            ("application/graphql-response+json, application/json;q=0.9", Some(GraphqlResponse)),
            ("application/graphql-response+json;q=0.5, application/json", Some(Json)),
            ("application/graphql-response+json;q=0.5, */*;q=0.1", Some(GraphqlResponse)),
            ("application/json;q=0, */*", Some(GraphqlResponse)),
            (
                "application/graphql-response+json; charset=utf-8, application/json; charset=utf-8",
                Some(GraphqlResponse),
            ),
            ("Application/JSON;charset=\"UTF-8\"", Some(Json)),
            ("application/json; charset=utf-16", None),
            ("text/html, application/xhtml+xml", None),
            ("text/html, application/xml;q=0.9, */*;q=0.8", Some(Json)),
            ("application/json;q=2", None),
            ("application/json;q=0.0001", None),
            ("", None),
        ];
        for (accept, expected) in cases {
            assert_eq!(wanted(accept), expected, "{accept}");
        }
        assert_eq!(MediaType::wanted(&HeaderMap::new()), Some(Json));
    }

    #[test]
    fn only_json_in_utf_8_is_read() {
        let cases = [
            ("application/json", true),
            ("Application/Json; charset=UTF-8", true),
            ("application/json; charset=utf-16", false),
            ("application/graphql", false),
            ("text/plain", false),
            ("multipart/form-data; boundary=x", false),
        ];
        for (text, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, text.parse().expect("a header"));
            assert_eq!(is_json(&headers), expected, "{text}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
