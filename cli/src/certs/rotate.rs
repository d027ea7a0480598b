//! `sluice certs rotate`: asks the running Sluice for a rotation, and waits until it is done.

use std::time::Duration;

use ::certs::{Authority, KeyMaterial, Phase, Request};
use clap::Args;
use tokio::time::Instant;

use super::Place;
use crate::ending::{self, Ending, Failure};
use crate::output;

/// How often to look whether it is done.
const LOOK: Duration = Duration::from_millis(500);

/// Replace the serving certificate now, or the CA with it
///
/// Nothing is done by this command but asking: the running Sluice does it, in the order that interrupts no call. Exit codes: 0 done,
/// 3 bad input, 4 nobody has done it in time.
#[derive(Args, Debug)]
pub(super) struct Rotate {
    #[command(flatten)]
    place: Place,
    /// Replace the CA too. The former one stays trusted for --certs-overlap of the running Sluice
    #[arg(long)]
    ca: bool,
    /// How long to wait until a certificate of the new CA is served
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = crate::run::duration)]
    timeout: Duration,
}

impl Rotate {
    pub(super) async fn run(self) -> Result<Ending, Failure> {
        let Self { place, ca, timeout } = self;
        let keep = place.keep().await?;
        let material = super::kept(&keep).await?;
        let Some(authority) = &material.authority else {
            return Err(Failure::input(anyhow::anyhow!(
                "the certificate in {keep} is issued by somebody else, because there is no ca.key; have it renewed there (for cert-manager: \
                 cmctl renew), and Sluice takes it up"
            )));
        };
        if ca && material.phase() == Phase::Announced {
            ending::note("a rotation of the CA is going on already; waiting for it");
        }
        let request = match ca {
            true => Request::Authority(authority.fingerprint()),
            false => Request::Leaf(material.leaf.fingerprint()),
        };
        keep.ask(&request).await.map_err(|error| Failure::Unanswered(error.into()))?;
        let (deadline, mut phase) = (Instant::now() + timeout, material.phase());
        let done = loop {
            if Instant::now() >= deadline {
                return Err(Failure::Unanswered(anyhow::anyhow!(
                    "nobody has done it within {timeout:?}, and it stays asked for; does Sluice run, and use {keep}? Its log says what it waits for"
                )));
            }
            tokio::time::sleep(LOOK).await;
            let now = super::kept(&keep).await?;
            if now.phase() != phase {
                phase = now.phase();
                ending::note(says(phase));
            }
            if request.is_done(&now) {
                break now;
            }
        };
        output::print(&summary(&done))?;
        Ok(Ending::Fine)
    }
}

fn says(phase: Phase) -> &'static str {
    match phase {
        Phase::Steady => "only one CA is trusted",
        Phase::Announced => "the next CA is announced; API servers hear of it before a certificate of it is served",
        Phase::Overlap => {
            "the next CA issues; the former one stays trusted until every replica has taken the new certificate up"
        }
        Phase::External => "somebody else issues now",
    }
}

fn summary(material: &KeyMaterial) -> String {
    let authority = material.authority.as_ref().map(Authority::fingerprint).unwrap_or_default();
    let ends = material.leaf.life().ends;
    format!("serving certificate sha256 {}, until {ends:.0}\nCA sha256 {authority}\n", material.leaf.fingerprint())
}
