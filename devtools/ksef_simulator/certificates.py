"""/certificates and /security: requests for certificates, the register, and KSeF's own public keys."""

import base64
import binascii
import re
import secrets

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID

from .issuing import SUFFIXES
from .messages import Answer, Denial, Refusal, json_answer, moment, parse_moment
from .routing import Routes
from .state import Enrollment, KsefCertificate

routes = Routes()

_TYPES = ("Authentication", "Offline")
_STATUSES = ("Active", "Blocked", "Revoked", "Expired")
_REASONS = ("Unspecified", "Superseded", "KeyCompromise")
_NAME = r"[a-zA-Z0-9_\- ąćęłńóśźżĄĆĘŁŃÓŚŹŻ]{5,100}"
_SERIAL = r"[0-9A-F]{16}"
# What enrollment data calls an attribute of the subject
_ATTRIBUTES = {
    "commonName": NameOID.COMMON_NAME,
    "countryName": NameOID.COUNTRY_NAME,
    "givenName": NameOID.GIVEN_NAME,
    "surname": NameOID.SURNAME,
    "serialNumber": NameOID.SERIAL_NUMBER,
    "uniqueIdentifier": NameOID.X500_UNIQUE_IDENTIFIER,
    "organizationName": NameOID.ORGANIZATION_NAME,
    "organizationIdentifier": NameOID.ORGANIZATION_IDENTIFIER,
}
_STRING_TYPES = (_ASN1Type.UTF8String, _ASN1Type.PrintableString)
_ENROLLMENT_DESCRIPTIONS = {
    100: "Wniosek przyjęty do realizacji",
    200: "Wniosek obsłużony (certyfikat wygenerowany)",
    400: "Wniosek odrzucony",
}


@routes.add("GET", "/security/public-key-certificates", token=(), group="anonymous")
def public_key_certificates(state, request):
    keys = [
        {
            "certificate": _base64_der(key.certificate),
            "certificateId": key.certificate_id(),
            "publicKeyId": key.public_key_id(),
            "validFrom": moment(key.certificate.not_valid_before_utc),
            "validTo": moment(key.certificate.not_valid_after_utc),
            "usage": [key.usage],
        }
        for key in state.service_keys()
    ]
    return json_answer(keys)


@routes.add("GET", "/certificates/limits")
def limits(state, request):
    enrollments, certificates = _limits(state, request.login.identity)
    used = len(_enrollments_of(state, request.login.identity))
    active = len(_active_certificates_of(state, request.login.identity))
    answer = {
        "canRequest": used < enrollments and active < certificates and request.login.method != "Token",
        "enrollment": {"remaining": max(0, enrollments - used), "limit": enrollments},
        "certificate": {"remaining": max(0, certificates - active), "limit": certificates},
    }
    return json_answer(answer)


@routes.add("GET", "/certificates/enrollments/data")
def enrollment_data(state, request):
    _require_certificate(request.login, 25001)
    subject = _prescribed_subject(request.login)
    # One value for each name, as the description of the API has it, though there may be several given names.
    answer = {
        name: " ".join(value for found, value in subject if found == oid)
        for name, oid in _ATTRIBUTES.items()
        if oid in dict(subject)
    }
    return json_answer(answer)


@routes.add("POST", "/certificates/enrollments")
def enroll(state, request):
    _require_certificate(request.login, 25002)
    body = request.json(("certificateName", "certificateType", "csr"), ("validFrom",))
    if not re.fullmatch(_NAME, str(body["certificateName"])):
        raise Refusal(21405, "certificateName: od 5 do 100 liter, cyfr, spacji, myślników i podkreśleń.")
    _require_one_of("certificateType", body["certificateType"], _TYPES)
    valid_from = parse_moment(body["validFrom"], "validFrom") if body.get("validFrom") else None
    csr = _read_csr(body["csr"])
    if sorted(_pairs(csr.subject)) != sorted(_as_returned(_prescribed_subject(request.login))):
        raise Refusal(25003)
    identity, now = request.login.identity, state.now()
    max_enrollments, max_certificates = _limits(state, identity)
    if len(_enrollments_of(state, identity)) >= max_enrollments:
        raise Refusal(25006)
    if len(_active_certificates_of(state, identity)) >= max_certificates:
        raise Refusal(25007)
    enrollment = Enrollment(
        state.reference("EH"),
        identity,
        body["certificateName"],
        body["certificateType"],
        csr,
        valid_from,
        now,
        state.settings.enrollment_polls,
    )
    state.enrollments[enrollment.reference] = enrollment
    return json_answer({"referenceNumber": enrollment.reference, "timestamp": moment(now)}, 202)


@routes.add("GET", "/certificates/enrollments/{reference}")
def enrollment_status(state, request):
    enrollment = state.enrollments.get(request.params["reference"])
    if not enrollment or enrollment.identity != request.login.identity:
        raise Refusal(25005)
    if state.now() - enrollment.requested > state.settings.enrollment_kept:
        raise Denial(410, "Operacja wygasła i nie jest już dostępna.")
    if enrollment.polls_left:
        enrollment.polls_left -= 1
    elif enrollment.code == 100:
        _issue(state, enrollment)
    status = {"code": enrollment.code, "description": _ENROLLMENT_DESCRIPTIONS[enrollment.code]}
    if enrollment.details:
        status["details"] = enrollment.details
    answer = {"requestDate": moment(enrollment.requested), "status": status}
    if enrollment.serial:
        answer["certificateSerialNumber"] = enrollment.serial
    return json_answer(answer)


@routes.add("POST", "/certificates/retrieve")
def retrieve(state, request):
    serials = request.json(("certificateSerialNumbers",))["certificateSerialNumbers"]
    if not isinstance(serials, list) or not 1 <= len(serials) <= 10:
        raise Refusal(21405, "certificateSerialNumbers: od 1 do 10 numerów seryjnych.")
    for serial in serials:
        _require_serial(serial)
    found = [
        {
            "certificate": _base64_der(record.certificate),
            "certificateName": record.name,
            "certificateSerialNumber": record.serial,
            "certificateType": record.type,
        }
        for record in (state.certificates.get(serial) for serial in serials)
        if record and record.identity == request.login.identity
    ]
    return json_answer({"certificates": found})


@routes.add("POST", "/certificates/query")
def query(state, request):
    wanted = request.json((), ("certificateSerialNumber", "name", "type", "status", "expiresAfter"))
    size = _page_number(request, "pageSize", 10, 10, 50)
    offset = _page_number(request, "pageOffset", 0, 0, None)
    if wanted.get("certificateSerialNumber") is not None:
        _require_serial(wanted["certificateSerialNumber"])
    for name, known in (("type", _TYPES), ("status", _STATUSES)):
        if wanted.get(name) is not None:
            _require_one_of(name, wanted[name], known)
    expires_after = parse_moment(wanted["expiresAfter"], "expiresAfter") if wanted.get("expiresAfter") else None
    now = state.now()
    found = [
        record
        for record in reversed(state.certificates.values())
        if record.identity == request.login.identity
        and wanted.get("certificateSerialNumber") in (None, record.serial)
        and (wanted.get("name") or "") in record.name
        and wanted.get("type") in (None, record.type)
        and wanted.get("status") in (None, record.status(now))
        and (expires_after is None or record.certificate.not_valid_after_utc > expires_after)
    ]
    found.sort(key=lambda record: record.requested, reverse=True)
    page = found[offset * size : (offset + 1) * size]
    items = [_list_item(record, now) for record in page]
    return json_answer({"certificates": items, "hasMore": len(found) > (offset + 1) * size})


@routes.add("POST", "/certificates/{serial}/revoke")
def revoke(state, request):
    if request.login.method == "Token":
        raise Denial(
            403,
            "Ta operacja nie jest dostępna dla użytej metody uwierzytelnienia.",
            reasonCode="auth-method-not-allowed",
            security={"authenticationMethodCategory": "Token"},
        )
    _require_serial(request.params["serial"])
    body = request.json((), ("revocationReason",)) if request.body else {}
    if body.get("revocationReason") is not None:
        _require_one_of("revocationReason", body["revocationReason"], _REASONS)
    record = state.certificates.get(request.params["serial"])
    if not record or record.identity != request.login.identity:
        raise Refusal(25008)
    if record.status(state.now()) != "Active":
        raise Refusal(25009)
    record.ended = "Revoked"
    return Answer(204)


def _issue(state, enrollment):
    key = _spki(enrollment.csr.public_key())
    holders = {r.identity for r in state.certificates.values() if _spki(r.certificate.public_key()) == key}
    if holders - {enrollment.identity}:
        enrollment.code = 400
        enrollment.details = ["Klucz publiczny został już certyfikowany przez inny podmiot."]
        return
    if len(_active_certificates_of(state, enrollment.identity)) >= _limits(state, enrollment.identity)[1]:
        enrollment.code = 400
        enrollment.details = ["Osiągnięto dopuszczalny limit posiadanych certyfikatów."]
        return
    valid_from = (enrollment.valid_from or state.now()).replace(microsecond=0)
    serial_number = secrets.randbits(63) | 1
    certificate = state.authority.certify(
        enrollment.csr,
        enrollment.type,
        serial_number,
        valid_from,
        valid_from + state.settings.certificate_life,
    )
    serial = f"{serial_number:016X}"
    state.certificates[serial] = KsefCertificate(
        serial, enrollment.name, enrollment.type, enrollment.identity, certificate, enrollment.requested
    )
    enrollment.code, enrollment.serial = 200, serial


def _read_csr(text):
    """Return the request (x509), whose key and signature are of an allowed kind, and whose signature holds."""
    try:
        csr = x509.load_der_x509_csr(base64.b64decode(text, validate=True))
        key = csr.public_key()
    except (TypeError, binascii.Error, ValueError, UnsupportedAlgorithm):
        raise Refusal(25004) from None
    is_rsa_2048 = isinstance(key, rsa.RSAPublicKey) and key.key_size == 2048
    is_p256 = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    if not is_rsa_2048 and not is_p256:
        raise Refusal(25010)
    _check_csr_signature(csr)
    for attribute in csr.subject:
        if attribute._type not in _STRING_TYPES or (
            attribute._type == _ASN1Type.PrintableString and not attribute.value.isascii()
        ):
            raise Refusal(25004)
    return csr


def _check_csr_signature(csr):
    try:
        algorithm = csr.signature_hash_algorithm
    except UnsupportedAlgorithm:
        algorithm = None
    if not isinstance(algorithm, (hashes.SHA1, hashes.SHA256, hashes.SHA384, hashes.SHA512)):
        raise Refusal(25011)
    try:
        holds = csr.is_signature_valid
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        holds = False
    if not holds:
        raise Refusal(25004)


def _prescribed_subject(login):
    """Return [(OID, value)] of the subject that a request of this login must have."""
    return [
        (oid, _without_suffix(value) if oid == NameOID.COMMON_NAME else value)
        for oid, value in _pairs(login.certificate.subject, as_oid=True)
        if oid in _ATTRIBUTES.values()
    ]


def _as_returned(subject):
    """Return [(dotted OID, value)] as a client that takes over the enrollment data writes them."""
    joined = {}
    for oid, value in subject:
        joined[oid.dotted_string] = " ".join(filter(None, (joined.get(oid.dotted_string), value)))
    return list(joined.items())


def _without_suffix(common_name):
    for suffix in SUFFIXES.values():
        common_name = common_name.removesuffix(suffix)
    return common_name


def _pairs(subject, as_oid=False):
    return [(item.oid if as_oid else item.oid.dotted_string, item.value) for item in subject]


def _require_certificate(login, code):
    if login.method == "Token":
        raise Refusal(code)


def _require_one_of(name, value, known):
    if value not in known:
        raise Refusal(21405, f"{name}: dozwolone wartości to {', '.join(known)}.")


def _require_serial(value):
    if not isinstance(value, str) or not re.fullmatch(_SERIAL, value):
        raise Refusal(21405, "Numer seryjny certyfikatu musi mieć 16 znaków 0-9, A-F.")


def _page_number(request, name, default, lowest, highest):
    text = request.query.get(name, str(default))
    if not text.isdigit() or int(text) < lowest or (highest is not None and int(text) > highest):
        raise Refusal(21405, f"{name} poza zakresem.")
    return int(text)


def _limits(state, identity):
    return state.settings.certificate_limits[identity[0]]


def _enrollments_of(state, identity):
    return [enrollment for enrollment in state.enrollments.values() if enrollment.identity == identity]


def _active_certificates_of(state, identity):
    now = state.now()
    return [r for r in state.certificates.values() if r.identity == identity and r.status(now) == "Active"]


def _list_item(record, now):
    subject = record.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    item = {
        "certificateSerialNumber": record.serial,
        "name": record.name,
        "type": record.type,
        "commonName": subject[0].value,
        "status": record.status(now),
        "subjectIdentifier": {"type": record.identity[0], "value": record.identity[1]},
        "validFrom": moment(record.certificate.not_valid_before_utc),
        "validTo": moment(record.certificate.not_valid_after_utc),
        "requestDate": moment(record.requested),
    }
    if record.last_used:
        item["lastUseDate"] = moment(record.last_used)
    return item


def _spki(public_key):
    return public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _base64_der(certificate):
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
