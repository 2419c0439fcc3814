//! What the containers of a pod start that the kubelet reads from a folder, with the paths that things have on the host.

use std::collections::BTreeMap;

use super::document::Tree;
use super::unit::CommandLine;

/// A container of a pod.
pub(crate) struct PodContainer<'v> {
    /// Its command line; paths in it are the host's, where the host has what lies there.
    pub line: CommandLine,
    /// What `env` gives it by value.
    pub environment: BTreeMap<String, String>,
    /// The variables that it has from elsewhere: another object of the cluster, or the pod itself.
    pub from_elsewhere: Vec<String>,
    /// What it is made of: `registry.k8s.io/etcd:3.6.5-0`.
    pub image: Option<&'v str>,
    /// Whether it says what it starts; else its image does.
    has_command: bool,
}

impl PodContainer<'_> {
    /// The program that it starts: without a command what its image is called after.
    pub(crate) fn program(&self) -> &str {
        let image = self.image.unwrap_or_default();
        let image = image.split('@').next().unwrap_or(image);
        let of_image = image.rsplit('/').next().unwrap_or(image);
        match self.has_command {
            true => &self.line.program,
            false => of_image.split(':').next().unwrap_or(of_image),
        }
    }
}

/// The containers of a document, if it is a pod.
pub(crate) fn containers(document: &Tree) -> impl Iterator<Item = PodContainer<'_>> {
    let of_pod = match document.kind() == "Pod" {
        true => document.items_at(&["spec", "containers"]),
        false => &[],
    };
    of_pod.iter().map(|container| {
        let mounts = mounts(document, container);
        let words = ["command", "args"]
            .iter()
            .flat_map(|field| container.items_at(&[field]));
        let words = words.filter_map(Tree::text).enumerate();
        // The program itself is the image's.
        let words = words.map(|(at, word)| match at {
            0 => word.to_owned(),
            _ => on_host(word, &mounts),
        });
        let variables = container.items_at(&["env"]);
        let named = |variable: &Tree| variable.text_at(&["name"]).map(str::to_owned);
        PodContainer {
            line: CommandLine::of(words.collect()),
            environment: variables
                .iter()
                .filter_map(|one| Some((named(one)?, one.text_at(&["value"])?.to_owned())))
                .collect(),
            from_elsewhere: variables
                .iter()
                .filter(|one| one.at(&["valueFrom"]).is_some())
                .filter_map(named)
                .collect(),
            image: container.text_at(&["image"]),
            has_command: !container.items_at(&["command"]).is_empty(),
        }
    })
}

/// A folder or file of a container, and where the host has it; none where that is nowhere.
type Mount = (String, Option<String>);

/// Where a container has what of the host (<https://kubernetes.io/docs/concepts/storage/volumes/#hostpath>).
fn mounts(pod: &Tree, container: &Tree) -> Vec<Mount> {
    let volumes = pod.items_at(&["spec", "volumes"]);
    let of_volume = |name: &str| {
        let volume = volumes.iter().find(|one| one.text_at(&["name"]) == Some(name))?;
        volume.text_at(&["hostPath", "path"])
    };
    let plain = |path: &str| path.trim_end_matches('/').to_owned();
    let all = container.items_at(&["volumeMounts"]).iter().filter_map(|mount| {
        let path = mount.text_at(&["mountPath"])?;
        let on_host = of_volume(mount.text_at(&["name"])?).map(plain);
        let on_host = on_host.map(|folder| match mount.text_at(&["subPath"]) {
            Some(below) => format!("{folder}/{}", below.trim_matches('/')),
            None => folder,
        });
        Some((plain(path), on_host))
    });
    all.collect()
}

/// A word of a command line with the paths in it as the host has them.
fn on_host(word: &str, mounts: &[Mount]) -> String {
    let (before, value) = match word.split_once('=').filter(|_| word.starts_with('-')) {
        Some((flag, value)) => (format!("{flag}="), value),
        None => (String::new(), word),
    };
    let items: Vec<String> = value.split(',').map(|item| path_on_host(item, mounts)).collect();
    before + &items.join(",")
}

/// The deepest mount has a path.
fn path_on_host(path: &str, mounts: &[Mount]) -> String {
    let below = |mount: &Mount| {
        let rest = path.strip_prefix(mount.0.as_str())?;
        (path.starts_with('/') && (rest.is_empty() || rest.starts_with('/'))).then_some((mount.0.len(), rest.len()))
    };
    let deepest = mounts
        .iter()
        .filter(|mount| below(mount).is_some())
        .max_by_key(|mount| mount.0.len());
    match deepest {
        Some((inside, Some(outside))) => format!("{outside}{}", &path[inside.len()..]),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::document::yaml;

    const POD: &str = "kind: Pod
spec:
  containers:
  - command: [etcd, --data-dir=/var/lib/etcd, --wal-dir, /var/lib/etcd/wal, '--x=/certs/a.crt,/certs/own/b.key', --y=/certsx, --z=/tmp/z]
    env: [{name: GOGC, value: '50'}, {name: SECRET, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]
    volumeMounts:
    - {mountPath: /var/lib/etcd/, name: data, subPath: member/}
    - {mountPath: /certs, name: certs}
    - {mountPath: /certs/own, name: own}
    - {mountPath: /tmp, name: scratch}
  volumes:
  - {name: data, hostPath: {path: /var/lib/etcd-from-backup}}
  - {name: certs, hostPath: {path: /etc/pki/}}
  - {name: own, hostPath: {path: /etc/own}}
  - {name: scratch, emptyDir: {}}
";

    #[test]
    fn a_program_is_what_is_started_or_what_the_image_is_called_after() {
        for (container, program) in [
            (
                "{command: [/usr/bin/etcd, --name=a], image: 'r.example:5000/x/etcd:3.6.5-0'}",
                "etcd",
            ),
            (
                "{command: [/go-runner, --also-stdout=false, kube-apiserver, --v=2], image: x}",
                "kube-apiserver",
            ),
            (
                "{image: 'ghcr.io/kube-vip/kube-vip:v1.0.2@sha256:00', args: [manager]}",
                "kube-vip",
            ),
            ("{image: haproxy}", "haproxy"),
        ] {
            let documents = yaml(&format!("kind: Pod\nspec: {{containers: [{container}]}}\n"))
                .ok()
                .expect("YAML");
            let programs: Vec<String> = containers(&documents[0]).map(|one| one.program().to_owned()).collect();
            assert_eq!(programs, [program]);
        }
    }

    #[test]
    fn paths_are_those_of_the_host() {
        let documents = yaml(POD).ok().expect("YAML");
        let all: Vec<PodContainer<'_>> = containers(&documents[0]).collect();
        assert_eq!(
            all[0].line.words,
            [
                "--data-dir=/var/lib/etcd-from-backup/member",
                "--wal-dir",
                "/var/lib/etcd-from-backup/member/wal",
                "--x=/etc/pki/a.crt,/etc/own/b.key",
                "--y=/certsx",
                "--z=/tmp/z"
            ]
        );
        assert_eq!(
            all[0].environment,
            BTreeMap::from([("GOGC".to_owned(), "50".to_owned())])
        );
        assert_eq!(all[0].from_elsewhere, ["SECRET"]);
    }
}
