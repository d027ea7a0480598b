use super::*;

fn held_by(holder: Option<&str>) -> Lease {
    let spec = LeaseSpec {
        holder_identity: holder.map(str::to_owned),
        lease_duration_seconds: Some(15),
        ..LeaseSpec::default()
    };
    Lease { spec: Some(spec), ..Lease::default() }
}

#[test]
fn takes_over_only_what_nobody_renews() {
    let moves = |lease: Option<&Lease>, seconds| next(lease, "me", Duration::from_secs(seconds));
    assert_eq!(moves(None, 0), Move::Create);
    assert_eq!(moves(Some(&held_by(Some("me"))), 100), Move::Renew);
    assert_eq!(moves(Some(&held_by(Some("other"))), 15), Move::Wait);
    assert_eq!(moves(Some(&held_by(Some("other"))), 16), Move::TakeOver);
    assert_eq!(moves(Some(&held_by(Some(""))), 0), Move::TakeOver);
    assert_eq!(moves(Some(&held_by(None)), 0), Move::TakeOver);
}

#[test]
fn a_leader_stops_before_another_may_begin() {
    assert!(TRUSTED + DEADLINE <= DURATION);
}

#[tokio::test(start_paused = true)]
async fn leads_only_while_it_can_be_sure() {
    let (until, leads) = watch::channel(Some(Instant::now() + TRUSTED));
    let mut leadership = Leadership(leads);
    leadership.gained().await;
    tokio::time::advance(TRUSTED).await;
    assert!(!leadership.leads());
    until.send_replace(Some(Instant::now() + TRUSTED));
    assert!(leadership.leads());
}
