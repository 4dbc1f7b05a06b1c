"""/auth: challenge, login by XAdES or by a KSeF token, tokens, and the list of logins."""

import base64
import binascii

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.x509 import KeyUsage

from .identities import identity_of, is_seal
from .issuing import is_issued_by
from .messages import Answer, Denial, Refusal, json_answer, moment
from .routing import Routes
from .state import Login
from .xades import read_signed_request

routes = Routes()

_OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
_DESCRIPTIONS = {
    100: "Uwierzytelnianie w toku",
    200: "Uwierzytelnianie zakończone sukcesem",
    415: "Uwierzytelnianie zakończone niepowodzeniem",
    425: "Uwierzytelnienie unieważnione",
    450: "Uwierzytelnianie zakończone niepowodzeniem z powodu błędnego tokenu",
    460: "Uwierzytelnianie zakończone niepowodzeniem z powodu błędu certyfikatu",
}
_METHODS = {
    "Token": ("Token", "token.ksef", "Token KSeF"),
    "InternalCertificate": ("XadesSignature", "xades.internal-certificate", "Certyfikat KSeF"),
    "QualifiedSignature": ("XadesSignature", "xades.qualified-signature", "Podpis kwalifikowany"),
    "QualifiedSeal": ("XadesSignature", "xades.qualified-seal", "Pieczęć kwalifikowana"),
}


@routes.add("POST", "/auth/challenge", token=(), group="anonymous")
def challenge(state, request):
    now = state.now()
    text = state.reference("CR")
    state.challenges[text] = now
    answer = {
        "challenge": text,
        "timestamp": moment(now),
        "timestampMs": int(now.timestamp() * 1000),
        "clientIp": request.client_ip,
    }
    return json_answer(answer)


@routes.add("POST", "/auth/xades-signature", token=(), group="anonymous")
def xades_signature(state, request):
    content_type = request.headers.get("Content-Type", "").partition(";")[0]
    if content_type != "application/xml":
        raise Refusal(21405, "Content-Type musi być application/xml.")
    signed = read_signed_request(request.body)
    _take_challenge(state, signed.challenge)
    identity, method, problem = _judge(state, signed, request.query.get("verifyCertificateChain") == "true")
    if problem:
        code, details = 460, [problem]
    elif state.permissions_of(signed.context, identity):
        code, details = 200, []
    else:
        code, details = 415, ["Brak przypisanych uprawnień"]
    return _begin(state, signed.context, identity, method, signed.certificate, code, details)


@routes.add("POST", "/auth/ksef-token", token=(), group="anonymous")
def ksef_token(state, request):
    body = request.json(("challenge", "contextIdentifier", "encryptedToken"), ("publicKeyId", "authorizationPolicy"))
    started = _take_challenge(state, body["challenge"])
    context = _context(body["contextIdentifier"])
    keys = [key for key in state.service_keys() if key.usage == "KsefTokenEncryption" and key.valid(state.now())]
    wanted = body.get("publicKeyId")
    keys = [key for key in keys if wanted in (None, key.public_key_id())]
    if not keys:
        raise Refusal(21470)
    owner, problem = _open_token(state, keys[-1], body["encryptedToken"], started, context)
    code, details = (450, [problem]) if problem else (200, [])
    return _begin(state, context, owner, "Token", None, code, details)


@routes.add("POST", "/auth/token/redeem", token=("operation",), group="anonymous")
def redeem(state, request):
    login, settings = request.login, state.settings
    if login.redeemed:
        raise Refusal(21301, f"Tokeny dla operacji uwierzytelniania {login.reference} zostały już pobrane.")
    if login.polls_left or login.code != 200:
        raise Refusal(21301, f"Status uwierzytelniania ({_code(login)}) nie pozwala na pobranie tokenów.")
    login.redeemed = True
    refresh, login.refresh_valid_until = state.new_token("refresh", login, settings.refresh_token_life)
    answer = {
        "accessToken": _token(*state.new_token("access", login, settings.access_token_life)),
        "refreshToken": _token(refresh, login.refresh_valid_until),
    }
    return json_answer(answer)


@routes.add("POST", "/auth/token/refresh", token=("refresh",), group="anonymous")
def refresh(state, request):
    login = request.login
    if login.code != 200:
        raise Refusal(21301, f"Status uwierzytelniania ({login.code}) nie pozwala na odświeżenie tokenu dostępowego.")
    login.refreshed = state.now()
    return json_answer({"accessToken": _token(*state.new_token("access", login, state.settings.access_token_life))})


@routes.add("GET", "/auth/sessions")
def sessions(state, request):
    found = [
        {"referenceNumber": login.reference, "isCurrent": login is request.login} | _login_answer(login)
        for login in reversed(state.logins.values())
        if login.redeemed and (login.context, login.identity) == (request.login.context, request.login.identity)
    ]
    return json_answer({"items": found})


@routes.add("DELETE", "/auth/sessions/current", token=("access", "refresh"))
def end_current_session(state, request):
    return _end(request.login)


@routes.add("DELETE", "/auth/sessions/{reference}")
def end_session(state, request):
    login = state.logins.get(request.params["reference"])
    if not login or (login.context, login.identity) != (request.login.context, request.login.identity):
        raise Refusal(21405, "Sesja uwierzytelnienia nie istnieje.")
    return _end(login)


@routes.add("GET", "/auth/{reference}", token=("operation",), group="anonymous")
def status(state, request):
    reference, login = request.params["reference"], request.login
    if login.reference != reference:
        raise Refusal(21304, f"Operacja uwierzytelniania o numerze referencyjnym {reference} nie została znaleziona.")
    if state.now() - login.started > state.settings.login_kept:
        raise Denial(410, "Operacja wygasła i nie jest już dostępna.")
    answer = json_answer(_login_answer(login))
    login.polls_left = max(0, login.polls_left - 1)
    return answer


def _take_challenge(state, text):
    """Return when a challenge was given; it can be used once."""
    given = state.challenges.pop(text, None)
    if not given or state.now() - given > state.settings.challenge_life:
        raise Refusal(21111)
    return given


def _judge(state, signed, chain_required):
    """Return identity, method, and what is wrong with the certificate (None if nothing)."""
    certificate, now = signed.certificate, state.now()
    record = state.certificates.get(f"{certificate.serial_number:016X}")
    own = state.authority.has_issued(certificate)
    if own and record and record.certificate == certificate:
        identity, method = record.identity, "InternalCertificate"
    else:
        identity = identity_of(certificate, signed.by)
        method = "InternalCertificate" if own else "QualifiedSeal" if is_seal(certificate) else "QualifiedSignature"
        record = None
    if not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc:
        return identity, method, "Nieważny certyfikat"
    if own:
        problem = _problem_of_own(certificate, record)
        if record and not problem:
            record.last_used = now
        return identity, method, problem
    self_signed = state.settings.self_signed_allowed and not chain_required and is_issued_by(certificate, certificate)
    if not self_signed and not any(is_issued_by(certificate, issuer) for issuer in state.trusted):
        return identity, method, "Niezaufany łańcuch certyfikatów"
    return identity, method, None


def _problem_of_own(certificate, record):
    usage = certificate.extensions.get_extension_for_class(KeyUsage).value
    if not usage.digital_signature or usage.content_commitment or record and record.type != "Authentication":
        return "Niepoprawny certyfikat"  # an offline certificate cannot log in
    return record and {"Revoked": "Certyfikat odwołany", "Blocked": "Certyfikat zawieszony"}.get(record.ended)


def _context(value):
    if not isinstance(value, dict) or value.keys() != {"type", "value"}:
        raise Refusal(21405, "contextIdentifier")
    if value["type"] not in ("Nip", "InternalId", "NipVatUe", "PeppolId"):
        raise Refusal(21405, "contextIdentifier.type")
    return value["type"], value["value"]


def _open_token(state, key, encrypted, started, context):
    """Return the identity of a KSeF token, and what is wrong with it (None if nothing)."""
    unknown = "Fingerprint", "0" * 64
    try:
        text = key.private_key.decrypt(base64.b64decode(encrypted, validate=True), _OAEP).decode()
    except (binascii.Error, ValueError):
        return unknown, "Nieprawidłowe szyfrowanie tokena"
    token, _bar, timestamp = text.rpartition("|")
    if timestamp != str(int(started.timestamp() * 1000)):
        return unknown, "Nieprawidłowy czas tokena"
    token_context, owner = state.ksef_tokens.get(token, (None, unknown))
    if token_context is None:
        return unknown, "Nieprawidłowy token"
    if token_context != context:
        return owner, f"Token nie może być użyty w kontekście {context[1]}"
    return owner, None


def _begin(state, context, identity, method, certificate, code, details):
    polls = state.settings.login_polls
    login = Login(state.reference("AU"), context, identity, method, certificate, code, details, state.now(), polls)
    state.logins[login.reference] = login
    token = state.new_token("operation", login, state.settings.operation_token_life)
    return json_answer({"referenceNumber": login.reference, "authenticationToken": _token(*token)}, 202)


def _end(login):
    login.code = 425
    login.details = ["Uwierzytelnienie i powiązane refresh tokeny zostały unieważnione przez użytkownika"]
    return Answer(204)


def _code(login):
    return 100 if login.polls_left else login.code


def _login_answer(login):
    category, code, name = _METHODS[login.method]
    status = {"code": _code(login), "description": _DESCRIPTIONS[_code(login)]}
    if login.details and not login.polls_left:
        status["details"] = login.details
    answer = {
        "startDate": moment(login.started),
        "authenticationMethod": login.method,
        "authenticationMethodInfo": {"category": category, "code": code, "displayName": name},
        "status": status,
        "isTokenRedeemed": login.redeemed,
    }
    if login.refreshed:
        answer["lastTokenRefreshDate"] = moment(login.refreshed)
    if login.refresh_valid_until:
        answer["refreshTokenValidUntil"] = moment(login.refresh_valid_until)
    return answer


def _token(text, valid_until):
    return {"token": text, "validUntil": moment(valid_until)}
