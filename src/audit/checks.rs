//! Every check of `verify`, in one list.

use rayon::prelude::*;

use super::relations::Parties;
use super::view::View;
use super::{
    agreement, balancing, certificates, copies, dns, doors, installer, integrity, inventory, kernel, keys, kubeconfigs,
    loose, pods, programs, rbac, read_as, relations, together, units,
};
use crate::found::Found;

/// Has every check go over what was found and read; what they find goes where the view has its findings.
pub(super) fn run(view: &View<'_>, found: &Found) {
    for remark in &found.remarks {
        view.findings
            .report(remark.code, "", &remark.path, remark.message.clone());
    }
    let certificates = inventory::gather(view);
    let parties = Parties::of(view);
    let checks: &[&(dyn Fn() + Sync)] = &[
        &|| integrity::check(view, found),
        &|| installer::check(view),
        &|| certificates::check(view, &certificates),
        &|| keys::check(view, &certificates),
        &|| copies::check(view, &certificates),
        &|| rbac::check(view, &certificates),
        &|| dns::check(view),
        &|| loose::check(view),
        &|| units::check(view),
        &|| programs::check(&parties),
        &|| relations::check(&parties),
        &|| read_as::check(view),
        &|| balancing::check(&parties),
        &|| doors::check(view),
        &|| kubeconfigs::check(&parties),
        &|| agreement::check(view),
        &|| pods::check(view),
        &|| kernel::check(view),
        &|| together::check(view),
    ];
    checks.par_iter().for_each(|check| check());
}
