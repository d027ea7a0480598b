//! What is remembered, and how much of it.

use k8s_openapi::api::resource::v1::Device;

use super::super::selectors::{MOST_VERDICTS, Selectors};
use super::*;

fn gpu(number: usize) -> Device {
    let model = ["H100", "H200", "A100"][number % 3];
    serde_json::from_value(json!({
        "name": format!("gpu-{number}"),
        "attributes": {"uuid": {"string": format!("GPU-{number}")}, "index": {"int": number % 8},
            "productName": {"string": model}},
        "capacity": {"memory": {"value": format!("{}Gi", 40 * (number % 3 + 1))}},
    }))
    .expect("a Device")
}

fn wholes(devices: &[Device]) -> Vec<Whole<'_>> {
    devices.iter().map(|device| Whole { driver: NVIDIA, device }).collect()
}

/// How many kinds, selectors and verdicts there are after a turn.
fn turn(selectors: &mut Selectors, asked: &[Vec<String>], devices: &[Whole<'_>]) -> (usize, usize, usize) {
    let mut turn = selectors.begin();
    for list in asked {
        turn.number(&list.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let (kinds, matching) = turn.matching(devices);
    assert_eq!(kinds.len(), devices.len());
    (kinds.into_iter().collect::<BTreeSet<_>>().len(), matching.0.len(), selectors.verdicts())
}

#[test]
fn each_selector_is_evaluated_once_for_each_sort_of_devices() {
    let devices: Vec<_> = (0..4000).map(gpu).collect();
    let devices = wholes(&devices);
    let class = "device.driver == 'gpu.nvidia.com'".to_owned();
    let of_model = |number: usize| {
        format!("device.attributes['gpu.nvidia.com'].productName.contains('{}')", ["H100", "H200"][number % 2])
    };
    let large = |number: usize| {
        format!("device.capacity['gpu.nvidia.com'].memory.isGreaterThan(quantity('{}Gi'))", number % 8 * 20)
    };
    // 4,000 claims of 16 selectors.
    let asked: Vec<_> = (0..4000).map(|it| vec![class.clone(), of_model(it), large(it / 2)]).collect();
    let mut selectors = Selectors::default();
    // One verdict of the class, three of each model's name, and three of each amount.
    let expected = (3, 16, 1 + 2 * 3 + 8 * 3);
    assert_eq!(turn(&mut selectors, &asked, &devices), expected);
    assert_eq!(turn(&mut selectors, &asked, &devices), expected, "nothing is evaluated again");
    assert_eq!(turn(&mut selectors, &asked[..1], &devices).2, expected.2, "nor forgotten while it does not matter");
    let mut one = asked.clone();
    one.push(vec!["device.attributes['gpu.nvidia.com'].uuid == 'GPU-7'".into()]);
    let (kinds, lists, verdicts) = turn(&mut selectors, &one, &devices);
    assert_eq!((kinds, lists), (4, 17), "one device is told from its like, the others are not");
    assert!(verdicts > expected.2 + 1000, "{verdicts}: that one asks about every device");
}

#[test]
fn what_takes_long_is_found_out_over_several_turns_and_what_is_remembered_is_bounded() {
    let devices: Vec<_> = (0..300).map(gpu).collect();
    let devices = wholes(&devices);
    let heavy = |number: usize| {
        let names = vec!["'a'"; 400].join(",");
        let each = "device.attributes['gpu.nvidia.com'].uuid.startsWith(x)";
        vec![format!("[{names}].exists(x, {each}) || {number} == {number}")]
    };
    let asked = [heavy(1), heavy(2)];
    let mut selectors = Selectors::default();
    let first = turn(&mut selectors, &asked, &devices).2;
    assert!((1..600).contains(&first), "{first}");
    let second = turn(&mut selectors, &asked, &devices).2;
    assert!(second > first, "{second} after {first}");
    selectors.count(MOST_VERDICTS + 1);
    let anew = turn(&mut selectors, &[vec!["true".into()]], &devices).2;
    assert_eq!(anew, 1, "all was forgotten");
}
