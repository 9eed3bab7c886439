"""Which key each arriving message has, as the end of a spec of arrivals says.

SPEC#vip        all have the key "vip"
SPEC#100        of 100 keys, each as likely as the others
SPEC#100~1.1    of 100 keys by Zipf's law with that exponent: a few have most of the messages
SPEC            none has a key
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate

from ebb.cli.simulate.errors import SimulationError
from ebb.core.wording import counted

MOST_KEYS = 1_000_000
_SKEWED = re.compile(r"(?P<keys>\d+)(?:~(?P<exponent>.*))?")


@dataclass(frozen=True)
class ArrivingKeys:
    """The keys of one stream of arrivals."""

    label: str | None  # what the report calls its messages; None: they have no keys
    draw: Callable[[], str | None]  # the key of the next message


def keys_of(spec: str, seed: str) -> tuple[str, ArrivingKeys]:
    """A spec without its keys, and these; the same series for the same seed.

    Raises:
        SimulationError: they cannot be read; names the spec.
    """
    plain, mark, text = spec.rpartition("#")
    if not mark:
        return spec, ArrivingKeys(None, lambda: None)
    if not text:
        raise _refused(spec, "no key")
    found = _SKEWED.fullmatch(text)
    if found is None:
        return plain, ArrivingKeys(f"key {text}", lambda: text)
    count = int(found["keys"])
    if not 1 <= count <= MOST_KEYS:
        raise _refused(spec, f"{count} keys")
    names, chance = [str(number) for number in range(1, count + 1)], random.Random(f"{seed}/keys/{spec}")
    exponent = 0.0 if found["exponent"] is None else _exponent(found["exponent"], spec)
    shares = list(accumulate(number**-exponent for number in range(1, count + 1)))
    return plain, ArrivingKeys(counted(count, "key"), lambda: chance.choices(names, cum_weights=shares)[0])


def _exponent(text: str, spec: str) -> float:
    try:
        found = float(text)
    except ValueError as error:
        raise _refused(spec, f"exponent {text!r}") from error
    if not 0 <= found <= 10:
        raise _refused(spec, f"exponent {text}")
    return found


def _refused(spec: str, what: str) -> SimulationError:
    return SimulationError(
        f"arrivals {spec!r}: {what} after '#'; write one key as #vip, 1 to {MOST_KEYS:,} keys as #100, and a few "
        f"of them with most of the messages as #100~1.1, with an exponent from 0 to 10"
    )
