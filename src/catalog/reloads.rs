//! What is read again by itself, as a page for people.

use super::tables::reloads::RELOADS;

/// The page `docs/reload.md`.
pub fn page() -> String {
    let mut page = "# What is read again without a restart\n\n\
        `khw-gen diff` and `khw-gen rotate` ask for a restart of a unit unless every file that changed for it is in this table, for the \
        release before\nand after the change. What is not here counts as read when the program starts alone. So it was seen of `etcd-cafile`, \
        `trusted-ca-file`,\nthe keys of service account tokens, `root-ca-file` and certificates within a kubeconfig.\n\n\
        A file is picked up where it is put in place by a rename, as `install.sh` does, and not behind a symbolic link whose target \
        changes.\nAn API server that notices another `--kubelet-client-certificate` closes its connections to kubelets: logs, exec and metrics that \
        are on their way end (503), once.\n`tests/e2e/reloads.py` measures it on programs of any release.\n\n\
        This page is made from `src/catalog/tables/reloads.rs`: edit that, not this.\n\n\
        | component | file | since | how | within |\n|---|---|---|---|---|\n"
        .to_owned();
    for row in RELOADS {
        let (file, within) = (row.named_by.in_words(), row.within.in_words());
        let (of, since) = (row.of.name(), row.since);
        page.push_str(&format!(
            "| {} | {file} | {of} {since} | {} | {within} |\n",
            row.program, row.how
        ));
    }
    page
}
