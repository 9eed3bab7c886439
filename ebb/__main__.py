"""The command `ebb`, which `python -m ebb` starts too."""

import os
import sys

from ebb.cli.local.loopback import bypass_proxy


def main() -> None:
    """Run the command line; ends the process."""
    try:
        from ebb.cli.main import app

        bypass_proxy(os.environ)
        app(prog_name="ebb" if not sys.argv[0].endswith("__main__.py") else "python -m ebb")
    except KeyboardInterrupt:  # while it is imported; a verb that has begun says itself how it ends
        sys.exit(130)


if __name__ == "__main__":
    main()
