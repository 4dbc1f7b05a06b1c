"""The official confirmation of receipt (UPO): which invoices it confirms.

Source: ``upo-v4-3.xsd`` of the ministry's API documentation. Its signature is not checked: it came from KSeF itself.
"""

import base64

from lxml import etree

from ..errors import AnswerUnreadable

_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)


def confirmed(xml):
    """Return what a UPO (bytes) confirms: {SHA-256 of the invoice (bytes): its KSeF number (str)}.

    :raises AnswerUnreadable: not a UPO
    """
    try:
        root = etree.fromstring(xml, _PARSER)
        return {
            base64.b64decode(document.findtext("{*}SkrotDokumentu") or "", validate=True): document.findtext(
                "{*}NumerKSeFDokumentu"
            )
            for document in root.iterfind("{*}Dokument")
        }
    except (etree.XMLSyntaxError, ValueError) as error:
        raise AnswerUnreadable(host="KSeF", problem=f"UPO: {error}") from error
