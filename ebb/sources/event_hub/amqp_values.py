"""The types of AMQP 1.0, written and read (https://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-types-v1.0-os.html).

What AMQP tells apart and Python does not has a type of its own here; `None`, `bool`, `bytes`, `str`, `list`, `dict`,
`float`, `uuid.UUID` and a plain `int` (a long) stand for themselves.
"""

from __future__ import annotations

import struct
import uuid
from typing import Any, NamedTuple, cast


class Symbol(str):
    """A name from a known set, such as an error condition."""

    __slots__ = ()


class UByte(int):
    """8 bits without a sign."""


class UShort(int):
    """16 bits without a sign."""


class UInt(int):
    """32 bits without a sign."""


class ULong(int):
    """64 bits without a sign."""


class Int(int):
    """32 bits with a sign."""


class Stamp(int):
    """Milliseconds since 1970."""


class Described(NamedTuple):
    """A value and what it means."""

    code: Any
    value: Any


class Array(NamedTuple):
    """Values of one type, which `constructor` names: STRINGS, SYMBOLS, STAMPS."""

    constructor: int
    items: list[Any]


STRINGS, SYMBOLS, STAMPS, LONGS = 0xB1, 0xB3, 0x83, 0x81
_FIXED = {
    0x50: ">B", 0x51: ">b", 0x60: ">H", 0x61: ">h", 0x70: ">I", 0x71: ">i", 0x72: ">f",
    0x80: ">Q", 0x81: ">q", 0x82: ">d", 0x83: ">q",
}  # fmt: skip
_TYPES: dict[int, type[int]] = {0x50: UByte, 0x60: UShort, 0x70: UInt, 0x71: Int, 0x80: ULong, 0x83: Stamp}
_CONSTRUCTORS = {kind: constructor for constructor, kind in _TYPES.items()}
_SMALL: dict[int, tuple[str, type[int]]] = {
    0x52: (">B", UInt), 0x53: (">B", ULong), 0x54: (">b", Int), 0x55: (">b", int),
}  # fmt: skip
_CONSTANTS: dict[int, Any] = {0x40: None, 0x41: True, 0x42: False, 0x43: UInt(0), 0x44: ULong(0)}


def encode(value: Any) -> bytes:
    """`value` as it goes over the wire, in the long forms; descriptors in the short one, where the SDKs look for it."""
    if value is None or isinstance(value, bool):
        return {None: b"\x40", True: b"\x41", False: b"\x42"}[value]
    if isinstance(value, Described):
        return b"\x00" + encode(value.code) + encode(value.value)
    if isinstance(value, Array):
        elements = b"".join(encode(each)[1:] for each in value.items)
        return b"\xf0" + _sized(bytes([value.constructor]) + elements, len(value.items))
    if isinstance(value, int):
        return _encode_int(value)
    return _encode_object(value)


def decode(data: bytes, at: int = 0) -> tuple[Any, int]:
    """The value that begins at `at`, and where the next one begins."""
    return _decode(data, at + 1, data[at])


def _encode_int(value: int) -> bytes:
    if type(value) is ULong and value < 256:
        return b"\x53" + bytes([value])
    constructor = _CONSTRUCTORS.get(type(value), LONGS)
    return bytes([constructor]) + struct.pack(_FIXED[constructor], value)


def _encode_object(value: Any) -> bytes:
    match value:
        case float():
            return b"\x82" + struct.pack(">d", value)
        case uuid.UUID():
            return b"\x98" + value.bytes
        case bytes() | bytearray():
            return b"\xb0" + struct.pack(">I", len(value)) + bytes(value)
        case str():
            raw = value.encode()
            return (b"\xb3" if isinstance(value, Symbol) else b"\xb1") + struct.pack(">I", len(raw)) + raw
        case dict():
            pairs = cast("dict[Any, Any]", value)
            return b"\xd1" + _sized(b"".join(encode(each) for pair in pairs.items() for each in pair), 2 * len(pairs))
        case _:
            return b"\xd0" + _sized(b"".join(map(encode, value)), len(value))


def _sized(body: bytes, count: int) -> bytes:
    return struct.pack(">II", len(body) + 4, count) + body


def _decode(data: bytes, at: int, constructor: int) -> tuple[Any, int]:
    if constructor == 0x00:
        code, at = decode(data, at)
        value, at = decode(data, at)
        return Described(code, value), at
    if constructor in _CONSTANTS:
        return _CONSTANTS[constructor], at
    if constructor in _SMALL:
        shape, kind = _SMALL[constructor]
        return kind(struct.unpack_from(shape, data, at)[0]), at + 1
    if constructor in _FIXED:
        shape = _FIXED[constructor]
        value = struct.unpack_from(shape, data, at)[0]
        kind = _TYPES.get(constructor)
        return (kind(value) if kind else value), at + struct.calcsize(shape)
    if constructor == 0x56:
        return data[at] == 1, at + 1
    if constructor == 0x98:
        return uuid.UUID(bytes=bytes(data[at : at + 16])), at + 16
    if constructor == 0x45:
        return [], at
    if constructor >> 4 in (0xA, 0xB):
        return _decode_text(data, at, constructor)
    return _decode_many(data, at, constructor)


def _decode_text(data: bytes, at: int, constructor: int) -> tuple[Any, int]:
    if constructor < 0xB0:
        length, at = data[at], at + 1
    else:
        length, at = struct.unpack_from(">I", data, at)[0], at + 4
    raw = bytes(data[at : at + length])
    kind = constructor & 0xF
    value = raw if kind == 0 else Symbol(raw.decode()) if kind == 3 else raw.decode()
    return value, at + length


def _decode_many(data: bytes, at: int, constructor: int) -> tuple[Any, int]:
    """A list, a map or an array."""
    wide = constructor & 0x10
    size, count = struct.unpack_from(">II" if wide else ">BB", data, at)
    end = at + size + (4 if wide else 1)
    at += 8 if wide else 2
    items: list[Any] = []
    if constructor in (0xE0, 0xF0):
        element, at = data[at], at + 1
        for _ in range(count):
            value, at = _decode(data, at, element)
            items.append(value)
        return items, end
    for _ in range(count):
        value, at = decode(data, at)
        items.append(value)
    if constructor in (0xC1, 0xD1):
        return dict(zip(items[::2], items[1::2], strict=True)), end
    return items, end
