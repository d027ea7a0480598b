//! What no node has today is said at once. Pods wait for it.

use std::fmt;

use super::{Names, contains};
use crate::admission::findings::Findings;
use crate::gpu::needs::{self, Need, Needs};
use crate::policy::model::Model;
use crate::submission::case::Case;
use crate::submission::inventory::Inventory;

/// Says the first of each kind, however many Pods and requests there are.
pub(super) fn tell(case: &Case<'_>, say: &mut Findings) {
    // What is refused waits for nothing.
    let Some((inventory, all)) = needs::told(case).filter(|_| say.denials.is_empty()) else { return };
    let is_nowhere = |need: &&Need<'_>| !need.models.iter().any(|model| inventory.has(model));
    let mut requests = all.iter().flat_map(|needs| &needs.requests);
    if let Some(need) = requests.find(is_nowhere) {
        say.warn(Nowhere { need, case, inventory });
    }
    let is_spread = |needs: &&Needs<'_>| {
        let requests = needs.requests.iter().map(|it| (it.devices, &it.models[..]));
        let fits = || inventory.most(&needs.models()) >= needs.devices() && inventory.fits(requests);
        !needs.requests.iter().any(|need| is_nowhere(&need)) && !fits()
    };
    if let Some(needs) = all.iter().find(is_spread) {
        say.warn_of_amount(TooMany { needs, most: inventory.most(&needs.models()) });
    }
}

/// A model of which there is none.
struct Nowhere<'a> {
    need: &'a Need<'a>,
    case: &'a Case<'a>,
    inventory: &'a Inventory,
}

impl fmt::Display for Nowhere<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { need, case, inventory } = self;
        write!(f, "asked {}, of which no node has a device today; ", Names(&need.models))?;
        let there: Vec<&Model> = case.allowed_models().into_iter().filter(|model| inventory.has(model)).collect();
        if !there.is_empty() && !need.models.iter().any(|model| contains(&there, model)) {
            write!(f, "of those that are allowed here nodes have {}; ask for one of them, or ", Names(&there))?;
        }
        f.write_str("Pods wait until a node with one joins")
    }
}

/// More than one node has.
struct TooMany<'a> {
    needs: &'a Needs<'a>,
    most: u64,
}

impl fmt::Display for TooMany<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { needs, most } = self;
        let (of, devices) = (needs.of, needs.devices());
        write!(f, "asked {devices} devices of {} for one {of}; ", Names(&needs.models()))?;
        if *most < devices {
            return write!(
                f,
                "no node has more than {most} today; ask for at most {most}, or Pods wait until one does"
            );
        }
        f.write_str("no node has all of them today; ask for what one node has, or Pods wait until one does")
    }
}
