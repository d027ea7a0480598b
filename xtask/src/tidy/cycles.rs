//! Rooms that use each other in a circle: a reader can begin with none of them.
//!
//! A room is a module with everything below it, one file or a folder. Of the rooms that lie side by side, none may come back
//! to itself by arrows: an arrow leads from the room where a name is used to the one where it is defined, and re-exports are
//! followed. A file and its own children are no circle: it names them, and they use what it defines, in every crate.
//! What is compiled for tests alone is left out.

use super::modules::Crate;
use super::tree::{Finding, Tree};
use super::uses::Names;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let crates = Crate::all(tree);
    let graphs = crates.iter().map(Graph::of);
    graphs
        .flat_map(|graph| circles(&graph.arrows()).iter().map(|circle| graph.finding(circle)).collect::<Vec<_>>())
        .collect()
}

/// The first place where a room uses another: the modules that use and define a name.
#[derive(Debug, Clone)]
struct Arrow {
    from: usize,
    to: usize,
    line: usize,
    path: String,
}

/// Arrows by the rooms that they lead from and to: indices of modules that have the same parent.
type Arrows = BTreeMap<(usize, usize), Arrow>;

struct Graph<'a> {
    of: &'a Crate<'a>,
    names: Vec<Names>,
}

impl<'a> Graph<'a> {
    fn of(of: &'a Crate<'a>) -> Self {
        Self { of, names: of.modules.iter().map(Names::of).collect() }
    }

    fn arrows(&self) -> Arrows {
        let mut arrows = Arrows::new();
        let mut draw = |from: usize, to: usize, line: usize, path: String| {
            if let Some(rooms) = self.rooms(from, to) {
                arrows.entry(rooms).or_insert(Arrow { from, to, line, path });
            }
        };
        for (at, names) in self.names.iter().enumerate().filter(|(at, _)| !self.of.modules[*at].test) {
            for used in &names.uses {
                if let Some(to) = self.resolve(at, &used.path, MOST_STEPS) {
                    draw(at, to, used.line, used.path.join("::"));
                }
            }
        }
        arrows
    }

    /// The rooms side by side that two modules are in; none where one is above the other.
    fn rooms(&self, one: usize, other: usize) -> Option<(usize, usize)> {
        let (one, other) = (self.path(one), self.path(other));
        one.into_iter().zip(other).find(|(one, other)| one != other)
    }

    /// From the root down to a module.
    fn path(&self, module: usize) -> Vec<usize> {
        let mut path: Vec<usize> =
            std::iter::successors(Some(module), |module| self.of.modules[*module].parent).collect();
        path.reverse();
        path
    }

    /// The module that defines what a path names, as seen from the module `at`. Nothing for other crates' names.
    fn resolve(&self, at: usize, path: &[String], steps: usize) -> Option<usize> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.inside(0, rest, steps),
            "self" => self.inside(at, rest, steps),
            "super" => self.inside(self.of.modules[at].parent?, rest, steps),
            _ => self.member(at, first, rest, steps),
        }
    }

    /// The same for a path that counts from a module. What nobody is seen to define there, a macro may have defined.
    fn inside(&self, at: usize, path: &[String], steps: usize) -> Option<usize> {
        let Some((first, rest)) = path.split_first() else { return Some(at) };
        if first == "super" {
            return self.inside(self.of.modules[at].parent?, rest, steps);
        }
        self.member(at, first, rest, steps).or(Some(at))
    }

    fn member(&self, at: usize, name: &str, rest: &[String], steps: usize) -> Option<usize> {
        let names = &self.names[at];
        if let Some(child) = self.of.child(at, name) {
            return self.inside(child, rest, steps);
        }
        if names.defined.contains(name) {
            return Some(at);
        }
        // An import may be of its own name: `use syn;`.
        let steps = steps.checked_sub(1)?;
        if let Some(path) = names.imported.get(name) {
            return self.resolve(at, &[path, rest].concat(), steps);
        }
        let globs = names.globs.iter().filter_map(|path| self.resolve(at, path, steps)).filter(|it| *it != at);
        globs.filter_map(|from| self.member(from, name, rest, steps)).next()
    }

    fn finding(&self, circle: &Circle) -> Finding {
        let name = |room: &usize| {
            let names: Vec<&str> =
                self.path(*room).iter().map(|module| self.of.modules[*module].name.as_str()).collect();
            names.join("::")
        };
        let rooms: Vec<String> = circle.rooms.iter().map(name).collect();
        let mut says = format!("{} rooms use each other in a circle: {}", rooms.len(), rooms.join(", "));
        let file = |module: usize| self.of.modules[module].file.path.as_str();
        for Arrow { from, to, line, path } in &circle.arrows {
            says.push_str(&format!("\n      {}:{line} names {path}, of {}", file(*from), file(*to)));
        }
        let (path, line) = circle.arrows.first().map_or((file(0), 1), |arrow| (file(arrow.from), arrow.line));
        Finding { path: path.to_owned(), line, says }
    }
}

/// How many re-exports are followed.
const MOST_STEPS: usize = 8;

/// Rooms each of which leads to each, with the arrows between them.
struct Circle {
    rooms: BTreeSet<usize>,
    arrows: Vec<Arrow>,
}

fn circles(arrows: &Arrows) -> Vec<Circle> {
    let mut next: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    arrows.keys().for_each(|(from, to)| next.entry(*from).or_default().push(*to));
    let reached: BTreeMap<usize, BTreeSet<usize>> = next.keys().map(|room| (*room, reach(&next, *room))).collect();
    let leads = |from: &usize, to: &usize| reached.get(from).is_some_and(|rooms| rooms.contains(to));
    let mut found = Vec::new();
    for (room, all) in &reached {
        let rooms: BTreeSet<usize> = all.iter().filter(|other| leads(other, room)).copied().collect();
        // Each circle once, at its first room.
        if rooms.first() == Some(room) {
            let inside = arrows.iter().filter(|((from, to), _)| rooms.contains(from) && rooms.contains(to));
            found.push(Circle { arrows: inside.map(|(_, arrow)| arrow.clone()).collect(), rooms });
        }
    }
    found
}

/// Every room that a room leads to; itself too, if the arrows come back.
fn reach(next: &BTreeMap<usize, Vec<usize>>, from: usize) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(room) = open.pop() {
        let new = next.get(&room).into_iter().flatten().filter(|to| reached.insert(**to));
        open.extend(new.copied().collect::<Vec<_>>());
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::tree;

    /// The circles in a crate `a` that has these files below its `src`.
    fn says(sources: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<_> = sources.iter().map(|(path, text)| (format!("a/src/{path}"), *text)).collect();
        let manifest = [("a/Cargo.toml", "")].into_iter();
        let files: Vec<_> = manifest.chain(sources.iter().map(|(path, text)| (path.as_str(), *text))).collect();
        check(&tree(&files)).iter().map(ToString::to_string).collect()
    }

    const ROOT: (&str, &str) = ("lib.rs", "mod one; mod two; mod three;");

    #[track_caller]
    fn assert_circle(sources: &[(&str, &str)], rooms: &str) {
        let found = says(sources);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].lines().next().is_some_and(|line| line.ends_with(&format!("in a circle: {rooms}"))),
            "{found:?}"
        );
    }

    #[test]
    fn files_that_name_each_other_are_a_circle_however_they_say_it() {
        for (one, two) in [
            ("use crate::two::Two;", "fn f() { crate::one::f() }"),
            ("use super::two;", "use super::{one, three}; fn f() { one::f() }"),
            ("fn f() -> crate::two::Two {}", "pub(crate) struct Two(super::one::One);"),
            ("fn f() { say!(crate::two::f()) }", "#[arg(value_parser = crate::one::parse)] struct Two;"),
            ("use super::*; fn f() { two::f() }", "use crate::one;"),
        ] {
            assert_circle(&[ROOT, ("one.rs", one), ("two.rs", two), ("three.rs", "")], "crate::one, crate::two");
        }
    }

    #[test]
    fn a_circle_through_re_exports_is_found_and_its_arrows_named() {
        let found = says(&[
            ("lib.rs", "mod one; mod two; pub use one::One; pub use two::*;"),
            ("one.rs", "\nuse crate::Two; pub struct One;"),
            ("two.rs", "use crate::One; pub struct Two;"),
        ]);
        assert_eq!(
            found,
            ["a/src/one.rs:2: 2 rooms use each other in a circle: crate::one, crate::two\n\
            \x20     a/src/one.rs:2 names crate::Two, of a/src/two.rs\n\
            \x20     a/src/two.rs:1 names crate::One, of a/src/one.rs"]
        );
    }

    #[test]
    fn a_file_and_its_own_children_are_no_circle() {
        let parent = ("one.rs", "mod inner; pub use inner::Inner; fn f() { inner::g() }");
        let found = says(&[ROOT, parent, ("one/inner.rs", "use super::f;"), ("two.rs", ""), ("three.rs", "")]);
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn folders_are_rooms_whichever_of_their_files_is_used() {
        let folders = [("one.rs", "mod a; mod b;"), ("one/a.rs", "use crate::two;"), ("one/b.rs", "")];
        assert_circle(&[&[ROOT, ("two.rs", "use crate::one::b::B;")][..], &folders].concat(), "crate::one, crate::two");
        let inside = [("one.rs", "mod a; mod b;"), ("one/a.rs", "use super::b;"), ("one/b.rs", "use super::a::A;")];
        assert_circle(&[&[ROOT][..], &inside].concat(), "crate::one::a, crate::one::b");
    }

    #[test]
    fn tests_other_crates_and_visibilities_draw_no_arrow() {
        let two = "pub(in crate::one) struct Two; #[cfg(test)] mod tests { use crate::one; } #[test] fn f() { crate::one::f() }
            use std::one; use one_other::One; #[cfg(test)] use crate::one::One;";
        let found = says(&[ROOT, ("one.rs", "use crate::two::Two;"), ("two.rs", two), ("three.rs", "")]);
        assert_eq!(found, Vec::<String>::new());
    }
}
