//! Trust lists over HTTP: what is in use, and who may put one.

use crate::desk::Desk;
use crate::desk::get;
use crate::desk::refused;
use crate::desk::send;
use crate::desk::well;

#[test]
fn a_list_that_its_operator_did_not_sign_is_refused_and_changes_nothing() {
    let mut desk = Desk::new();
    desk.second = Some("matters = [\"*\"]".to_owned());
    let stand = desk.start();
    let before = well(&get(&stand, "/v1/trust/lists"));
    assert!(before["lists"].as_array().unwrap().is_empty());
    assert_eq!(before["crls"].as_array().unwrap().len(), 3);
    let put = |key: &str, province: &str| {
        send(&stand, key, "PUT", &format!("/v1/trust/lists/{province}"), "application/json", b"{}")
    };
    assert_eq!(refused(&put("yy-query-01", "430000")), (403, "AUTH.MATTER_NOT_ALLOWED".to_owned()));
    assert_eq!(refused(&put("yy-kstb-01", "43")), (400, "REQ.SCHEMA".to_owned()));
    assert_eq!(refused(&put("yy-kstb-01", "430000")), (400, "REQ.SCHEMA".to_owned()), "without a signature");
    assert_eq!(well(&get(&stand, "/v1/trust/lists")), before);
    assert!(!desk.folder.path().join("trust/430000.json").exists());
}
