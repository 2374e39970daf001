//! What somebody else stored while a form was filled in.

/// What is stored and differs from what was typed, by its name on the page.
pub(crate) type Stored = Vec<(&'static str, String)>;

/// Leaves out what is the same.
pub(crate) fn differences(fields: &[(&'static str, &str, &str)]) -> Stored {
    let differing = fields.iter().filter(|(_, typed, stored)| typed.trim() != stored.trim());
    differing.map(|(name, _, stored)| (*name, (*stored).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_shown() {
        let fields = [("Name", "Shop", "Shop "), ("Base URL", "", "https://shop.example")];
        assert_eq!(differences(&fields), vec![("Base URL", "https://shop.example".to_owned())]);
    }
}
