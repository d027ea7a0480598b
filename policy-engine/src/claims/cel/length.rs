//! How long and how deep a selector may be.

/// Kubernetes takes no longer ones.
const LONGEST: usize = 10 << 10;

/// So many operators, members, calls and brackets are evaluated. Each can be one level deeper than the one before: the
/// parser counts brackets only, and overflows its stack on a long chain of anything else.
pub(super) const DEEPEST: usize = 512;

/// Refuses what might be deeper than the stack, by what can be seen without parsing.
pub(super) fn check(expression: &str) -> Result<(), String> {
    if expression.len() > LONGEST {
        return Err(format!("it is {} bytes long, and at most {LONGEST} are compared", expression.len()));
    }
    // What stands in quotes is counted too: finding out that it does would be half a parser.
    let signs = expression.bytes().filter(|byte| b"+-*/%!=<>&|.?:[({".contains(byte)).count();
    let levels = signs + expression.matches("in").count();
    if levels > DEEPEST {
        return Err(format!("it has {levels} operators and brackets, and at most {DEEPEST} are compared"));
    }
    Ok(())
}
