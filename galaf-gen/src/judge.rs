//! nft's judgement of a ruleset, told in terms of the file.

use std::collections::BTreeMap;

use galaf::config::Family;
use galaf::json::JsonPath;

use crate::kernel::nft::{self, ListAgain, NftError};
use crate::policy::Place;
use crate::render::nft::{Origin, Ruleset};

/// What nft says.
pub enum Judgement {
    /// It takes the ruleset.
    Good,
    /// Somebody's rule is wrong.
    Bad(Vec<(JsonPath, String)>),
    /// It was not asked, and why.
    NotAsked(String),
}

/// Asks nft in a namespace of its own.
///
/// # Errors
/// If it refuses something that is not from the file.
pub fn judge(ruleset: &Ruleset) -> Result<Judgement, NftError> {
    // nft 1.0.6 loads `tcp flags & (syn | ack) != { 1-5, 9 }` and crashes whenever it is to list a rule of the table.
    let is_written = ruleset.origins.values().any(|origin| origin.place == Place::Rule);
    let list_again = if is_written { ListAgain::Yes } else { ListAgain::No };
    match nft::check(&ruleset.text, list_again) {
        Ok(()) => Ok(Judgement::Good),
        Err(NftError::Refused(complaint)) => {
            let mut problems = problems(&complaint, ruleset);
            if problems.is_empty() {
                problems = one_by_one(ruleset)?;
            }
            if problems.is_empty() { Err(NftError::Refused(complaint)) } else { Ok(Judgement::Bad(problems)) }
        }
        Err(error @ (NftError::Start { .. } | NftError::Namespace(_))) => Ok(Judgement::NotAsked(error.to_string())),
    }
}

/// nft writes `/dev/stdin:LINE:COLUMNS: Error: WHAT`, then the line, then marks below it.
fn problems(complaint: &str, ruleset: &Ruleset) -> Vec<(JsonPath, String)> {
    let mut problems: Vec<(JsonPath, String)> = Vec::new();
    for line in complaint.lines() {
        let Some((place, what)) = line.split_once(": Error: ") else { continue };
        let number = place.split(':').nth(1).and_then(|number| number.parse().ok());
        let Some(origin) = number.and_then(|number: usize| ruleset.origins.get(&number)) else { continue };
        let problem = refused(origin, what);
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    problems
}

/// nft ends without naming a line where a rule leads it into one of its own assertions: version 1.0.6 does with
/// `tcp dport { 80, 22 lshift 1 }`. Then it is asked about each rule that the administrator wrote without the others of these.
fn one_by_one(ruleset: &Ruleset) -> Result<Vec<(JsonPath, String)>, NftError> {
    let written: BTreeMap<usize, &Origin> = ruleset
        .origins
        .iter()
        .filter(|(_, origin)| origin.place == Place::Rule)
        .map(|(line, origin)| (*line, origin))
        .collect();
    if complaint_about(&with_only(None, &written, ruleset))?.is_some() {
        return Ok(Vec::new());
    }
    let mut problems = Vec::new();
    for (line, origin) in &written {
        let complaint = complaint_about(&with_only(Some(*line), &written, ruleset))?;
        problems
            .extend(complaint.map(|what| refused(origin, what.lines().next().unwrap_or("nft ends without a word"))));
    }
    Ok(problems)
}

/// The ruleset without the lines `written`, except for `line`.
fn with_only(line: Option<usize>, written: &BTreeMap<usize, &Origin>, ruleset: &Ruleset) -> String {
    let is_left = |number: &usize| Some(*number) == line || !written.contains_key(number);
    let left = ruleset.text.lines().zip(1..).filter(|(_, number)| is_left(number));
    left.map(|(text, _)| format!("{text}\n")).collect()
}

fn complaint_about(text: &str) -> Result<Option<String>, NftError> {
    match nft::check(text, ListAgain::Yes) {
        Ok(()) => Ok(None),
        Err(NftError::Refused(complaint)) => Ok(Some(complaint)),
        Err(error) => Err(error),
    }
}

fn refused(origin: &Origin, what: &str) -> (JsonPath, String) {
    (path(origin), format!("nft refuses this rule: {what}"))
}

fn path(origin: &Origin) -> JsonPath {
    let at = JsonPath::root().key(origin.subject.section()).key(&origin.name);
    match (origin.place, origin.family) {
        (Place::Rule, Family::Ipv4) => at.key("rule"),
        (Place::Rule, Family::Ipv6) => at.key("rule6"),
        (Place::Allow(index), _) => at.key("allow").index(index),
        (Place::Deny(index), _) => at.key("deny").index(index),
    }
}
