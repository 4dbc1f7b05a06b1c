"""What several of KSeF's answers are made of: moments, statuses, texts."""

import json
import re
from datetime import datetime, timezone


def check_storable(value):
    """Check that a database can keep a value as JSON, and others as its texts.

    :raises ValueError: there is NaN, a NUL character or half of one in it
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    text.encode()
    if "\\u0000" in text:
        raise ValueError("a NUL character")


def code_of(status):
    """Return the code (int) of a status (dict of KSeF's answer).

    :raises TypeError: it is something else
    """
    if type(status["code"]) is not int:
        raise TypeError("a code that is no number")
    return status["code"]


def sentence_of(status):
    """Return what a status (dict of KSeF's answer) says, with its details (str, Polish)."""
    sentences = [status["description"], ", ".join(status.get("details") or ())]
    return ": ".join(sentence for sentence in sentences if sentence).rstrip(".")


def moment_or_none(text):
    """Return the moment as ``moment`` does, None of None or an empty text."""
    return moment(text) if text else None


def moment(text):
    """Return the moment (aware, UTC) of a text in ISO 8601; KSeF writes fractions finer than microseconds."""
    microseconds = re.sub(r"\.(\d+)", lambda match: "." + match[1][:6].ljust(6, "0"), re.sub("[Zz]$", "+00:00", text))
    value = datetime.fromisoformat(microseconds)
    return value.replace(tzinfo=value.tzinfo or timezone.utc).astimezone(timezone.utc)
