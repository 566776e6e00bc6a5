//! Whether a value that stood in a code's place may be shown to whoever keeps the tables.
//!
//! People put anything into a code field: a name, a birth date, a passport number, half an address. What a table knows
//! may be shown; of the rest only what is too short and too plain to say anything of a person. It deliberately does not
//! try to recognise personal data: what is not clearly a code is not shown.

use super::Table;
use crate::domain::fault::is_plain;

/// Most characters of a value that no table knows. A birth date has eight digits, a telephone number seven.
const CHARACTERS_MAX: usize = 6;

impl Table {
    /// True where the value is a code of the table, canonical or of any set, or looks like one that it lacks: about as
    /// long as its codes, of their kinds of characters.
    pub fn may_show(&self, value: &str) -> bool {
        let codes = || self.rows().iter().flat_map(|row| &row.cells).flatten().map(|cell| cell.code.as_str());
        if self.row(value).is_some() || codes().any(|code| code == value) {
            return true;
        }
        let longest = codes().filter(|code| code.is_ascii()).map(str::len).max().unwrap_or_default();
        let has_letters = codes().any(|code| code.bytes().any(|byte| byte.is_ascii_alphabetic()));
        is_plain(value, CHARACTERS_MAX.min(longest + 1))
            && (has_letters || !value.bytes().any(|byte| byte.is_ascii_alphabetic()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::codes::Cell;
    use crate::domain::codes::Row;
    use crate::domain::codes::Way;
    use crate::domain::fault::may_show_return;

    fn table(codes: &[&str]) -> Table {
        let mut table = Table::new("t", vec!["a".into()]);
        for (line, code) in codes.iter().enumerate() {
            table.push(Row {
                canonical: format!("word{line}"),
                title: String::new(),
                cells: vec![Some(Cell { code: (*code).into(), way: Way::Both, condition: None })],
                parent: None,
                valid_from: None,
                valid_to: None,
                line,
            });
        }
        table
    }

    /// Made-up things of persons that somebody may put into any field.
    const PERSONAL: [&str; 14] = [
        "张三",
        "欧阳娜仁·其其格",
        "zhangsan",
        "Zhang San",
        "zhang_san",
        "430602199003079989",
        "19900307",
        "13900000001",
        "8888888",
        "E12345678",
        "湘F12345",
        "a@b.cn",
        "6222020200112233445",
        "岳阳楼区南湖大道1号",
    ];

    #[test]
    fn what_may_be_of_a_person_is_never_shown() {
        let long = "11100000MB0143028R001";
        for table in
            [table(&["1", "2"]), table(&["430602", "421002000000"]), table(&["completed", "A1", long, "存续（在营）"])]
        {
            for personal in PERSONAL {
                assert!(!table.may_show(personal), "{personal}");
            }
        }
        for personal in PERSONAL {
            assert!(!may_show_return(personal), "{personal}");
        }
    }

    #[test]
    fn what_the_table_knows_and_what_looks_like_it_is_shown() {
        let digits = table(&["01", "02", "421002000000"]);
        for code in ["01", "99", "421002000000", "word1", "-1"] {
            assert!(digits.may_show(code), "{code}");
        }
        for other in ["", "A1", "01 ", "4210020", "０１"] {
            assert!(!digits.may_show(other), "{other}");
        }
        assert!(!table(&["1"]).may_show("123"));
        let words = table(&["A1", "存续（在营）"]);
        assert!(words.may_show("B22") && words.may_show("存续（在营）") && !words.may_show("存续"));
        for code in ["-77", "E9001", "E01-0002", "500"] {
            assert!(may_show_return(code), "{code}");
        }
        assert!(!may_show_return("timeout"));
    }
}
