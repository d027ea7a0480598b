//! `quantity(…)` in selectors: amounts as Kubernetes writes them, and what it lets selectors do with them.

use std::any::Any;
use std::cmp::Ordering;

use cel::common::functions::Function;
use cel::common::types::{self, CelBool, CelDouble, CelInt, CelString, Type};
use cel::common::value::{CowVal, StaticVal, Val};
use cel::{DeclarationError, Env, ExecutionError};

use crate::policy::quantity;

static AMOUNT: Type = Type::new_unspecified_type("kubernetes.Quantity");

const ONE: i128 = 1_000_000_000;

/// An amount, in billionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Amount(i128);

impl Amount {
    pub(super) fn read(text: &str) -> Option<Self> {
        quantity::nanos(text).ok().map(Self)
    }

    fn whole(self) -> Option<i64> {
        (self.0 % ONE == 0).then(|| i64::try_from(self.0 / ONE).ok()).flatten()
    }

    #[expect(clippy::cast_precision_loss, reason = "selectors that want it exact do not ask for this")]
    fn approximately(self) -> f64 {
        self.0 as f64 / ONE as f64
    }
}

impl Val for Amount {
    fn get_type(&self) -> &Type {
        &AMOUNT
    }

    fn cel_type() -> &'static Type {
        &AMOUNT
    }

    fn equals(&self, other: &dyn Val) -> bool {
        other.downcast_ref::<Self>() == Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(*self)
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Amount {}

/// Adds the functions of amounts.
pub(super) fn declare(language: &mut Env) -> Result<(), DeclarationError> {
    language.add_overload("quantity", "string_to_quantity", vec![types::STRING_TYPE], |args| {
        let amount = Amount::read(text(&args, 0)?);
        amount.map(CowVal::owned).ok_or_else(|| failed("it is no quantity"))
    })?;
    language.add_overload("isQuantity", "is_quantity_string", vec![types::STRING_TYPE], |args| {
        Ok(truth(Amount::read(text(&args, 0)?).is_some()))
    })?;
    let of_one: [(&str, Function); 4] = [
        ("sign", |args| Ok(number(amount(&args, 0)?.0.signum() as i64))),
        ("isInteger", |args| Ok(truth(amount(&args, 0)?.whole().is_some()))),
        ("asInteger", |args| amount(&args, 0)?.whole().map(number).ok_or_else(|| failed("it is no integer"))),
        ("asApproximateFloat", |args| Ok(CowVal::owned(CelDouble::from(amount(&args, 0)?.approximately())))),
    ];
    let of_two: [(&str, Function); 5] = [
        ("compareTo", |args| Ok(order(amount(&args, 0)?.cmp(&amount(&args, 1)?)))),
        ("isGreaterThan", |args| Ok(truth(amount(&args, 0)? > amount(&args, 1)?))),
        ("isLessThan", |args| Ok(truth(amount(&args, 0)? < amount(&args, 1)?))),
        ("add", |args| sum(amount(&args, 0)?, Some(amount(&args, 1)?))),
        ("sub", |args| sum(amount(&args, 0)?, amount(&args, 1)?.0.checked_neg().map(Amount))),
    ];
    let and_number: [(&str, Function); 2] = [
        ("add", |args| sum(amount(&args, 0)?, Some(Amount(i128::from(integer(&args, 1)?) * ONE)))),
        ("sub", |args| sum(amount(&args, 0)?, Some(Amount(-i128::from(integer(&args, 1)?) * ONE)))),
    ];
    let all = of_one.into_iter().map(|it| (it, Vec::new()));
    let all = all.chain(of_two.into_iter().map(|it| (it, vec![AMOUNT.to_owned()])));
    for ((name, function), others) in all.chain(and_number.into_iter().map(|it| (it, vec![types::INT_TYPE]))) {
        let id = others.last().map_or("quantity", |other| if *other == AMOUNT { "quantities" } else { "quantity_int" });
        language.add_member_overload(name, &format!("{id}_{name}"), AMOUNT.to_owned(), others, function)?;
    }
    Ok(())
}

pub(super) fn text<'a>(args: &'a [CowVal<'_, '_>], at: usize) -> Result<&'a str, ExecutionError> {
    let text = args.get(at).and_then(|it| it.downcast_ref::<CelString<'_>>());
    text.map(CelString::inner).ok_or_else(ExecutionError::missing_argument_or_target)
}

pub(super) fn truth<'b, 'v>(value: bool) -> CowVal<'b, 'v> {
    CowVal::owned(CelBool::from(value))
}

pub(super) fn number<'b, 'v>(value: i64) -> CowVal<'b, 'v> {
    CowVal::owned(CelInt::from(value))
}

pub(super) fn order<'b, 'v>(order: Ordering) -> CowVal<'b, 'v> {
    number(order as i64)
}

pub(super) fn failed(why: &str) -> ExecutionError {
    ExecutionError::function_error("selector", why)
}

fn amount(args: &[CowVal<'_, '_>], at: usize) -> Result<Amount, ExecutionError> {
    let amount = args.get(at).and_then(|it| it.downcast_ref::<Amount>());
    amount.copied().ok_or_else(ExecutionError::missing_argument_or_target)
}

fn integer(args: &[CowVal<'_, '_>], at: usize) -> Result<i64, ExecutionError> {
    let integer = args.get(at).and_then(|it| it.downcast_ref::<CelInt>());
    integer.map(|it| *it.inner()).ok_or_else(ExecutionError::missing_argument_or_target)
}

fn sum<'b, 'v>(one: Amount, other: Option<Amount>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let sum = other.and_then(|other| one.0.checked_add(other.0));
    sum.map(|sum| CowVal::owned(Amount(sum))).ok_or_else(|| failed("it is too large"))
}
