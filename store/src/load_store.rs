//! Books as the database keeps them.

use std::collections::BTreeSet;

use policy_engine::ledger::{Books, Changes, ObjectName, Reach, UsageChange};

use crate::Unavailable;
use crate::dialect::{ALL_ACCOUNTS, ALL_CHARGES, ALL_USES, Dialect};
use crate::rows;
use crate::session::Session;

/// All that steps of this reach may read or change.
pub(crate) async fn load(session: &mut Session, dialect: &Dialect, reach: Reach) -> Result<Books, Unavailable> {
    let Reach { uids, mut places, mut accounts } = reach;
    let found: Vec<(String,)> = session.read(dialect.places, uids.into_iter()).await?;
    places.extend(found.into_iter().map(|(place,)| ObjectName::of_key(place)));
    let keys = |places: &BTreeSet<ObjectName>| places.iter().map(ToString::to_string).collect::<Vec<_>>().into_iter();
    let charges = session.read(dialect.charges, keys(&places)).await?;
    let charges = charges.into_iter().map(rows::charge).collect::<Result<Vec<_>, _>>()?;
    let uses = session.read(dialect.uses, keys(&places)).await?;
    accounts.extend(charges.iter().flat_map(|charge| charge.payers.accounts().cloned()));
    let sums = session.read(dialect.accounts, accounts.iter().map(ToString::to_string)).await?;
    let sums = sums.into_iter().map(rows::account).collect::<Result<Vec<_>, _>>()?;
    Ok(Books::new(sums, charges, uses.into_iter().map(rows::used)))
}

/// All there is.
pub(crate) async fn load_all(session: &mut Session) -> Result<Books, Unavailable> {
    let charges = session.read_all(ALL_CHARGES).await?;
    let charges = charges.into_iter().map(rows::charge).collect::<Result<Vec<_>, _>>()?;
    let uses = session.read_all(ALL_USES).await?;
    let sums = session.read_all(ALL_ACCOUNTS).await?;
    let sums = sums.into_iter().map(rows::account).collect::<Result<Vec<_>, _>>()?;
    Ok(Books::new(sums, charges, uses.into_iter().map(rows::used)))
}

pub(crate) async fn write(session: &mut Session, dialect: &Dialect, changes: Changes) -> Result<(), Unavailable> {
    let Changes { accounts, charges, dropped_charges, uses, dropped_uses, usage } = changes;
    session.write(dialect.put_charges, charges.iter().map(rows::charge_row).collect()).await?;
    session.write(dialect.drop_charges, dropped_charges.iter().map(rows::key_row).collect()).await?;
    session.write(dialect.put_uses, uses.iter().map(rows::use_row).collect()).await?;
    session.write(dialect.drop_uses, dropped_uses.iter().map(rows::use_row).collect()).await?;
    let opens = |change: &UsageChange| matches!(change, UsageChange::Open { .. });
    for run in usage.chunk_by(|a, b| opens(a) == opens(b)) {
        let sql = if run.first().is_some_and(opens) { dialect.open_usage } else { dialect.close_usage };
        session.write(sql, run.iter().map(rows::usage_row).collect()).await?;
    }
    session.write(dialect.put_accounts, accounts.iter().map(rows::account_row).collect()).await
}
