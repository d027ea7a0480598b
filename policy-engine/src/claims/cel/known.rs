//! Puts what is known of a device into a selector. Attributes are the same whatever domain they are asked from.

use std::collections::BTreeSet;

use cel::common::ast::{
    CallExpr, EntryExpr, Expr, IdedEntryExpr, IdedExpr, LiteralValue, MapEntryExpr, MapExpr, operators,
};

use super::Known;

/// The variable of selectors.
pub(super) const DEVICE: &str = "device";

const DRIVER: &str = "driver";

/// What is bound to a name may be so large: it is put in wherever the name stands.
const LARGEST_BOUND: usize = 16;

/// A selector has no more parts once what is bound in it is put in: names within names would multiply.
const MOST_PARTS: usize = 16 << 10;

/// The parts of an expression.
pub(super) fn parts(expression: &mut Expr) -> Vec<&mut IdedExpr> {
    match expression {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => Vec::new(),
        Expr::Call(call) => call.target.iter_mut().map(|target| &mut **target).chain(&mut call.args).collect(),
        Expr::Comprehension(it) => {
            vec![&mut it.iter_range, &mut it.accu_init, &mut it.loop_cond, &mut it.loop_step, &mut it.result]
        }
        Expr::List(list) => list.elements.iter_mut().collect(),
        Expr::Map(map) => map.entries.iter_mut().flat_map(entry).collect(),
        Expr::Select(select) => vec![&mut select.operand],
        Expr::Struct(it) => it.entries.iter_mut().flat_map(entry).collect(),
    }
}

fn entry(entry: &mut IdedEntryExpr) -> Vec<&mut IdedExpr> {
    match &mut entry.expr {
        EntryExpr::MapEntry(entry) => vec![&mut entry.key, &mut entry.value],
        EntryExpr::StructField(field) => vec![&mut field.value],
    }
}

/// `cel.bind(name, value, expression)` is written out.
pub(super) fn without_bindings(mut expression: IdedExpr) -> Result<IdedExpr, String> {
    unbind(&mut expression)?;
    Ok(expression)
}

fn unbind(expression: &mut IdedExpr) -> Result<(), String> {
    if let Expr::Comprehension(it) = &expression.expr
        && [Some(&it.iter_var), it.iter_var2.as_ref()].contains(&Some(&DEVICE.to_owned()))
    {
        return Err("it calls something else `device`".into());
    }
    for part in parts(&mut expression.expr) {
        unbind(part)?;
    }
    let Expr::Call(CallExpr { func_name, target: Some(target), args }) = &mut expression.expr else { return Ok(()) };
    let is_bind = func_name == "bind" && target.expr == Expr::Ident("cel".into());
    let [name, value, within] = &mut args[..] else { return Ok(()) };
    let Expr::Ident(name) = &name.expr else { return Ok(()) };
    if !is_bind {
        return Ok(());
    }
    if size(value) > LARGEST_BOUND {
        return Err("it binds a name to a long expression".into());
    }
    replace(within, name, value)?;
    if size(within) > MOST_PARTS {
        return Err("it would take too long to compare".into());
    }
    *expression = std::mem::take(within);
    Ok(())
}

fn size(expression: &mut IdedExpr) -> usize {
    1 + parts(&mut expression.expr).into_iter().map(size).sum::<usize>()
}

fn replace(within: &mut IdedExpr, name: &str, value: &IdedExpr) -> Result<(), String> {
    if let Expr::Comprehension(it) = &within.expr
        && (it.iter_var == name || it.iter_var2.as_deref() == Some(name))
    {
        return Err("it uses a name for two things".into());
    }
    if matches!(&within.expr, Expr::Ident(it) if it == name) {
        *within = value.clone();
        return Ok(());
    }
    parts(&mut within.expr).into_iter().try_for_each(|part| replace(part, name, value))
}

/// Whether a selector asks about a device what is not put in.
pub(super) fn asks_more(expression: &mut IdedExpr) -> bool {
    expression.expr == Expr::Ident(DEVICE.into()) || parts(&mut expression.expr).into_iter().any(asks_more)
}

/// What is known of an attribute.
enum Said<'k> {
    Value(&'k str),
    /// The device has none of this name.
    Absent,
}

/// What is known of the attribute of this name, whatever domain it is asked from.
fn attribute<'k>(device: Known<'k>, name: &str) -> Option<Said<'k>> {
    match name {
        "productName" => device.product.map(Said::Value),
        "type" => device.kind.map(Said::Value),
        "profile" => device.profile.map(|profile| if profile.is_empty() { Said::Absent } else { Said::Value(profile) }),
        _ => None,
    }
}

fn text(value: &str) -> Expr {
    Expr::Literal(LiteralValue::String(value.to_owned().into()))
}

fn truth(value: bool) -> Expr {
    Expr::Literal(LiteralValue::Boolean(value.into()))
}

/// Puts in what is known.
pub(super) fn put_in(expression: &mut IdedExpr, device: Known<'_>) {
    if let Some(driver) = device.driver.filter(|_| of_device(expression, DRIVER)) {
        expression.expr = text(driver);
        return;
    }
    let known = match &mut expression.expr {
        Expr::Select(select) if attributes_of_a_domain(&select.operand) => {
            match (attribute(device, &select.field), select.test) {
                (Some(Said::Value(value)), false) => Some(text(value)),
                (Some(said), true) => Some(truth(matches!(said, Said::Value(_)))),
                // To ask for what is not there is an error to Kubernetes, too.
                (Some(Said::Absent), false) | (None, _) => None,
            }
        }
        Expr::Call(CallExpr { func_name, target: None, args }) => match (func_name.as_str(), &mut args[..]) {
            (operators::INDEX, [map, key]) if attributes_of_a_domain(map) => {
                match literal(key).and_then(|name| attribute(device, name)) {
                    Some(Said::Value(value)) => Some(text(value)),
                    Some(Said::Absent) | None => None,
                }
            }
            (operators::IN, [key, map]) if attributes_of_a_domain(map) => {
                let said = literal(key).and_then(|name| attribute(device, name));
                said.map(|said| truth(matches!(said, Said::Value(_))))
            }
            (operators::OPT_INDEX | operators::OPT_SELECT, [map, key]) if attributes_of_a_domain(map) => {
                let Some(said) = literal(key).and_then(|name| attribute(device, name)) else {
                    return parts(&mut expression.expr).into_iter().for_each(|part| put_in(part, device));
                };
                let entry = |value: &str| MapEntryExpr {
                    key: key.clone(),
                    value: IdedExpr { id: map.id, expr: text(value) },
                    optional: false,
                };
                let entries = match said {
                    Said::Value(value) => {
                        vec![IdedEntryExpr { id: map.id, expr: EntryExpr::MapEntry(entry(value)) }]
                    }
                    Said::Absent => Vec::new(),
                };
                map.expr = Expr::Map(MapExpr { entries });
                return;
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
        | Expr::Select(_)
        | Expr::Struct(_) => None,
    };
    match known {
        Some(known) => expression.expr = known,
        None => parts(&mut expression.expr).into_iter().for_each(|part| put_in(part, device)),
    }
}

/// Collects the texts that a device's driver is compared with.
pub(super) fn drivers(expression: &mut IdedExpr, named: &mut BTreeSet<String>) {
    if let Expr::Call(CallExpr { func_name, target: None, args }) = &expression.expr
        && let [one, other] = &args[..]
    {
        let texts: Vec<_> = match (func_name.as_str(), &other.expr) {
            (operators::EQUALS, _) if of_device(one, DRIVER) => literal(other).into_iter().collect(),
            (operators::EQUALS, _) if of_device(other, DRIVER) => literal(one).into_iter().collect(),
            (operators::IN, Expr::List(list)) if of_device(one, DRIVER) => {
                list.elements.iter().filter_map(literal).collect()
            }
            _ => Vec::new(),
        };
        named.extend(texts.into_iter().map(str::to_owned));
    }
    parts(&mut expression.expr).into_iter().for_each(|part| drivers(part, named));
}

/// `device.attributes["gpu.nvidia.com"]`, or `device.attributes[device.driver]`.
fn attributes_of_a_domain(expression: &IdedExpr) -> bool {
    let Expr::Call(CallExpr { func_name, target: None, args }) = &expression.expr else { return false };
    let [map, domain] = &args[..] else { return false };
    let is_domain = literal(domain).is_some() || of_device(domain, DRIVER);
    func_name == operators::INDEX && of_device(map, "attributes") && is_domain
}

/// Whether this is a field of the device.
pub(super) fn of_device(expression: &IdedExpr, field: &str) -> bool {
    matches!(&expression.expr, Expr::Select(select)
        if !select.test && select.field == field && select.operand.expr == Expr::Ident(DEVICE.into()))
}

pub(super) fn literal(expression: &IdedExpr) -> Option<&str> {
    match &expression.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}
