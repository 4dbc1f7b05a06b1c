"""Sentences for a person, English in the code, translated where they are shown.

The places are filled after the translation, so ``ksef`` needs no translation machinery of its own.
"""

from dataclasses import dataclass, field


def _(sentence: str) -> str:
    """Mark a sentence for Odoo's term extraction; it is translated where it is shown."""
    return sentence


@dataclass(frozen=True)
class Sentence:
    """A sentence for a person, to be translated before its places are filled.

    :ivar text: English, with %(name)s places
    :ivar values: fills the places: texts, numbers, dates, aware datetimes (shown in Polish time), or sentences to
        be translated themselves
    """

    text: str
    values: dict = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text % self.values
