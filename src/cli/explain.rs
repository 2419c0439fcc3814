//! `khw-gen explain`.

use khw_gen::diagnostic::{Code, adopt_codes, answer_codes, codes, suggest, verify_codes};
use khw_gen::json_document::JsonKind;
use khw_gen::table::wrapped;
use serde_json::{Value, json};

use super::args::{ExplainArgs, ReportFormat};
use super::say::{Reported, print, print_document, say_error};
use super::width::width;

pub fn run(arguments: &ExplainArgs) -> Result<(), Reported> {
    let ours = |of: &'static str, codes: &'static [&'static Code]| codes.iter().map(move |code| (of, *code));
    let all = || {
        let judged = ours("check", codes::CODES).chain(ours("verify", verify_codes::CODES));
        judged
            .chain(ours("answers", answer_codes::CODES))
            .chain(ours("adopt", adopt_codes::CODES))
    };
    let mut asked: Vec<(&str, &Code)> = match arguments.code.as_deref() {
        None => all().collect(),
        Some(name) => all().filter(|(_, code)| code.name == name).collect(),
    };
    asked.sort_by_key(|(_, code)| code.name);
    match (asked.as_slice(), &arguments.code, arguments.format) {
        ([], name, _) => {
            let name = name.as_deref().unwrap_or_default();
            let meant = suggest::nearest(name, all().map(|(_, code)| code.name))
                .map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
            say_error(format_args!(
                "there is no code `{name}` (khw-gen explain lists them){meant}"
            ));
            Err(Reported)
        }
        (asked, _, ReportFormat::Json) => {
            let codes: Vec<Value> = asked.iter().map(|(of, code)| as_json(of, code)).collect();
            print_document(&JsonKind::Codes.document([("codes", codes.into())]))
        }
        ([(_, code), ..], Some(_), ReportFormat::Text) => print(code.explanation(width()).trim_end()),
        (all, None, ReportFormat::Text) => {
            let longest = all.iter().map(|(_, code)| code.name.len()).max().unwrap_or(0);
            let lines = all
                .iter()
                .map(|(_, code)| format!("{:longest$}  {:7}  {}", code.name, code.severity.name(), code.title));
            print(wrapped(&lines.collect::<Vec<_>>().join("\n"), width()).trim_end())
        }
    }
}

fn as_json(of: &str, code: &Code) -> Value {
    let example = &code.example;
    json!({
        "code": code.name,
        "of": of,
        "severity": code.severity.name(),
        "title": code.title,
        "meaning": code.meaning,
        "advice": code.advice,
        "example": {"place": example.place, "wrong": example.wrong, "right": example.right},
        "met": code.met,
        "sources": code.sources,
    })
}
