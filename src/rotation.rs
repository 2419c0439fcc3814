//! The way from one generation of something to the next, for people: each phase with its steps, what to wait for, and the way back.
//!
//! The steps are those that `diff` gives between two outputs; what a phase means is a row of the catalogue.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::catalog::rotation::{PhaseRow, ROTATED, RunsOn};
use crate::catalog::tables::rotations::PHASES;
use crate::changes::{Changes, etcdctl_environment, render_steps};
use crate::cluster::{Cluster, ENCRYPTION, Generation, Generations, RotationPhase};
use crate::found::Found;
use crate::reuse::{Earlier, keys_of_output};

/// What can be rotated in a cluster, as `[rotate]` calls it.
pub fn rotated(cluster: &Cluster) -> Vec<&'static str> {
    let all = ROTATED.into_iter();
    all.filter(|of| *of == ENCRYPTION || cluster.pki.layout.identity(of).is_some())
        .collect()
}

/// Whether an output and the cluster that is to be built over it use other generations of what is rotated, as far as the output says.
pub fn concerns(cluster: &Cluster, before: &BTreeMap<String, u32>) -> bool {
    if before.is_empty() {
        return false;
    }
    // Which of several brought ones it was, the output does not say.
    !cluster.pki.brought.is_empty()
        || !cluster.pki.brought_keys.is_empty()
        || !cluster.encryption.brought.is_empty()
        || rotated(cluster).into_iter().any(|of| {
            let now = cluster.generations_of(of);
            match before.get(of) {
                Some(used) => *used != now.used.number(),
                // An authority whose key no host has: what is trusted says more.
                None => *now != Generations::FIRST,
            }
        })
}

/// The keys of hosts and of certificates that a build takes back to an earlier generation, by their names.
pub fn taken_back(cluster: &Cluster, before: &BTreeMap<String, u32>) -> Vec<String> {
    let now = |name: &str| cluster.pki.generations.get(name).map_or(1, |now| now.used.number());
    let back = before
        .iter()
        .filter(|(name, used)| !ROTATED.contains(&name.as_str()) && now(name) < **used);
    back.map(|(name, _)| name.clone()).collect()
}

/// By the name of a key, the generation that an output uses: as its state file says, and for encryption the configuration.
pub fn generations_of_output(earlier: &dyn Earlier) -> BTreeMap<String, u32> {
    let mut all = BTreeMap::new();
    for id in keys_of_output(earlier) {
        let (name, generation) = id.split_once('@').unwrap_or((&id, "1"));
        all.insert(name.to_owned(), generation.parse().unwrap_or(1));
    }
    let mut configurations = earlier
        .rows()
        .keys()
        .filter(|path| path.ends_with("/encryption-config.yaml"));
    let first = configurations.find_map(|path| {
        let content = earlier.read(path)?;
        let text = std::str::from_utf8(content.expose()).ok()?;
        let names = text.lines().map(|line| line.trim_start_matches([' ', '-']));
        names
            .filter_map(|line| line.strip_prefix("name: key")?.trim_matches('"').parse().ok())
            .next()
    });
    all.extend(first.map(|number| (ENCRYPTION.to_owned(), number)));
    all
}

/// A rotation that is to be gone through.
pub struct RotationPlan<'a> {
    pub cluster: &'a Cluster,
    /// As `[rotate]` calls it.
    pub of: &'a str,
    pub from: Generation,
    pub to: Generation,
    /// The certificates of the authority that goes, and of its successor, in words; empty where none is rotated.
    pub authorities: [Vec<String>; 2],
}

/// A phase as it was made: what it is, and how it differs from what was before it.
pub struct MadePhase {
    pub phase: RotationPhase,
    pub found: Found,
    pub changes: Changes,
}

impl MadePhase {
    /// The name of the folder of a phase.
    pub fn folder(phase: RotationPhase) -> String {
        let number = RotationPhase::ALL.iter().take_while(|other| **other != phase).count() + 1;
        format!("{number}-{}", phase.name())
    }
}

impl RotationPlan<'_> {
    /// The plan, in Markdown.
    pub fn text(&self, phases: &[MadePhase]) -> String {
        let (of, from, to) = (self.of, self.from.number(), self.to.number());
        let mut text = format!(
            "# {}: `{of}` from generation {from} to {to}\n\n\
             Three phases, each a whole output in a folder of its own. In any of them, and on the way from one to the next, hosts of both \
             run together: `khw-gen verify NEW --beside OLD` says so, and was asked. Go on to the next phase when all of a phase is done.\n\n\
             The first begins where hosts have what cluster.toml makes now, and `khw-gen diff OUTPUT CLUSTER.TOML` finds nothing: what was edited and \
             not installed yet, `issued` above all, goes there before.\n\n\
             In each phase, for every host: its archive goes there and is unpacked (`tar xzf HOST.tar.gz`); the steps are done in \
             their order, as root, in the folder of the bundle; afterwards `./install.sh --status` exits with 0 there.\n",
            self.cluster.name
        );
        for (whose, certificates) in ["What is trusted until now", "Its successor"]
            .iter()
            .zip(&self.authorities)
        {
            for certificate in certificates {
                // Writing to a String does not fail.
                let _ = write!(text, "\n{whose}: {certificate}\n");
            }
        }
        for made in phases {
            let Some(row) = PHASES.iter().find(|row| row.of == of && row.phase == made.phase) else {
                continue;
            };
            // Writing to a String does not fail.
            let _ = write!(text, "\n## {}\n\n{}\n\n", MadePhase::folder(made.phase), row.means);
            let _ = writeln!(text, "{}", render_steps(&made.changes).trim_end());
            text.push_str(&self.waits(row, &made.found));
            text.push_str(&way_back(row, made.phase));
        }
        let _ = write!(
            text,
            "\n## When it is done\n\nIn cluster.toml, take `[rotate.{of}]` out if it is there, and write\n\n```toml\n[generations]\n{of} = \
             {to}\n```\n\n(or this line in the section that is there), which builds what `{0}` is. From now on `{0}` is the output: let it take the place of the \
             one that was there before, over which a build would skip the phases and is refused.\n",
            MadePhase::folder(RotationPhase::Retire)
        );
        if self.cluster.is_brought(of, self.from) {
            text.push_str(match of {
                ENCRYPTION => "\nThe key that was brought is needed no more: its `file` goes, and its `name` stays.\n",
                _ => "\nThe section of the key that was brought goes too, and the key is needed no more.\n",
            });
        }
        text
    }

    fn waits(&self, row: &PhaseRow, found: &Found) -> String {
        let mut text = String::new();
        if row.phase != RotationPhase::Retire {
            text.push_str("\nBefore the next phase:\n\n- every host has this one: `./install.sh --status` there\n");
        }
        for wait in row.wait {
            let _ = writeln!(text, "- {}", wait.what);
            if let Some((on, command)) = wait.shown_by {
                let command = command
                    .replace("{provider}", self.cluster.encryption.provider.name())
                    .replace("{new}", &self.cluster.encryption.key_name(self.to).replace('.', "\\."));
                if let Some((host, environment)) = runner(on, found) {
                    let _ = write!(text, "\n  on {host}:\n\n  ```sh\n  {environment}{command}\n  ```\n\n");
                }
            }
        }
        text
    }
}

/// The first host that a command is to be run on, and the variables that it needs, exported.
fn runner(on: RunsOn, found: &Found) -> Option<(&str, String)> {
    found.hosts.iter().find_map(|host| {
        let environment = match on {
            RunsOn::ControlPlane => {
                let has_kubectl = host.files.contains_key("/root/admin.kubeconfig");
                (has_kubectl && host.files.contains_key("/etc/systemd/system/kube-apiserver.service"))
                    .then(String::new)?
            }
            RunsOn::Member => {
                let variables = etcdctl_environment(host)?.into_iter();
                let exported: String = variables.map(|(name, value)| format!(" {name}={value}")).collect();
                format!("export{exported}; ")
            }
        };
        Some((host.name.as_str(), environment))
    })
}

fn way_back(row: &PhaseRow, phase: RotationPhase) -> String {
    let before = match phase {
        RotationPhase::Announce => "the output that was there before".to_owned(),
        RotationPhase::Switch => format!("`{}`", MadePhase::folder(RotationPhase::Announce)),
        RotationPhase::Retire => format!("`{}`", MadePhase::folder(RotationPhase::Switch)),
    };
    let no_way_back = match row.no_way_back {
        "" => String::new(),
        text => format!(" {text}"),
    };
    format!("\nThe way back: {before}, by the steps of `khw-gen diff` between the two.{no_way_back}\n")
}
