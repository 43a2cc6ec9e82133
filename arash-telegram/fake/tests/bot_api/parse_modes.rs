//! The parse modes `HTML` and `MarkdownV2`.

use serde_json::{Value, json};

use crate::support::Stage;

async fn sent(stage: &Stage, mode: &str, text: &str) -> Value {
    let payload = json!({ "chat_id": stage.ann.chat_id(), "text": text, "parse_mode": mode });
    let message = stage.ok("sendMessage", payload).await;
    json!([message["text"], message["entities"]])
}

async fn refused(stage: &Stage, mode: &str, text: &str) -> String {
    let payload = json!({ "chat_id": stage.ann.chat_id(), "text": text, "parse_mode": mode });
    let words = stage.refusal("sendMessage", payload).await;
    words.strip_prefix("Bad Request: can't parse entities: ").unwrap_or(&words).to_owned()
}

fn entity(kind: &str, offset: usize, length: usize) -> Value {
    json!({ "type": kind, "offset": offset, "length": length })
}

#[tokio::test]
async fn html_becomes_entities() {
    let stage = Stage::new().await;
    let html = "<b>b<i>😀</i></b> &lt;&#33;&amp; <pre><code class=\"language-rust\">fn</code></pre> \
                <a href='https://example.org/?a=1&amp;b=2'>l</a> <span class=\"tg-spoiler\">s</span>";
    let expected = json!(["b😀 <!& fn l s", [
        entity("bold", 0, 3), entity("italic", 1, 2),
        { "type": "pre", "offset": 8, "length": 2, "language": "rust" },
        { "type": "text_link", "offset": 11, "length": 1, "url": "https://example.org/?a=1&b=2" },
        entity("spoiler", 13, 1),
    ]]);
    assert_eq!(sent(&stage, "hTmL", html).await, expected);
    let quote = "<blockquote expandable>a\nb</blockquote>c";
    assert_eq!(sent(&stage, "HTML", quote).await, json!(["a\nbc", [entity("expandable_blockquote", 0, 3)]]));
}

#[tokio::test]
async fn broken_html_is_refused() {
    let stage = Stage::new().await;
    for (html, words) in [
        ("é <b>x", "Can't find end tag corresponding to start tag \"b\""),
        ("é <b>x</i>", "Unmatched end tag at byte offset 7, expected \"</b>\", found \"</i>\""),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("é <h1>x</h1>", "Unsupported start tag \"h1\" at byte offset 3"),
        ("1 < 2", "Unsupported start tag \"\" at byte offset 2"),
        ("a <b", "Unclosed start tag at byte offset 2"),
        ("<a href=\"x>y</a>", "Unclosed start tag at byte offset 0"),
        ("<span>x</span>", "Tag \"span\" must have class \"tg-spoiler\" at byte offset 0"),
        ("<a href=a_b>x</a>", "Unexpected end of name token at byte offset 8"),
        ("<b =x>y</b>", "Empty attribute name in the tag \"b\" at byte offset 0"),
    ] {
        assert_eq!(refused(&stage, "HTML", html).await, words, "{html}");
    }
}

#[tokio::test]
async fn markdown_becomes_entities() {
    let stage = Stage::new().await;
    let markdown = "*b _i_* __u__ ~s~ ||p|| `a\\`b` [l](https://example.org/\\)) 1\\.\n```rust\nfn *x*\n```";
    let expected = json!(["b i u s p a`b l 1.\nfn *x*", [
        entity("bold", 0, 3), entity("italic", 2, 1), entity("underline", 4, 1), entity("strikethrough", 6, 1),
        entity("spoiler", 8, 1), entity("code", 10, 3),
        { "type": "text_link", "offset": 14, "length": 1, "url": "https://example.org/)" },
        { "type": "pre", "offset": 19, "length": 6, "language": "rust" },
    ]]);
    assert_eq!(sent(&stage, "MarkdownV2", markdown).await, expected);
    let quotes = sent(&stage, "MarkdownV2", ">a\n>b\nc\n>d||").await;
    assert_eq!(quotes, json!(["a\nb\nc\nd", [entity("blockquote", 0, 4), entity("expandable_blockquote", 6, 1)]]));
}

#[tokio::test]
async fn broken_markdown_is_refused() {
    let stage = Stage::new().await;
    for (markdown, words) in [
        ("é *x", "Can't find end of Bold entity at byte offset 3"),
        ("_x", "Can't find end of Italic entity at byte offset 0"),
        ("__x_", "Can't find end of Italic entity at byte offset 3"),
        ("`x", "Can't find end of Code entity at byte offset 0"),
        ("```x", "Can't find end of Pre entity at byte offset 0"),
        ("```x\ny", "Can't find end of PreCode entity at byte offset 0"),
        ("[x](y", "Can't find end of a URL at byte offset 4"),
        ("> *x\ny*", "Can't find end of Bold entity at byte offset 2"),
        ("1. one", "Character '.' is reserved and must be escaped with the preceding '\\'"),
        ("a - b", "Character '-' is reserved and must be escaped with the preceding '\\'"),
        ("a > b", "Character '>' is reserved and must be escaped with the preceding '\\'"),
        ("![x]", "The entity must contain a tg://emoji or tg://time URL"),
    ] {
        assert_eq!(refused(&stage, "MarkdownV2", markdown).await, words, "{markdown}");
    }
    assert_eq!(refused(&stage, "LaTeX", "x").await, "Bad Request: unsupported parse_mode");
    assert_eq!(refused(&stage, "HTML", "<b></b>").await, "Bad Request: text must be non-empty");
}
