//! The table of fields as the page `docs/cluster-toml.md`.
use crate::diagnostic::suggest::listed;

use super::kind::{Field, Section, Together};
use super::table::TOP;

/// The page, in Markdown.
pub fn page() -> String {
    let mut page = format!(
        "# cluster.toml\n\n\
         Every section and field that there is, and no other: what is not here is refused. What is left out has the default.\n\
         {} Paths are relative to the folder of cluster.toml. More on\n\
         [hosts and pools](hosts-and-pools.md), [certificates](certificates.md), [settings and files](settings.md).\n\n\
         `khw-gen schema` prints the same as JSON Schema, from which editors complete and check: `khw-gen init` writes it beside a\n\
         new cluster.toml, whose first line, `#:schema ./cluster.schema.json`, names it for Taplo and Even Better TOML.\n\n\
         This page is made from `src/input/fields/table.rs`: edit that, not this.\n",
        together(&TOP)
    );
    for field in TOP.fields {
        chapter(field, &mut page);
    }
    page
}

/// A section, and then those below it.
fn chapter(field: &Field, page: &mut String) {
    let Some((section, is_list)) = field.section() else {
        return;
    };
    page.push_str(&format!(
        "\n## `{}`\n\n{}\n\n{}",
        section.heading(is_list),
        [sentence(field.what) + ".", together(section)].join(" ").trim_end(),
        rows(section)
    ));
    section.fields.iter().for_each(|field| chapter(field, page));
}

/// What must be there together, as a sentence.
fn together(section: &Section) -> String {
    match section.together {
        Together::Any => String::new(),
        Together::AtLeastOne(names) => format!("At least one of {} has to be there.", listed(names.iter().copied())),
        Together::ExactlyOne(names) => {
            format!("One of {} has to be there, and no more.", listed(names.iter().copied()))
        }
    }
}

fn rows(section: &Section) -> String {
    let rows = section.fields.iter().map(|field| {
        let cells = [field.kind.in_words(), field.absent.in_words(), field.what.to_owned()];
        let cells = cells.map(|cell| cell.replace('|', "\\|"));
        format!("| `{}` | {} |\n", field.name, cells.join(" | "))
    });
    format!(
        "| field | type | default | what it is |\n|---|---|---|---|\n{}",
        rows.collect::<String>()
    )
}

/// With a capital letter.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(characters.clone()).collect()
}
