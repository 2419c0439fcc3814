#!/usr/bin/env python3
"""Boots a cluster from the bundles that khw-gen makes of a specification, on this machine, and checks it.

    tests/e2e/boot.py SPECIFICATION --kubernetes DIR --etcd DIR [--containerd DIR] [--only CHECK,...] [--without CHECK,...] [--shell HOST]
                          [--table docs/booted.md]

SPECIFICATION is a folder with a cluster.toml, which is a template (see cluster.py). The exit code is 0 if every check that
applies holds. Logs of every unit are left in --logs, when something fails. With --table, a page of what was booted gets its row.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import checks  # noqa: E402
import cluster  # noqa: E402
import lab as laboratory  # noqa: E402

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))


def programs(kubernetes, etcd, containerd=None):
    """What the operator brings: programs in /usr/local/bin, as the bundle's INSTALL.md asks. A containerd takes the place of that of this
    machine's package, which brings the unit."""
    found = {}
    for folder in (kubernetes, etcd):
        for file in sorted(os.listdir(folder)):
            found[f"/usr/local/bin/{file}"] = os.path.join(folder, file)
    if containerd:
        for name in ("containerd", "containerd-shim-runc-v2", "ctr"):
            found[f"/usr/bin/{name}"] = os.path.join(containerd, name)
    for plugins in ("/usr/lib/cni", "/opt/cni/bin"):
        if os.path.isdir(plugins) and plugins != "/opt/cni/bin":
            found["/opt/cni/bin"] = plugins
    return found


def program_version(program, pattern, *arguments):
    said = subprocess.run([program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout
    return re.search(pattern, said).group(1)


def agent(scratch):
    """Builds what runs in pods."""
    program = os.path.join(scratch, "agent")
    subprocess.run(["go", "build", "-trimpath", "-o", program, "."], cwd=os.path.join(TOP, "tests/e2e/agent"), check=True,
                   env={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"})
    return program


def report(state, took, name, detail=""):
    print(f"{state:4} {took:6.1f}s  {name}" + (f": {detail}" if detail else ""), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("specification")
    parser.add_argument("--kubernetes", required=True, help="folder with kube-apiserver and the others")
    parser.add_argument("--etcd", required=True, help="folder with etcd and etcdctl")
    parser.add_argument("--containerd", help="folder with containerd, its shim and ctr, which take the place of this machine's")
    parser.add_argument("--coredns", help="folder with coredns, which then runs in pods")
    parser.add_argument("--khw-gen", default=os.path.join(TOP, "target/release/khw-gen"))
    parser.add_argument("--logs", default=os.path.join(TOP, "target/e2e/logs"))
    parser.add_argument("--keep-logs", action="store_true", help="also when nothing fails")
    parser.add_argument("--only", default="", help="these checks alone")
    parser.add_argument("--without", default="", help="all but these checks")
    parser.add_argument("--table", help="a page with a table of what was booted")
    parser.add_argument("--shell", help="before everything is torn down, a shell on this host")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(130))

    name = os.path.basename(os.path.normpath(options.specification))
    version = program_version(os.path.join(options.kubernetes, "kubernetes"), r"v(\d+\.\d+\.\d+)", "--version")
    etcd = program_version(os.path.join(options.etcd, "etcd"), r"etcd Version: (\S+)", "--version")
    go = program_version("go", r": go(\d+\.\d+)", "version", os.path.join(options.kubernetes, "kubernetes"))
    only = set(filter(None, options.only.split(",")))
    without = set(filter(None, options.without.split(",")))
    unknown = (only | without) - {check.__name__ for check in checks.CHECKS}
    if unknown:
        parser.error(f"no such check: {', '.join(sorted(unknown))}; there are {', '.join(check.__name__ for check in checks.CHECKS)}")
    containerd = os.path.join(options.containerd, "containerd") if options.containerd else "containerd"
    runtime = program_version(containerd, r"\bv?(\d+\.\d+\.\d+)", "--version")
    print(f"{name}: Kubernetes {version}, etcd {etcd}, containerd {runtime}", flush=True)
    scratch = tempfile.mkdtemp(prefix="khw-e2e.")
    failed, skipped, held = [], [], 0
    lab = None
    start = time.monotonic()
    try:
        try:
            made = cluster.Cluster(os.path.join(options.specification, "cluster.toml"), os.path.join(scratch, "spec"), version, etcd, options.khw_gen, go, containerd)
        except cluster.NotForThis as reason:
            report("skip", 0, name, str(reason))
            return
        lab = laboratory.Lab(programs(options.kubernetes, options.etcd, options.containerd))
        try:
            made.boot(lab)
        except Exception as error:
            failed.append("boot")
            report("FAIL", time.monotonic() - start, "boot", f"{type(error).__name__}: {error}")
        else:
            report("ok", time.monotonic() - start, "install.sh on every host, and the power is on")
            coredns = options.coredns and os.path.join(options.coredns, "coredns")
            trial = checks.Trial(made, lab, scratch, agent(scratch), coredns)
            for check in checks.CHECKS:
                if (only and check.__name__ not in only) or check.__name__ in without | made.without:
                    continue
                at = time.monotonic()
                try:
                    detail = check(trial)
                except checks.Skip as reason:
                    skipped.append(check.__name__)
                    report("skip", time.monotonic() - at, check.__doc__, str(reason))
                except checks.Failed as failure:
                    failed.append(check.__name__)
                    report("FAIL", time.monotonic() - at, f"{check.__doc__} ({check.__name__})", str(failure))
                except Exception as error:  # a check that breaks has not held
                    failed.append(check.__name__)
                    report("FAIL", time.monotonic() - at, f"{check.__doc__} ({check.__name__})", f"{type(error).__name__}: {error}")
                    traceback.print_exc()
                else:
                    held += 1
                    report("ok", time.monotonic() - at, check.__doc__, detail or "")
                if failed and check in (checks.units, checks.readyz):
                    report("skip", 0, "the rest: nothing can be asked of a cluster that does not run")
                    break
        if options.shell:
            subprocess.run(lab.hosts[options.shell].argv(["bash"]), check=False)
    except Exception as error:
        failed.append("setup")
        report("FAIL", time.monotonic() - start, "setup", f"{type(error).__name__}: {error}")
    finally:
        if lab:
            if failed or options.keep_logs:
                kept = os.path.join(options.logs, f"{name}-{version}" + (f"-containerd-{runtime}" if options.containerd else ""))
                shutil.rmtree(kept, ignore_errors=True)
                shutil.copytree(lab.logs, kept)
                shutil.copytree(os.path.join(scratch, "spec"), os.path.join(kept, "spec"), ignore=shutil.ignore_patterns("cluster.seed", "*.tar.gz"))
                print(f"logs are in {os.path.relpath(kept)}")
            lab.close()
        shutil.rmtree(scratch, ignore_errors=True)
    print(f"{name}, Kubernetes {version}: {held} checks held, {len(failed)} failed, {len(skipped)} did not apply, {time.monotonic() - start:.0f} s")
    if options.table and not only:
        enter(options.table, [version, go, etcd, runtime, name], outcome(held, failed, skipped))
    sys.exit(bool(failed))


def outcome(held, failed, skipped):
    """Which checks held, in a few words."""
    parts = [f"{held} held"]
    for what, names in (("failed", failed), ("did not apply", skipped)):
        if names:
            parts.append(f"{len(names)} {what} ({', '.join(sorted(names))})")
    return "; ".join(parts)


def enter(page, key, said):
    """Puts a row into the page's last table, in the place of one with the same first cells, and sorts it by versions."""
    lines = open(page).read().rstrip("\n").split("\n")
    first = max(at for at, line in enumerate(lines) if line.startswith("|---")) + 1
    rows = {tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines[first:] if line.startswith("|")}
    rows = {row for row in rows if row[:len(key)] != tuple(key)} | {(*key, said)}
    by_version = lambda row: [[[int(number) for number in re.findall(r"\d+", cell)] for cell in row[:4]], row[4:]]  # noqa: E731
    with open(page, "w") as file:
        file.write("\n".join(lines[:first] + [f"| {' | '.join(row)} |" for row in sorted(rows, key=by_version)]) + "\n")


if __name__ == "__main__":
    main()
