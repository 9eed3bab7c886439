"""How the OpenAPI document says one operation: its parameters, its answers, and the problems that it may meet."""

from __future__ import annotations

from collections.abc import Mapping

from ebb.core.document import Json

_PROBLEMS = {
    400: "the request cannot be read",
    403: "sent by the web page of another origin",
    404: "there is no such thing",
    409: "not in this state, or others changed it at the same time",
    412: "changed since the version in If-Match",
    413: "the body is too large",
    415: "the body is not said to be JSON",
    422: "settings that cannot be used; one entry for each",
    500: "something unexpected; the log has the cause",
    503: "storage, the source or Durable Functions does not answer",
}


def parameter(name: str, description: str, schema: Json, where: str = "query") -> Json:
    """What a request may carry besides its body, in its query or where `where` says."""
    return {"name": name, "in": where, "description": description, "schema": schema}


def path_parameter(name: str, schema: Json) -> Json:
    """A variable part of the path."""
    return {"name": name, "in": "path", "required": True, "schema": schema}


def operation(
    name: str,
    summary: str,
    answers: Mapping[int, str | None],
    *problems: int,
    body: str | None = None,
    parameters: list[Json] | None = None,
    changing: bool = False,
) -> Json:
    """One operation; `body` names its schema, with a ! where it must be given; `changing` ones no web page may send."""
    responses = {str(status): answer(schema, "as asked") for status, schema in answers.items()}
    changes = (403,) if changing else ()
    media = (415,) if body is not None else ()
    for status in (*sorted({*problems, *changes, *media}), 500, 503):
        problem = {"application/problem+json": {"schema": _ref("Problem")}}
        responses[str(status)] = {"description": _PROBLEMS[status], "content": problem}
    responses["401"] = {"description": "no function key, or a wrong one; or nobody is signed in"}
    responses["403"] = {"description": "the caller may not do this, or the page that calls is of another site"}
    responses["415"] = {"description": "a change that is not sent as JSON, from a page or with a sign-in"}
    call: Json = {"operationId": name, "summary": summary, "responses": responses}
    if parameters:
        call["parameters"] = parameters
    if body is not None:
        content = {"application/json": {"schema": _ref(body.rstrip("!"))}}
        call["requestBody"] = {"required": body.endswith("!"), "content": content}
    return call


def answer(schema: str | None, description: str) -> Json:
    """One answer, with the document of that name; None: that nothing has changed."""
    if schema is None:
        return {"description": "nothing has changed"}
    said: Json = {"description": description, "content": {"application/json": {"schema": _ref(schema)}}}
    if schema == "Schedule":
        text = {"schema": {"type": "string"}}
        said["headers"] = {"ETag": {"description": "for If-Match and If-None-Match", **text}}
    return said


def _ref(schema: str) -> Json:
    return {} if schema == "Any" else {"$ref": f"#/components/schemas/{schema}"}
