//! How a control plane starts, is repaired, and ends.

use crate::component::Component;
use crate::error::{Error, Result};
use crate::ports::{self, Ports};
use crate::process::{self, Process};
use crate::real_node::network::Network;
use crate::{Found, Ground, binaries, components, nodes, packages, pki, platform, real_node};

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
        self.settle_network()?;
        let components = self.settle_ports()?;
        let alive = components.iter().filter(|component| self.runs(component)).count();
        pki::provide(&self.layout, self.state.ports()?)?;
        components::write_configuration(&self.layout)?;
        for component in &components {
            match component.name {
                "etcd" => self.start_etcd(component)?,
                real_node::NAME if !self.runs(component) => {
                    self.end(component.name)?;
                    real_node::prepare(&self.layout)?;
                    self.admin_apply(real_node::DEVICE_CLASS)?;
                    self.admin_apply(&real_node::volumes(&self.layout)?.to_string())?;
                    self.start_component(component)?;
                }
                _ => self.start_component(component)?,
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

    /// A real node that comes or goes moves the API server: everybody's kubeconfig names it.
    fn settle_network(&mut self) -> Result<()> {
        let wanted = self.layout.has_real_node();
        match self.network() {
            Some(network) if wanted => network.ensure()?,
            Some(_) => self.set_network(None)?,
            None if wanted => {
                packages::provide()?;
                self.set_network(Some(Network::choose()?))?;
            }
            None => {}
        }
        let network = self.network();
        if let (Some(warden), Some(network)) = (&mut self.warden, network) {
            warden.at_last(&real_node::sweeping(&self.layout, network))?;
        }
        Ok(())
    }

    fn set_network(&mut self, network: Option<Network>) -> Result<()> {
        self.end_for_good()?;
        let ports = match self.state.ports {
            Some(ports) => ports,
            None => Ports::choose()?,
        };
        self.state.ports = Some(Ports { network, ..ports });
        self.save()
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
        let network = self.network();
        network.map_or(Ok(()), Network::ensure)?;
        let ports = Ports { network, ..Ports::choose()? };
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

    /// The same, and nothing stays on the machine but files.
    pub(crate) fn end_for_good(&mut self) -> Result<Vec<String>> {
        let ended = self.end_all()?;
        if let Some(network) = self.network() {
            real_node::sweep(&self.layout, network)?;
        }
        Ok(ended)
    }

    /// By which it and its real node reach each other, where there is one.
    fn network(&self) -> Option<Network> {
        self.state.ports.as_ref()?.network
    }

    pub(crate) fn ports(&self) -> Result<&Ports> {
        self.state.ports()
    }

    pub(crate) fn save(&self) -> Result<()> {
        self.state.save(&self.layout.state_file())
    }
}
