//! scratch, never committed
use ground::{Ground, Layout};
fn main() {
    let what = std::env::args().nth(1).unwrap();
    let (mut g, _) = Ground::ensure(Layout::e2e("follow")).unwrap();
    match what.as_str() {
        "up" => {
            g.install_chart(&[]).unwrap();
            g.make_users().unwrap();
        }
        "sluice" => {
            g.provide_sluice().unwrap();
            g.run_sluice().unwrap();
        }
        "org" => {
            println!("{}", g.apply_organisation().unwrap());
        }
        "down" => {
            println!("{:?}", g.stop().unwrap());
        }
        _ => {}
    }
}
