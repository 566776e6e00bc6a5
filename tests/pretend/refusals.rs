//! What a strict city refuses, and in which shape.

use crate::support::at;
use crate::support::cities;
use crate::support::form_headers;
use crate::support::post;
use crate::support::sample;
use crate::support::samples;
use crate::support::signed;
use crate::support::xml_headers;
use jingyue::domain::masked::Masked;
use jingyue::edge::pretend::Signer;

#[tokio::test]
async fn package_with_faults() {
    let Some(folder) = samples() else { return };
    let cities = cities(at(9, 30, 18, 0));
    let right = String::from_utf8(sample(&folder, "02-pf-withdraw-rent/jingzhou.request.soap.xml")).unwrap();
    for (from, to, code, place) in [
        ("<TQYY>006</TQYY>", "<TQYY>07</TQYY>", "-21", "TQYY"),
        ("<TQYY>006</TQYY>\n", "", "-11", "TQYY"),
        ("<TQJE>840000<", "<TQJE>8400.00<", "-10", "TQJE"),
        ("<FWZL_SSXQDM>421002<", "<FWZL_SSXQDM>421071<", "-21", "FWZL_SSXQDM"),
        ("<YZJ>70000</YZJ>\n", "", "-11", "YZJ"),
        ("<HYZKDM>20<", "<HYZKDM>21<", "-21", "HYZKDM"),
        ("<XM>刘𬱖</XM>\n<ZJLX>111</ZJLX>", "<ZJLX>111</ZJLX>\n<XM>刘𬱖</XM>", "-10", "XM"),
        ("<XM>刘𬱖</XM>", "<XM>刘\u{FFFD}</XM>", "-10", "XM"),
        ("<BZ>", "<XX>1</XX><BZ>", "-10", "XX"),
        ("<JLS>1<", "<JLS>2<", "-10", "JLS"),
        ("430602199003079989", "430602199003079988", "-10", "ZJHM"),
        ("a68234bc", "a68234bd", "-10", "CLZY"),
        ("<CLNR>JVBE", "<CLNR>!VBE", "-10", "CLNR"),
        ("KSTB_GJJTQ", "KSTB_XXXXX", "-52", "未开通"),
        ("JZ-LIC-0001", "", "-50", "许可证校验错误"),
    ] {
        assert!(right.contains(from), "{from}");
        let body = right.replace(from, to).into_bytes();
        let answer = post(&cities, "jingzhou-window", "/kstb", &xml_headers(), body).await.unwrap().text();
        assert!(answer.contains(&format!("<CODE>{code}</CODE>\n<MSG>")) && answer.contains(place), "{to}: {answer}");
        assert!(!answer.contains("RECORD no"), "the error shape has no RECORD: {answer}");
    }
}

#[tokio::test]
async fn no_soap_call_at_all() {
    let Some(folder) = samples() else { return };
    let cities = cities(at(9, 30, 18, 0));
    let right = String::from_utf8(sample(&folder, "02-pf-withdraw-rent/jingzhou.request.soap.xml")).unwrap();
    for (from, to) in [
        ("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"),
        ("http://service.kstb.jingzhou.example/", "http://service.example/"),
        ("<sqzcm>", "<ser:sqzcm>"),
        ("</PACKAGE>", ""),
        ("<soapenv:Header/>", "<!DOCTYPE x>"),
    ] {
        let body = right.replace(from, to).replace("<ser:sqzcm>JZ-LIC-0001</sqzcm>", "<ser:sqzcm>x</ser:sqzcm>");
        let answer = post(&cities, "jingzhou-window", "/kstb", &xml_headers(), body.into_bytes()).await.unwrap();
        assert_eq!(answer.status, 500, "{to}");
        assert!(answer.text().contains("<faultcode>soap:Client</faultcode>"), "{}", answer.text());
    }
}

#[tokio::test]
async fn signature_of_the_window() {
    let Some(folder) = samples() else { return };
    let now = at(9, 30, 16, 234);
    let cities = cities(now);
    let path = "/gateway/api/ent/licence";
    let body = sample(&folder, "04-bizlic-query/yueyang.request.json");
    let code = |answer: String| answer.split(['\n', ',']).nth(1).unwrap().trim().to_owned();

    let wrong = Signer::new("jy-gateway", Masked::new(b"another".to_vec()));
    let headers = wrong.headers("POST", path, now, "1", &body);
    let answer = post(&cities, "yueyang-window", path, &headers, body.clone()).await.unwrap();
    assert_eq!(code(answer.text()), "\"code\": 4011");

    let answer = post(&cities, "yueyang-window", path, &[], body.clone()).await.unwrap();
    assert_eq!(code(answer.text()), "\"code\": 4010");

    let late = signed(&cities, path, now - 300_001, "1", body.clone()).await.unwrap();
    assert_eq!(code(late.text()), "\"code\": 4011");

    let right = signed(&cities, path, now - 300_000, "1", body.clone()).await.unwrap();
    assert_eq!(code(right.text()), "\"code\": 200");
    let replayed = signed(&cities, path, now - 300_000, "1", body.clone()).await.unwrap();
    assert_eq!(code(replayed.text()), "\"code\": 4011");
    let anew = signed(&cities, path, now - 300_000, "2", body).await.unwrap();
    assert_eq!(code(anew.text()), "\"code\": 200");
}

#[tokio::test]
async fn json_with_faults() {
    let Some(folder) = samples() else { return };
    let now = at(9, 30, 16, 234);
    let cities = cities(now);
    let path = "/gateway/api/gjj/withdraw";
    let right = String::from_utf8(sample(&folder, "02-pf-withdraw-rent/yueyang.request.json")).unwrap();
    for (nonce, (from, to, code, place)) in [
        ("\"withdrawReason\": \"07\"", "\"withdrawReason\": \"006\"", 4221, "withdrawReason"),
        ("\"8400.00\"", "\"840000\"", 4001, "withdrawAmount"),
        ("\"8400.00\"", "8400.00", 4001, "withdrawAmount"),
        ("\"closeAccount\": false", "\"closeAccount\": \"false\"", 4001, "closeAccount"),
        ("\"caseNo\": \"YJ20261123430602000001U\"", "\"caseNo\": null", 4002, "caseNo"),
        ("\"windowNo\"", "\"windowNr\"", 4001, "windowNr"),
        ("\"monthlyRent\"", "\"leaseTo\"", 4001, "leaseTo"),
        ("GJJ_WITHDRAW_APPLY", "GJJ_ACCOUNT_QUERY", 4001, "serviceCode"),
        ("2026-11-23 09:30:15", "2026-11-23 24:30:15", 4001, "applyTime"),
    ]
    .into_iter()
    .enumerate()
    {
        assert!(right.contains(from), "{from}");
        let body = right.replacen(from, to, 1).into_bytes();
        let answer = signed(&cities, path, now, &nonce.to_string(), body).await.unwrap().text();
        assert!(answer.contains(&format!("\"code\": {code},")) && answer.contains(place), "{to}: {answer}");
        assert!(answer.contains("\"data\": null"), "{answer}");
    }
    let unknown = signed(&cities, "/gateway/api/nothing", now, "x", right.into_bytes()).await.unwrap();
    assert_eq!(unknown.status, 404);
}

#[tokio::test]
async fn form_and_fields_with_faults() {
    let Some(folder) = samples() else { return };
    let cities = cities(at(9, 30, 16, 0));
    let right = String::from_utf8(sample(&folder, "01-pf-query/jingzhou.request.form")).unwrap();
    for (from, to, code) in [
        ("jydm=GJJ1001", "jydm=GJJ1002", "10001"),
        ("jgdm=421000000000000&", "", "10001"),
        ("ZJLX%3E01", "ZJLX%3E10", "10021"),
        ("KSRQ%3E20260101", "KSRQ%3E20261231", "10001"),
        ("%3CSQBH%3ESQ202611230000000001%3C%2FSQBH%3E%0A", "", "10002"),
        ("%993%C36", "", "30001"),
        ("%993%C36", "%26%23183382%3B", "00000"),
        ("%993%C36", "%26amp%3B%23183382%3B", "30001"),
        ("%C1%F5%993%C36", "%C1", "10001"),
    ] {
        assert!(right.contains(from), "{from}");
        let body = right.replace(from, to).into_bytes();
        let answer = post(&cities, "jingzhou-fund", "/gjj/ws", &form_headers(), body).await.unwrap();
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(text.contains(&format!("<FHM>{code}</FHM>")), "{to}: {text}");
    }

    let right = sample(&folder, "03-pf-transfer/m3-information.request.gb18030.xml");
    for (from, to, code) in [
        ("45321.54", "45321.55", "10001"),
        ("<field name=\"SixMconFlag\">1<", "<field name=\"SixMconFlag\">0<", "10021"),
        ("<field name=\"DocType\">01</field>\n", "", "10002"),
        ("BDC905", "BDC999", "10021"),
        ("C43060", "C42100", "10001"),
        ("</message>", "", "10001"),
    ] {
        let place = memchr::memmem::find(&right, from.as_bytes()).unwrap();
        let body = [&right[..place], to.as_bytes(), &right[place + from.len()..]].concat();
        let answer = post(&cities, "fund-national", "/bdc/message", &[], body).await.unwrap();
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(text.contains(&format!("<field name=\"RtnCode\">{code}</field>")), "{to}: {text}");
        assert!(text.contains("<field name=\"TxStatus\">1</field>"), "{text}");
    }
}
