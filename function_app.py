"""The function app: `eternal.py` is the cycle, `composition.py` says which functions there are."""

import os
from pathlib import Path

from composition import build_app
from services import Services

app = build_app(Services.from_environment(Path(__file__).parent, os.environ))
