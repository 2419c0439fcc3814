//! HTML and SVG as a tree is written: every text and every value is escaped here, tags and names of attributes are constants of this
//! program, and what is opened is closed.

use crate::found::printable;

/// Markup so far, and what is open in it.
#[derive(Default)]
pub(super) struct Markup {
    text: String,
    open: Vec<&'static str>,
}

/// The values of attributes, by their names.
pub(super) type Attributes<'a> = &'a [(&'static str, &'a str)];

impl Markup {
    /// An element with what `inside` puts into it.
    pub(super) fn element(&mut self, tag: &'static str, attributes: Attributes<'_>, inside: impl FnOnce(&mut Markup)) {
        self.begin(tag, attributes, ">");
        self.open.push(tag);
        inside(self);
        let tag = self.open.pop().unwrap_or(tag);
        self.text.extend(["</", tag, ">"]);
        if BLOCKS.contains(&tag) {
            self.text.push('\n');
        }
    }

    /// An element with a text and nothing else in it.
    pub(super) fn leaf(&mut self, tag: &'static str, attributes: Attributes<'_>, text: &str) {
        self.element(tag, attributes, |markup| markup.text(text));
    }

    /// An element of HTML that has no end.
    pub(super) fn void(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        self.begin(tag, attributes, ">");
    }

    /// An element of SVG that has nothing in it.
    pub(super) fn shape(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        self.begin(tag, attributes, "/>");
    }

    fn begin(&mut self, tag: &'static str, attributes: Attributes<'_>, end: &str) {
        self.text.extend(["<", tag]);
        for (name, value) in attributes {
            self.text.extend([" ", name, "=\""]);
            self.escaped(value);
            self.text.push('"');
        }
        self.text.push_str(end);
        if BLOCKS.contains(&tag) && CONTAINERS.contains(&tag) {
            self.text.push('\n');
        }
    }

    /// A text. What could steer a terminal or turn the direction of writing is shown, not obeyed.
    pub(super) fn text(&mut self, text: &str) {
        self.escaped(text);
    }

    /// Text of this program's own that is markup already: style sheets, the first line.
    pub(super) fn constant(&mut self, text: &'static str) {
        self.text.push_str(text);
    }

    fn escaped(&mut self, text: &str) {
        // Lines stay lines.
        for (index, line) in text.split('\n').enumerate() {
            if index > 0 {
                self.text.push('\n');
            }
            for character in printable(line).chars() {
                match character {
                    '&' => self.text.push_str("&amp;"),
                    '<' => self.text.push_str("&lt;"),
                    '>' => self.text.push_str("&gt;"),
                    '"' => self.text.push_str("&quot;"),
                    '\'' => self.text.push_str("&#39;"),
                    other => self.text.push(other),
                }
            }
        }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// After these a line ends, so that what is generated can be read and compared.
const BLOCKS: [&str; 28] = [
    "html", "head", "body", "title", "style", "meta", "header", "main", "footer", "nav", "section", "h1", "h2", "h3",
    "p", "ul", "ol", "li", "table", "caption", "thead", "tbody", "tr", "div", "details", "svg", "g", "dl",
];
/// And these begin one.
const CONTAINERS: [&str; 18] = [
    "html", "head", "body", "meta", "header", "main", "footer", "nav", "section", "ul", "ol", "table", "thead",
    "tbody", "details", "svg", "dl", "g",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_said_is_markup() {
        let mut markup = Markup::default();
        markup.element("p", &[("title", "\"><script>'&")], |markup| {
            markup.text("<b>&amp;\u{202e}\u{1b}[2J")
        });
        assert_eq!(
            markup.finish(),
            "<p title=\"&quot;&gt;&lt;script&gt;&#39;&amp;\">&lt;b&gt;&amp;amp;\\u{202e}\\u{1b}[2J</p>\n"
        );
    }
}
