//! `khw-gen releases`.

use khw_gen::catalog::releases;

use super::say::{Reported, print};

pub fn run() -> Result<(), Reported> {
    print(releases::table().trim_end())
}
