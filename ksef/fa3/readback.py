"""Compare a finished FA(3) file with the books, by reading it back: nothing here knows how it was made."""

from decimal import Decimal

from lxml import etree

from ..errors import KsefError
from . import rules as problems
from .facts import OSS, SUMS, TAXED, InvoiceFacts
from .xml import in_namespace, parse

_A_GROSZ_MOVED = Decimal("0.015")  # half of one for rounding, and one that the books move between lines


def contradictions(xml: bytes, facts: InvoiceFacts) -> list[KsefError]:
    """Return what the file says otherwise than the invoice, a list of ``FileContradictsBooks``.

    :param xml: a file that the FA(3) schema takes
    :param facts: free of problems
    :raises InvoiceUnreadable: not XML
    """
    root = parse(xml)
    pairs = [*_heading(root, facts), *_sums(root, facts), *_rows(root, facts)]
    return [
        problems.FileContradictsBooks(field=field, file=told or "-", books=books)
        for field, told, books in pairs
        if told != books
    ]


def _heading(root, facts):
    for path, books in (
        ("Podmiot1/DaneIdentyfikacyjne/NIP", facts.seller.nip),
        ("Podmiot2/DaneIdentyfikacyjne/NIP", facts.buyer.nip),
        ("Fa/KodWaluty", facts.currency),
        ("Fa/P_1", facts.issue_date.isoformat()),
        ("Fa/P_2", " ".join(facts.number.split())),
        ("Fa/DaneFaKorygowanej/NrKSeFFaKorygowanej", facts.originals[0].ksef_number if facts.originals else ""),
    ):
        yield path, root.findtext(in_namespace(path), ""), books


def _sums(root, facts):
    told = {
        etree.QName(node).localname: Decimal(node.text)
        for node in root.find(in_namespace("Fa"))
        if etree.QName(node).localname.startswith(("P_13_", "P_14_"))
    }
    books = {}
    for line in facts.lines:
        field = f"P_13_{SUMS[line.tax.rate]}"
        books[field] = books.get(field, 0) + line.net
    for suffix in TAXED:
        if f"P_13_{suffix}" in books:
            parts = [part for part in facts.vat if SUMS[part.tax.rate] == suffix]
            books[f"P_14_{suffix}"] = sum((part.amount for part in parts), Decimal())
            if facts.is_foreign and suffix != SUMS[OSS]:
                books[f"P_14_{suffix}W"] = sum((part.amount_pln for part in parts), Decimal())
    for field in sorted(told.keys() | books.keys()):
        yield field, told.get(field), books.get(field)
    yield "P_15", Decimal(root.findtext(in_namespace("Fa/P_15"))), facts.total


def _rows(root, facts):
    rows = root.findall(in_namespace("Fa/FaWiersz"))
    yield "FaWiersz", len(rows), len(facts.lines)
    for row, line in zip(rows, facts.lines, strict=False):
        field = f"FaWiersz {line.number}"
        told = {etree.QName(node).localname: node.text for node in row}
        rate = OSS if "P_12_XII" in told else told.get("P_12")
        yield f"{field}/P_12", rate, line.tax.rate
        yield f"{field}/P_11", Decimal(told["P_11"]), line.net
        quantity, price, discount = (Decimal(told.get(name, "0")) for name in ("P_8B", "P_9A", "P_10"))
        worked_out = quantity * (price - discount)
        # the rest of a division that eight decimals of price and discount leave
        left = _A_GROSZ_MOVED + abs(quantity) * Decimal("2e-8")
        yield f"{field}/P_9A", worked_out if abs(worked_out - line.net) > left else line.net, line.net
        if facts.exchange_rate:
            yield f"{field}/KursWaluty", Decimal(told.get("KursWaluty", "0")), round(facts.exchange_rate, 6)
