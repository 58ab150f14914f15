//! nft's judgement of a ruleset, told in terms of the file.

use galaf::config::Family;
use galaf::json::JsonPath;

use crate::kernel::nft::{self, NftError};
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
    match nft::check(&ruleset.text) {
        Ok(()) => Ok(Judgement::Good),
        Err(NftError::Refused(complaint)) => {
            let problems = problems(&complaint, ruleset);
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
        let problem = (path(origin), format!("nft refuses this rule: {what}"));
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    problems
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
