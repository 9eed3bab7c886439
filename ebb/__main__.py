"""`python -m ebb`."""

import os

from ebb.cli import app
from ebb.local.loopback import bypass_proxy

if __name__ == "__main__":
    bypass_proxy(os.environ)
    app(prog_name="python -m ebb")
