//! `khw-gen plan`.

use khw_gen::disk::Specification;
use khw_gen::plan::plan;
use khw_gen::table::wrapped;

use super::args::{PlanArgs, ReportFormat};
use super::say::{Reported, print, print_document};
use super::specification::read_checked;
use super::width::width;

pub fn run(arguments: &PlanArgs) -> Result<(), Reported> {
    let checked = read_checked(&arguments.spec, &Specification::open)?;
    let plan = plan(&checked.cluster);
    match (arguments.format, arguments.flags) {
        (ReportFormat::Json, true) => return print_document(&plan.flags_json()),
        (ReportFormat::Json, false) => return print_document(&plan.to_json()),
        (ReportFormat::Text, true) => return print(plan.flags(width()).trim_end()),
        (ReportFormat::Text, false) => {}
    }
    print(plan.text(width()).trim_end())?;
    let built_in = checked.cluster.built_in_files();
    if !built_in.is_empty() {
        let built_in = format!("\nBuilt in, since the CSR folder has none: {}", built_in.join(", "));
        print(wrapped(&built_in, width()).trim_end())?;
    }
    Ok(())
}
