"""The function app: `eternal.py` is the cycle, `composition.py` says which functions there are."""

import os
from pathlib import Path

from composition import build_app
from scheduler.errors import EbbError, HandlerNotFoundError
from services import Services

try:
    services = Services.from_environment(Path(__file__).parent, os.environ)
except EbbError as error:
    __tracebackhide__ = True  # file, line and reason stand in the text; the way through our code says nothing more
    raise error.with_traceback(None) from (error.__cause__ if isinstance(error, HandlerNotFoundError) else None)
app = build_app(services)
