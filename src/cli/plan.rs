//! `khw-gen plan`.

use khw_gen::disk::Specification;
use khw_gen::plan::plan;

use super::args::{PlanArgs, ReportFormat};
use super::say::{Reported, print, print_document};
use super::specification::read_checked;

pub fn run(arguments: &PlanArgs) -> Result<(), Reported> {
    let checked = read_checked(&arguments.spec, &Specification::open)?;
    let plan = plan(&checked.cluster);
    match (arguments.format, arguments.flags) {
        (ReportFormat::Json, true) => return print_document(&plan.flags_json()),
        (ReportFormat::Json, false) => return print_document(&plan.to_json()),
        (ReportFormat::Text, true) => return print(plan.flags().trim_end()),
        (ReportFormat::Text, false) => {}
    }
    print(plan.to_string().trim_end())?;
    let built_in = checked.cluster.built_in_files();
    if !built_in.is_empty() {
        print(format_args!(
            "\nBuilt in, since the CSR folder has none: {}",
            built_in.join(", ")
        ))?;
    }
    Ok(())
}
