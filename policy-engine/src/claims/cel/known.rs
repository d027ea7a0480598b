//! Puts what is known of a device into a selector: its product name, whatever domain it is asked from.

use cel::common::ast::{
    CallExpr, EntryExpr, Expr, IdedEntryExpr, IdedExpr, LiteralValue, MapEntryExpr, MapExpr, operators,
};

/// The variable of selectors.
const DEVICE: &str = "device";

const PRODUCT_NAME: &str = "productName";

/// What is bound to a name may be so large: it is put in wherever the name stands.
const LARGEST_BOUND: usize = 16;

/// A selector has no more parts once what is bound in it is put in: names within names would multiply.
const MOST_PARTS: usize = 16 << 10;

/// The parts of an expression.
fn parts(expression: &mut Expr) -> Vec<&mut IdedExpr> {
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

/// Puts in the product name.
pub(super) fn put_in(expression: &mut IdedExpr, product: &str) {
    let name = || Expr::Literal(LiteralValue::String(product.to_owned().into()));
    let truth = || Expr::Literal(LiteralValue::Boolean(true.into()));
    let known = match &mut expression.expr {
        Expr::Select(select) if select.field == PRODUCT_NAME && attributes_of_a_domain(&select.operand) => {
            Some(if select.test { truth() } else { name() })
        }
        Expr::Call(CallExpr { func_name, target: None, args }) => match (func_name.as_str(), &mut args[..]) {
            (operators::INDEX, [map, key]) if attributes_of_a_domain(map) && is_product_name(key) => Some(name()),
            (operators::IN, [key, map]) if attributes_of_a_domain(map) && is_product_name(key) => Some(truth()),
            (operators::OPT_INDEX | operators::OPT_SELECT, [map, key])
                if attributes_of_a_domain(map) && is_product_name(key) =>
            {
                let entry = MapEntryExpr {
                    key: std::mem::take(key),
                    value: IdedExpr { id: map.id, expr: name() },
                    optional: false,
                };
                *key = entry.key.clone();
                let entries = vec![IdedEntryExpr { id: map.id, expr: EntryExpr::MapEntry(entry) }];
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
        None => parts(&mut expression.expr).into_iter().for_each(|part| put_in(part, product)),
    }
}

/// `device.attributes["gpu.nvidia.com"]`, or `device.attributes[device.driver]`.
fn attributes_of_a_domain(expression: &IdedExpr) -> bool {
    let Expr::Call(CallExpr { func_name, target: None, args }) = &expression.expr else { return false };
    let [map, domain] = &args[..] else { return false };
    let of_device = |it: &IdedExpr, wanted: &str| {
        matches!(&it.expr, Expr::Select(select)
            if !select.test && select.field == wanted && select.operand.expr == Expr::Ident(DEVICE.into()))
    };
    let is_domain = matches!(&domain.expr, Expr::Literal(LiteralValue::String(_))) || of_device(domain, "driver");
    func_name == operators::INDEX && of_device(map, "attributes") && is_domain
}

fn is_product_name(key: &IdedExpr) -> bool {
    matches!(&key.expr, Expr::Literal(LiteralValue::String(text)) if text.inner() == PRODUCT_NAME)
}
