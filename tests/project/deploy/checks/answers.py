"""Reads and checks Bicep files for as long as the tests ask: the models of the management packages load once, in 1.4 s.

A question is a line on standard input: {"root": ..., "file": "infra/main.bicep", "fits": true}. The answer is a line on
standard output, with "error" or "template", and with "faults" where it was asked whether the template fits the models.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import shapes
from bicep import compile_file
from expression import BicepError


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """What the reader, and where it is wanted the models, say of a file below a root."""
    root = Path(question["root"])
    try:
        template = compile_file(root / question["file"], root)
    except BicepError as error:
        return {"error": str(error)}
    if question["fits"]:
        return {"template": template, "faults": shapes.all_faults(template, question["file"])}
    return {"template": template}


for line in sys.stdin:
    sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
    sys.stdout.flush()
