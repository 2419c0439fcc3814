//! `khw-gen explain`.

use khw_gen::diagnostic::{codes, suggest, verify_codes};

use super::args::ExplainArgs;
use super::say::{Reported, print, say_error};

pub fn run(arguments: &ExplainArgs) -> Result<(), Reported> {
    let all = || codes::CODES.iter().chain(verify_codes::CODES);
    match arguments.code.as_deref() {
        None => {
            let width = all().map(|code| code.name.len()).max().unwrap_or(0);
            let mut lines: Vec<String> = all()
                .map(|code| format!("{:width$}  {:7}  {}", code.name, code.severity.name(), code.title))
                .collect();
            lines.sort();
            print(lines.join("\n"))
        }
        Some(name) => match all().find(|code| code.name == name) {
            Some(code) => print(code.explanation().trim_end()),
            None => {
                let meant = suggest::nearest(name, all().map(|code| code.name))
                    .map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
                say_error(format_args!(
                    "there is no code `{name}` (khw-gen explain lists them){meant}"
                ));
                Err(Reported)
            }
        },
    }
}
