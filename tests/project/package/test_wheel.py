"""The distributions: what is in them, and that each can be made from its sources alone."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest

from ebb import __version__
from ebb.cli.init import template
from tests.packaging import build, names_in, sources

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sources(tmp_path_factory.mktemp("clone"))


@pytest.fixture(scope="module")
def wheel(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", clone, tmp_path_factory.mktemp("dist"))


def test_wheel_has_the_engine_the_local_host_and_the_template(wheel: Path) -> None:
    names = names_in(wheel)
    assert {"ebb/__main__.py", "ebb/core/cycle.py", "devhost/__main__.py", "devhost/schema.sql"} <= names
    assert {f"ebb/template/app/{place}" for place in template.app_files()} <= names
    assert {"ebb/template/tools/package.json", "ebb/template/tools/package-lock.json"} <= names
    assert "ebb = ebb.__main__:main" in _text(wheel, "entry_points.txt")


def test_wheel_has_nothing_else(wheel: Path) -> None:
    about = f"ebb_scheduler-{__version__}.dist-info"
    assert {name.split("/")[0] for name in names_in(wheel)} == {"ebb", "devhost", about}
    assert not [name for name in names_in(wheel) if name.endswith(".pyc") or name.startswith("ebb/template/app/ebb")]


@pytest.mark.parametrize("name", ["function_app.py", "composition.py", "activities/close_cycle.py", "host.json"])
def test_template_is_the_repositorys_own_file(wheel: Path, name: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read(f"ebb/template/app/{name}") == (ROOT / name).read_bytes()


def test_every_file_that_the_app_imports_is_in_the_template() -> None:
    for folder in ("activities", "orchestrators", "triggers"):
        ours = {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).glob("*.py")}
        assert ours <= template.app_files().keys()
    assert all(path.is_file() for path in template.app_files().values())


def test_source_distribution_makes_the_same_wheel(clone: Path, wheel: Path, tmp_path: Path) -> None:
    archive = build("sdist", clone, tmp_path / "dist")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    assert names_in(build("wheel", unpacked, tmp_path / "again")) == names_in(wheel)


def test_local_host_is_a_distribution_of_its_own(clone: Path, tmp_path: Path) -> None:
    names = names_in(build("wheel", clone / "packages/devhost", tmp_path))
    assert {name.split("/")[0] for name in names} == {"devhost", "durable_devhost-0.2.0.dist-info"}


def _text(wheel: Path, name: str) -> str:
    with zipfile.ZipFile(wheel) as archive:
        (found,) = [each for each in archive.namelist() if each.endswith(f".dist-info/{name}")]
        return archive.read(found).decode()
