"""The image: what its definition says, and what would be copied into it."""

import json
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from ebb.cli.scale_rules.python_source import reachable_modules

ROOT = Path(__file__).parents[3]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


@cache
def copied() -> set[str]:
    """The files that `COPY .` takes, by the rules of .dockerignore: the last line that matches a path decides."""
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    compiled = [(not line.startswith("!"), as_regex(line.lstrip("!"))) for line in rules]
    taken = set()
    for path in files_that_may_be_taken(rules):
        ignored = False
        names = [path.as_posix(), *(parent.as_posix() for parent in path.parents if parent != Path())]
        for excludes, pattern in compiled:
            if any(pattern.fullmatch(name) for name in names):
                ignored = excludes
        if not ignored:
            taken.add(path.as_posix())
    return taken


def files_that_may_be_taken(rules: list[str]) -> Iterator[Path]:
    """All files, less the folders that the rule `*` shuts and no later rule opens (node_modules is large)."""
    assert rules[0] == "*"
    opened = {rule[1:].split("/")[0] for rule in rules if rule.startswith("!")}
    for top in ROOT.iterdir():
        if top.is_file():
            yield Path(top.name)
        elif top.name in opened:
            yield from (path.relative_to(ROOT) for path in top.rglob("*") if path.is_file())


def as_regex(pattern: str) -> re.Pattern[str]:
    """`*` stays within a folder, `**` does not (https://docs.docker.com/build/concepts/context/#dockerignore-files)."""
    meanings = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*"}
    pieces = re.split(r"(\*\*/|\*\*|\*)", pattern)
    return re.compile("".join(meanings.get(piece) or re.escape(piece) for piece in pieces))


def test_pattern_matcher_knows_the_difference_between_star_and_double_star():
    assert as_regex("*").fullmatch("a.py")
    assert not as_regex("*").fullmatch("a/b.py")
    assert as_regex("a/**").fullmatch("a/b/c.py")
    assert as_regex("**/__pycache__").fullmatch("a/b/__pycache__")
    assert as_regex("**/__pycache__").fullmatch("__pycache__")


def test_image_has_everything_that_the_app_imports():
    needed = {path.relative_to(ROOT).as_posix() for path in reachable_modules(ROOT)}
    assert needed <= copied()
    assert {"host.json", "schedules.yaml", "requirements.txt", "infra/entrypoint.sh"} <= copied()


def test_app_of_the_image_starts_by_itself(tmp_path):
    """The files that are copied, and nothing else of the repository, give an app with all its functions."""
    for name in copied():
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    program = "from function_app import app; print(sorted(f.get_function_name() for f in app.get_functions()))"
    environment = {"AzureWebJobsStorage": "UseDevelopmentStorage=true", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    for function in ("eternal_scheduler", "measure_backlog", "process_backlog", "close_cycle", "health", "watchdog"):
        assert f"'{function}'" in done.stdout


def test_image_has_neither_tests_nor_tools_nor_secrets():
    folders = {path.split("/")[0] for path in copied()}
    assert not folders & {
        "tests",
        "bench",
        "packages",
        "docs",
        ".git",
        ".github",
        ".venv",
        ".venv-infra",
        "node_modules",
    }
    assert [path for path in copied() if path.startswith("infra/")] == ["infra/entrypoint.sh"]
    names = {Path(path).name for path in copied()}
    assert not names & {"local.settings.json", "dev.py", "requirements-dev.txt"}
    assert not [path for path in copied() if re.search(r"\.(pyc|env|pem|key|pfx|db|log)$", path)]


def test_dockerfile_copies_only_what_is_looked_at_here():
    copies = re.findall(r"^COPY (.+)$", DOCKERFILE, re.MULTILINE)
    assert copies == [
        "requirements.txt /tmp/requirements.txt",
        "infra/entrypoint.sh /usr/local/bin/ebb-entrypoint",
        ". /home/site/wwwroot",
    ]
    assert "ADD " not in DOCKERFILE


def test_container_runs_without_root_on_the_port_that_the_templates_expect():
    assert re.search(r"^ARG RUN_AS=10001\nUSER \$\{RUN_AS\}$", DOCKERFILE, re.MULTILINE)
    port = re.search(r"ASPNETCORE_URLS=http://\+:(\d+)", DOCKERFILE)
    assert port
    for app in ("functions", "container"):
        assert f"targetPort: {port[1]}" in (ROOT / "infra" / "app" / f"{app}.bicep").read_text()
    assert f":{port[1]}\n" in (ROOT / "docker-compose.yaml").read_text()


def test_image_drains_at_sigterm_and_its_entrypoint_becomes_the_host():
    assert "FUNCTIONS_ENABLE_DRAIN_ON_APP_STOPPING=true" in DOCKERFILE
    assert 'ENTRYPOINT ["/usr/local/bin/ebb-entrypoint"]' in DOCKERFILE  # exec form: no shell in between
    script = ROOT / "infra" / "entrypoint.sh"
    assert script.stat().st_mode & stat.S_IXUSR


def test_python_of_the_image_is_one_that_the_project_supports():
    """The newest that the SDKs, the app and the image all know; requirements.txt has a line for it."""
    version = re.search(r"PYTHON_VERSION=3\.(\d+)", DOCKERFILE)
    assert version
    supported = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', (ROOT / "pyproject.toml").read_text())
    assert supported
    assert int(version[1]) == int(supported[2]) - 1
    assert f'azure-functions==2.3.0; python_version >= "3.{version[1]}"' in (ROOT / "requirements.txt").read_text()
    flex = json.loads((Path(__file__).parent / "arm" / "flex.json").read_text())["parameters"]["pythonVersion"]
    assert flex["defaultValue"] == f"3.{version[1]}"
    assert flex["allowedValues"] == [f"3.{minor}" for minor in range(int(supported[1]), int(supported[2]))]


def test_published_package_leaves_out_tests_and_tools():
    lines = set((ROOT / ".funcignore").read_text().split())
    tools = {
        "tests",
        "bench",
        "infra",
        "packages",
        "ebb/cli",
        "local.settings.json",
        ".venv*",
        "Dockerfile",
        "azure.yaml",
    }
    assert tools <= lines
    assert "ebb" not in lines
    pruned = {line.rstrip("/") for line in lines}
    for path in copied():
        assert path.split("/")[0] not in pruned - {"infra"}, path


@cache
def tracked() -> tuple[str, ...]:
    """The files of the repository, as git has them."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True)
    return tuple(listed.stdout.splitlines())


# What tools and people leave in a folder; it is not part of the repository, so it may be there or not.
LEFT_BEHIND = {
    ".azure", ".devhost", ".git", ".hypothesis", ".import_linter_cache", ".pytest_cache", ".ruff_cache",
    ".schemathesis", ".venv*", ".vscode", "**/*.pyc", "**/__pycache__", "*.pyc", "__pycache__", "local.settings.json",
    "node_modules",
}  # fmt: skip


@pytest.mark.parametrize("name", [".funcignore", ".dockerignore"])
def test_ignore_file_names_what_exists(name):
    """A pattern that fits nothing is a folder that was moved away under it, or a word that was never right."""
    lines = [line.strip() for line in (ROOT / name).read_text().splitlines()]
    patterns = [line.lstrip("!").rstrip("/") for line in lines if line and not line.startswith("#")]
    assert len(set(patterns)) == len(patterns)
    paths = {path for file in tracked() for path in (file, *(str(parent) for parent in Path(file).parents))}
    unknown = [
        pattern
        for pattern in patterns
        if pattern not in LEFT_BEHIND and not any(as_regex(pattern).fullmatch(path) for path in paths)
    ]
    assert unknown == []


def test_every_file_at_the_top_is_published_or_ignored():
    """What is added to the repository is sorted by somebody: deployed (in the image too), or in .funcignore."""
    ignored = {line.rstrip("/") for line in (ROOT / ".funcignore").read_text().split()}
    top = {file.split("/")[0] for file in tracked()}
    published = {name for name in top if not any(as_regex(pattern).fullmatch(name) for pattern in ignored)}
    assert published == {path.split("/")[0] for path in copied() if path in tracked()} - {"infra"}


@pytest.mark.timeout(600)
def test_hadolint_finds_nothing(run_tool):
    done = run_tool("hadolint", "--no-color", "Dockerfile")
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.timeout(600)
def test_checkov_finds_nothing_in_the_dockerfile(run_tool):
    done = run_tool("checkov", "-f", "Dockerfile", "--framework", "dockerfile", "--skip-download", "--output", "json")
    report = json.loads(done.stdout)
    assert report["results"]["failed_checks"] == []
    assert report["summary"]["passed"] > 20


@pytest.mark.timeout(600)
def test_compose_file_fits_its_schema_and_names_the_emulators_version(run_tool):
    done = run_tool("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yaml")
    assert done.returncode == 0, done.stdout
    compose = (ROOT / "docker-compose.yaml").read_text()
    lock = json.loads((ROOT / "package-lock.json").read_text())["packages"]["node_modules/azurite"]["version"]
    assert f"azurite:{lock}\n" in compose
    assert "AccountKey" not in compose
