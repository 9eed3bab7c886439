"""Every trigger of the installed SDK, in every way of writing that it accepts: as the SDK lists it, and in source."""

import inspect
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import azure.durable_functions as df
import pytest
from typer.testing import CliRunner

from ebb.cli.main import app as ebb
from ebb.cli.scale_rules.app import FunctionApp, read_app
from ebb.cli.scale_rules.derive import derive
from ebb.cli.scale_rules.mapping import ROWS
from ebb.cli.scale_rules.python_source import TRIGGERS
from ebb.cli.scale_rules.sdk_index import NotIndexedError, index_app
from ebb.cli.scale_rules.timer import timer_rule
from ebb.cli.scale_rules.trigger import Trigger
from ebb.cli.scale_rules.unmapped import ADVICE

CASES = Path(__file__).parents[2] / "data" / "cases"
BLUEPRINT = "import azure.functions as func\nbp = func.Blueprint()\n"
HEAD = "import azure.functions as func\nimport azure.durable_functions as df\napp = df.DFApp()\n"
# what a parameter of a decorator is given where it has no default; the others get their own name
GIVEN = {
    "arg_name": "x", "context_name": "x", "input_name": "x", "type": "rabbitMQTrigger", "schedule": "0 0 6 * * *",
}  # fmt: skip


def write(folder: Path, **files: str) -> Path:
    (folder / "host.json").write_text("{}")
    for name, text in files.items():
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="latin-1" if "latin-1" in text else "utf-8")
    return folder


def found(app: FunctionApp) -> set[tuple[str, str]]:
    return {(trigger.function, trigger.type) for trigger in app.triggers}


def decorators_of_the_sdk() -> list[str]:
    named = [name for name in dir(df.DFApp) if "_trigger" in name or name in ("route", "schedule", "mcp_tool")]
    return [name for name in named if not name.startswith("_")]


def call_of(decorator: str) -> str:
    """A call of `decorator` with every parameter that it asks for."""
    parameters = inspect.signature(getattr(df.DFApp, decorator)).parameters.values()
    asked = [
        p.name for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD and p.name != "self"
    ]
    return f"@app.{decorator}({', '.join(f'{name}={GIVEN.get(name, name)!r}' for name in asked)})"


@pytest.fixture(scope="module")
def app_of_all_triggers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An app with a function for each decorator of the SDK, which has its name."""
    functions = "".join(f"{call_of(name)}\ndef {name}(x: str): return x\n" for name in decorators_of_the_sdk())
    return write(tmp_path_factory.mktemp("all"), function_app=HEAD + functions)


@pytest.fixture(scope="module")
def indexed(app_of_all_triggers: Path) -> FunctionApp:
    return read_app(app_of_all_triggers, {}, run=True)


@pytest.mark.parametrize("decorator", decorators_of_the_sdk())
def test_every_trigger_of_the_sdk_is_known(app_of_all_triggers: Path, indexed: FunctionApp, decorator: str) -> None:
    """The type is the one that the SDK writes, and there is a rule or an advice for it."""
    assert indexed.reading.startswith("azure-functions ")
    alone = replace(indexed, triggers=tuple(each for each in indexed.triggers if each.function == decorator))
    assert found(alone) == {each for each in found(read_app(app_of_all_triggers, {})) if each[0] == decorator}
    (rule,) = derive(alone).rules
    named = {row.trigger for row in ROWS} | set(ADVICE) | {"timerTrigger", "activityTrigger", "entityTrigger",
                                                           "orchestrationTrigger"}  # fmt: skip
    assert rule.trigger in named
    assert rule.rule or rule.instead


def test_table_of_decorators_is_the_sdks() -> None:
    assert set(TRIGGERS) == set(decorators_of_the_sdk())


QUEUE = "queue_trigger(arg_name='m', queue_name='q', connection='C')"
WAYS = {
    "plain": {"function_app": f"{HEAD}@app.{QUEUE}\ndef a(m: str): ...\n"},
    "positional": {"function_app": f"{HEAD}@app.queue_trigger('m', 'q', 'C')\ndef a(m: str): ...\n"},
    "async": {"function_app": f"{HEAD}@app.{QUEUE}\nasync def a(m: str): ...\n"},
    "named": {"function_app": f"{HEAD}@app.function_name('b')\n@app.{QUEUE}\ndef a(m: str): ...\n"},
    "named by keyword": {"function_app": f"{HEAD}@app.function_name(name='b')\n@app.{QUEUE}\ndef a(m: str): ...\n"},
    "named after": {"function_app": f"{HEAD}@app.{QUEUE}\n@app.function_name('b')\ndef a(m: str): ...\n"},
    "by hand": {"function_app": f"{HEAD}def a(m: str): ...\napp.{QUEUE}(a)\n"},
    "kept decorator": {"function_app": f"{HEAD}on = app.{QUEUE}\n@on\ndef a(m: str): ...\n"},
    "schedule": {"function_app": f"{HEAD}@app.schedule(schedule='0 * * * * *', arg_name='t')\ndef a(t: str): ...\n"},
    "output too": {"function_app": f"{HEAD}@app.{QUEUE}\n"
                   "@app.queue_output(arg_name='o', queue_name='p', connection='C')\n"
                   "def a(m: str, o: func.Out[str]): ...\n"},
    "blueprint": {"function_app": f"{HEAD}from two import bp\napp.register_functions(bp)\n",
                  "two": f"{BLUEPRINT}@bp.{QUEUE}\ndef a(m: str): ...\n"},
    "register_blueprint": {"function_app": f"{HEAD}import two\napp.register_blueprint(two.bp)\n",
                           "two": f"{BLUEPRINT}@bp.{QUEUE}\ndef a(m: str): ...\n"},
    "durable blueprint": {"function_app": f"{HEAD}import two\napp.register_functions(two.bp)\n",
                          "two": "import azure.durable_functions as df\nbp = df.Blueprint()\n"
                          "@bp.orchestration_trigger(context_name='c')\ndef a(c): yield\n"},
    "unregistered": {"function_app": f"{HEAD}import two\n@app.{QUEUE}\ndef b(m: str): ...\n",
                     "two": f"{BLUEPRINT}@bp.{QUEUE}\ndef a(m: str): ...\n"},
    "package": {"function_app": f"{HEAD}from parts import bp\napp.register_functions(bp)\n",
                "parts/__init__": "from .two import bp\n",
                "parts/two": f"{BLUEPRINT}@bp.{QUEUE}\ndef a(m: str): ...\n"},
    "namespace package": {"function_app": f"{HEAD}from parts.two import bp\napp.register_functions(bp)\n",
                          "parts/two": f"{BLUEPRINT}@bp.{QUEUE}\n"
                          "def a(m: str): ...\n"},
    "import_module": {"function_app": f"{HEAD}import importlib\ntwo = importlib.import_module('two')\n"
                      "app.register_functions(two.bp)\n",
                      "two": f"{BLUEPRINT}@bp.{QUEUE}\ndef a(m: str): ...\n"},
    "shared app": {"function_app": "from one import app\nimport two\n", "one": HEAD,
                   "two": f"from one import app\n@app.{QUEUE}\ndef a(m: str): ...\n"},
    "factory": {"function_app": f"{HEAD}def add(app):\n    @app.{QUEUE}\n    def a(m: str): ...\nadd(app)\n"},
    "in a condition": {"function_app": f"{HEAD}if True:\n    @app.{QUEUE}\n    def a(m: str): ...\n"},
    "local of the same name": {"function_app": f"{HEAD}import json\ndef other():\n    app = json.loads('1')\n"
                               f"@app.{QUEUE}\ndef a(m: str): ...\n"},
    "asgi": {"function_app": "import azure.functions as func\nasync def web(scope, receive, send): ...\n"
             "app = func.AsgiFunctionApp(app=web, http_auth_level=func.AuthLevel.ANONYMOUS)\n"},
    "wsgi": {"function_app": "import azure.functions as func\ndef web(environ, start): return []\n"
             "app = func.WsgiFunctionApp(web, function_name='pages')\n"},
    "asgi and more": {"function_app": "import azure.functions as func\nasync def web(scope, receive, send): ...\n"
                      f"app = func.AsgiFunctionApp(web)\n@app.{QUEUE}\ndef a(m: str): ...\n"},
    "foreign route": {"function_app": f"{HEAD}import web\n@app.{QUEUE}\ndef a(m: str): ...\n",
                      "web": "import types\nsite = types.SimpleNamespace(route=lambda path: lambda work: work)\n"
                      "@site.route('/x')\ndef page(): ...\n"},
    "alias": {"function_app": f"{HEAD}on = app.queue_trigger\n"
              "@on(arg_name='m', queue_name='q', connection='C')\ndef a(m: str): ...\n"},
    "partial": {"function_app": f"{HEAD}import functools\non = functools.partial(app.queue_trigger, connection='C')\n"
                "@on(arg_name='m', queue_name='q')\ndef a(m: str): ...\n"},
    "options": {"function_app": f"{HEAD}OPTIONS = {{'queue_name': 'q', 'connection': 'C'}}\n"
                "@app.queue_trigger(arg_name='m', **OPTIONS)\ndef a(m: str): ...\n"},
    "list of arguments": {"function_app": f"{HEAD}GIVEN = ('m', 'q', 'C')\n"
                          "@app.queue_trigger(*GIVEN)\ndef a(m: str): ...\n"},
    "lambda": {"function_app": f"{HEAD}app.{QUEUE}(lambda m: None)\n"},
    "of another module, by hand": {"function_app": f"{HEAD}import two\napp.{QUEUE}(two.work)\n",
                                   "two": "def work(m: str): ...\n"},
    "under another name, by hand": {"function_app": f"{HEAD}from two import work as job\napp.{QUEUE}(job)\n",
                                    "two": "def work(m: str): ...\n"},
    "names together": {"function_app": f"{HEAD}NAME, CONN = 'q', 'C'\n"
                       "@app.queue_trigger(arg_name='m', queue_name=NAME, connection=CONN)\ndef a(m: str): ...\n"},
    "own decorator between": {"function_app": f"{HEAD}import functools\ndef logged(work):\n"
                              "    @functools.wraps(work)\n    def wrapped(*a, **k): return work(*a, **k)\n"
                              f"    return wrapped\n@app.{QUEUE}\n@logged\ndef a(m: str): ...\n"},
    "blueprints in a loop": {"function_app": f"{HEAD}import two\nfor part in (two.bp,):\n"
                             "    app.register_functions(part)\n",
                             "two": f"{BLUEPRINT}@bp.{QUEUE}\ndef a(m: str): ...\n"},
    "blueprint from a function": {"function_app": f"{HEAD}import two\napp.register_functions(two.make())\n",
                                  "two": "import azure.functions as func\ndef make():\n    bp = func.Blueprint()\n"
                                  f"    @bp.{QUEUE}\n    def a(m: str): ...\n    return bp\n"},
    "class of its own": {"function_app": "import azure.functions as func\nclass Mine(func.FunctionApp): ...\n"
                         f"app = Mine()\n@app.{QUEUE}\ndef a(m: str): ...\n"},
    "generic": {"function_app": f"{HEAD}KIND = 'queueTrigger'\n"
                "@app.generic_trigger(arg_name='m', type=KIND, queue_name='q', connection='C')\ndef a(m: str): ...\n"},
    "text like a decorator": {"function_app": f"{HEAD}TEXT = '''\n@app.{QUEUE}\ndef b(m): ...\n'''\n"
                              f"@app.{QUEUE}\ndef a(m: str): ...\n"},
    "latin-1": {"function_app": f"# coding: latin-1, für\n{HEAD}@app.{QUEUE}\ndef a(m: str): ...\n"},
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_source_says_what_the_sdk_says(tmp_path: Path, way: str) -> None:
    write(tmp_path, **WAYS[way])
    indexed = read_app(tmp_path, {}, run=True)
    assert indexed.reading.startswith("azure-functions "), indexed.reading
    assert found(indexed)
    source = read_app(tmp_path, {})
    assert found(source) == found(indexed)
    by_name = {trigger.function: trigger for trigger in source.triggers}
    for trigger in indexed.triggers:
        for name in ("queueName", "connection", "schedule", "route"):
            assert by_name[trigger.function].get(name) == trigger.get(name) or name == "route"


def test_blueprint_that_nothing_registers_is_told(tmp_path: Path) -> None:
    write(tmp_path, **WAYS["unregistered"])
    assert "on a blueprint that nothing registers, so left out: a" in derive(read_app(tmp_path, {})).warnings


# what the source leaves open, and how that is told
OPEN = [
    (f"import os\nif os.environ.get('NO'):\n    @app.{QUEUE}\n    def a(m: str): ...\n",
     "in a condition or a loop, so known only at run time whether and how often: a"),
    (f"for n in ('x', 'y'):\n    @app.function_name(n)\n    @app.{QUEUE}\n    def a(m: str): ...\n",
     "in a condition or a loop, so known only at run time whether and how often: <n>"),
    (f"import importlib\nfor n in ('two',):\n    importlib.import_module(n)\n@app.{QUEUE}\ndef a(m: str): ...\n",
     "function_app.py:6 imports modules by a name that is known only at run time: triggers in them are not seen"),
    ("NAME = 'x'\n@app.queue_trigger(arg_name='m', queue_name=NAME, connection='C')\ndef a(m: str): ...\nNAME = 'y'\n",
     "known only at run time: queueName is NAME"),
    ("O = dict(queue_name='x')\n@app.queue_trigger(arg_name='m', connection='C', **O)\ndef a(m: str): ...\n",
     "known only at run time: options is dict(queue_name='x')"),
    ("O = list('mxC')\n@app.queue_trigger(*O)\ndef a(m: str): ...\n", "known only at run time: options is list('mxC')"),
    ("import os\n@app.queue_trigger(arg_name='m', queue_name=os.environ['Q'], connection='C')\ndef a(m: str): ...\n",
     "known only at run time: queueName is os.environ['Q']"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "told"), OPEN)
def test_what_the_source_leaves_open_is_told_once(tmp_path: Path, text: str, told: str) -> None:
    report = derive(read_app(write(tmp_path, function_app=f"{HEAD}{text}"), {}))
    said = [*report.warnings, *(note for rule in report.rules for note in rule.notes)]
    assert said.count(told) == 1


def test_script_file_of_another_name_is_read(tmp_path: Path) -> None:
    write(tmp_path, main=WAYS["plain"]["function_app"])
    settings = {"PYTHON_SCRIPT_FILE_NAME": "main.py"}
    for run in (False, True):
        assert found(read_app(tmp_path, settings, run=run)) == {("a", "queueTrigger")}
    assert found(read_app(tmp_path, {})) == set()


def test_function_json_files_are_ignored_beside_a_script_and_that_is_told(tmp_path: Path) -> None:
    write(tmp_path, **WAYS["plain"])
    (tmp_path / "Old").mkdir()
    (tmp_path / "Old" / "function.json").write_text('{"bindings": [{"type": "queueTrigger", "name": "m"}]} // v1')
    report = derive(read_app(tmp_path, {}))
    assert [rule.function for rule in report.rules] == ["a"]
    assert any("function.json files are ignored" in warning for warning in report.warnings)
    (tmp_path / "function_app.py").unlink()
    assert [rule.function for rule in derive(read_app(tmp_path, {})).rules] == ["Old"]


def test_long_reason_of_an_app_that_does_not_import_is_seen_to_be_cut(tmp_path: Path) -> None:
    write(tmp_path, **WAYS["plain"])
    (tmp_path / "function_app.py").write_text(f"raise ValueError({'x' * 500!r})\n")
    reading = read_app(tmp_path, {}, run=True).reading
    assert f"(ValueError: {'x' * 199}…)" in reading


def test_asgi_app_whose_packages_are_missing_is_read_from_its_source() -> None:
    app = read_app(CASES / "asgi-app", {}, run=True)
    (rule,) = derive(app).rules
    assert (rule.function, rule.source, rule.rule) == ("http_app_func", "HTTP", None)
    assert "does not import here" in app.reading
    assert "fastapi" in app.reading


BAD = {
    "raises": ("raise OSError('secret-word')", "OSError"),
    "needs a setting": ("import os\nos.environ['NO_SUCH_SETTING']", "NO_SUCH_SETTING"),
    "ends the process": ("import os\nos._exit(3)", "ended the process"),
    "exits": ("import sys\nsys.exit(3)", "SystemExit"),
    "has no app": ("x = 1", "0 top level function apps"),
    "has two apps": (f"{HEAD}other = df.DFApp()", "2 top level function apps"),
    "has one name twice": (
        f"{HEAD}@app.{QUEUE}\ndef a(m): ...\n@app.{QUEUE}\ndef a(m): ...", "does not have a unique function name"
    ),
    "lacks a package": ("import no_such_package", "no_such_package"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD)
def test_app_that_does_not_import_says_why_and_keeps_its_secrets(tmp_path: Path, fault: str) -> None:
    text, reason = BAD[fault]
    write(tmp_path, function_app=text)
    with pytest.raises(NotIndexedError) as caught:
        index_app(tmp_path, "function_app.py", {})
    assert reason in str(caught.value)
    assert "secret-word" not in str(caught.value)


def test_app_settings_are_the_environment_of_the_import(tmp_path: Path) -> None:
    text = WAYS["plain"]["function_app"].replace("'q'", "__import__('os').environ['QUEUE']")
    write(tmp_path, function_app=text)
    (tmp_path / "local.settings.json").write_text('{"Values": {"QUEUE": "orders",},}')
    (trigger,) = read_app(tmp_path, {}, run=True).triggers
    assert trigger.get("queueName") == "orders"
    assert "QUEUE" not in os.environ


def test_what_the_app_starts_ends_with_the_child(tmp_path: Path) -> None:
    text = f"{HEAD}import subprocess\nopen('pid', 'w').write(str(subprocess.Popen(['sleep', '300']).pid))\n"
    write(tmp_path, function_app=f"{text}@app.{QUEUE}\ndef a(m: str): ...\n")
    assert found(read_app(tmp_path, {}, run=True)) == {("a", "queueTrigger")}
    pid, until = int((tmp_path / "pid").read_text()), time.monotonic() + 10
    while _runs(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except FileNotFoundError:
        return False


def test_command_runs_the_app_unless_told_otherwise(tmp_path: Path) -> None:
    write(tmp_path, function_app=f"open('ran', 'w')\n{WAYS['plain']['function_app']}")
    result = CliRunner().invoke(ebb, ["scale-rules", "--app", str(tmp_path), "--json", "--source"])
    assert json.loads(result.output)["reading"].startswith("its source")
    assert not (tmp_path / "ran").exists()
    result = CliRunner().invoke(ebb, ["scale-rules", "--app", str(tmp_path), "--json"])
    assert json.loads(result.output)["reading"].startswith("azure-functions")
    assert (tmp_path / "ran").exists()


NUMBERS = [
    (16, "16"), ("16", "16"), (" 16 ", "16"), ("+4", "4"), ("0x10", "16"), ("#1F", "31"), (4.0, "4"), (1, "1"),
    (32, "32"), ("%SIZE%", "8"), (1e1, "10"),
    (None, None), (33, None), (64, None), (0, None), (-1, None), ("-1", None), ("seven", None), ("", None),
    ("4.0", None), (4.5, None),
    ("1e1", None), (True, None), ("true", None), ([4], None), (99999999999, None),
]  # fmt: skip


@pytest.mark.parametrize(("given", "target"), NUMBERS)
def test_batch_size_is_checked_as_the_host_checks_it(tmp_path: Path, given: Any, target: str | None) -> None:
    write(tmp_path, **WAYS["plain"])
    (tmp_path / "host.json").write_text(json.dumps({"extensions": {"queues": {"batchSize": given}}}))
    (rule,) = derive(read_app(tmp_path, {"SIZE": "8"})).rules
    if target is None:
        assert rule.rule is None
        assert "it must be 1 to 32" in str(rule.instead)
    else:
        assert rule.rule is not None
        assert rule.rule["custom"]["metadata"]["queueLength"] == target


@pytest.mark.parametrize(
    ("path", "value", "fits"),
    [
        ("serviceBus.maxConcurrentCalls", 0, False),
        ("serviceBus.maxConcurrentCalls", 1, True),
        ("eventHubs.targetUnprocessedEventThreshold", 0, False),
        ("eventHubs.targetUnprocessedEventThreshold", "75", True),
        ("eventHubs.targetUnprocessedEventThreshold", None, True),
        ("serviceBus.maxConcurrentCalls", None, False),
        ("blobs.maxDegreeOfParallelism", None, False),
        ("durableTask.maxConcurrentActivityFunctions", None, True),
        ("durableTask.storageProvider.partitionCount", None, False),
        ("blobs.maxDegreeOfParallelism", -1, False),
        ("rabbitMQ.prefetchCount", 0, True),
        ("rabbitMQ.prefetchCount", 65_536, False),
        ("http.maxConcurrentRequests", -1, True),
        ("http.maxConcurrentRequests", -2, False),
        ("durableTask.storageProvider.partitionCount", 17, False),
        ("durableTask.storageProvider.partitionCount", "3", True),
        ("durableTask.maxConcurrentActivityFunctions", "many", False),
    ],
)
def test_other_numbers_have_bounds_too(tmp_path: Path, path: str, value: object, fits: bool) -> None:
    text = (Path(__file__).parents[2] / "data" / "apps" / "every-trigger" / "function_app.py").parent
    for file in text.glob("*.py"):
        (tmp_path / file.name).write_text(file.read_text())
    section, *rest = path.split(".")
    node: Any = value
    for part in reversed(rest):
        node = {part: node}
    (tmp_path / "host.json").write_text(json.dumps({"extensions": {section: node}}))
    told = [
        rule.instead for rule in derive(read_app(tmp_path, {})).rules if "the host does not start" in str(rule.instead)
    ]
    assert bool(told) is not fits


# schedule, app settings, start and zone of the window that is offered; None: none, and why
WINDOWS: list[tuple[str, dict[str, str], tuple[str, str] | None, str]] = [
    ("0 0 12 * * *", {}, ("0 12 * * *", "Etc/UTC"), ""),
    ("0 0 12 * * *", {"WEBSITE_TIME_ZONE": "Europe/Berlin", "TZ": "Europe/Berlin"}, ("0 12 * * *", "Europe/Berlin"),
     ""),
    ("0 0 12 * * *", {"TZ": "America/New_York"}, ("0 12 * * *", "America/New_York"), ""),
    ("0 0 12 * * *", {"website_time_zone": "Asia/Tokyo", "TZ": "UTC"}, ("0 12 * * *", "Asia/Tokyo"), ""),
    ("0 0 12 * * *", {"TZ": "UTC"}, ("0 12 * * *", "Etc/UTC"), ""),
    ("0 0 12 * * *", {"WEBSITE_TIME_ZONE": "W. Europe Standard Time"}, None, "write Europe/Berlin"),
    ("30 6 * * mon-fri", {}, ("6 * * 1-5", ""), ""),
    ("0 30 6 * * Mon-Fri", {}, ("30 6 * * 1-5", "Etc/UTC"), ""),
    ("0 30 6 * * fri-mon", {}, ("30 6 * * 1-5", "Etc/UTC"), ""),
    ("0 30 */6 * * *", {}, ("30 0,6,12,18 * * *", "Etc/UTC"), ""),
    ("0 30 6 1 jan,jul *", {}, ("30 6 1 1,7 *", "Etc/UTC"), ""),
    ("0 30 6 1-7 * SUN", {}, None, "both must match here, either will do there"),
    ("0 */5 * * * *", {}, None, "does not run at one minute"),
    ("0 57 6 * * *", {}, None, "does not run at one minute"),
    ("0 30 6 L * *", {}, None, "the host does not take the schedule"),
    ("0 30 6 ? * MON", {}, None, "the host does not take the schedule"),
    ("00:05:00", {}, None, "it is an interval"),
    ("24:00:00", {}, None, "it is an interval"),
    ("%WHEN%", {"WHEN": "0 0 12 * * *"}, ("0 12 * * *", "Etc/UTC"), ""),
    ("%WHEN%", {}, None, "the host does not take the schedule"),
    ("tomorrow", {}, None, "the host does not take the schedule"),
]  # fmt: skip


@pytest.mark.parametrize(("schedule", "settings", "start", "why_not"), WINDOWS)
def test_timer_offers_a_window_in_the_zone_of_the_app(
    schedule: str, settings: dict[str, str], start: tuple[str, str] | None, why_not: str
) -> None:
    rule = timer_rule(Trigger("tick", "timerTrigger", {"schedule": schedule}), FunctionApp(Path(), {}, (), settings))
    if start is None:
        assert rule.override == ()
        assert why_not in "\n".join(rule.notes)
        return
    metadata = rule.override[0]["custom"]["metadata"]
    assert metadata["start"].endswith(start[0])
    assert metadata["timezone"] == (start[1] or "Etc/UTC")


def test_windows_of_an_app_carry_its_zone() -> None:
    (rule,) = derive(read_app(CASES / "override-time-zone", {})).rules
    assert rule.override[0]["custom"]["metadata"]["timezone"] == "Europe/Berlin"


def test_files_with_comments_are_read_as_the_host_reads_them() -> None:
    (rule,) = derive(read_app(CASES / "json-comments", {})).rules
    assert rule.rule is not None
    assert rule.rule["custom"]["metadata"]["queueLength"] == "4"


@pytest.mark.parametrize(
    ("text", "is_told"),
    [('{"version": "2.0"}', False), ("{}", False), ('{"extensions": {}}', True), ('{"version": 2.0}', True)],
)
def test_version_of_host_json_with_which_the_host_does_not_start_is_told(
    tmp_path: Path, text: str, is_told: bool
) -> None:
    write(tmp_path, **WAYS["plain"])
    (tmp_path / "host.json").write_text(text)
    warnings = derive(read_app(tmp_path, {})).warnings
    assert any('no "version": "2.0"' in warning for warning in warnings) is is_told
