"""Where accepted invoices are read again, and looked for."""

import base64
from decimal import Decimal

from lxml import etree

from .invoices import FA3
from .messages import Answer, Refusal, json_answer, moment, parse_moment
from .routing import Routes
from .sessions import FORM_CODE, require_permission

routes = Routes()

_KINDS = {
    "VAT": "Vat",
    "ZAL": "Zal",
    "KOR": "Kor",
    "ROZ": "Roz",
    "UPR": "Upr",
    "KOR_ZAL": "KorZal",
    "KOR_ROZ": "KorRoz",
}
_DATES = {
    "Issue": lambda invoice: invoice.issue_date.isoformat(),
    "Invoicing": lambda invoice: invoice.received,
    "PermanentStorage": lambda invoice: invoice.acquired,
}


@routes.add("GET", "/invoices/ksef/{number}", group="invoiceDownload")
def invoice(state, request):
    require_permission(state, request, "InvoiceRead")
    number = request.params["number"]
    for accepted in state.numbers.values():
        if accepted.ksef_number == number:
            sha256 = base64.b64encode(accepted.sha256).decode()
            return Answer(200, accepted.xml, "application/xml", {"x-ms-meta-hash": sha256})
    raise Refusal(21164, f"Faktura o numerze KSeF {number} nie została znaleziona.")


@routes.add("POST", "/invoices/query/metadata", group="invoiceMetadata")
def query_metadata(state, request):
    require_permission(state, request, "InvoiceRead")
    filters = request.json(("subjectType", "dateRange"), _OTHER_FILTERS)
    size, offset = (request.query.get(name, default) for name, default in (("pageSize", "10"), ("pageOffset", "0")))
    if not size.isdigit() or not 10 <= int(size) <= 250 or not offset.isdigit():
        raise Refusal(21405, "pageSize: od 10 do 250, pageOffset: od 0.")
    found = [each for each in state.numbers.values() if _fits(state, request.login.context[1], each, filters)]
    if request.query.get("sortOrder") == "Desc":
        found.reverse()
    start = int(offset) * int(size)
    page = found[start : start + int(size)]
    return json_answer(
        {
            "hasMore": start + int(size) < len(found),
            "isTruncated": False,
            "permanentStorageHwmDate": moment(state.now()),
            "invoices": [_metadata(state, each) for each in page],
        }
    )


_OTHER_FILTERS = (
    "ksefNumber",
    "invoiceNumber",
    "amount",
    "sellerNip",
    "buyerIdentifier",
    "currencyCodes",
    "invoicingMode",
    "isSelfInvoicing",
    "formType",
    "invoiceTypes",
    "hasAttachment",
)


def _fits(state, own, accepted, filters):
    """Tell whether an accepted invoice is one that is looked for; filters by sums and forms are not imitated."""
    root = etree.fromstring(accepted.xml)
    wanted = {
        "ksefNumber": accepted.ksef_number,
        "invoiceNumber": accepted.number,
        "sellerNip": accepted.seller_nip,
        "invoicingMode": accepted.mode,
    }
    party = {"Subject1": accepted.seller_nip, "Subject2": _text(root, "Podmiot2/DaneIdentyfikacyjne/NIP")}
    return (
        party.get(filters["subjectType"]) == own
        and all(filters.get(name) in (None, value) for name, value in wanted.items())
        and _is_within(accepted, filters["dateRange"])
    )


def _is_within(accepted, dates):
    try:
        when, first, last = _DATES[dates["dateType"]](accepted), dates["from"], dates.get("to")
    except KeyError as error:
        raise Refusal(21405, f"dateRange: {error}") from None
    if isinstance(when, str):
        return first[:10] <= when and (not last or when <= last[:10])
    return parse_moment(first, "from") <= when and (not last or when <= parse_moment(last, "to"))


def _metadata(state, accepted):
    root = etree.fromstring(accepted.xml)
    nip = _text(root, "Podmiot2/DaneIdentyfikacyjne/NIP")
    eu = _text(root, "Podmiot2/DaneIdentyfikacyjne/NrVatUE")
    other = _text(root, "Podmiot2/DaneIdentyfikacyjne/NrID")
    kind = "Nip" if nip else "VatUe" if eu else "Other" if other else "None"
    gross, vat = _sum(root, "P_15"), _sum(root, "P_14_")
    return {
        "ksefNumber": accepted.ksef_number,
        "invoiceNumber": accepted.number,
        "issueDate": accepted.issue_date.isoformat(),
        "invoicingDate": moment(accepted.received),
        "acquisitionDate": moment(accepted.acquired),
        "permanentStorageDate": moment(accepted.acquired + state.settings.storage_delay),
        "seller": {"nip": accepted.seller_nip, "name": _text(root, "Podmiot1/DaneIdentyfikacyjne/Nazwa")},
        "buyer": {
            "identifier": {"type": kind, "value": nip or eu or other},
            "name": _text(root, "Podmiot2/DaneIdentyfikacyjne/Nazwa"),
        },
        "netAmount": float(gross - vat),
        "grossAmount": float(gross),
        "vatAmount": float(vat),
        "currency": _text(root, "Fa/KodWaluty"),
        "invoicingMode": accepted.mode,
        "invoiceType": _KINDS[accepted.kind],
        "formCode": FORM_CODE,
        "isSelfInvoicing": _text(root, "Fa/Adnotacje/P_17") == "1",
        "hasAttachment": root.find(f"{{{FA3}}}Zalacznik") is not None,
        "invoiceHash": base64.b64encode(accepted.sha256).decode(),
    }


def _text(root, path):
    return root.findtext("/".join(f"{{{FA3}}}{step}" for step in path.split("/")))


def _sum(root, prefix):
    """Return the sum of the amounts of ``Fa`` whose names begin so, without those in PLN beside a currency."""
    amounts = [
        Decimal(element.text)
        for element in root.find(f"{{{FA3}}}Fa")
        if etree.QName(element).localname.startswith(prefix) and not etree.QName(element).localname.endswith("W")
    ]
    return sum(amounts, Decimal())
