"""One cycle of the eternal orchestration, step by step, through the SDK's own replay."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import azure.durable_functions as df
import pytest

from ebb.core.cycle import CycleState, Ending, Opening, Verdict
from ebb.core.cycle_summary import CycleSummary, summarize
from ebb.core.documents import Backlog, Execution
from ebb.core.names import CLOSE_CYCLE, MEASURE_BACKLOG, PROCESS_BACKLOG
from ebb.core.nudge import Nudge
from ebb.core.planning import Decision, Wait
from orchestrators import eternal
from orchestrators.steps import close
from tests.replay.driver import Orchestration

HANDLE = df.Orchestrator.create(eternal.eternal_scheduler)


def begin(state: object = None, events: Sequence[object] = ()) -> Orchestration:
    """A generation in its first episode; `events` are nudges that came with its start."""
    given = {"schedule": "parity", "taskHub": "hub"} if state is None else state
    return Orchestration(HANDLE, "eternal_scheduler", "ebb-parity", given, [("nudge", data) for data in events])


def opening(verdict: Verdict = Verdict.GO, executions: int = 0, retries: int = 0, **more: Any) -> dict[str, Any]:
    return Opening(
        verdict,
        more.pop("wait", Wait(30.0, "idle")),
        Decision(executions, "because"),
        cycle=more.pop("cycle", 7),
        started_at="2026-01-01T00:00:00.000Z",
        settings={"replicaRetryLimit": retries},
        backlog=Backlog(count=executions, measured_at="2026-01-01T00:00:00.000Z"),
        **more,
    ).to_json()


def execution(index: int, **more: Any) -> dict[str, Any]:
    counts = {"received": 3, "processed": 3, "failed": 0, "poisoned": 0}
    times = {"startedAt": "2026-01-01T00:00:00.000Z", "endedAt": "2026-01-01T00:00:01.000Z"}
    return {"index": index, "outcome": "succeeded", "error": None, **counts, **times, **more}


def test_idle_cycle_is_one_activity_and_one_timer() -> None:
    run = begin()
    run.complete(0, opening())
    assert [action["actionType"] for action in run.scheduled] == [0, 5]
    assert run.reply["customStatus"]["phase"] == "waiting"
    assert run.reply["customStatus"]["nextCycleAt"] == "2026-01-01T00:00:30.000Z"
    run.fire()
    assert run.is_done
    assert run.next_input["cycle"] == 8
    assert run.next_input["idle"] == 1


def test_owner_is_made_once_and_handed_on() -> None:
    run = begin()
    owner = run.input_of(0)["owner"]
    assert owner.startswith("hub/ebb-parity/")
    run.complete(0, opening())
    run.fire()
    following = begin(run.next_input)
    assert following.input_of(0)["owner"] == owner


@pytest.mark.parametrize("given", ["text", {"schedule": "parity", "cycle": "many", "future": [1]}, {}])
def test_state_of_another_version_keeps_the_loop_alive(given: object) -> None:
    run = begin(given)
    assert run.input_of(0)["schedule"] == "parity"
    assert run.input_of(0)["cycle"] is None


def test_stopped_completes_with_its_reason() -> None:
    run = begin()
    run.complete(0, opening(Verdict.END, wait=Wait(0, "stopped: deploying")))
    assert run.is_done
    assert run.reply["output"] == {"schedule": "parity", "reason": "stopped: deploying"}


def test_hold_waits_without_executions_and_keeps_the_cycle_number() -> None:
    run = begin({"schedule": "parity", "cycle": 7})
    run.complete(0, opening(Verdict.HOLD, cycle=None))
    run.fire()
    assert run.activities(PROCESS_BACKLOG) == []
    assert run.next_input["cycle"] == 7


def test_busy_cycle_fans_out_closes_and_waits_as_told() -> None:
    run = begin()
    run.complete(0, opening(executions=3))
    assert run.reply["customStatus"]["phase"] == "processing"
    assert [run.input_of(n)["index"] for n in run.activities(PROCESS_BACKLOG)] == [0, 1, 2]
    for number in (2, 1, 3):
        run.complete(number, execution(number - 1))
    (closing,) = run.activities(CLOSE_CYCLE)
    cycle = run.input_of(closing)["cycle"]
    assert [e["index"] for e in cycle["executions"]] == [0, 1, 2]
    assert (cycle["processed"], cycle["outcome"], cycle["error"]) == (9, "succeeded", None)
    run.complete(closing, Ending(Wait(5.0, "drained")).to_json())
    assert run.timers()[-1]["fireAt"] == "2026-01-01T00:00:05.000000Z"


def test_status_of_a_cycle_fits_whatever_its_error_is() -> None:
    run = begin()
    run.complete(0, opening(error="no answer " * 3000))
    assert run.reply["customStatus"]["phase"] == "processing"
    assert len(json.dumps(run.reply["customStatus"]).encode("utf-16-le")) <= 16 * 1024
    run.complete(1, Ending(Wait(5.0, "no answer " * 3000)).to_json())
    assert run.reply["customStatus"]["phase"] == "waiting"
    assert len(json.dumps(run.reply["customStatus"]).encode("utf-16-le")) <= 16 * 1024


def test_cycle_outlasts_every_execution_when_one_fails_first() -> None:
    run = begin()
    run.complete(0, opening(executions=3))
    run.fail(2, "Activity function 'process_backlog' failed:  MemoryError: out of memory")
    assert run.activities(CLOSE_CYCLE) == []
    run.complete(1, execution(0))
    assert run.activities(CLOSE_CYCLE) == []
    run.complete(3, execution(2))
    (closing,) = run.activities(CLOSE_CYCLE)
    cycle = run.input_of(closing)["cycle"]
    assert [e["outcome"] for e in cycle["executions"]] == ["succeeded", "failed", "succeeded"]
    assert cycle["outcome"] == "failed"
    assert "MemoryError: out of memory" in cycle["error"]
    assert cycle["processed"] == 6
    run.complete(closing, Ending(Wait(60.0, "failed")).to_json())
    run.fire()
    assert run.next_input["errors"] == 1


def test_backlog_that_remains_begins_the_next_cycle_without_a_timer() -> None:
    run = begin()
    run.complete(0, opening(executions=1))
    run.complete(1, execution(0))
    run.complete(2, Ending(Wait(0.0, "more waits")).to_json())
    assert run.timers() == []
    assert run.is_done
    assert run.next_input["idle"] == 0


def test_nudge_ends_the_wait_and_cancels_the_timer() -> None:
    run = begin()
    run.complete(0, opening())
    run.event("nudge")
    assert run.is_done
    assert _cancelled(run) == [True]


def _cancelled(run: Orchestration) -> list[bool]:
    """Of each timer, in order, whether it was cancelled."""
    compounds = [action for action in run.reply["actions"][0] if action["actionType"] == 11]
    return [each["isCanceled"] for any_of in compounds for each in any_of["compoundActions"] if each["actionType"] == 5]


def test_nudge_that_the_extension_carries_over_is_waited_past() -> None:
    nudge = Nudge("one", is_trigger=True).to_json()
    run = begin()
    run.complete(0, opening())
    run.event("nudge", nudge)
    assert run.next_input["nudges"] == ["one"]
    carried = begin(run.next_input, events=[nudge])
    carried.complete(0, opening(wait=Wait(300.0, "idle")))
    assert not carried.is_done
    assert _cancelled(carried)[-1] is False
    assert carried.timers()[-1]["fireAt"] == "2026-01-01T00:05:00.000000Z"
    carried.event("nudge", Nudge("two").to_json())
    assert carried.is_done
    assert carried.next_input["nudges"] == ["one", "two"]
    assert carried.next_input["triggered"] is False


def test_nudge_that_comes_again_and_again_does_not_keep_the_loop_from_its_timer() -> None:
    """SDK 1.x gives an event that came before its wait to every later wait of the generation."""
    nudge = Nudge("one").to_json()
    run = begin({"schedule": "parity", "nudges": ["one"]}, events=[nudge, nudge])
    run.complete(0, opening())
    assert not run.is_done
    run.fire()
    assert run.is_done


def test_nudge_that_no_wait_took_is_known_in_the_next_generation() -> None:
    run = begin()
    run.complete(0, opening(executions=1))
    run.event("nudge", Nudge("one").to_json())
    run.complete(1, execution(0))
    run.complete(2, Ending(Wait(0.0, "more waits")).to_json())
    assert run.is_done
    assert run.next_input["nudges"] == ["one"]


@pytest.mark.parametrize("data", [None, "trigger", '"trigger"', "null", {"why": "trigger"}, {"id": 7}, [1], "not json"])
def test_nudge_without_an_identity_ends_every_wait(data: object) -> None:
    run = begin()
    run.complete(0, opening())
    run.event("nudge", data)
    assert run.is_done
    assert run.next_input["nudges"] == []
    assert run.next_input["triggered"] is ("trigger" in str(data))


def test_only_the_latest_nudges_are_known() -> None:
    state = {"schedule": "parity", "nudges": [f"n{number}" for number in range(60)]}
    run = begin(state)
    run.complete(0, opening())
    run.event("nudge", json.dumps(Nudge("n" * 1000).to_json()))
    assert run.next_input["nudges"] == [*(f"n{number}" for number in range(29, 60)), "n" * 40]


def test_nudge_during_executions_ends_the_coming_wait() -> None:
    run = begin()
    run.complete(0, opening(executions=1))
    run.event("nudge")
    run.complete(1, execution(0))
    run.complete(2, Ending(Wait(300.0, "drained")).to_json())
    assert run.is_done
    assert run.next_input["cycle"] == 8


def test_timer_that_fires_early_ends_the_wait_all_the_same() -> None:
    """The extension's timers are up to a second early; a timer for the rest would fire at once, again and again."""
    run = begin()
    run.complete(0, opening())
    run.fire(early=0.9)
    assert run.is_done
    assert len(run.timers()) == 1


def test_long_wait_is_a_chain_of_days() -> None:
    run = begin()
    run.complete(0, opening(wait=Wait(2.5 * 86_400, "weekly")))
    for _ in range(3):
        assert not run.is_done
        run.fire()
    assert run.is_done
    assert [timer["fireAt"][:13] for timer in run.timers()] == ["2026-01-02T00", "2026-01-03T00", "2026-01-03T12"]


def test_failed_measurement_is_an_error_that_backs_off() -> None:
    run = begin({"schedule": "parity", "errors": 2, "cycle": 4})
    run.fail(0, "Activity function 'measure_backlog' failed:  OSError: gone")
    assert run.reply["customStatus"]["error"].endswith("OSError: gone")
    assert "2026-01-01T00:00:48" <= run.timers()[-1]["fireAt"] <= "2026-01-01T00:01:00.000000Z"
    run.fire()
    assert run.next_input["errors"] == 3
    assert run.next_input["cycle"] == 4


def test_waits_of_an_outage_follow_the_settings_that_were_read_last() -> None:
    run = begin({"schedule": "parity", "errors": 6, "cycle": 4, "polling": 1.0})
    run.fail(0, "Activity function 'measure_backlog' failed:  OSError: gone")
    assert run.timers()[-1]["fireAt"] <= "2026-01-01T00:00:02.000000Z"
    run.fire()
    assert run.next_input["polling"] == 1.0


class RecordingContext:
    """What the step that closes a cycle asks of Durable; the driver above cannot play the extension's retries."""

    current_utc_datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def call_activity_with_retry(self, name: str, *_: object) -> str:
        return name


def test_cycle_that_cannot_be_closed_is_an_error_and_the_loop_tries_again_soon() -> None:
    state = CycleState("parity", errors=6, cycle=7, polling=1.0)
    opened = Opening.from_json(opening(executions=1))
    summary = summarize([Execution.from_document(execution(0))], None)
    step = close(RecordingContext(), state, opened, [execution(0)], summary)
    assert next(step) == CLOSE_CYCLE
    with pytest.raises(StopIteration) as ended:
        step.throw(Exception("Activity function 'close_cycle' failed:  StoreError: no answer"))
    ending: Ending = ended.value.value
    assert "cycle 7 could not be written down" in str(ending.error)
    assert ending.wait.seconds <= 2
    assert state.follow(opened, summary, ending).errors == 7


@pytest.mark.parametrize(
    ("triggered", "received", "idle"),
    [(False, 0, 4), (True, 0, 3), (False, 2, 0), (True, 2, 0)],
)
def test_idle_wait_that_a_trigger_ends_is_not_one_more(triggered: bool, received: int, idle: int) -> None:
    state = CycleState("parity", idle=3, cycle=7)
    opened = Opening.from_json(opening(executions=0))
    assert state.follow(opened, CycleSummary(received=received), triggered=triggered).idle == idle


def test_lost_fence_at_close_completes_the_instance() -> None:
    run = begin()
    run.complete(0, opening(executions=1))
    run.complete(1, execution(0, outcome="fenceLost"))
    run.complete(2, Ending(Wait(0, "another instance acts"), fence_lost=True).to_json())
    assert run.is_done
    assert run.reply["output"]["reason"] == "another instance acts"


def test_state_is_small_whatever_the_cycle() -> None:
    state: dict[str, Any] = {"schedule": "parity", "taskHub": "hub"}
    sizes = set()
    for cycle in range(1, 6):
        run = begin(state)
        run.complete(0, opening(cycle=10_000 + cycle))
        run.fire()
        state = run.next_input
        sizes.add(len(json.dumps(state)))
    assert max(sizes) - min(sizes) == 0
    assert max(sizes) < 300


def test_measure_is_the_first_activity_of_a_cycle() -> None:
    assert begin().scheduled[0]["functionName"] == MEASURE_BACKLOG


@pytest.mark.parametrize(("seconds", "timers"), [(30.0, 1), (200_000.0, 3)])
def test_clock_that_is_set_back_does_not_lengthen_the_wait(seconds: float, timers: int) -> None:
    run = begin()
    run.complete(0, opening(wait=Wait(seconds, "idle")))
    for _ in range(timers):
        assert not run.is_done
        run.fire(late=-60)
    assert run.is_done
    assert len(run.timers()) == timers
