//! `semver(…)` in selectors: versions, compared as semver.org says. What stands behind `+` does not count.

use std::any::Any;
use std::borrow::Cow;
use std::cmp::Ordering;

use cel::common::functions::Function;
use cel::common::types::{self, CelBool, Type};
use cel::common::value::{CowVal, StaticVal, Val};
use cel::{DeclarationError, Env, ExecutionError};

use super::amounts::{failed, number, order, text, truth};

static VERSION: Type = Type::new_unspecified_type("kubernetes.Semver");

/// A version.
#[derive(Clone, Debug)]
pub(super) struct Version(semver::Version);

impl Version {
    pub(super) fn read(text: &str) -> Option<Self> {
        semver::Version::parse(text).ok().map(Self)
    }

    /// Also what is not quite one: `v1`, `1.02`.
    fn read_leniently(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let mut parts: Vec<_> = text.splitn(3, '.').map(without_zeros).collect();
        // A short one that says more would say it of something else when it is made longer.
        if parts.len() < 3 && parts.last().is_some_and(|last| last.contains(['+', '-'])) {
            return None;
        }
        parts.resize(3, "0".into());
        Self::read(&parts.join("."))
    }

    fn compared(&self, other: &Self) -> Ordering {
        self.0.cmp_precedence(&other.0)
    }
}

fn without_zeros(part: &str) -> Cow<'_, str> {
    let rest = part.trim_start_matches('0');
    let begins_with_a_digit = rest.starts_with(|char: char| char.is_ascii_digit());
    match part.len() {
        0 | 1 => part.into(),
        _ if begins_with_a_digit => rest.into(),
        _ => format!("0{rest}").into(),
    }
}

impl Val for Version {
    fn get_type(&self) -> &Type {
        &VERSION
    }

    fn cel_type() -> &'static Type {
        &VERSION
    }

    fn equals(&self, other: &dyn Val) -> bool {
        other.downcast_ref::<Self>().is_some_and(|other| self.compared(other) == Ordering::Equal)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Version {}

/// Adds the functions of versions.
pub(super) fn declare(language: &mut Env) -> Result<(), DeclarationError> {
    type Asked = (fn() -> Vec<Type>, &'static str);
    let asked: [Asked; 2] =
        [(|| vec![types::STRING_TYPE], "string"), (|| vec![types::STRING_TYPE, types::BOOL_TYPE], "string_bool")];
    for (args, id) in asked {
        language.add_overload("isSemver", &format!("is_semver_{id}"), args(), |args| {
            Ok(truth(asked_for(&args)?.is_some()))
        })?;
        language.add_overload("semver", &format!("{id}_to_semver"), args(), |args| {
            asked_for(&args)?.map(CowVal::owned).ok_or_else(|| failed("it is no version"))
        })?;
    }
    let of_one: [(&str, Function); 3] = [
        ("major", |args| part(version(&args, 0)?.0.major)),
        ("minor", |args| part(version(&args, 0)?.0.minor)),
        ("patch", |args| part(version(&args, 0)?.0.patch)),
    ];
    let of_two: [(&str, Function); 3] = [
        ("compareTo", |args| Ok(order(version(&args, 0)?.compared(version(&args, 1)?)))),
        ("isGreaterThan", |args| Ok(truth(version(&args, 0)?.compared(version(&args, 1)?) == Ordering::Greater))),
        ("isLessThan", |args| Ok(truth(version(&args, 0)?.compared(version(&args, 1)?) == Ordering::Less))),
    ];
    let all = of_one.into_iter().map(|it| (it, Vec::new()));
    for ((name, function), others) in all.chain(of_two.into_iter().map(|it| (it, vec![VERSION.to_owned()]))) {
        language.add_member_overload(name, &format!("semver_{name}"), VERSION.to_owned(), others, function)?;
    }
    Ok(())
}

fn asked_for(args: &[CowVal<'_, '_>]) -> Result<Option<Version>, ExecutionError> {
    let leniently = args.get(1).and_then(|it| it.downcast_ref::<CelBool>()).is_some_and(|it| *it.inner());
    let text = text(args, 0)?;
    Ok(if leniently { Version::read_leniently(text) } else { Version::read(text) })
}

fn version<'a>(args: &'a [CowVal<'_, '_>], at: usize) -> Result<&'a Version, ExecutionError> {
    let version = args.get(at).and_then(|it| it.downcast_ref::<Version>());
    version.ok_or_else(ExecutionError::missing_argument_or_target)
}

fn part<'b, 'v>(part: u64) -> Result<CowVal<'b, 'v>, ExecutionError> {
    i64::try_from(part).map(number).map_err(|_| failed("it is too large"))
}
