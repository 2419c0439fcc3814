//! Where containerd's configuration has the settings for pods
//! (<https://github.com/containerd/containerd/blob/main/docs/cri/config.md>).

/// The type of the runtime that is runc, whose options are known.
pub(crate) const RUNC: &str = "io.containerd.runc.v2";

/// Version of the file | plugin | kind of its settings. `cri` of version 1 is not looked into.
pub(crate) const PLUGINS: &[(u64, &str, &str)] = &[
    (2, "io.containerd.grpc.v1.cri", "containerd/cri.2"),
    (3, "io.containerd.grpc.v1.cri", "containerd/cri.3"),
    (3, "io.containerd.cri.v1.images", "containerd/images.3"),
    (3, "io.containerd.cri.v1.runtime", "containerd/runtime.3"),
];

/// The kind of a plugin's settings in a file of a version; none where they are not looked into, and why they are not read.
pub(crate) fn settings_of_plugin(version: u64, name: &str) -> Result<Option<&'static str>, String> {
    let mut rows = PLUGINS.iter().filter(|(_, known, _)| *known == name).peekable();
    match rows.peek() {
        Some(_) => match rows.find(|(of, ..)| *of == version) {
            Some((.., kind)) => Ok(Some(kind)),
            None => Err(format!("`plugins.{name}` is not read in a file of version {version}")),
        },
        None if version > 1 && !name.starts_with("io.containerd.") => Err(format!(
            "`plugins.{name}` is the name of no plugin in a file of version {version}"
        )),
        None => Ok(None),
    }
}
