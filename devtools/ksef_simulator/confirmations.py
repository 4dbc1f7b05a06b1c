"""Where confirmations of receipt (UPO) are read: from the API, and from the storage by the addresses it gives."""

from .messages import Refusal
from .routing import Routes
from .sessions import MAY_READ, find_invoice, find_session, require_permission, upo_reference
from .storage import refusal
from .upo import upo_answer

routes, storage_routes = Routes(), Routes()


@routes.add("GET", "/sessions/{reference}/invoices/{invoice}/upo", group="sessionMisc")
def upo_by_reference(state, request):
    require_permission(state, request, *MAY_READ)
    session = find_session(state, request)
    reference = request.params["invoice"]
    found = find_invoice(session, reference)
    if found.code != 200:
        sentence = f"UPO o numerze referencyjnym faktury {reference} i numerze referencyjnym sesji {session.reference}"
        raise Refusal(21178, f"{sentence} nie zostało znalezione.")
    return upo_answer(session, [found])


@routes.add("GET", "/sessions/{reference}/invoices/ksef/{number}/upo", group="sessionMisc")
def upo_by_number(state, request):
    require_permission(state, request, *MAY_READ)
    session, number = find_session(state, request), request.params["number"]
    found = [invoice for invoice in session.accepted() if invoice.ksef_number == number]
    if not found:
        sentence = f"UPO o numerze KSeF {number} i numerze referencyjnym sesji {session.reference}"
        raise Refusal(21178, f"{sentence} nie zostało znalezione.")
    return upo_answer(session, found)


@routes.add("GET", "/sessions/{reference}/upo/{upo}", group="sessionMisc")
def upo_of_session(state, request):
    require_permission(state, request, *MAY_READ)
    session, reference = find_session(state, request), request.params["upo"]
    if reference != upo_reference(state, session):
        sentence = f"UPO o numerze referencyjnym {reference} dla sesji {session.reference}"
        raise Refusal(21178, f"{sentence} nie zostało znalezione.")
    return upo_answer(session, session.accepted(), whole_session=True)


@storage_routes.add("GET", "/{session}/invoice-upo/{invoice}", token=(), group=None)
def stored_upo(state, request):
    if answer := refusal(state, request, "r"):
        return answer
    session = state.sessions[request.params["session"]]
    return upo_answer(session, [find_invoice(session, request.params["invoice"])])


@storage_routes.add("GET", "/{session}/session-upo/{upo}", token=(), group=None)
def stored_upo_of_session(state, request):
    if answer := refusal(state, request, "r"):
        return answer
    session = state.sessions[request.params["session"]]
    return upo_answer(session, session.accepted(), whole_session=True)
