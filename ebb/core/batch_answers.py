"""What the answer of a batch handler says about each of its messages. Pure.

    None                                            all are done
    ["done", PoisonMessage("why"), None, "retry"]   one for each message, in their order; None is done too
    {message.id: RetryAfter(30)}                    only those that are not done, by id

An exception counts as if the handler had raised it for this message alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from ebb.core.errors import HandlerError, PoisonMessage

DONE, RETRY, POISON = "done", "retry", "poison"


class BatchAnswerError(HandlerError):
    """The answer of a batch handler cannot be read: none of its messages counts as done."""


class AnsweredRetry(HandlerError):  # noqa: N818 - it is an answer, told like the errors of other messages
    """The handler answered that it wants a message again."""


def outcomes_of(answer: object, ids: Sequence[str]) -> list[BaseException | None]:
    """What became of each message, in the order of `ids`: None where it is done, else what counts as raised for it.

    Raises:
        BatchAnswerError: the answer has another length or form, or names a message that was not in the batch.
    """
    if answer is None:
        return [None] * len(ids)
    if isinstance(answer, Mapping):
        return _by_id(cast("Mapping[Any, object]", answer), ids)
    if isinstance(answer, Sequence) and not isinstance(answer, str | bytes):
        given = cast("Sequence[object]", answer)
        if len(given) != len(ids):
            raise BatchAnswerError(f"the handler answered {len(given)} outcomes for {len(ids)} messages")
        return [_read(each) for each in given]
    raise BatchAnswerError(
        f"the handler answered {type(answer).__name__}; a batch handler answers None, a list with one outcome for each "
        "message, or a mapping of ids to outcomes"
    )


def _by_id(answer: Mapping[Any, object], ids: Sequence[str]) -> list[BaseException | None]:
    for key in answer:
        if key not in ids:
            raise BatchAnswerError(f"the handler answered for message {key!r}, which was not in its batch")
    return [_read(answer.get(each)) for each in ids]


def _read(outcome: object) -> BaseException | None:
    if outcome is None or outcome == DONE:
        return None
    if isinstance(outcome, BaseException):
        return outcome
    if outcome == RETRY:
        return AnsweredRetry("the handler answered retry")
    if outcome == POISON:
        return PoisonMessage("the handler answered poison")
    raise BatchAnswerError(f"{outcome!r} is not an outcome; use {DONE!r}, {RETRY!r}, {POISON!r} or an exception")
