//! Names of records. A name is what one record calls another by; what labels carry is the record's [id](super::ids).

use std::borrow::Borrow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Texts that mean different things, so that none is taken for another.
macro_rules! texts {
    ($($(#[$attribute:meta])* $name:ident;)*) => {$(
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        $(#[$attribute])*
        pub struct $name(String);

        impl $name {
            /// Takes a text at its word.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

pub(super) use texts;

/// Names are also made of texts by `.into()`: of texts only, and ids are none.
macro_rules! names {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        texts! { $($(#[$doc])* #[derive(Deserialize)] $name;)* }
        $(
            impl From<&str> for $name {
                fn from(name: &str) -> Self {
                    Self::new(name)
                }
            }

            impl From<String> for $name {
                fn from(name: String) -> Self {
                    Self::new(name)
                }
            }
        )*
    };
}

names! {
    /// Name of a `User` record.
    UserName;
    /// Name of a `Group` record.
    GroupName;
    /// Name of a `Project` record.
    ProjectName;
    /// Name of a `ResourcePlan` record.
    PlanName;
    /// Name of a `PlatformQueue` record.
    QueueName;
    /// Name of a `GpuModel` record.
    ModelName;
}
