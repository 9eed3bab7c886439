"""Where the devhost answers differently from the recorded extension, on purpose, and why.

Each entry names a probe (or `*`), a pattern of the paths in what it saw, and the reason. The table in the README
says the same to users.
"""

from __future__ import annotations

DIFFERENCES = (
    ("*", r".*/is_played", "IsPlayed is false everywhere: the SDK finds out by the place of an event"),
    (
        "*",
        r".*/Input/(\$type|Predecessor|Timestamp|requestTime|id|input|op|parent|parentExecution|signal|result|exceptionType)|.*/Input",
        "messages of entities hold what the SDK reads, without .NET's type names and times",
    ),
    ("bodies of the start api", r"/\{bad/1/ExceptionMessage", "Python's words for what is wrong with JSON"),
    ("events and their bodies", r"/\{bad .*/ExceptionMessage", "Python's words for what is wrong with JSON"),
    ("entities", r"/after.*", "an entity that has no state yet is not there"),
    ("routes of the api", r"/.*/(body|headers)(/.*)?", "a wrong path or verb is named in a body"),
    (
        "names and ids of starts",
        r"/(at sign|hash|question mark|backslash|control|300 letters)/.*",
        "IDs that the documentation forbids are refused",
    ),
    (
        "operations on pending",
        r"/suspend/1/document/(output|runtimeStatus)",
        "an instance that waits for another version shows at once that it is suspended",
    ),
    ("generations left open", r"/0/1/.*", "code that has returned is not run again while open work holds its instance"),
    (
        "outcome of open_timer",
        r"/output/.*",
        "code that has returned is not run again while open work holds its instance",
    ),
    ("outcome of retry_fails_fast", r"/.*", "fails by name; the extension gives a result to the wrong task"),
    ("outcome of unknown_activity", r"/.*", "fails by name; the extension leaves the instance Running"),
    ("outcome of unknown_child", r"/.*", "fails by name; the extension leaves the instance Running"),
    ("outcome of unknown_entity", r"/.*", "fails by name; the extension leaves the instance Running"),
)
