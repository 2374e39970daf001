//! The macro that declares the settings, and what it needs.

use serde::Serialize;
use serde_json::{Value, json};
use std::{ffi::OsStr, ops::RangeInclusive};

/// Declares every setting once: its help, its key in the file (and with dashes its flag), its type, its default, its bounds and
/// its variable. One without a default is optional; then its help says what holds without it.
macro_rules! settings {
    ($(
        #[doc = $help:literal]
        $(#[$attribute:meta])*
        $name:ident: $kind:ty $(= $default:expr)? $(, [$bounds:expr])?, $variable:literal;
    )*) => {
        /// Settings as they were given; what is `None` was not.
        #[derive(Debug, Clone, Default, Args, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        #[command(next_help_heading = "Settings (duku help settings shows all of them)")]
        pub struct GivenSettings {
            $(
                #[doc = $help]
                $(#[$attribute])*
                #[arg(
                    long, env = $variable, global = true, hide = true, hide_env_values = true,
                    help = [
                        $help.trim().to_owned(),
                        $(declare::default_text::<$kind>($default),)?
                        $(format!(" [bounds: {}]", declare::in_words(&($bounds))),)?
                    ].concat()
                )]
                pub $name: Option<$kind>,
            )*
        }

        /// The name of every setting in the environment.
        pub const VARIABLES: &[&str] = &[$($variable),*];

        /// Settings with their defaults filled in.
        #[derive(Debug, Clone)]
        #[expect(missing_docs, reason = "each field is described in `GivenSettings`")]
        pub struct Settings {
            $(pub $name: declare::filled!(type $kind $(, $default)?),)*
        }

        impl GivenSettings {
            fn or(self, fallback: Self) -> Self {
                Self { $($name: self.$name.or(fallback.$name),)* }
            }

            pub(crate) fn filled(self) -> Settings {
                Settings { $($name: declare::filled!(self.$name $(, $default)?),)* }
            }
        }

        impl Settings {
            /// Every number that has bounds: its name, its value and its bounds.
            pub fn bounded(&self) -> Vec<(&'static str, i64, std::ops::RangeInclusive<i64>)> {
                vec![$($((stringify!($name), declare::whole(self.$name), $bounds),)?)*]
            }
        }
    };
}

/// A setting's type, and its value: an empty text is as good as none.
macro_rules! filled {
    (type $kind:ty) => { Option<$kind> };
    (type $kind:ty, $default:expr) => { $kind };
    ($given:expr) => { $given.filter(declare::is_filled) };
    ($given:expr, $default:expr) => { $given.unwrap_or_else(|| $default) };
}
pub(super) use filled;

pub(super) fn is_filled(value: &impl AsRef<OsStr>) -> bool {
    !value.as_ref().is_empty()
}

/// A count as a number that bounds can be compared with.
pub(super) fn whole(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

/// Bounds as a message says them.
pub(super) fn in_words(bounds: &RangeInclusive<i64>) -> String {
    match bounds.end() {
        &i64::MAX => format!("at least {}", bounds.start()),
        most => format!("{} to {most}", bounds.start()),
    }
}

pub(super) fn default_text<T: Serialize>(default: T) -> String {
    match json!(default) {
        Value::Array(_) => String::new(),
        Value::String(text) => format!(" [default: {text}]"),
        other => format!(" [default: {other}]"),
    }
}
