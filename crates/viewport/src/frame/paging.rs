//! Lists in pages.

/// How many rows a page of a list has.
pub(crate) const PAGE: i64 = 50;

/// Cuts a list that was asked for with one row too many to one page, and says what its last row is if there are more.
pub(crate) fn cut<T: Clone>(mut rows: Vec<T>) -> (Vec<T>, Option<T>) {
    let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let more = rows.len() > page;
    rows.truncate(page);
    let last = rows.last().filter(|_| more).cloned();
    (rows, last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_its_last_row_only_if_more_follow() {
        let rows = |count: i64| (1..=count).collect::<Vec<i64>>();
        assert_eq!(cut(rows(PAGE)), (rows(PAGE), None));
        assert_eq!(cut(rows(PAGE + 1)), (rows(PAGE), Some(PAGE)));
        assert_eq!(cut(rows(0)), (Vec::new(), None));
    }
}
