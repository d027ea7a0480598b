//! Of which attributes and capacities selectors speak: devices that differ in nothing of it are alike to them.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use cel::common::ast::{CallExpr, Expr, IdedExpr, operators};

use super::device::{Whole, say};
use super::known::{DEVICE, literal, of_device, parts, without_bindings};
use super::{LANGUAGE, STACK, length};

/// Ends a text. Drivers write none of these into what they publish.
const END: char = '\0';

/// Names of attributes and capacities, without their domains, of which selectors speak; `None` where they may look at any.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mentions(Option<BTreeSet<String>>);

impl Default for Mentions {
    fn default() -> Self {
        Self(Some(BTreeSet::new()))
    }
}

impl Mentions {
    /// What a selector mentions. One that cannot be read passes no device, and mentions nothing.
    pub fn of(selector: &str) -> Self {
        let read = || {
            let parsed = LANGUAGE.parser().parse(selector).ok()?;
            let mut parsed = without_bindings(parsed).ok()?;
            let mut names = BTreeSet::new();
            let named = name(&mut parsed, &mut names);
            Some(Self(named.map(|()| names)))
        };
        let on_own_stack = || length::check(selector).ok().and_then(|()| stacker::grow(STACK, read));
        catch_unwind(AssertUnwindSafe(on_own_stack)).ok().flatten().unwrap_or_default()
    }

    /// Adds what others mention.
    pub fn add(&mut self, others: &Self) {
        match (&mut self.0, &others.0) {
            (Some(names), Some(others)) => names.extend(others.iter().cloned()),
            (names, _) => *names = None,
        }
    }

    /// Appends what is mentioned of a device, so that it is the same where devices differ in nothing of it.
    pub fn write(&self, of: Whole<'_>, into: &mut String) {
        let mentioned = |name: &str| self.0.as_ref().is_none_or(|names| names.contains(last(name)));
        let mut texts = |texts: [&str; 2]| {
            for text in texts {
                into.push_str(text);
                into.push(END);
            }
        };
        texts([of.driver, if of.is_divisible() { "parts" } else { "whole" }]);
        of.capacity().filter(|(name, _)| mentioned(name)).for_each(|(name, amount)| texts([name, amount]));
        for (name, attribute) in of.attributes().filter(|(name, _)| mentioned(name)) {
            into.push_str(name);
            into.push(END);
            say(attribute, into);
            into.push(END);
        }
    }
}

fn last(name: &str) -> &str {
    name.split_once('/').map_or(name, |(_, name)| name)
}

/// Collects the names; `None` where the device is looked at in another way than by a name that stands there.
fn name(expression: &mut IdedExpr, names: &mut BTreeSet<String>) -> Option<()> {
    if of_device(expression, "driver") || of_device(expression, "allowMultipleAllocations") {
        return Some(());
    }
    if matches!(&expression.expr, Expr::Ident(name) if name == DEVICE) {
        return None;
    }
    let asked = match &mut expression.expr {
        Expr::Select(select) => domain(&mut select.operand).map(|domain| (domain, select.field.clone())),
        Expr::Call(CallExpr { func_name, target: None, args }) => match (func_name.as_str(), &mut args[..]) {
            (operators::INDEX | operators::OPT_INDEX | operators::OPT_SELECT, [map, key])
            | (operators::IN, [key, map]) => {
                let key = literal(key).map(str::to_owned);
                key.and_then(|key| Some((domain(map)?, key)))
            }
            _ => None,
        },
        Expr::Unspecified
        | Expr::Call(_)
        | Expr::Comprehension(_)
        | Expr::Ident(_)
        | Expr::List(_)
        | Expr::Literal(_)
        | Expr::Map(_)
        | Expr::Struct(_) => None,
    };
    if let Some((domain, asked)) = asked {
        names.insert(asked);
        return name(domain, names);
    }
    parts(&mut expression.expr).into_iter().try_for_each(|part| name(part, names))
}

/// The domain of `device.attributes[domain]`, or of its capacity.
fn domain(expression: &mut IdedExpr) -> Option<&mut IdedExpr> {
    let Expr::Call(CallExpr { func_name, target: None, args }) = &mut expression.expr else { return None };
    let [map, domain] = &mut args[..] else { return None };
    let is_index = [operators::INDEX, operators::OPT_INDEX].contains(&func_name.as_str());
    (is_index && (of_device(map, "attributes") || of_device(map, "capacity"))).then_some(domain)
}
