//! How a control plane starts, is repaired, and ends.

use crate::component::Component;
use crate::error::{Error, Result};
use crate::ports::{self, Ports};
use crate::process::{self, Process};
use crate::{Found, Ground, binaries, components, nodes, pki, platform};

impl Ground {
    /// Starts what is not alive, on the same ports and data.
    pub fn repair(&mut self) -> Result<()> {
        self.bring_up().map(|_| ())
    }

    /// Puts right what was done to the processes, whatever it was: what is paused goes on, what ended starts, Sluice too.
    pub fn mend(&mut self) -> Result<()> {
        for process in self.state.processes.values().filter(|process| process.alive()) {
            process.resume()?;
        }
        self.repair()?;
        self.run_sluice()
    }

    /// Starts kube-apiserver again with these arguments besides the usual ones, which it keeps until they are set anew.
    pub fn set_apiserver_args(&mut self, args: &[String]) -> Result<()> {
        self.state.apiserver_args = args.to_vec();
        self.save()?;
        self.repair()
    }

    pub(crate) fn bring_up(&mut self) -> Result<Found> {
        binaries::provide(&self.layout)?;
        let components = self.settle_ports()?;
        let alive = components.iter().filter(|component| self.runs(component)).count();
        pki::provide(&self.layout, self.state.ports()?)?;
        components::write_configuration(&self.layout)?;
        for component in &components {
            if component.name == "etcd" {
                self.start_etcd(component)?;
            } else {
                self.start_component(component)?;
            }
            if component.name == "kube-apiserver" {
                nodes::lay_foundation(self)?;
            }
        }
        if alive < components.len() {
            nodes::join(self)?;
        }
        Ok(match alive {
            0 => Found::Nothing,
            n if n == components.len() => Found::All,
            _ => Found::Some,
        })
    }

    /// The components on their ports. A port that somebody else took meanwhile means new ports for all: every
    /// kubeconfig and every neighbour's command line names them.
    fn settle_ports(&mut self) -> Result<Vec<Component>> {
        if let Some(ports) = &self.state.ports {
            let components = components::all(&self.layout, ports, &self.state.apiserver_args);
            let sluice = platform::sluice(&self.layout, ports);
            let doors = components.iter().chain([&sluice]).map(|component| (component.name, &component.ports));
            let moved = doors.into_iter().find(|(name, doors)| !self.is_alive(name) && ports::taken(doors));
            let Some(name) = moved.map(|(name, _)| name) else { return Ok(components) };
            eprintln!("a port of {name} was taken meanwhile: everything moves to new ports");
        }
        self.end_all()?;
        let ports = Ports::choose()?;
        let components = components::all(&self.layout, &ports, &self.state.apiserver_args);
        self.state.ports = Some(ports);
        self.save()?;
        Ok(components)
    }

    /// etcd runs without fsync, so a machine that lost power may leave a data directory that it refuses to open.
    fn start_etcd(&mut self, etcd: &Component) -> Result<()> {
        let had_data = self.layout.data().join("etcd/member").exists();
        match self.start_component(etcd) {
            Err(error @ Error::Died { .. }) if had_data => {
                eprintln!("etcd cannot open its old data; the cluster begins anew\n{error}");
                self.end_all()?;
                self.layout.wipe_data()?;
                self.start_component(etcd)
            }
            other => other,
        }
    }

    pub(crate) fn start_component(&mut self, component: &Component) -> Result<()> {
        if !self.runs(component) {
            self.end(component.name)?;
            let process = process::spawn(component, &self.layout)?;
            if let Some(warden) = &mut self.warden {
                warden.watch(&process)?;
            }
            self.state.processes.insert(component.name.to_owned(), process);
            self.save()?;
        }
        components::wait_healthy(self, component)
    }

    fn is_alive(&self, name: &str) -> bool {
        self.state.processes.get(name).is_some_and(Process::alive)
    }

    pub(crate) fn process(&self, name: &str) -> Option<&Process> {
        self.state.processes.get(name)
    }

    /// Alive, and started with the same program and arguments.
    fn runs(&self, component: &Component) -> bool {
        let known = self.state.processes.get(component.name);
        known.is_some_and(|process| process.alive() && process.command == component.digest())
    }

    pub(crate) fn end(&mut self, name: &str) -> Result<bool> {
        let Some(process) = self.state.processes.get(name) else { return Ok(false) };
        let ended = process.end()?;
        self.state.processes.remove(name);
        self.save()?;
        Ok(ended)
    }

    /// In reverse order of the start: nobody loses what they lean on, and etcd closes its files last.
    pub(crate) fn end_all(&mut self) -> Result<Vec<String>> {
        let mut ended = Vec::new();
        for name in components::NAMES.iter().rev() {
            if self.end(name)? {
                ended.push((*name).to_owned());
            }
        }
        Ok(ended)
    }

    pub(crate) fn ports(&self) -> Result<&Ports> {
        self.state.ports()
    }

    pub(crate) fn save(&self) -> Result<()> {
        self.state.save(&self.layout.state_file())
    }
}
