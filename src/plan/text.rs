//! A plan as a table for people.

use std::fmt;

use super::files::{Origin, PlannedContent, PlannedFile};
use super::keys::KeyId;

/// A line for each file and directory: host, mode, path, what it is, and the row it comes from.
pub fn write<'a>(files: impl Iterator<Item = PlannedFile<'a>>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let lines = files.map(|file| {
        let (what, row) = match file.origin {
            Origin::Row(row) => (row.what, format!("{}: {}", row.on, row.at)),
            Origin::Certificate(name) => ("certificate of your own", format!("[[certificates]] {name}")),
            Origin::Component(name) => ("environment of your own", format!("[components.{name}] env")),
            Origin::File(name) => ("file of your own", format!("[[files]] {name}")),
        };
        let what = match &file.content {
            PlannedContent::PrivateKey(id) if matches!(file.origin, Origin::Certificate(_)) => {
                format!("its key ({id})")
            }
            PlannedContent::Request(id) if matches!(file.origin, Origin::Certificate(_)) => {
                format!("its signing request ({id})")
            }
            PlannedContent::Kubeconfig { .. } => what.to_owned(),
            content => match content
                .ids()
                .iter()
                .map(KeyId::to_string)
                .collect::<Vec<_>>()
                .as_slice()
            {
                [] => what.to_owned(),
                ids => format!("{what} ({})", ids.join(", ")),
            },
        };
        [
            file.host.name.clone(),
            format!("{:04o}", file.mode),
            file.path.clone(),
            what,
            row,
        ]
    });
    let heading = ["HOST", "MODE", "PATH", "WHAT", "ROW"].map(str::to_owned);
    let lines: Vec<[String; 5]> = std::iter::once(heading).chain(lines).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2), width(3)];
    for [host, mode, path, what, row] in &lines {
        writeln!(
            f,
            "{host:0$}  {mode:1$}  {path:2$}  {what:3$}  {row}",
            widths[0], widths[1], widths[2], widths[3]
        )?;
    }
    Ok(())
}
