//! Names of records. A name is what one record calls another by; what labels carry is the record's *id*.

use std::borrow::Borrow;
use std::fmt;

use serde::Serialize;

macro_rules! record_name {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<T: Into<String>> From<T> for $name {
            fn from(name: T) -> Self {
                Self(name.into())
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

record_name! {
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
