//! A plan as a table for people.

use serde_json::{Map, Value};

use super::files::{Origin, PlannedContent, PlannedFile};
use super::keys::KeyId;
use super::units::{PlannedFlag, PlannedUnit, PlannedValue};
use crate::cluster::Host;
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

/// How far the flags of a unit are set in below its name.
const SET_IN: usize = 2;

/// Of each unit its host and name, and below them a row for each flag: as it is written, and who gives it; for lines of `width` characters.
pub fn flags<'a>(units: impl IntoIterator<Item = (&'a Host, PlannedUnit)>, width: Option<usize>) -> String {
    let width = width.map(|width| width.saturating_sub(SET_IN));
    let units = units.into_iter().map(|(host, unit)| {
        let rows: Vec<[String; 2]> = lines_of_flags(&unit).collect();
        let rows = table(["FLAG", "FROM"], &rows, width);
        let rows: String = rows.lines().map(|line| format!("{:SET_IN$}{line}\n", "")).collect();
        format!("{}: {}\n{rows}", host.name, unit.component)
    });
    units.collect::<Vec<_>>().join("\n")
}

/// The same as a document for programs, which has host and unit in each row.
pub fn flags_json<'a>(units: impl IntoIterator<Item = (&'a Host, PlannedUnit)>) -> Value {
    let lines = units.into_iter().flat_map(|(host, unit)| {
        let line = |[flag, by]: [String; 2]| [host.name.clone(), unit.component.to_owned(), flag, by];
        lines_of_flags(&unit).map(line).collect::<Vec<_>>()
    });
    let flags = as_objects(["host", "unit", "flag", "from"], lines);
    JsonKind::CommandLines.document([("flags", flags)])
}

fn lines_of_flags(unit: &PlannedUnit) -> impl Iterator<Item = [String; 2]> {
    unit.flags.iter().flat_map(|PlannedFlag { name, values, by }| {
        values.iter().map(move |value| {
            let flag = match value {
                PlannedValue::Nothing => format!("--{name}"),
                PlannedValue::Template(value) => format!("--{name}={value}"),
                PlannedValue::Text(value) if may_be_secret(name, value) => format!("--{name}=(hidden)"),
                PlannedValue::Text(value) => format!("--{name}={value}"),
            };
            [flag, by.name().to_owned()]
        })
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
