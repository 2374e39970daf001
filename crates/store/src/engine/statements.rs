//! Every SQL text has a name and is listed, so that a test can prepare all of them on both engines.

/// Declares SQL texts as constants and lists them in `ALL`.
macro_rules! statements {
    ($($name:ident = $sql:expr;)*) => {
        $(pub(crate) const $name: &str = $sql;)*
        pub(crate) const ALL: &[(&str, &str)] = &[$((stringify!($name), $sql)),*];
    };
}
pub(crate) use statements;
