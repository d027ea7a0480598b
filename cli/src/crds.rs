//! `sluice crds`: the definitions of the records, for the chart.

use std::io;

use clap::Args;

use crate::ending::{Ending, Failure};
use crate::output;

/// Print the CustomResourceDefinitions of the records as YAML
#[derive(Args, Debug)]
pub(crate) struct Crds {}

impl Crds {
    pub(crate) fn run(self) -> Result<Ending, Failure> {
        let Self {} = self;
        let mut files = records::crds_yaml().map_err(io::Error::other)?;
        // The order of the files in the chart, so that the two can be compared.
        files.sort();
        output::print(&files.iter().map(|(_, text)| format!("---\n{text}")).collect::<String>())?;
        Ok(Ending::Fine)
    }
}
