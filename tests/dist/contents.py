"""Judges the list of what is in the program: `contents.py BOM AUDIT`.

BOM is the CycloneDX document of a release, which has to keep to its schema. AUDIT is what rust-audit-info reads in the program itself. Both
have to name the same crates in the same versions; BOM also names macros, which are gone when the program is built.
"""

import json
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

bom_path, audit_path = sys.argv[1:]
with open(bom_path, encoding="utf-8") as file:
    text = file.read()
wrong = JsonStrictValidator(SchemaVersion.V1_5).validate_str(text)
if wrong is not None:
    sys.exit(f"{bom_path} does not keep to its schema: {wrong}")
bom = json.loads(text)
told = {(part["name"], part["version"]) for part in [bom["metadata"]["component"], *bom["components"]]}
with open(audit_path, encoding="utf-8") as file:
    audit = json.load(file)
crates = {(crate["name"], crate["version"]): crate.get("kind", "runtime") for crate in audit["packages"]}
held = {crate for crate, kind in crates.items() if kind != "build"}
if not held <= told <= crates.keys() or len(held) < 50:
    sys.exit(f"only in the list: {sorted(told - crates.keys())}\nonly in the program: {sorted(held - told)}")
unlicensed = [part["name"] for part in bom["components"] if not part.get("licenses")]
if unlicensed:
    sys.exit(f"without a licence: {unlicensed}")
print(f"{len(held)} crates")
