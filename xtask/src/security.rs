//! docs/security.md names a test for each property; they must be there.

/// What is wrong with `specification`, given the text of every Rust file.
pub(crate) fn problems(specification: &str, sources: &[String]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut expected = 1;
    let properties = specification.split("\n**S").skip(1);
    for property in properties {
        // The last one ends where the next section begins.
        let property = property.split("\n## ").next().unwrap_or_default();
        let number = property.split('.').next().unwrap_or_default();
        if number != expected.to_string() {
            problems.push(format!("docs/security.md: property S{number} stands where S{expected} is expected"));
        }
        expected += 1;
        let tests: Vec<&str> = tests(property).collect();
        if tests.is_empty() {
            problems.push(format!("docs/security.md: property S{number} names no test"));
        }
        let missing = tests.iter().filter(|test| !sources.iter().any(|source| source.contains(&format!("fn {test}("))));
        problems
            .extend(missing.map(|test| format!("docs/security.md: there is no test '{test}', which S{number} names")));
    }
    if expected == 1 {
        problems.push("docs/security.md has no numbered properties".to_owned());
    }
    problems
}

/// What stands in backquotes and could be a function.
fn tests(property: &str) -> impl Iterator<Item = &str> {
    let is_name = |text: &&str| {
        text.contains('_') && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    property.split('`').skip(1).step_by(2).filter(is_name)
}

#[cfg(test)]
mod tests {
    use super::problems;

    const SPECIFICATION: &str =
        "# x\n\n**S1. One.** `inet galaf`\n`a_test`\n\n**S2. Two.** `b_test`\n\n## Not\n`other_name`\n";

    #[test]
    fn a_property_with_its_test_is_in_order() {
        assert!(problems(SPECIFICATION, &["fn a_test() {".into(), "fn b_test() {".into()]).is_empty());
    }

    #[test]
    fn a_test_that_is_gone_and_a_number_that_is_skipped_are_named() {
        let sources = ["fn a_test() {".to_owned()];
        assert_eq!(problems(SPECIFICATION, &sources).len(), 1);
        assert_eq!(problems(&SPECIFICATION.replace("S2", "S3"), &sources).len(), 2);
        assert_eq!(problems("nothing", &sources).len(), 1);
        assert_eq!(problems("\n**S1. One.** none", &sources).len(), 1);
    }
}
