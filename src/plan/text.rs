//! A plan as a table for people.

use serde_json::{Map, Value};

use super::files::{Origin, PlannedContent, PlannedFile};
use super::keys::KeyId;
use super::units::{PlannedFlag, PlannedUnit, PlannedValue};
use crate::json_document::JsonKind;
use crate::secrecy::may_be_secret;
use crate::table::table;

/// A row for each file and directory: host, mode, path, what it is, and the row of the catalogue that it comes from.
pub fn files<'a>(files: impl Iterator<Item = PlannedFile<'a>>, width: Option<usize>) -> String {
    let rows: Vec<_> = lines_of_files(files).collect();
    table(["HOST", "MODE", "PATH", "WHAT", "ROW"], &rows, width)
}

/// The same for programs.
pub fn files_json<'a>(files: impl Iterator<Item = PlannedFile<'a>>) -> Value {
    as_objects(["host", "mode", "path", "what", "row"], lines_of_files(files))
}

fn lines_of_files<'a>(files: impl Iterator<Item = PlannedFile<'a>>) -> impl Iterator<Item = [String; 5]> {
    files.map(|file| {
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
            format!("{:04o}", file.mode()),
            file.path.clone(),
            what,
            row,
        ]
    })
}

/// A row for each flag: host, unit, the flag as it is written, and who gives it.
pub fn flags<'a>(units: impl Iterator<Item = (&'a str, PlannedUnit)>, width: Option<usize>) -> String {
    let rows: Vec<_> = lines_of_flags(units).collect();
    table(["HOST", "UNIT", "FLAG", "FROM"], &rows, width)
}

/// The same as a document for programs.
pub fn flags_json<'a>(units: impl Iterator<Item = (&'a str, PlannedUnit)>) -> Value {
    let flags = as_objects(["host", "unit", "flag", "from"], lines_of_flags(units));
    JsonKind::CommandLines.document([("flags", flags)])
}

fn lines_of_flags<'a>(units: impl Iterator<Item = (&'a str, PlannedUnit)>) -> impl Iterator<Item = [String; 4]> {
    units.flat_map(|(host, unit)| {
        let flags = unit.flags.into_iter().flat_map(|flag| {
            let PlannedFlag { name, values, by } = flag;
            values.into_iter().map(move |value| {
                let flag = match value {
                    PlannedValue::Nothing => format!("--{name}"),
                    PlannedValue::Template(value) => format!("--{name}={value}"),
                    PlannedValue::Text(value) if may_be_secret(&name, &value) => format!("--{name}=(hidden)"),
                    PlannedValue::Text(value) => format!("--{name}={value}"),
                };
                (flag, by.name().to_owned())
            })
        });
        flags.map(move |(flag, by)| [host.to_owned(), unit.component.to_owned(), flag, by])
    })
}

/// A list of objects with these fields.
fn as_objects<const FIELDS: usize>(names: [&str; FIELDS], lines: impl Iterator<Item = [String; FIELDS]>) -> Value {
    let object = |line: [String; FIELDS]| -> Value {
        let fields = names.iter().zip(line);
        fields
            .map(|(name, value)| ((*name).to_owned(), Value::from(value)))
            .collect::<Map<_, _>>()
            .into()
    };
    lines.map(object).collect::<Vec<Value>>().into()
}
