use super::entity::Formatted;
use super::rendered;
use super::tail::settled;

/// Makes the beginning of an answer, as far as it has come, into text with entities.
///
/// What is half open at its end is closed, as `**bold` and a block of code without its end, or held back until it can be
/// told what it becomes, as a row of a table, the address of a link, a list entry of which only the mark has come. So a
/// text that grows does not show marks that vanish again. While all that has come is held back, the text is `…`; it is
/// empty only where there is nothing but blanks.
///
/// It costs about twice as much as [`convert`](super::convert). When the answer is complete, that is to be called.
///
/// ```
/// use arash_telegram::markdown::preview;
/// assert_eq!(preview("This is **very imp").text, "This is very imp");
/// assert_eq!(preview("See [the docs](https://exa").text, "See the docs");
/// assert_eq!(preview("Two things:\n-").text, "Two things:");
/// assert_eq!(preview("```").text, "…");
/// ```
pub fn preview(markdown: &str) -> Formatted {
    if markdown.len() > super::MAX_MARKDOWN_BYTES {
        return super::convert(markdown);
    }
    let answer = rendered(&settled(markdown));
    if !answer.is_blank() {
        answer.formatted()
    } else if super::plain(markdown).text.is_empty() {
        Formatted::default()
    } else {
        Formatted::plain("…")
    }
}
