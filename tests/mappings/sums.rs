//! Rules that add up lists: totals, counts, and what is no sum.

use crate::support::NOW;
use crate::tiny::Set;
use crate::tiny::faults;
use crate::tiny::translate;
use jingyue::domain::fault::FieldFaultKind;
use serde_json::Value;
use serde_json::json;

/// A total, a fee beside it and a list of amounts, under a rule.
fn summed(rule: &str) -> Set {
    Set::new()
        .edit(
            "fields.csv",
            "id,title,type,length_max,table,privacy,mask,source\n",
            "id,title,type,length_max,table,privacy,mask,source\ntotal,合计金额,amount,,,L1,,x\nfee,手续费,amount,,,L1,,x\n\
             amt,金额,amount,,,L1,,x\nheads,人数,int,,,L1,,x\n",
        )
        .edit("rules.csv", "rule,note\n", &format!("rule,note\nT1,main,request,{rule},x\n"))
        .left(
            "total,total,amount yuan,,,,,\nfee,fee,amount yuan,,,,,\nheads,heads,int,,,,,\nitems[],items[],list,,,,,\n\
             items[].amt,items[].amt,amount yuan,,,,,\n",
        )
        .right(
            "T,total,amount fen,,,,,\nF,fee,amount fen,,,,,\nN,heads,int,,,,,\nL/M[],items[],list,,,,,\n\
             L/M[]/A,items[].amt,amount fen,,,,,\n",
        )
}

#[test]
fn a_total_is_the_sum_over_the_list_and_what_stands_beside_it() {
    let program = summed("sum total = items[].amt + fee").compile();
    let told = |input: Value| translate(&program, "left", input.to_string().as_bytes(), NOW);
    let right = json!({"no": "1", "total": "10.30", "fee": "0.30", "items": [{"amt": "4"}, {"amt": "6.00"}]});
    assert!(told(right).is_ok());
    let wrong = json!({"no": "1", "total": "10.31", "fee": "0.30", "items": [{"amt": "4"}, {"amt": "6.00"}]});
    let rule = "“合计金额”（total） = 各条“金额”（items[].amt）之和 + “手续费”（fee）";
    assert_eq!(faults(told(wrong)), [("total".to_owned(), FieldFaultKind::SumDiffers { rule: rule.into() })]);
    // One item without its amount does not switch the rule off.
    let short = json!({"no": "1", "total": "10.30", "fee": "0.30", "items": [{"amt": "4"}, {}]});
    assert_eq!(faults(told(short)).len(), 1);
    // Without the list, or without any amount in it, there is nothing to compare.
    for partly in
        [json!({"no": "1", "total": "1", "fee": "2"}), json!({"no": "1", "total": "1", "fee": "2", "items": [{}]})]
    {
        assert!(told(partly).is_ok());
    }
    // An amount that is none is told as such, once, and the sum is not held against it.
    let strange = json!({"no": "1", "total": "10.30", "fee": "0.30", "items": [{"amt": "4"}, {"amt": "six"}]});
    let strange = faults(told(strange));
    assert!(
        matches!(&strange[..], [(path, FieldFaultKind::WrongForm { .. })] if path == "items[1].amt"),
        "{strange:?}"
    );

    let wrong = b"<R><NO>1</NO><T>1031</T><F>30</F><L><M><A>400</A></M><M><A>600</A></M></L></R>";
    let told = faults(translate(&program, "right", wrong, NOW));
    let rule = "“合计金额”（R/T） = 各条“金额”（R/L/M[]/A）之和 + “手续费”（R/F）";
    assert_eq!(told, [("R/T".to_owned(), FieldFaultKind::SumDiffers { rule: rule.into() })]);
}

#[test]
fn a_sum_beyond_any_amount_is_still_another_number() {
    let program = summed("sum total = items[].amt").compile();
    // Ten of the largest amounts go beyond 64 bits.
    let items: Vec<Value> = (0..10).map(|_| json!({"amt": "9999999999999999.99"})).collect();
    let input = json!({"no": "1", "total": "1.00", "items": items});
    assert_eq!(faults(translate(&program, "left", input.to_string().as_bytes(), NOW)).len(), 1);
}

#[test]
fn a_headcount_is_the_number_of_items() {
    let program = summed("sum heads = items[]").compile();
    let told = |heads: i64| {
        let input = json!({"no": "1", "heads": heads, "items": [{"amt": "1"}, {"amt": "2"}]});
        translate(&program, "left", input.to_string().as_bytes(), NOW)
    };
    assert!(told(2).is_ok());
    let rule = "“人数”（heads） = “明细”（items[]）的条数";
    assert_eq!(faults(told(3)), [("heads".to_owned(), FieldFaultKind::SumDiffers { rule: rule.into() })]);
}

#[test]
fn a_sum_of_unlike_things_is_refused_when_mappings_are_loaded() {
    for rule in ["sum total = items[]", "sum heads = items[].amt", "sum total = items[].amt + heads"] {
        let told = summed(rule).try_compile().unwrap_err();
        assert!(told.contains("rules.csv:2:17") && told.contains("M166"), "{told}");
    }
    for rule in ["sum total = rows[].items[].amt", "sum items[].amt = fee", "sum total ="] {
        let told = summed(rule).try_compile().unwrap_err();
        assert!(told.contains("rules.csv:2:17") && told.contains("M114"), "{told}");
    }
}
