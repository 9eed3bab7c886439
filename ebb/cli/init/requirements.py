"""An app's `requirements.txt` with the engine in it, and the pins there with which the engine cannot be installed."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from importlib.metadata import requires

from ebb.cli.init.folder_changes import Collision
from ebb.core.version import __version__

ENGINE = "ebb-scheduler"
_PIN = re.compile(r"^\s*([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*===?\s*(\d+(?:\.\d+)*)\s*(?:[;#].*)?$", re.MULTILINE)
_BOUND = re.compile(r"(<=|>=|==|<|>)\s*(\d+(?:\.\d+)*)")
_HOLDS: dict[str, Callable[[list[int], list[int]], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}


def with_engine(text: str) -> str:
    """`text` with the engine, unless it names it already."""
    if re.search(rf"^\s*{ENGINE}\b", text, re.MULTILINE | re.IGNORECASE):
        return text
    return text + ("\n" if text and not text.endswith("\n") else "") + f"{ENGINE}=={__version__}\n"


def refused_pins(text: str) -> Iterator[Collision]:
    """Exact pins outside the ranges that the engine's own distribution names: pip would refuse the file as a whole."""
    wanted = _ranges()
    for name, version in _PIN.findall(text):
        bounds = wanted.get(_normal(name), "")
        if not all(_HOLDS[sign](_numbers(version), _numbers(bound)) for sign, bound in _BOUND.findall(bounds)):
            way_out = f"Ebb needs {bounds}: change the pin, and try your app with it"
            yield Collision(f"requirements.txt {name}=={version}", way_out)


def _ranges() -> dict[str, str]:
    """The versions that the engine takes of each package, such as "<2,>=1.7"; those of its extras are left out."""
    plain = [each for each in requires(ENGINE) or () if ";" not in each]
    parts = [re.match(r"([\w.-]+)\s*(.*)", each) for each in plain]
    return {_normal(part[1]): part[2] for part in parts if part is not None}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _numbers(version: str) -> list[int]:
    """1.10.0 as [1, 10]: zeros at the end say nothing."""
    return [int(part) for part in re.sub(r"(?:\.0+)+$", "", version).split(".")]
