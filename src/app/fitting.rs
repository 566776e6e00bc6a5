//! Whether a configuration and a mapping set go together: what only both can show.

use crate::domain::mapping::Program;
use crate::domain::mapping::nearest;
use crate::edge::config;
use crate::edge::config::Config;
use crate::edge::library::Library;

/// Compiles the mappings and fits the configuration to them.
///
/// # Errors
/// All problems of both.
pub fn check(config: &Config, library: &Library) -> Result<Program, Vec<String>> {
    let program = Program::compile(&library.files).map_err(|faults| super::texts(&faults))?;
    let mut problems = Vec::new();
    for caller in &config.callers {
        fit(&program, "来文系统", &caller.name, &caller.city, &caller.profile, &mut problems);
    }
    // The sharing platform of `[licences.source]` gets what it wants from there.
    let platform = config.licences.as_ref().and_then(|licences| licences.platform.as_ref());
    for (number, system) in config.systems.iter().enumerate() {
        fit(&program, "被调系统", &system.name, &system.city, &system.profile, &mut problems);
        if platform.is_none_or(|platform| platform.system != number) {
            fit_settings(&program, system, &mut problems);
        }
    }
    if problems.is_empty() { Ok(program) } else { Err(problems) }
}

fn fit(program: &Program, kind: &str, name: &str, city: &str, profile: &str, problems: &mut Vec<String>) {
    let known = program.city(city);
    if known.is_none() {
        problems.push(format!("{kind} {name}：映射目录中没有城市“{city}”"));
    }
    if program.system(profile).is_none() {
        problems.push(format!("{kind} {name}：映射目录中没有系统档案“{profile}”"));
    } else if known.is_some_and(|known| !known.profiles.iter().any(|own| own == profile)) {
        problems.push(format!("{kind} {name}：城市“{city}”没有系统档案“{profile}”，见 cities/{city}.toml 的 profiles"));
    }
}

/// The settings of a system are those that its profile writes: one too few leaves a place of the message empty, and one
/// that nobody asks for is most likely misspelt.
fn fit_settings(program: &Program, system: &config::System, problems: &mut Vec<String>) {
    let wanted = program.settings_of(&system.profile);
    for (name, _) in wanted.iter().filter(|(name, needed)| **needed && !system.settings.contains_key(**name)) {
        problems.push(format!(
            "被调系统 {}：缺少设置“{name}”，档案 {} 的报文要写它，请在 [system.settings] 或 settings_file 中补上",
            system.name, system.profile
        ));
    }
    for name in system.settings.keys().filter(|name| !wanted.contains_key(name.as_str())) {
        let near = nearest(name, wanted.keys().copied());
        let hint = near.map_or_else(|| "请删去".to_owned(), |near| format!("是否想写“{near}”？"));
        problems.push(format!("被调系统 {}：档案 {} 没有设置“{name}”，{hint}", system.name, system.profile));
    }
}
