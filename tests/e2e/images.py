"""Container images made by hand: there is no registry to pull from. A docker-archive is a tar of one layer, its
configuration and a manifest; `ctr images import` reads it."""

import hashlib
import io
import json
import tarfile


def add(archive, name, content, mode=0o644):
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))


def layer(files, folders=("tmp", "etc", "proc", "sys", "dev")):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for folder in folders:
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            archive.addfile(entry)
        for name, source in files.items():
            with open(source, "rb") as file:
                add(archive, name, file.read(), 0o755)
    return out.getvalue()


def archive(path, tags, entrypoint, files):
    """Writes an image with these tags to `path`."""
    content = layer(files)
    digest = hashlib.sha256(content).hexdigest()
    configuration = json.dumps({
        "architecture": "amd64", "os": "linux",
        "config": {"Entrypoint": entrypoint, "Env": ["PATH=/bin:/usr/bin"], "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        "history": [{"created_by": "khw-gen tests/e2e"}],
    }).encode()
    name = hashlib.sha256(configuration).hexdigest() + ".json"
    manifest = json.dumps([{"Config": name, "RepoTags": list(tags), "Layers": [f"{digest}/layer.tar"]}]).encode()
    with tarfile.open(path, "w") as out:
        add(out, f"{digest}/layer.tar", content)
        add(out, name, configuration)
        add(out, "manifest.json", manifest)
