"""Judges SARIF logs: each file is what the models of sarif-pydantic take, and has no field that they do not know."""

import sys

from pydantic import BaseModel
from sarif_pydantic import Sarif


def unknown(value, at):
    if isinstance(value, BaseModel):
        yield from (f"{at}.{name}" for name in value.model_extra or {})
        for name in type(value).model_fields:
            yield from unknown(getattr(value, name), f"{at}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from unknown(item, f"{at}[{index}]")


# Sections 3.13.3 and 3.14.17 of SARIF 2.1.0 have these, and the models do not.
NOT_MODELLED = ("$schema", "columnKind")

failed = False
for path in sys.argv[1:]:
    try:
        with open(path, encoding="utf-8") as file:
            wrong = list(unknown(Sarif.model_validate_json(file.read()), ""))
    except ValueError as error:
        wrong = [str(error)]
    wrong = [one for one in wrong if not one.endswith(NOT_MODELLED)]
    for one in wrong:
        print(f"{path}: {one}")
    failed = failed or bool(wrong)
sys.exit(failed)
