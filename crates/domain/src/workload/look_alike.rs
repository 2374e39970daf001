//! Names that people take for one another.

/// Whether `candidate` could be taken for `known` by somebody who looks at it shortly, though it is another name: repositories
/// like `acme/shop`. It is meant for a hint: many such names are honest.
///
/// Names are alike if they differ in case, in signs between words or in one letter, if one continues the other (`acme/shop-evil`), if the
/// same repository lies under another owner, and always if one of them has characters outside ASCII, which can look like any other.
pub fn looks_alike(candidate: &str, known: &str) -> bool {
    if candidate == known {
        return false;
    }
    if !candidate.is_ascii() || !known.is_ascii() {
        return true;
    }
    let (candidate, known) = (Folded::of(candidate), Folded::of(known));
    candidate.name == known.name
        || (are_alike(&candidate.name, &known.name) && are_alike(&candidate.owner, &known.owner))
}

/// A name without what the eye passes over.
struct Folded {
    owner: String,
    name: String,
}

impl Folded {
    fn of(full_name: &str) -> Self {
        let (owner, name) = full_name.rsplit_once('/').unwrap_or(("", full_name));
        Self { owner: fold(owner), name: fold(name) }
    }
}

/// Lower case, without signs between words, with one letter for those that look like it.
fn fold(text: &str) -> String {
    let letters: String = text
        .bytes()
        .filter(u8::is_ascii_alphanumeric)
        .map(|letter| match letter.to_ascii_lowercase() {
            b'0' => 'o',
            b'1' | b'i' => 'l',
            other => char::from(other),
        })
        .collect();
    letters.replace("rn", "m").replace("vv", "w")
}

/// The shortest name that another one may continue, in letters: everything begins with `a`.
const SHORTEST: usize = 3;

fn are_alike(a: &str, b: &str) -> bool {
    let (shorter, longer) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    a == b
        || (shorter.len() >= SHORTEST
            && (longer.starts_with(shorter) || longer.ends_with(shorter) || is_one_edit(shorter, longer)))
}

/// Whether one letter was added, replaced or exchanged with its neighbour.
fn is_one_edit(shorter: &str, longer: &str) -> bool {
    let (shorter, longer) = (shorter.as_bytes(), longer.as_bytes());
    let same = shorter.iter().zip(longer).take_while(|(a, b)| a == b).count();
    let rest = |text: &[u8], skipped: usize| text.get(same + skipped..).unwrap_or_default().to_vec();
    match longer.len() - shorter.len() {
        1 => rest(shorter, 0) == rest(longer, 1),
        0 => {
            let is_exchange =
                shorter.get(same) == longer.get(same + 1) && shorter.get(same + 1) == longer.get(same);
            rest(shorter, 1) == rest(longer, 1) || (is_exchange && rest(shorter, 2) == rest(longer, 2))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn strangers_that_look_like_acme_shop_are_pointed_out() {
        for stranger in [
            "acme/shop-evil",
            "acme/evil-shop",
            "Acme/Shop",
            "acme-inc/shop",
            "ac-me/shop",
            "acme/s_hop",
            "acme/sh0p",
            "acme/shops",
            "acme/sho",
            "acme/shpo",
            "acne/shop",
            "acrne/shop",
            "evil/shop",
            "evil/Shop",
            "acme/sh\u{43E}p",
            "acme/shop\u{200B}",
            "\u{FF41}cme/shop",
            "\u{430}\u{441}\u{43C}\u{435}/\u{455}\u{4BB}\u{43E}\u{440}",
        ] {
            assert!(looks_alike(stranger, "acme/shop"), "{stranger}");
        }
        for other in ["acme/shop", "acme/billing", "evil/billing", "acme/s", "globex/warehouse", ""] {
            assert!(!looks_alike(other, "acme/shop"), "{other}");
        }
    }

    proptest! {
        #[test]
        fn being_alike_goes_both_ways_and_no_name_is_alike_itself(a in "[a-c/-]{0,8}", b in "[a-c/-]{0,8}") {
            prop_assert_eq!(looks_alike(&a, &b), looks_alike(&b, &a));
            prop_assert!(!looks_alike(&a, &a));
        }

        #[test]
        fn one_edit_is_alike(name in "[a-dx]{4,20}", at in 0usize..20, letter in "[a-dx]") {
            let at = at % name.len();
            let (before, after) = name.split_at(at);
            for edited in [format!("{before}{letter}{after}"), format!("{before}{letter}{}", &after[1..]), format!("{before}{}", &after[1..])] {
                prop_assert!(are_alike(&edited, &name), "{}", edited);
            }
        }
    }
}
