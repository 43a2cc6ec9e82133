//! Time grows with the length of the Markdown, whatever is in it.

use std::time::{Duration, Instant};

use arash_telegram::markdown::{MAX_MARKDOWN_BYTES, MAX_MESSAGE_LEN, convert, preview, split};

/// A list of one entry in a list of one entry, and so on.
fn nested_list(depth: usize) -> String {
    (0..depth).flat_map(|depth| ["  ".repeat(depth), "- a\n".to_owned()]).collect()
}

/// Markdown that costs more than its length where something is done again and again.
fn hostile(length: usize) -> Vec<(&'static str, String)> {
    let of = |piece: &str| piece.repeat(length / piece.len());
    let depth = ((length * 2) as f64).sqrt() as usize / 2;
    let nested = nested_list(depth);
    let backticks: String = (1..depth * 2).map(|length| "`".repeat(length) + " ").collect();
    vec![
        ("stars after a word", format!("a{}", of("*"))),
        ("stars", of("*a_ ")),
        ("stars without an end", of("**a *")),
        ("stars beside punctuation", of("：**a，**")),
        ("bars", of("||a ")),
        ("pairs of bars", of("||a|| ")),
        ("bars and stars", of("||a **b：")),
        ("brackets", of("[")),
        ("closing brackets", of("[](")),
        ("half addresses", format!("{}{} x", of("["), of("]("))),
        ("images", of("![")),
        ("links", of("[a](https://a.b) ")),
        ("tags", of("<a")),
        ("tags with one end", format!("{}>", of("<a"))),
        ("angle brackets", of("<")),
        ("quotations", of(">")),
        ("lazy quotations", format!("{}a\n{}", &of("> ")[..length / 2], "b\n".repeat(length / 4))),
        ("lazy lists", format!("{}a\n{}", "- ".repeat(length / 4), "b\n".repeat(length / 4))),
        ("quotations and lists", format!("{}a\n{}", "> - ".repeat(length / 8), "b\n".repeat(length / 4))),
        ("a list in a list", nested.clone()),
        ("a list in a list, lazy", format!("{nested}{}", "b\n".repeat(length / 8))),
        ("backticks of all lengths", backticks.clone()),
        ("backticks beside formulas", format!("\\( {backticks}")),
        ("formulas", of("\\(x\\) ")),
        ("formulas without an end", of("\\(\\[")),
        ("formulas that are none", format!("{}$\\)", of("\\("))),
        ("dollars", of("$a ")),
        (
            "a table of many columns",
            format!("{}\n{}\n{}", "|a".repeat(length / 8), "|-".repeat(length / 8), "|b\n".repeat(20)),
        ),
        ("a table with long names", format!("|{}|\n|-|\n{}", "n".repeat(length / 2), "|a|\n".repeat(length / 8))),
        ("links to one address", format!("[a]: https://b.c/{}\n\n{}", "d".repeat(2000), of("![][a]"))),
        ("a table of many rows", format!("|a|b|\n|-|-|\n{}", of("|c|d|\n"))),
        ("lines", of("a\n")),
        ("empty lines", of("\n")),
        ("blanks", format!("a{}b", of(" "))),
        ("words", of("word ")),
        ("rules", of("---\n\n")),
        ("fences", of("```\na\n```\n")),
        ("footnotes", of("[^1]: a\n\n")),
        ("entities", of("**a** `b` ")),
        ("combining letters", format!("e{}", of("\u{301}"))),
        ("lines from right to left", of("a سلام\n")),
    ]
}

#[test]
fn twice_the_length_costs_no_more_than_twice_the_time() {
    for ((name, short), (_, long)) in hostile(8_000).into_iter().zip(hostile(32_000)) {
        let took = |markdown: &str| {
            let start = Instant::now();
            split(&convert(markdown), MAX_MESSAGE_LEN);
            split(&preview(markdown), MAX_MESSAGE_LEN);
            start.elapsed()
        };
        // The best of some, since others work on this machine too.
        let best = |markdown: &str| (0..2).map(|_| took(markdown)).min().unwrap();
        let (short, long) = (best(&short), best(&long));
        // Four times as long: the square would be sixteen times.
        assert!(long < short * 9 + Duration::from_millis(40), "{name}: {short:?}, then {long:?}");
    }
}

#[test]
fn the_text_is_not_much_longer_than_the_markdown() {
    for (name, markdown) in hostile(8_000) {
        // The parser lets references grow to 100 kB, however short the text is.
        let length = convert(&markdown).text.len();
        assert!(length < markdown.len() * 10 + 100_000, "{name}: {length} bytes of {}", markdown.len());
    }
}

#[test]
fn a_list_800_deep_is_nothing_special() {
    let nested = nested_list(800);
    let start = Instant::now();
    let text = convert(&nested).text;
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(text.matches('a').count(), nested.matches('a').count());
}

#[test]
fn too_long_a_text_is_not_formatted() {
    let markdown = "**a** ".repeat(MAX_MARKDOWN_BYTES / 6 + 1);
    for formatted in [convert(&markdown), preview(&markdown)] {
        assert_eq!(formatted.text, markdown.trim_end());
        assert!(formatted.entities.is_empty());
    }
}
