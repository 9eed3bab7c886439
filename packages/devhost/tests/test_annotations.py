# ruff: noqa: UP006, UP007, UP045  (the older ways of writing are what is tested)
"""Annotations that the language worker of Azure takes and refuses, in its words, by tables."""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import Any, NewType, TypeVar

import azure.functions as func
import pytest

from devhost.errors import AppError
from devhost.parameters import check_parameters

ACTIVITY = {"name": "value", "type": "activityTrigger", "direction": "IN"}
QUEUE = {"name": "value", "type": "queueTrigger", "direction": "IN"}
HTTP = {"name": "value", "type": "httpTrigger", "direction": "IN"}
TIMER = {"name": "value", "type": "timerTrigger", "direction": "IN"}
OUT = {"name": "value", "type": "queue", "direction": "OUT"}
ANSWER = {"name": "$return", "type": "http", "direction": "OUT"}
SQL = {"name": "value", "type": "sqlTrigger", "direction": "IN"}  # of a type for which the SDK has no converter
TABLE = {"name": "value", "type": "table", "direction": "IN"}
SIGNAL = {"name": "value", "type": "signalR", "direction": "OUT"}
RABBIT = {"name": "value", "type": "rabbitMQTrigger", "direction": "IN"}
BLOB_ANSWER = {"name": "$return", "type": "blob", "direction": "OUT"}
SIGNAL_ANSWER = {"name": "$return", "type": "signalR", "direction": "OUT"}
Name = NewType("Name", str)
T = TypeVar("T")


def _function(annotation: Any) -> Callable[..., Any]:
    def given(value): ...

    given.__annotations__["value"] = annotation
    return given


@pytest.mark.parametrize(
    ("binding", "annotation"),
    [
        (ACTIVITY, str),
        (ACTIVITY, dict),
        (ACTIVITY, list),
        (ACTIVITY, int),
        (ACTIVITY, type(None)),
        (ACTIVITY, Any),
        (ACTIVITY, typing.Dict[str, int]),
        (ACTIVITY, typing.List[str]),
        (ACTIVITY, typing.Dict),
        (ACTIVITY, func.Context),
        (ACTIVITY, typing.Mapping[str, int]),
        (ACTIVITY, typing.Literal["a"]),
        (QUEUE, func.QueueMessage),
        (QUEUE, str),
        (QUEUE, bytes),
        (HTTP, func.HttpRequest),
        (HTTP, str),
        (TIMER, func.TimerRequest),
        (OUT, func.Out[str]),
        (OUT, func.Out[bytes]),
        (OUT, func.Out[typing.List[str]]),
        (OUT, func.Out[func.QueueMessage]),
        (SQL, str),
        (TABLE, bytes),
        (RABBIT, type("Text", (str,), {})),
        (SIGNAL, func.Out[bytearray]),
        (SIGNAL, func.Out[str]),
    ],
)
def test_parameter_that_the_worker_takes(binding: dict[str, Any], annotation: Any) -> None:
    check_parameters("f", _function(annotation), [binding])


@pytest.mark.parametrize(
    ("binding", "annotation", "why"),
    [
        (ACTIVITY, typing.Optional[str], "binding value has invalid non-type annotation typing.Optional[str]"),
        (ACTIVITY, str | None, "binding value has invalid non-type annotation str | None"),
        (ACTIVITY, typing.Union[str, int], "binding value has invalid non-type annotation typing.Union[str, int]"),
        (ACTIVITY, typing.Tuple[str, int], "binding value has invalid non-type annotation typing.Tuple[str, int]"),
        (ACTIVITY, tuple[str, int], "binding value has invalid non-type annotation tuple[str, int]"),
        (ACTIVITY, typing.Callable[[], None], "invalid non-type annotation typing.Callable[[], NoneType]"),
        (ACTIVITY, Callable[[], None], "invalid non-type annotation collections.abc.Callable"),
        (ACTIVITY, Name, "binding value has invalid non-type annotation"),
        (ACTIVITY, T, "binding value has invalid non-type annotation ~T"),
        (ACTIVITY, dict[str, int], "binding value has invalid non-type annotation dict[str, int]"),
        (ACTIVITY, list[str], "binding value has invalid non-type annotation list[str]"),
        (ACTIVITY, typing.ClassVar[int], "binding value has invalid non-type annotation typing.ClassVar[int]"),
        (ACTIVITY, "NoSuchName", "its annotations cannot be read"),
        (ACTIVITY, func.Out[str], 'declared to have the "in" direction in function.json, but its annotation is'),
        (ACTIVITY, func.Out, "binding value has invalid Out annotation <class 'azure.functions"),
        (OUT, func.Out, "binding value has invalid Out annotation <class 'azure.functions"),
        (OUT, str, 'declared to have the "out" direction, but its annotation in Python is not a subclass of'),
        (OUT, func.Out[typing.Optional[str]], "binding value has invalid non-type annotation azure.functions"),
        (QUEUE, int, 'binding in function.json "queueTrigger" does not match its Python annotation "int"'),
        (QUEUE, dict, 'binding in function.json "queueTrigger" does not match its Python annotation "dict"'),
        (HTTP, int, 'binding in function.json "httpTrigger" does not match its Python annotation "int"'),
        (HTTP, func.QueueMessage, '"httpTrigger" does not match its Python annotation "QueueMessage"'),
        (TIMER, dict, 'binding in function.json "timerTrigger" does not match its Python annotation "dict"'),
        (SQL, dict, 'binding in function.json "sqlTrigger" does not match its Python annotation "dict"'),
        (SQL, func.SqlRowList, '"sqlTrigger" does not match its Python annotation "SqlRowList"'),
        (SQL, Any, '"sqlTrigger" does not match its Python annotation "Any"'),
        (SQL, typing.List[str], '"sqlTrigger" does not match its Python annotation "List"'),
        (TABLE, list, '"table" does not match its Python annotation "list"'),
        (RABBIT, bytearray, '"rabbitMQTrigger" does not match its Python annotation "bytearray"'),
        (SIGNAL, func.Out[dict], '"signalR" does not match its Python annotation "dict"'),
        (SIGNAL, func.Out[typing.List[str]], '"signalR" does not match its Python annotation "List"'),
    ],
)
def test_parameter_that_the_worker_refuses(binding: dict[str, Any], annotation: Any, why: str) -> None:
    with pytest.raises(AppError, match="cannot load the f function") as refused:
        check_parameters("f", _function(annotation), [binding])
    assert why in str(refused.value)


@pytest.mark.parametrize("annotation", [str, func.HttpResponse])
def test_return_annotation_that_the_worker_takes(annotation: Any) -> None:
    check_parameters("f", _returning(annotation), [HTTP, ANSWER])


@pytest.mark.parametrize(
    ("annotation", "why"),
    [
        (typing.Optional[str], "has invalid non-type return annotation typing.Optional[str]"),
        (str | None, "has invalid non-type return annotation str | None"),
        (typing.Union[str, func.HttpResponse], "has invalid non-type return annotation typing.Union"),
        (list[str], "has invalid non-type return annotation list[str]"),
        (typing.List[str], "has invalid non-type return annotation typing.List[str]"),
        (tuple[str, int], "has invalid non-type return annotation tuple[str, int]"),
        (Name, "has invalid non-type return annotation"),
        (T, "has invalid non-type return annotation ~T"),
        (typing.Callable[[], None], "has invalid non-type return annotation typing.Callable"),
        (func.Out[str], "return annotation should not be azure.functions.Out"),
        (int, 'Python return annotation "int" does not match binding type "http"'),
        (dict, 'Python return annotation "dict" does not match binding type "http"'),
        (None, 'Python return annotation "NoneType" does not match binding type "http"'),
    ],
)
def test_return_annotation_that_the_worker_refuses(annotation: Any, why: str) -> None:
    with pytest.raises(AppError, match="cannot load the f function") as refused:
        check_parameters("f", _returning(annotation), [HTTP, ANSWER])
    assert why in str(refused.value)


@pytest.mark.parametrize(
    ("answer", "annotation", "why"),
    [
        (SIGNAL_ANSWER, dict, 'Python return annotation "dict" does not match binding type "signalR"'),
        (SIGNAL_ANSWER, list, 'Python return annotation "list" does not match binding type "signalR"'),
        (BLOB_ANSWER, typing.IO, "is a generic class"),
        (BLOB_ANSWER, typing.TextIO, "is a generic class"),
    ],
)
def test_return_annotation_that_does_not_fit_its_output(answer: dict[str, Any], annotation: Any, why: str) -> None:
    with pytest.raises(AppError, match=why):
        check_parameters("f", _returning(annotation), [HTTP, answer])


@pytest.mark.parametrize("annotation", [str, typing.Optional[str], dict[str, int], str | None, T, None])
def test_what_an_activity_returns_may_be_annotated_at_will(annotation: Any) -> None:
    check_parameters("f", _returning(annotation), [ACTIVITY])


def _returning(annotation: Any) -> Callable[..., Any]:
    def given(value): ...

    given.__annotations__["return"] = annotation
    return given
