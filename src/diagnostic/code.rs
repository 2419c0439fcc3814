//! A row of the tables of codes, and how it is told: by `khw-gen explain` and by the pages in `docs/`, in one wording.

/// How bad it is. An error stops the build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is built.
    Error,
    /// It is built, and somebody should look.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// The word that stands before the code: `error`, `warning`, `note`.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }

    /// So many of them: `1 error`, `2 errors`.
    pub fn counted(self, count: usize) -> String {
        let plural = if count == 1 { "" } else { "s" };
        format!("{count} {}{plural}", self.name())
    }
}

/// A row: a kind of finding.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// Kebab-case.
    pub name: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What it is, in a few words.
    pub title: &'static str,
    /// What is wrong, and what would come of it.
    pub meaning: &'static str,
    /// What to do; the hint of a diagnostic that has no better one.
    pub advice: &'static str,
    /// A case of it.
    pub example: Example,
    /// How people get there.
    pub met: &'static str,
    /// Where that, or the rule that is broken, can be read.
    pub sources: &'static [&'static str],
}

/// A case of it, as short as can be.
#[derive(Debug, PartialEq, Eq)]
pub struct Example {
    /// The file, of an input, or `HOST: PATH` of a bundle.
    pub place: &'static str,
    /// Lines that are wrong.
    pub wrong: &'static [&'static str],
    /// What would be right in its place; empty where that is plain.
    pub right: &'static [&'static str],
}

/// Makes a constant of each row, and the table of them all.
macro_rules! codes {
    ($($constant:ident $name:literal $severity:ident $title:literal {
        meaning $meaning:literal
        advice $advice:literal
        example $place:literal [$($wrong:literal),* $(,)?]
        $(right [$($right:literal),* $(,)?])?
        met $met:literal
        $(see [$($source:literal),* $(,)?])?
    })*) => {
        $(
            #[doc = $title]
            pub const $constant: &Code = &Code {
                name: $name,
                severity: Severity::$severity,
                title: $title,
                meaning: $meaning,
                advice: $advice,
                example: Example { place: $place, wrong: &[$($wrong),*], right: &[$($($right),*)?] },
                met: $met,
                sources: &[$($($source),*)?],
            };
        )*
        /// Every row, in the order of the table.
        pub const CODES: &[&Code] = &[$($constant),*];
    };
}

pub(super) use codes;

/// What is told of a code, below its title, in this order.
enum Told {
    Prose(&'static str, String),
    Lines(String, &'static [&'static str]),
    Links(String, &'static [&'static str]),
}

/// The width that a terminal's lines are filled to.
const WIDTH: usize = 100;

impl Code {
    /// What the code means, an example, what to do and where people meet it, as a terminal shows it.
    pub fn explanation(&self, width: Option<usize>) -> String {
        let width = width.map_or(WIDTH, |width| width.min(WIDTH));
        let mut text = format!("{}\n", self.headline());
        for told in self.told() {
            text.push('\n');
            match told {
                Told::Prose(label, prose) => text.push_str(&filled(&format!("{label}: {prose}"), width)),
                Told::Lines(label, lines) | Told::Links(label, lines) => {
                    text.push_str(&format!("{label}:\n\n"));
                    lines.iter().for_each(|line| text.push_str(&format!("    {line}\n")));
                }
            }
        }
        text
    }

    /// The same for the page.
    fn section(&self) -> String {
        let mut text = format!("### {}\n\n**{}**\n", self.name, self.headline());
        for told in self.told() {
            text.push('\n');
            match told {
                Told::Prose(label, prose) => text.push_str(&format!("**{label}:** {prose}\n")),
                Told::Lines(label, lines) => {
                    text.push_str(&format!("**{label}:**\n\n```text\n{}\n```\n", lines.join("\n")));
                }
                Told::Links(label, links) => {
                    text.push_str(&format!("**{label}:**\n\n"));
                    links.iter().for_each(|link| text.push_str(&format!("- <{link}>\n")));
                }
            }
        }
        text
    }

    /// As a diagnostic begins.
    fn headline(&self) -> String {
        format!("{}[{}]: {}", self.severity.name(), self.name, self.title)
    }

    fn told(&self) -> Vec<Told> {
        let Example { place, wrong, right } = self.example;
        let mut told = vec![
            Told::Prose("What it means", self.meaning.to_owned()),
            Told::Lines(format!("For example, in `{place}`"), wrong),
        ];
        if !right.is_empty() {
            told.push(Told::Lines("Instead".to_owned(), right));
        }
        told.push(Told::Prose("What to do", format!("{}.", self.advice)));
        told.push(Told::Prose("Where people meet it", self.met.to_owned()));
        if !self.sources.is_empty() {
            told.push(Told::Links("See".to_owned(), self.sources));
        }
        told
    }
}

/// A table of codes as a page, below an introduction.
pub(super) fn page_of(introduction: &str, codes: &[&Code]) -> String {
    let mut page = introduction.to_owned();
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        let mut rows: Vec<_> = codes.iter().filter(|code| code.severity == severity).collect();
        if rows.is_empty() {
            continue;
        }
        page.push_str(&format!("\n## {}s\n", capitalised(severity.name())));
        rows.sort_by_key(|code| code.name);
        for code in rows {
            page.push_str(&format!("\n{}", code.section()));
        }
    }
    page
}

/// The words in lines of at most so many characters; a word that is longer stands alone.
fn filled(text: &str, most: usize) -> String {
    let mut lines = String::new();
    let mut width = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if width > 0 {
            let fits = width + 1 + length <= most;
            lines.push(if fits { ' ' } else { '\n' });
            width = if fits { width + 1 } else { 0 };
        }
        lines.push_str(word);
        width += length;
    }
    lines.push('\n');
    lines
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}
