//! The nearest known name to one that is not known.

/// `; did you mean 'X'?` for the nearest of `known`, or nothing if none is near.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, known).map(|name| format!("; did you mean '{name}'?")).unwrap_or_default()
}

fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // One slip in three letters is a typo, more is another word.
    let limit = (word.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&word.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typos_find_their_word_and_other_words_find_none() {
        let known = ["domains", "families", "rule", "rule6"];
        assert_eq!(nearest("domain", known), Some("domains"));
        assert_eq!(nearest("famlies", known), Some("families"));
        assert_eq!(nearest("Rule", known), Some("rule"));
        assert_eq!(nearest("ports", known), None);
    }
}
