"""When a table of reloads and what was measured agree."""

import os
import tempfile
import unittest

import reloads

PAGE = """
| other | table |
|---|---|
| etcd | `--cert-file` |

| component | file | since | how | within |
|---|---|---|---|---|
| kube-apiserver | `--tls-cert-file`, `--tls-private-key-file` | | watched | 5 s |
| kubelet | `tlsCertFile` | 1.31 | watched | 5 s |
| kube-scheduler | `kubeconfig:client-certificate` | | looked at | 5 min |
| etcd | `--cert-file` | 3.4 | | the next handshake |
"""


def promised(kubernetes="1.37.2"):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "reload.md")
        reloads.write(path, PAGE)
        return reloads.promises(path, {"kubernetes": kubernetes, "etcd": "3.7.3"})


def judged(component, file, *seconds, kubernetes="1.37.2", never=False):
    """With a row of that file for each of these seconds."""
    found = []
    for some in seconds:
        found.append(reloads.Measurement(None, reloads.Row(component, file, component, "", None, "", never=never)))
        found[-1].seconds = some
    return list(reloads.disagreements(found, promised(kubernetes), 400))


class Table(unittest.TestCase):
    def test_rows_of_the_one_table_are_read(self):
        self.assertEqual(promised(), {
            ("kube-apiserver", "tls-cert-file"): 5, ("kube-apiserver", "tls-private-key-file"): 5, ("kubelet", "tlsCertFile"): 5,
            ("kube-scheduler", "kubeconfig:client-certificate"): 300, ("etcd", "cert-file"): 0})

    def test_a_row_counts_from_its_release_on(self):
        self.assertNotIn(("kubelet", "tlsCertFile"), promised("1.30.14"))
        self.assertEqual(judged("kubelet", "tlsCertFile", None, kubernetes="1.30.14"), [])
        self.assertEqual(len(judged("kubelet", "tlsCertFile", None)), 1)

    def test_no_row_means_never(self):
        self.assertEqual(judged("kube-apiserver", "--etcd-cafile", None), [])
        self.assertEqual(len(judged("kube-apiserver", "--etcd-cafile", 1.0)), 1)

    def test_all_rows_of_a_file_have_to_see_it(self):
        self.assertEqual(judged("kubelet", "tlsCertFile", 0.3, 0.2), [])
        self.assertEqual(len(judged("kubelet", "tlsCertFile", 0.3, None)), 1)
        self.assertEqual(judged("kubelet", "tlsCertFile", 0.3, None, kubernetes="1.30.14"), [])

    def test_what_is_never_picked_up_for_want_of_a_flag(self):
        self.assertEqual(judged("kubelet", "tlsCertFile", None, never=True), [])
        self.assertEqual(len(judged("kubelet", "tlsCertFile", 1.0, never=True)), 1)

    def test_too_late_is_a_disagreement(self):
        self.assertEqual(judged("kube-apiserver", "--tls-cert-file --tls-private-key-file", 0.3), [])
        self.assertEqual(len(judged("kube-apiserver", "--tls-cert-file --tls-private-key-file", 60)), 2)
        self.assertEqual(judged("kube-scheduler", "kubeconfig:client-certificate", 217), [])


if __name__ == "__main__":
    unittest.main()
