//! Whether a message may have what it takes from a licence: the policy must release it for the matter, and the other
//! side must have a name for it.

use super::Recognition;
use crate::domain::licence::Policy;
use crate::domain::mapping::Diagnostic;
use crate::domain::mapping::Program;

/// Names that are told of every accepted licence, whatever the policy says.
const ALWAYS: [&str; 3] = ["ZZBS", "ZZLXDM", "ZZBFJGDM"];

impl Recognition {
    /// What messages ask of licences (`licence NAME`) and would never get, by the place of the row; each once.
    pub fn unreleased(&self, program: &Program, policy: Option<&Policy>) -> Vec<Diagnostic> {
        let mut faults = Vec::new();
        for pair in program.pairs() {
            for (name, note) in pair.request.licence_rows() {
                let matter = &pair.matter.code;
                let rule = policy.and_then(|policy| policy.matter(matter));
                let is_released =
                    ALWAYS.contains(&name) || rule.is_some_and(|rule| rule.fields.iter().any(|known| known == name));
                if !is_released {
                    let found = format!("证照字段“{name}”，策略没有对事项“{matter}”放行");
                    let fields =
                        rule.map_or_else(|| "（策略中没有这个事项）".to_owned(), |rule| rule.fields.join("、"));
                    faults.push(Diagnostic::error(210, &note.place, found).expected(fields));
                }
                faults.extend(self.nameless(program, &pair.to, name).map(|found| {
                    let known = self.fields().iter().map(|field| field.name.as_str());
                    Diagnostic::error(211, &note.place, found).near(name, known)
                }));
            }
        }
        faults.sort_by(|left, right| (&left.place, &left.found).cmp(&(&right.place, &right.found)));
        faults.dedup();
        faults
    }

    /// Why a side that runs a profile can get nothing under a name.
    fn nameless(&self, program: &Program, profile: &str, name: &str) -> Option<String> {
        if !self.fields().iter().any(|field| field.name == name) {
            return Some(format!("证照字段“{name}”不在证照目录中"));
        }
        let cities = &program.catalogue().cities;
        let city = cities.iter().find(|city| city.profiles.iter().any(|known| known == profile))?;
        let Some(dialect) = city.keys.get("province").and_then(|province| self.dialect(province)) else {
            return Some(format!("{}没有写明证照方言（cities/{}.toml 的 province）", city.title, city.name));
        };
        dialect.own_name(name).is_none().then(|| format!("证照字段“{name}”在方言 {} 中没有名称", dialect.name))
    }
}
