//! Lists in pages.

use service::Service;

/// How many rows a page of a list has. The setting `page_maximum` allows for the one row too many with which [`cut`] works.
pub(crate) fn page_size(service: &Service) -> i64 {
    50.min(service.policy().page_maximum - 1)
}

/// Cuts a list that was asked for with one row too many to one page, and says what its last row is if there are more.
pub(crate) fn cut<T: Clone>(mut rows: Vec<T>, size: i64) -> (Vec<T>, Option<T>) {
    let page = usize::try_from(size).unwrap_or(usize::MAX);
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
        assert_eq!(cut(rows(50), 50), (rows(50), None));
        assert_eq!(cut(rows(51), 50), (rows(50), Some(50)));
        assert_eq!(cut(rows(0), 50), (Vec::new(), None));
    }
}
