//! `khw-gen plan`.

use khw_gen::disk::Specification;
use khw_gen::plan::plan;

use super::args::PlanArgs;
use super::say::{Reported, print};
use super::specification::read_checked;

pub fn run(arguments: &PlanArgs) -> Result<(), Reported> {
    let checked = read_checked(&arguments.spec, Specification::open)?;
    let plan = plan(&checked.cluster);
    if arguments.flags {
        return print(plan.flags().trim_end());
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
