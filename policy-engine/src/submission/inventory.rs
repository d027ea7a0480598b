//! The devices that nodes have today, as drivers publish them: few numbers, whatever the size of the cluster.

use std::collections::{BTreeMap, BTreeSet};

use crate::policy::model::Model;

/// A device that a driver publishes.
#[derive(Clone, Copy, Debug)]
pub struct Device<'a> {
    /// The node that has it; `None` where several can reach it.
    pub node: Option<&'a str>,
    /// Its product name; empty where it has none.
    pub product: &'a str,
    /// Which slice of a GPU it is; `None` for whole ones.
    pub profile: Option<&'a str>,
    /// The bytes of its memory, where the driver says.
    pub memory: Option<u64>,
    /// Whether it may be given out more than once.
    pub is_shared: bool,
}

/// What a device is, to whoever asks for one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    product: String,
    profile: Option<String>,
}

impl Kind {
    fn is_of(&self, model: &Model) -> bool {
        model.is(&self.product, self.profile.as_deref())
    }
}

/// How many devices of each kind.
type Counts = BTreeMap<Kind, u64>;

/// The devices that there are. What nodes have is kept once, however many have the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// The largest memory of a device of each kind; `None` where no driver says.
    memory: BTreeMap<Kind, Option<u64>>,
    nodes: BTreeSet<Counts>,
    /// What is on no node alone.
    anywhere: Counts,
}

impl Inventory {
    /// Counts devices.
    pub fn of<'a>(devices: impl IntoIterator<Item = Device<'a>>) -> Self {
        let (mut inventory, mut by_node) = (Self::default(), BTreeMap::<&str, Counts>::new());
        for Device { node, product, profile, memory, is_shared } in devices {
            let kind = Kind { product: product.to_owned(), profile: profile.map(str::to_owned) };
            let largest = inventory.memory.entry(kind.clone()).or_default();
            *largest = memory.max(*largest);
            let counts = node.map_or(&mut inventory.anywhere, |node| by_node.entry(node).or_default());
            let count = counts.entry(kind).or_default();
            // One that is given out several times is as many as anybody asks.
            *count = if is_shared { u64::MAX } else { count.saturating_add(1) };
        }
        inventory.nodes = by_node.into_values().collect();
        inventory
    }

    /// Whether there is a device of a model.
    pub fn has(&self, model: &Model) -> bool {
        self.memory.keys().any(|kind| kind.is_of(model))
    }

    /// The most devices that a Pod can have of these models, on the node that has the most.
    pub fn most(&self, models: &[&Model]) -> u64 {
        let none = Counts::new();
        self.nodes.iter().chain([&none]).map(|node| self.on(node, models)).max().unwrap_or_default()
    }

    /// Whether one node has all of this at once: so many devices of these models, each.
    pub fn fits<'m>(&self, needs: impl IntoIterator<Item = (u64, &'m [&'m Model])> + Clone) -> bool {
        let fits = |node: &Counts| {
            let mut needs = needs.clone().into_iter();
            needs.all(|(count, models)| self.on(node, models) >= count)
        };
        self.nodes.iter().chain([&Counts::new()]).any(fits)
    }

    /// The largest memory that a device of these models has; `None` where of one of them it is not known.
    pub fn largest_memory(&self, models: &[&Model]) -> Option<u64> {
        let of_them = |kind: &&Kind| models.iter().any(|model| kind.is_of(model));
        let known = self.memory.iter().filter(|(kind, _)| of_them(kind)).map(|(_, largest)| *largest);
        known.collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    fn on(&self, node: &Counts, models: &[&Model]) -> u64 {
        let both = node.iter().chain(&self.anywhere);
        let of_them = both.filter(|(kind, _)| models.iter().any(|model| kind.is_of(model)));
        of_them.fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::model::{CORES, Sharing, WHOLE};

    fn model(name: &str, products: &[&str], profile: Option<&str>) -> Model {
        Model {
            name: name.into(),
            id: name.into(),
            device_class_name: "gpu.nvidia.com".into(),
            product_names: products.iter().map(|name| (*name).to_owned()).collect(),
            resource_names: BTreeSet::new(),
            profile: profile.map(str::to_owned),
            milli_gpu: WHOLE,
            sharing: Sharing::default(),
            compute_capacity: CORES.into(),
        }
    }

    fn device<'a>(node: &'a str, product: &'a str) -> Device<'a> {
        Device { node: Some(node), product, profile: None, memory: Some(80), is_shared: false }
    }

    #[test]
    fn the_most_is_that_of_one_node_with_what_several_reach() {
        let (h100, l40) = (model("h100", &["H100"], None), model("l40", &["L40"], None));
        let nodes = [device("a", "H100"), device("a", "H100"), device("b", "H100"), device("b", "L40")];
        let there = Inventory::of(nodes);
        assert_eq!((there.most(&[&h100]), there.most(&[&l40]), there.most(&[&h100, &l40])), (2, 1, 2));
        let reached = Inventory::of(nodes.into_iter().chain([Device { node: None, ..device("", "L40") }]));
        assert_eq!((reached.most(&[&l40]), reached.most(&[&h100, &l40])), (2, 3));
        assert!(there.fits([(1, &[&h100][..]), (1, &[&l40][..])]), "node b has one of each");
        assert!(!there.fits([(2, &[&h100][..]), (1, &[&l40][..])]), "a has no L40, and b one H100");
    }

    #[test]
    fn a_slice_is_no_whole_device_and_one_that_is_shared_is_as_many_as_anybody_asks() {
        let (whole, any) = (model("h100", &["H100"], None), model("slice", &[], Some("1g")));
        let there = Inventory::of([
            Device { profile: Some("1g"), ..device("a", "H100") },
            Device { is_shared: true, ..device("a", "L40") },
        ]);
        assert!(there.has(&any) && !there.has(&whole) && !there.has(&model("other", &["H100"], Some("2g"))));
        assert_eq!(there.most(&[&model("l40", &["L40"], None)]), u64::MAX);
        assert_eq!(Inventory::default().most(&[&whole]), 0);
    }

    #[test]
    fn the_largest_memory_is_known_where_every_driver_says() {
        let (h100, l40) = (model("h100", &["H100"], None), model("l40", &["L40"], None));
        let silent = Device { memory: None, ..device("b", "L40") };
        let there = Inventory::of([device("a", "H100"), Device { memory: Some(94), ..device("b", "H100") }, silent]);
        assert_eq!((there.largest_memory(&[&h100]), there.largest_memory(&[&h100, &l40])), (Some(94), None));
        assert_eq!(there.largest_memory(&[&model("b200", &["B200"], None)]), None);
    }

    #[test]
    fn nodes_that_have_the_same_are_kept_once() {
        let names: Vec<_> = (0..1000).map(|at| at.to_string()).collect();
        let there = Inventory::of(names.iter().map(|name| device(name, "H100")));
        assert_eq!((there.nodes.len(), there.most(&[&model("h100", &["H100"], None)])), (1, 1));
    }
}
