//! Whose licence it is, and who is told of it: the provinces of the cities.

use super::Called;
use crate::domain::value::Date;
use crate::domain::value::DateTime;
use crate::exchange::state::State;

/// The provinces of the cities by the first two digits of their divisions, and that of who is told.
#[derive(Debug)]
pub(super) struct Sides {
    provinces: Vec<(String, String)>,
    receiver: Option<String>,
}

impl Sides {
    /// For what is told in the city `receiver`.
    pub(super) fn of(state: &State, receiver: &str) -> Self {
        let province = |city: &crate::domain::mapping::City| city.keys.get("province").cloned();
        let cities = &state.program.catalogue().cities;
        let provinces = cities.iter().filter_map(|city| Some((city.division.get(..2)?.to_owned(), province(city)?)));
        Self { provinces: provinces.collect(), receiver: state.program.city(receiver).and_then(province) }
    }

    /// The province of an office by its code.
    pub(super) fn issuing(&self, authority: &str) -> Option<&str> {
        let digits = province_digits(authority);
        self.provinces.iter().find(|(known, _)| Some(known.as_str()) == digits).map(|(_, province)| province.as_str())
    }

    /// The province of who is told.
    pub(super) fn receiver(&self) -> Option<&str> {
        self.receiver.as_deref()
    }
}

/// The two digits of an office's province in its code: a credit code has the division behind its first two characters,
/// and division codes alone were seen.
pub(super) fn province_digits(authority: &str) -> Option<&str> {
    if authority.len() == 6 { authority.get(..2) } else { authority.get(2..4) }
}

impl Called<'_> {
    /// Today in Beijing.
    pub(super) fn today(&self) -> Option<Date> {
        DateTime::from_epoch_milliseconds(self.now).map(|moment| moment.date)
    }

    /// What a type of the other province is at the side that is told; none for its own licences, and where nothing was
    /// agreed.
    pub(super) fn equivalent(&self, kind: Option<&str>, authority: Option<&str>) -> Option<&str> {
        let (from, to) = (self.sides.issuing(authority?)?, self.sides.receiver()?);
        let found = self.desk.recognition.equivalent(kind?, from, to, self.today()?);
        found.ok().filter(|_| from != to).map(|counterpart| counterpart.kind)
    }
}
