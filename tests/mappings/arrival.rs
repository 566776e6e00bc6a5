//! What a request says of itself, read from as little of it as will do.

use crate::support::Example;
use crate::support::program;
use jingyue::domain::fault::Fault;
use jingyue::domain::mapping::Arrival;
use jingyue::domain::mapping::Workspace;

fn arrive(profile: &str, path: &str, service: &str, body: &[u8]) -> Result<Arrival, Fault> {
    let program = program();
    let system = program.system(profile).unwrap();
    program.arrive(system, path, &|_| Some(service), body, &mut Workspace::default())
}

#[test]
fn a_request_that_ends_early_says_the_same_or_nothing() {
    let mut known_before_the_end = 0;
    for example in Example::all().into_iter().filter(Example::is_request) {
        let pair = program().pair(&example.from, &example.to, &example.matter, &example.step).unwrap();
        let service = &pair.from_service;
        let input = Example::file(&example.input);
        let whole = arrive(&example.from, &service.path, &service.service, &input).unwrap();
        let end = input.trim_ascii_end().len();
        for length in (0..end).step_by(7) {
            let cut = &input[..length];
            if let Ok(arrival) = arrive(&example.from, &service.path, &service.service, cut) {
                assert_eq!(arrival, whole, "{} cut at {length}", example.input);
                known_before_the_end += 1;
                assert!(example.translate(cut).is_err(), "{} cut at {length} passes", example.input);
            }
        }
    }
    // Sides that have everything at the head of their messages; the others are read to their end.
    assert!(known_before_the_end > 0);
}

#[test]
fn what_was_read_before_says_nothing_of_a_body_that_is_too_large() {
    let mut workspace = Workspace::default();
    for example in Example::all().into_iter().filter(Example::is_request) {
        let pair = program().pair(&example.from, &example.to, &example.matter, &example.step).unwrap();
        let (service, system) = (&pair.from_service, program().system(&example.from).unwrap());
        let mut arrive =
            |body: &[u8]| program().arrive(system, &service.path, &|_| Some(&service.service), body, &mut workspace);
        arrive(&Example::file(&example.input)).unwrap();
        let limit = system.profile.limits.bytes_max;
        let told = arrive(&vec![b' '; limit + 1]);
        assert!(matches!(told, Err(Fault::LimitExceeded { limit: told, .. }) if told == limit), "{told:?}");
    }
}

#[test]
fn a_blank_first_choice_leaves_it_to_the_later_ones_wherever_they_stand() {
    let body = |key: &str| {
        format!(
            r#"{{"head":{{"serviceCode":"GJJ_ACCOUNT_QUERY","msgId":"M-1"}},"data":{{"matterCode":"GJ01",
               "idempotencyKey":"{key}","handleRegion":"421000","queryPurpose":"x","caseNo":"C-1"}}}}"#
        )
    };
    let pair = program().pair("yueyang-window", "jingzhou-fund", "GJ01", "main").unwrap();
    let key = |key: &str| arrive("yueyang-window", &pair.from_service.path, "", body(key).as_bytes()).unwrap().key;
    assert_eq!(key("K-1"), "K-1");
    assert_eq!(key("  "), "C-1");
    assert_eq!(key(""), "C-1");
    assert_eq!(key(&"k".repeat(200)), "C-1");
}
