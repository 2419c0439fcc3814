//! `khw-gen schema`.

use khw_gen::input::fields;

use super::say::{Reported, print};

pub fn run() -> Result<(), Reported> {
    print(fields::schema().trim_end())
}
