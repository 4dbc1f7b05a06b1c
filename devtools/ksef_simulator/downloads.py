"""Where accepted invoices are read again."""

import base64

from .messages import Answer, Refusal
from .routing import Routes
from .sessions import require_permission

routes = Routes()


@routes.add("GET", "/invoices/ksef/{number}", group="invoiceDownload")
def invoice(state, request):
    require_permission(state, request, "InvoiceRead")
    number = request.params["number"]
    for accepted in state.numbers.values():
        if accepted.ksef_number == number:
            sha256 = base64.b64encode(accepted.sha256).decode()
            return Answer(200, accepted.xml, "application/xml", {"x-ms-meta-hash": sha256})
    raise Refusal(21164, f"Faktura o numerze KSeF {number} nie została znaleziona.")
