"""Zalacznik: tables beside the rows. KSeF takes them only of who has told the tax office that he sends them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A table of texts.

    :ivar columns: pairs of a name and a type: "date", "datetime", "dec", "int", "time" or "txt"; at most 20
    :ivar totals: one text for each column
    :ivar metadata: pairs of key and value
    """

    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    totals: tuple[str, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class DataBlock:
    """BlokDanych; ``metadata`` are pairs of key and value, at least one; ``paragraphs`` at most ten."""

    metadata: tuple[tuple[str, str], ...]
    heading: str = ""
    paragraphs: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
