"""The outline of BER and DER data: tags, contents, what holds what. Values are left to those who know them."""

from dataclasses import dataclass, field

INTEGER, BIT_STRING, OCTET_STRING, SEQUENCE = 0x02, 0x03, 0x04, 0x30

_CONSTRUCTED = 0x20
_INDEFINITE = 0x80
_END_OF_CONTENTS = b"\x00\x00"
_DEPTH_LIMIT = 40  # a PKCS #12 file needs about 20


class BerError(ValueError):
    """Data that are not BER."""


@dataclass(frozen=True)
class Element:
    """One BER element.

    :ivar tag: identifier octet; an octet string in pieces has the tag of a whole one.
    :ivar content: octets without header; of an octet string in pieces, the pieces joined.
    :ivar children: elements inside, also those inside an octet string that wraps one element.
    """

    tag: int
    content: bytes = field(repr=False)
    children: tuple["Element", ...] = ()

    @property
    def integer(self) -> int:
        """Content as a signed number."""
        return int.from_bytes(self.content, "big", signed=True)


def read(data: bytes) -> tuple[Element, int]:
    """First element of ``data``, and the position of its end.

    :raise BerError: not BER, cut off, or nested without end.
    """
    try:
        (tag, content), end = _split(data, 0, 0)
        return _element(tag, content, 0), end
    except IndexError:
        raise BerError("cut off") from None


def _split(data: bytes, start: int, depth: int) -> tuple[tuple[int, bytes], int]:
    """Tag and content of the element at ``start``, and the position of its end. What is inside is not built yet."""
    if depth > _DEPTH_LIMIT:
        raise BerError("nested too deeply")
    tag, first = data[start], data[start + 1]
    begin = start + 2
    if first == _INDEFINITE:
        end = begin
        while data[end : end + len(_END_OF_CONTENTS)] != _END_OF_CONTENTS:
            _inner, end = _split(data, end, depth + 1)
        return (tag, data[begin:end]), end + len(_END_OF_CONTENTS)
    if first > _INDEFINITE:
        begin += first - _INDEFINITE
        end = begin + int.from_bytes(data[start + 2 : begin], "big")
    else:
        end = begin + first
    if end > len(data):
        raise BerError("cut off")
    return (tag, data[begin:end]), end


def _split_all(data: bytes, depth: int) -> list[tuple[int, bytes]]:
    parts = []
    position = 0
    while position < len(data):
        part, position = _split(data, position, depth)
        parts.append(part)
    return parts


def _element(tag: int, content: bytes, depth: int) -> Element:
    """The element with all that is inside."""
    if tag == OCTET_STRING | _CONSTRUCTED:
        tag, content = OCTET_STRING, b"".join(piece for _tag, piece in _split_all(content, depth + 1))
    if tag == OCTET_STRING:
        return Element(tag, content, _wrapped(content, depth + 1))
    parts = _split_all(content, depth + 1) if tag & _CONSTRUCTED else []
    return Element(tag, content, tuple(_element(*part, depth + 1) for part in parts))


def _wrapped(content: bytes, depth: int) -> tuple[Element, ...]:
    """The element that an octet string consists of, if it does."""
    try:
        part, end = _split(content, 0, depth)
        return (_element(*part, depth),) if end == len(content) else ()
    except (BerError, IndexError):
        return ()
