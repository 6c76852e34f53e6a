//! The few texts anybody looks for in Amazon's answers.

/// The text of the first element of a name.
pub(super) fn text(xml: &str, name: &str) -> Option<String> {
    let (_, after) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = after.split_once(&format!("</{name}>"))?;
    let text = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        // The last, or what it makes would be read once more.
        ("&amp;", "&"),
    ]
    .into_iter()
    .fold(text.trim().to_owned(), |text, (entity, c)| {
        text.replace(entity, c)
    });
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn the_first_element_of_a_name_has_the_text() {
        let xml = "<E a=\"1\"><Code> A&amp;lt;&lt; </Code><Code>B</Code><Open>";
        assert_eq!(text(xml, "Code").as_deref(), Some("A&lt;<"));
        assert_eq!(text(xml, "Open"), None);
        assert_eq!(text("", "Code"), None);
    }
}
