//! `khw-gen plan`.

use khw_gen::disk::Specification;
use khw_gen::plan::{flags, flags_json, plan};
use khw_gen::render::{CommandLines, RenderError};
use khw_gen::table::wrapped;

use super::args::{PlanArgs, ReportFormat};
use super::say::{Reported, print, print_document};
use super::specification::read_checked;
use super::width::width;

pub fn run(arguments: &PlanArgs) -> Result<(), Reported> {
    let checked = read_checked(&arguments.spec, &Specification::open)?;
    let plan = plan(&checked.cluster);
    if arguments.flags {
        let lines = CommandLines::new(plan.cluster)?;
        let units = plan
            .units()
            .map(|(host, unit)| Ok((host, lines.filled_in(unit, host)?)));
        let units = units.collect::<Result<Vec<_>, RenderError>>()?;
        return match arguments.format {
            ReportFormat::Json => print_document(&flags_json(units)),
            ReportFormat::Text => print(flags(units, width()).trim_end()),
        };
    }
    if arguments.format == ReportFormat::Json {
        return print_document(&plan.to_json());
    }
    print(plan.text(width()).trim_end())?;
    let built_in = checked.cluster.built_in_files();
    if !built_in.is_empty() {
        let built_in = format!("\nBuilt in, since the CSR folder has none: {}", built_in.join(", "));
        print(wrapped(&built_in, width()).trim_end())?;
    }
    Ok(())
}
