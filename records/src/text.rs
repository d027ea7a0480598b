//! Texts and amounts with a form of their own. What is written is kept as it is; `convert` reads it.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! text {
    ($($(#[$doc:meta])* $name:ident($min:literal..=$max:literal, $pattern:literal, $form:literal $(, $format:literal)?);)*) => {
        const FORMS: &[(&str, &str)] = &[$(($pattern, $form),)*];
        $(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The text as it was written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string", "minLength": $min, "maxLength": $max, "pattern": $pattern $(, "format": $format)?
                })
            }
        }
    )*};
}

text! {
    /// Name of another record.
    RecordName(1..=63, r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", "the name of a record: lower-case letters, digits, `-` and `.`, at most 63");
    /// Name of a namespace.
    NamespaceName(1..=63, r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "a name of lower-case letters, digits and `-`, at most 63");
    /// What a label may carry.
    LabelValue(1..=63, r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$", "what a label may carry: letters, digits, `-`, `_` and `.`, at most 63, a letter or digit at both ends");
    /// Text for people.
    DisplayName(1..=128, r"^[^\x00-\x1f\x7f]+$", "one line of text");
    /// What Kubernetes calls a person, a service account or a group.
    Subject(1..=256, r"^[^\x00-\x20\x7f]([^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?$", "a name without control characters, or spaces at its ends");
    /// A pattern that images are compared with.
    ImagePatternText(1..=512, r"^[-A-Za-z0-9._/:@*+]+$", "a pattern such as registry.example.com/** or docker.io/library/*");
    /// A path on a node.
    HostPathText(1..=1024, r"^/", "an absolute path such as /data/shared");
    /// A JSON Pointer.
    PointerText(2..=256, r"^/", "a JSON Pointer such as /spec/template");
    /// A name of Kubernetes' that may have dots: a class, a driver, an API group.
    ClassName(1..=253, r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", "a name of lower-case letters, digits, `-` and `.`");
    /// A name with an optional prefix, such as that of an extended resource.
    QualifiedName(1..=253, r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$", "a name such as nvidia.com/rtx5090");
    /// A `productName` as a driver publishes it.
    ProductName(1..=128, r"^[^\x00-\x1f\x7f]+$", "one line of text");
    /// The name of a device's capacity, without the driver's domain.
    CapacityName(1..=32, r"^[A-Za-z_][A-Za-z0-9_]*$", "a word of letters, digits and `_`, such as cores");
    /// A MIG profile.
    ProfileName(1..=63, r"^[A-Za-z0-9][-A-Za-z0-9.+]*$", "a MIG profile such as 1g.10gb");
    /// What a process may do beside being a certain user.
    Capability(1..=63, r"^[A-Z][A-Z_]*$", "a capability without CAP_, such as IPC_LOCK");
    /// Id of a rule or name of a permission.
    Key(1..=63, r"^[A-Za-z][-A-Za-z0-9_]*$", "a word of letters, digits, `-` and `_`");
    /// A length of time.
    Duration(2..=32, r"^([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?$", "a length of time such as 30s, 5m or 1h30m");
    /// A time of day.
    TimeOfDay(5..=5, r"^([01][0-9]|2[0-3]):[0-5][0-9]$", "a time of day, HH:MM from 00:00 to 23:59");
    /// A moment.
    Moment(20..=35, r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[-+][0-9]{2}:[0-9]{2})$", "a moment in RFC 3339, such as 2026-12-24T18:00:00+01:00", "date-time");
    /// A container image.
    ImageText(1..=512, r"^[-A-Za-z0-9._/:@+]+$", "the name of an image, such as registry.example.com/jupyter:1");
    /// The name of a claim, or a slot.
    ClaimText(1..=253, r#"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?|\{\{[^{}\x00-\x1f\x7f]+\}\})$"#, "the name of a claim, or {{ gpuClaimName \"slot\" }}");
    /// A path in a container, or of a server.
    AbsolutePath(1..=1024, r"^/[^\x00-\x20\x7f:]*$", "an absolute path without spaces and colons, such as /data");
    /// A program, or an argument of one.
    ProgramText(1..=4096, r"^[^\x00]+$", "a program or an argument");
    /// The name of a variable.
    EnvironmentName(1..=128, r"^[A-Za-z_][A-Za-z0-9_]*$", "the name of a variable: letters, digits and `_`");
    /// The value of a variable.
    EnvironmentText(0..=4096, r"^[^\x00]*$", "the value of a variable");
    /// IANA name of a time zone.
    ZoneName(1..=64, r"^[A-Za-z][-A-Za-z0-9_+/]*$", "the IANA name of a time zone, such as Europe/Berlin");
}

const AMOUNT: &str = r"^\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][-+]?[0-9]{1,3})?$";

/// What a pattern of these schemas stands for, in words.
pub fn form(pattern: &str) -> Option<&'static str> {
    let amount = (AMOUNT, "a quantity such as 4, \"0.5\" or 64Gi");
    FORMS.iter().chain([&amount]).find(|(it, _)| *it == pattern).map(|(_, form)| *form)
}

/// An amount, as a number or as a Kubernetes quantity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Amount {
    /// A whole number.
    Number(i64),
    /// A quantity as text.
    Text(String),
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_i64(*number),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrText;
        impl Visitor<'_> for NumberOrText {
            type Value = Amount;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number, or a quantity in quotes")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Amount, E> {
                Ok(Amount::Number(number))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Amount, E> {
                i64::try_from(number).map(Amount::Number).map_err(|_| E::custom("larger than 2^63"))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Amount, E> {
                Ok(Amount::Text(text.into()))
            }
        }
        deserializer.deserialize_any(NumberOrText)
    }
}

impl JsonSchema for Amount {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Amount".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "x-kubernetes-int-or-string": true,
            "minimum": 0,
            "maxLength": 32,
            "pattern": AMOUNT
        })
    }
}
