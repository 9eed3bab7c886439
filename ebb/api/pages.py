"""A page of documents as an answer: as JSON, or as JSON lines."""

from __future__ import annotations

import json

import azure.functions as func

from ebb.api.headers import header
from ebb.api.problems import json_response
from ebb.core.pages import Page

LINES = "application/x-ndjson"
NEXT_PAGE = "x-ebb-continuation-token"


def page_response(req: func.HttpRequest, page: Page) -> func.HttpResponse:
    """A page as `{"value": [...], "continuationToken"?}`, or as JSON lines where the request accepts those."""
    if LINES in (header(req, "accept") or ""):
        lines = "".join(json.dumps(document) + "\n" for document in page.value)
        headers = {"Cache-Control": "no-store"}
        if page.continuation_token:
            headers[NEXT_PAGE] = page.continuation_token
        return func.HttpResponse(lines, headers=headers, mimetype=LINES)
    document: dict[str, object] = {"value": page.value}
    if page.continuation_token:
        document["continuationToken"] = page.continuation_token
    return json_response(document)
