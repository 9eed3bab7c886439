"""The errors of the devhost, sorted by who has to act.

DevhostError
├── AppError            the app cannot be loaded: its author acts
├── SettingsError       host.json or local.settings.json is wrong: its author acts
├── StartError          the host cannot start here (port taken, state in use): the person at the keyboard acts
│   └── StateError      the state file belongs to someone else or to another version
├── FunctionError      user code failed; carries the text that Durable puts into a failure
├── ReplyError          an orchestrator's reply breaks the protocol or its own history
│   └── ChangedCodeError  its code does not decide again what it had decided
└── OperationError      a management call cannot be done; carries the HTTP status
"""

from __future__ import annotations


class DevhostError(Exception):
    """Base of every error that the devhost raises on purpose."""


class AppError(DevhostError):
    """The app cannot be loaded."""


class SettingsError(DevhostError):
    """A settings file holds something that the host cannot use."""


class StartError(DevhostError):
    """The host cannot start in this place."""


class StateError(StartError):
    """The state file is held by another process or written by another version."""


class FunctionError(DevhostError):
    """User code raised, timed out or returned what cannot be encoded.

    `reason` is `ExceptionType: message`, as the language worker reports a failure; `details` is the traceback.
    """

    def __init__(self, reason: str, details: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.details = details


class ReplyError(DevhostError):
    """An orchestrator's reply cannot be accepted; the text becomes the instance's failure."""


class ChangedCodeError(ReplyError):
    """An orchestrator's code does not decide again what the history says it had decided."""

    def __init__(self, text: str) -> None:
        super().__init__(f"Non-Deterministic workflow detected: {text}")


class OperationError(DevhostError):
    """A management operation is refused.

    `status` is the HTTP status of the management API; `body` is its JSON body, None for an empty one.
    """

    def __init__(self, status: int, message: str, body: object | None) -> None:
        super().__init__(message)
        self.status = status
        self.body = body


class BadRequestError(OperationError):
    """A 404 or 400 with a body that says what is wrong in our words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message, {"Message": message})
