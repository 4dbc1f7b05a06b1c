"""Certificates of KSeF: limits, requesting one, fetching it, what KSeF keeps about it, revoking it.

Source: ``certyfikaty-KSeF.md`` of the ministry's API documentation. All moments are aware and in UTC.
"""

import base64
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from ..errors import HolderUnfit
from ..keys.enrollment import SubjectData
from ..sentences import Sentence, _
from .login import Login
from .types import code_of, moment, moment_or_none, sentence_of

# pylint: disable=prefer-env-translation  # there is no env here

MAX_CERTIFICATES_AT_ONCE = 10
MAX_DAYS_AHEAD = 90  # of the first moment of a certificate that is asked for
COUNTED_DAYS = 30  # in which KSeF counts the requests of a holder, whatever became of them
_PAGE_SIZE = 50


class EnrollmentCode(IntEnum):
    """Of the status of a request for a certificate. Others are failures of KSeF's own."""

    PENDING = 100
    ISSUED = 200
    REFUSED = 400


@dataclass(frozen=True)
class CertificateLimits:
    """How many certificates the holder may still ask for and have."""

    can_request: bool
    enrollments_left: int
    enrollments: int
    certificates_left: int
    certificates: int


@dataclass(frozen=True)
class Enrollment:
    """A request for a certificate.

    :ivar int code: see ``EnrollmentCode``
    :ivar str reason: KSeF's sentence
    :ivar serial: of the certificate (16 upper-case hex digits), None until issued
    """

    code: int
    reason: str
    serial: str | None
    requested_at: datetime


@dataclass(frozen=True)
class Certificate:
    """A certificate that KSeF has issued. ``der``: bytes; ``type``: "Authentication" or "Offline"."""

    serial: str
    name: str
    type: str
    der: bytes = field(repr=False)


@dataclass(frozen=True)
class CertificateRecord:
    """What KSeF keeps about a certificate.

    :ivar str status: "Active", "Blocked", "Revoked", "Expired"
    :ivar holder: (type, value), type is "Nip", "Pesel" or "Fingerprint"
    """

    serial: str
    name: str
    status: str
    holder: tuple
    requested_at: datetime
    valid_from: datetime
    last_used_at: datetime | None


# What to do about a request that failed, by KSeF's code; of 400 the words tell which of two reasons it was.
_REMEDIES = {
    25003: _(
        "The holder's data have changed since they were read: request it again. If that does not help, request the "
        "certificate in KSeF's own application, and add its two files here."
    ),
    400: _("Request it again: a new private key is made each time."),
    500: _("KSeF itself failed: request it again later. Each request counts for 30 days."),
    550: _("KSeF cancelled it on its side: request it again. Each request counts for 30 days."),
}
_LIMIT_REMEDY = _(
    "The holder has as many certificates as KSeF allows: revoke one that is not used any more, and ask again."
)
_OTHER_REMEDY = _(
    "This cannot be put right from here: request the certificate in KSeF's own application, and add its two files here."
)


def remedy(code: int | str, reason: str) -> Sentence:
    """Tell what can be done about a request for a certificate that KSeF has refused.

    :param code: of the status of the request, or of the refusal.
    :param reason: KSeF's own words.
    """
    if code == EnrollmentCode.REFUSED and "limit" in reason.lower():
        return Sentence(_LIMIT_REMEDY)
    return Sentence(_REMEDIES.get(code, _OTHER_REMEDY))


class Certificates(Login):
    """The calls about certificates."""

    def certificate_limits(self):
        """Return the ``CertificateLimits`` of the holder."""
        return self._call("GET", "/certificates/limits", _certificate_limits)

    def enrollment_data(self):
        """Return the ``SubjectData`` that a request for a certificate must have.

        :raises LoginMethodUnfit: the login was not by certificate or signature
        :raises HolderUnfit: KSeF prescribes an attribute that is not known here, and refuses a request without it
        """
        return self._call("GET", "/certificates/enrollments/data", _subject_data)

    def enroll(self, name, certificate_type, csr, valid_from=None):
        """Ask for a certificate and return the reference number of the request (str).

        :param str name: 5 to 100 letters, digits, spaces, hyphens and underscores
        :param str certificate_type: "Authentication" or "Offline"
        :param bytes csr: PKCS#10, DER, see ``enrollment.build_csr``
        :param datetime valid_from: aware; at once if None
        :raises LoginMethodUnfit, CertificateLimitReached, RequestLimitReached, RequestRefused: see there
        """
        request = {
            "certificateName": name,
            "certificateType": certificate_type,
            "csr": base64.b64encode(csr).decode(),
        }
        if valid_from:
            request["validFrom"] = valid_from.isoformat()
        return self._call("POST", "/certificates/enrollments", lambda body: body["referenceNumber"], json=request)

    def enrollment(self, reference):
        """Return the ``Enrollment`` of a reference number; KSeF keeps it for 30 days.

        :raises NoLongerAvailable, RequestRefused: see there
        """
        return self._call("GET", f"/certificates/enrollments/{reference}", _enrollment)

    def certificates(self, serials):
        """Return the issued certificates, [``Certificate``]; one that KSeF does not know is left out.

        :param serials: 16 upper-case hex digits each
        """
        found = []
        for start in range(0, len(serials), MAX_CERTIFICATES_AT_ONCE):
            found += self._call(
                "POST",
                "/certificates/retrieve",
                lambda body: [_certificate(item) for item in body["certificates"]],
                json={"certificateSerialNumbers": serials[start : start + MAX_CERTIFICATES_AT_ONCE]},
                repeatable=True,
            )
        return found

    def certificate_records(self, **criteria):
        """Yield the ``CertificateRecord`` of each certificate of the holder, the latest request first.

        :param criteria: ``certificateSerialNumber``, ``name`` (a part of it), ``type``, ``status``, ``expiresAfter``
            (ISO 8601), as KSeF names them
        """
        page, has_more = 0, True
        while has_more:
            records, has_more = self._call(
                "POST",
                "/certificates/query",
                lambda body: ([_certificate_record(item) for item in body["certificates"]], body["hasMore"]),
                params={"pageSize": _PAGE_SIZE, "pageOffset": page},
                json=criteria,
                repeatable=True,
            )
            yield from records
            page += 1

    def revoke_certificate(self, serial, reason="Unspecified"):
        """Revoke a certificate; this cannot be undone.

        :param str reason: "Unspecified", "Superseded" or "KeyCompromise"
        :raises RequestRefused: 25008, there is no such certificate; 25009, it is not active any more
        """
        # Repeatable: the second time KSeF only says that the certificate is revoked.
        self._call("POST", f"/certificates/{serial}/revoke", json={"revocationReason": reason}, repeatable=True)


def _certificate_limits(body):
    enrollment, certificate = body["enrollment"], body["certificate"]
    return CertificateLimits(
        body["canRequest"],
        enrollment["remaining"],
        enrollment["limit"],
        certificate["remaining"],
        certificate["limit"],
    )


_ATTRIBUTES = {
    "commonName",
    "countryName",
    "givenName",
    "surname",
    "serialNumber",
    "uniqueIdentifier",
    "organizationName",
    "organizationIdentifier",
}


def _subject_data(body):
    # The description of the API has one text, the documentation says that there may be a list.
    given_names = body.get("givenName") or ()
    subject = SubjectData(
        common_name=body["commonName"],
        country_name=body["countryName"],
        given_names=(given_names,) if isinstance(given_names, str) else tuple(given_names),
        surname=body.get("surname"),
        serial_number=body.get("serialNumber"),
        unique_identifier=body.get("uniqueIdentifier"),
        organization_name=body.get("organizationName"),
        organization_identifier=body.get("organizationIdentifier"),
    )
    if unknown := [name for name, value in body.items() if value and name not in _ATTRIBUTES]:
        attributes = ", ".join(sorted(unknown))
        problem = Sentence(_("it prescribes %(attributes)s, not known here"), {"attributes": attributes})
        raise HolderUnfit(problem=problem)
    return subject


def _enrollment(body):
    status = body["status"]
    return Enrollment(
        code_of(status), sentence_of(status), body.get("certificateSerialNumber"), moment(body["requestDate"])
    )


def _certificate(body):
    return Certificate(
        serial=body["certificateSerialNumber"],
        name=body["certificateName"],
        type=body["certificateType"],
        der=base64.b64decode(body["certificate"]),
    )


def _certificate_record(body):
    holder = body["subjectIdentifier"]
    return CertificateRecord(
        serial=body["certificateSerialNumber"],
        name=body["name"],
        status=body["status"],
        holder=(holder["type"], holder["value"]),
        requested_at=moment(body["requestDate"]),
        valid_from=moment(body["validFrom"]),
        last_used_at=moment_or_none(body.get("lastUseDate")),
    )
