//! Bundles as found, and what is said of them.

use std::path::Path;

use khw_gen::found::{Beside, Found, FoundHost, Places, printable};
use khw_gen::{adopt, catalog, changes, disk};

use super::progress::Waiting;
use super::say::{Reported, say, say_error};

/// What is at a path, whatever its state; nothing at all is an error. Of a machine it is where bundles have their files.
pub fn read_found(path: &Path, beside: Beside) -> Result<Found, Reported> {
    read_at(path, &Places::new(catalog::places()), beside)
}

/// As [`read_found`], to be compared with bundles: what runs on a machine may be kubeadm's, or anybody's.
pub fn read_to_compare(path: &Path, beside: Beside) -> Result<Found, Reported> {
    read_at(path, &adopt::places_to_compare(catalog::places()), beside)
}

/// As [`read_found`], of whoever's cluster that is.
pub fn read_adopted(path: &Path) -> Result<Found, Reported> {
    read_at(path, &adopt::places(catalog::places()), Beside::LeftOut)
}

fn read_at(path: &Path, places: &Places, beside: Beside) -> Result<Found, Reported> {
    let _waiting = Waiting::begin("reading");
    let found = disk::read_found(path, places, beside)?;
    let is_empty = |host: &FoundHost| host.files.is_empty() && host.beside.is_empty();
    match found.remarks.is_empty() && found.part.is_none() && found.hosts.iter().all(is_empty) {
        true => Err(Reported::from(format!(
            "there is nothing to read in {}",
            path.display()
        ))),
        false => Ok(found),
    }
}

/// What is at a path, whole: what could not be read would be taken for what is not there.
pub fn read_undamaged(path: &Path) -> Result<Found, Reported> {
    undamaged(path, read_found(path, Beside::LeftOut)?)
}

/// As [`read_undamaged`], of what runs before bundles come, whoever made it.
pub fn read_before(path: &Path) -> Result<Found, Reported> {
    undamaged(path, read_to_compare(path, Beside::LeftOut)?)
}

fn undamaged(path: &Path, found: Found) -> Result<Found, Reported> {
    match say_remarks(path, &found) {
        true => Err(Reported),
        false => Ok(found),
    }
}

/// Says what could not be read, and whether there was anything.
pub fn say_remarks(path: &Path, found: &Found) -> bool {
    for remark in &found.remarks {
        let place = match remark.path.is_empty() {
            true => path.display().to_string(),
            false => format!("{}: {}", path.display(), printable(&remark.path)),
        };
        say_error(format_args!("{place} can't be read: {}", remark.message));
    }
    !found.remarks.is_empty()
}

/// Says that there is no certificate where some are to be judged, which is not that all of them are right, and what could not be read.
pub fn no_certificates(path: &Path, found: &Found) -> Reported {
    say_remarks(path, found);
    Reported::from(format!("there is no certificate in {}", path.display()))
}

/// Says that a fleet's part lacks hosts, and what that leads to.
pub fn say_what_is_elsewhere(path: &Path, found: &Found, so: &str) {
    if let Some(part) = found.part.as_ref().filter(|part| !part.elsewhere.is_empty()) {
        say(format_args!(
            "note: {} is a part of a fleet, {} of {} hosts: {so}",
            path.display(),
            part.here.len(),
            part.here.len() + part.elsewhere.len()
        ));
    }
}

/// Of the whole that was read from `path`, only the hosts of the part stay.
pub fn keep_hosts_of(whole: &mut Found, part: &Found, path: &Path) -> Result<(), Reported> {
    changes::keep_hosts_of(whole, part).map_err(|names| {
        Reported::from(format!(
            "{} has no host that is called {}, as the folder or archive to compare with is",
            path.display(),
            names.join(", ")
        ))
    })
}
