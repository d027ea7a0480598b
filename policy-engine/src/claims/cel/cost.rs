//! What evaluating a selector can cost at most: the steps, and the size of what it makes.
//!
//! The evaluator has no limit of its own. An estimate that is too high only leaves a selector unevaluated.

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators};

/// So many steps are evaluated, for all products together: some tens of milliseconds.
const MOST_STEPS: u64 = 500_000;
/// Nothing larger is made.
const LARGEST: u64 = 1 << 20;
/// The steps that compiling a regular expression counts for.
const REGEX: u64 = 2_000;
/// The longest regular expression.
const LONGEST_REGEX: usize = 256;
/// A number, or a truth.
const SCALAR: u64 = 8;
/// What is copied or compared in the time of a step.
const PER_STEP: u64 = 16;

/// Refuses what would take too long, or grow too large.
pub(super) fn check(expression: &IdedExpr, products: usize) -> Result<(), String> {
    let Cost { steps, size } = Estimate::default().of(expression);
    let most = MOST_STEPS / u64::try_from(products).unwrap_or(u64::MAX).max(1);
    if steps > most || size > LARGEST { Err("it would take too long to compare".into()) } else { Ok(()) }
}

/// The steps that a selector takes of a device of this size; `None` where they are too many, or what is made too large.
pub(super) fn steps(expression: &IdedExpr, device: (&str, u64)) -> Option<u64> {
    let (name, size) = device;
    let Cost { steps, size } = Estimate(vec![(name.to_owned(), size)]).of(expression);
    (steps <= MOST_STEPS && size <= LARGEST).then_some(steps)
}

#[derive(Clone, Copy)]
struct Cost {
    steps: u64,
    /// Bytes of text, or elements with what is in them, of the value.
    size: u64,
}

impl Cost {
    const NOTHING: Self = Self { steps: 0, size: 0 };
    const TOO_MUCH: Self = Self { steps: u64::MAX, size: u64::MAX };

    /// Both are evaluated, and nothing is made of it yet.
    fn and(self, other: Self) -> Self {
        Self { steps: self.steps.saturating_add(other.steps), size: self.size.saturating_add(other.size) }
    }

    /// A step that goes through what was made and makes something of this size.
    fn made(self, size: u64) -> Self {
        let work = 1 + self.size.max(size) / PER_STEP;
        Self { steps: self.steps.saturating_add(work), size }
    }
}

/// The sizes of the variables of the comprehensions around.
#[derive(Default)]
struct Estimate(Vec<(String, u64)>);

impl Estimate {
    fn all<'e>(&mut self, parts: impl IntoIterator<Item = &'e IdedExpr>) -> Cost {
        parts.into_iter().fold(Cost::NOTHING, |sum, part| {
            let Cost { steps, size } = self.of(part);
            sum.and(Cost { steps, size: size.saturating_add(1) })
        })
    }

    fn of(&mut self, expression: &IdedExpr) -> Cost {
        match &expression.expr {
            Expr::Unspecified => Cost { steps: 1, size: SCALAR },
            Expr::Literal(LiteralValue::String(text)) => Cost { steps: 1, size: length(text.inner().len()) },
            Expr::Literal(LiteralValue::Bytes(bytes)) => Cost { steps: 1, size: length(bytes.inner().len()) },
            Expr::Literal(
                LiteralValue::Boolean(_)
                | LiteralValue::Double(_)
                | LiteralValue::Int(_)
                | LiteralValue::Null
                | LiteralValue::UInt(_),
            ) => Cost { steps: 1, size: SCALAR },
            Expr::Ident(name) => {
                let known = self.0.iter().rev().find(|(variable, _)| variable == name);
                let size = known.map_or(SCALAR, |(_, size)| *size);
                Cost::NOTHING.made(size)
            }
            Expr::List(list) => self.all(&list.elements),
            Expr::Map(map) => self.entries(map.entries.iter().map(|entry| &entry.expr)),
            Expr::Struct(it) => self.entries(it.entries.iter().map(|entry| &entry.expr)),
            Expr::Select(select) => {
                let operand = self.of(&select.operand);
                operand.made(operand.size)
            }
            Expr::Call(call) => {
                let arguments = call.target.iter().map(|target| &**target).chain(&call.args);
                let arguments: Vec<_> = arguments.map(|argument| self.of(argument)).collect();
                let together = arguments.iter().copied().fold(Cost::NOTHING, Cost::and);
                match call.func_name.as_str() {
                    "matches" if call.args.last().is_some_and(plain_regex) => {
                        together.and(Cost { steps: REGEX, size: 0 }).made(SCALAR)
                    }
                    "matches" => Cost::TOO_MUCH,
                    name if says_a_scalar(name) && !is_of_sets(call) => together.made(SCALAR),
                    name if takes_a_part(name) => together.made(together.size),
                    _ => {
                        let sizes = arguments.iter().map(|it| it.size.saturating_add(1));
                        together.made(sizes.fold(1, u64::saturating_mul))
                    }
                }
            }
            Expr::Comprehension(it) => {
                let range = self.of(&it.iter_range);
                let rounds = match &it.iter_range.expr {
                    Expr::List(list) => length(list.elements.len()),
                    Expr::Map(map) => length(map.entries.len()),
                    Expr::Unspecified
                    | Expr::Call(_)
                    | Expr::Comprehension(_)
                    | Expr::Ident(_)
                    | Expr::Literal(_)
                    | Expr::Select(_)
                    | Expr::Struct(_) => range.size,
                };
                let start = self.of(&it.accu_init);
                let before = self.0.len();
                self.0.extend([&it.iter_var].into_iter().chain(&it.iter_var2).map(|name| (name.clone(), range.size)));
                self.0.push((it.accu_var.clone(), start.size));
                let (goes_on, step, result) = (self.of(&it.loop_cond), self.of(&it.loop_step), self.of(&it.result));
                self.0.truncate(before);
                let end = start.size.saturating_add(rounds.saturating_mul(step.size));
                let round = goes_on.and(step).steps.saturating_add(end / PER_STEP);
                let loops = Cost { steps: rounds.saturating_mul(round), size: 0 };
                range.and(start).and(loops).and(result).made(end)
            }
        }
    }

    fn entries<'e>(&mut self, entries: impl Iterator<Item = &'e EntryExpr>) -> Cost {
        let parts = entries.flat_map(|entry| match entry {
            EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
            EntryExpr::StructField(field) => vec![&field.value],
        });
        self.all(parts)
    }
}

fn length(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Counted repetitions make a regular expression much larger than it is written.
fn plain_regex(pattern: &IdedExpr) -> bool {
    match &pattern.expr {
        Expr::Literal(LiteralValue::String(text)) => text.inner().len() <= LONGEST_REGEX && !text.inner().contains('{'),
        Expr::Unspecified
        | Expr::Call(_)
        | Expr::Comprehension(_)
        | Expr::Ident(_)
        | Expr::List(_)
        | Expr::Literal(_)
        | Expr::Map(_)
        | Expr::Select(_)
        | Expr::Struct(_) => false,
    }
}

/// Whether each part of one argument is compared with each of the other.
fn is_of_sets(call: &CallExpr) -> bool {
    call.target.as_ref().is_some_and(|target| target.expr == Expr::Ident("sets".into()))
}

/// Functions that go through their arguments once, and whose value is a number, an amount, a version or a truth.
fn says_a_scalar(function: &str) -> bool {
    const SCALARS: [&str; 38] = [
        operators::LOGICAL_AND,
        operators::LOGICAL_OR,
        operators::LOGICAL_NOT,
        operators::EQUALS,
        operators::NOT_EQUALS,
        operators::GREATER,
        operators::GREATER_EQUALS,
        operators::LESS,
        operators::LESS_EQUALS,
        operators::IN,
        operators::NOT_STRICTLY_FALSE,
        operators::NEGATE,
        operators::SUBSTRACT,
        operators::MULTIPLY,
        operators::DIVIDE,
        operators::MODULO,
        "contains",
        "startsWith",
        "endsWith",
        "size",
        "hasValue",
        "bool",
        "quantity",
        "isQuantity",
        "semver",
        "isSemver",
        "sign",
        "isInteger",
        "asInteger",
        "asApproximateFloat",
        "add",
        "sub",
        "isGreaterThan",
        "isLessThan",
        "compareTo",
        "major",
        "minor",
        "patch",
    ];
    SCALARS.contains(&function)
}

/// Functions that go through their arguments once, and whose value is no larger than those.
fn takes_a_part(function: &str) -> bool {
    const PARTS: [&str; 14] = [
        operators::ADD,
        operators::CONDITIONAL,
        operators::INDEX,
        operators::OPT_INDEX,
        operators::OPT_SELECT,
        "orValue",
        "or",
        "value",
        "lowerAscii",
        "upperAscii",
        "trim",
        "split",
        "substring",
        "string",
    ];
    PARTS.contains(&function)
}
