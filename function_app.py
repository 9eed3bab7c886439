"""The function app: `eternal.py` is the cycle, `composition.py` says which functions there are."""

import os
from pathlib import Path

from composition import build_app
from ebb.services import Services

__tracebackhide__ = True  # what stops the start is said by the error's text alone
app = build_app(Services.from_environment(Path(__file__).parent, os.environ))
