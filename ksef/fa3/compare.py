"""What differs between two FA(3) files of one invoice, for a technical correction.

A technical correction has the same business content as the rejected file: parties, dates, number, lines and amounts.
Source: ``offline/korekta-techniczna.md`` of the ministry's API documentation. How far the content reaches beyond
identifiers, dates, amounts and taxes is not settled: other differences are shown and left to a person.
"""

from dataclasses import dataclass
from itertools import zip_longest

from lxml import etree

from .xml import parse

_GENERATED = "Naglowek/DataWytworzeniaFa"  # when the file was made: another one in every file
# What may not differ: path of an element, without the numbers of repeated ones.
_CONTENT = (
    "Naglowek/KodFormularza",
    "Podmiot1/DaneIdentyfikacyjne/NIP",
    "Podmiot2/DaneIdentyfikacyjne",
    "Fa/KodWaluty",
    "Fa/P_",
    "Fa/RodzajFaktury",
    "Fa/Adnotacje",
    "Fa/DaneFaKorygowanej",
    "Fa/FaWiersz",
    "Fa/Zamowienie",
)
# Names and descriptions do not decide whom and what it is about.
_WORDING = ("Podmiot2/DaneIdentyfikacyjne/Nazwa", "Fa/FaWiersz/P_7", "Fa/FaWiersz/P_8A")


@dataclass(frozen=True)
class Difference:
    """:ivar path: of the element, such as "Fa/FaWiersz[2]/P_7"
    :ivar old: its text in the rejected file, None if it is not there; ``new`` likewise
    :ivar allowed: whether a technical correction may change it
    """

    path: str
    old: str | None
    new: str | None
    allowed: bool


def differences(old_xml: bytes, new_xml: bytes) -> list[Difference]:
    """Return the ``Difference`` of each element that two files (bytes) do not have in common, in their order.

    :raises InvoiceUnreadable: one of them is not XML
    """
    old, new = _texts(old_xml), _texts(new_xml)
    return [
        Difference(path, old.get(path), new.get(path), _is_allowed(path))
        for path in dict.fromkeys(path for pair in zip_longest(old, new) for path in pair if path)
        if old.get(path) != new.get(path)
    ]


def _texts(xml):
    """Return the text of each element that has no others inside, {path: text}."""
    root = parse(xml)
    tree = root.getroottree()
    texts = {}
    for element in root.iter(etree.Element):
        if not len(element):
            path = _path(tree, element)
            if path != _GENERATED:
                texts[path] = element.text or ""
    return texts


def _path(tree, element):
    steps = []
    while element is not tree.getroot():
        name = etree.QName(element).localname
        number = 1 + sum(1 for _sibling in element.itersiblings(element.tag, preceding=True))
        alone = number == 1 and next(element.itersiblings(element.tag), None) is None
        steps.append(name if alone else f"{name}[{number}]")
        element = element.getparent()
    return "/".join(reversed(steps))


def _is_allowed(path):
    plain = "/".join(step.partition("[")[0] for step in path.split("/"))
    return plain in _WORDING or not plain.startswith(_CONTENT)
