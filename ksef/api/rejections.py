"""What it means that KSeF rejected an invoice, and what can be done: by the code of its status.

Source: the statuses of an invoice in the API's description; ``faktury/weryfikacja-faktury.md`` and
``offline/korekta-techniczna.md`` of the ministry's API documentation.
"""

from dataclasses import dataclass

from ..errors import _
from .transport import Code

# pylint: disable=prefer-env-translation  # there is no env here

PERMISSION, ATTACHMENT, STRUCTURE, DUPLICATE, CONTENT = 410, 415, 430, 440, 450


@dataclass(frozen=True)
class Rejection:
    """:ivar str meaning: a sentence for an accountant, English
    :ivar str advice: what to do next, likewise
    :ivar bool correctable: whether the law allows a technical correction (a new file, the same business content)
    :ivar bool resendable: whether the same bytes may be sent again once the cause is fixed
    :ivar bool maybe_in_ksef: whether KSeF may have this very invoice, as another file
    """

    meaning: str
    advice: str
    correctable: bool = False
    resendable: bool = False
    maybe_in_ksef: bool = False


_CORRECT = _("Have the cause fixed, then make a technical correction: a new file with the same business content.")
_LOOK_UP = _("Look up its KSeF number in KSeF's taxpayer application, then press 'Already in KSeF' and enter it.")
_REJECTIONS = {
    PERMISSION: Rejection(
        _("The company's login may not issue this invoice in KSeF."),
        _("Grant the permission to issue invoices in KSeF's taxpayer application, then send the same file again."),
        resendable=True,
    ),
    ATTACHMENT: Rejection(_("The invoice has an attachment that KSeF does not allow."), _CORRECT, correctable=True),
    STRUCTURE: Rejection(_("The file does not fit the structure FA(3) or KSeF's rules for files."), _CORRECT, True),
    DUPLICATE: Rejection(
        _("KSeF already has an invoice of this seller with the same number and of the same kind."),
        _(
            "If it is this very invoice, sent in another way, press 'Already in KSeF', which compares both. If it is "
            "another one, such as another program's, the number was used twice, and no new file with this number can "
            "help: withdraw this document if the buyer has no copy, and give the invoice another number; else ask your "
            "tax adviser."
        ),
        maybe_in_ksef=True,
    ),
    CONTENT: Rejection(_("What the invoice says contradicts KSeF's rules."), _CORRECT, correctable=True),
    Code.CORRECTED_BEFORE: Rejection(
        _("KSeF has already accepted a technical correction of this invoice."),
        _LOOK_UP,
        maybe_in_ksef=True,
    ),
    Code.ACCEPTED_BEFORE: Rejection(
        _("KSeF has already accepted the invoice that this file corrects."),
        _LOOK_UP,
        maybe_in_ksef=True,
    ),
}
_OTHER = Rejection(
    _("KSeF did not take the file."),
    _("Read KSeF's own words. Send the same file again or, if it is the file that is wrong, correct it technically."),
    correctable=True,
    resendable=True,
)

# Lower ones are those of HTTP.
_FIRST_OWN_CODE = 9000
# The invoice itself was not judged: the same bytes go again, with a new session.
CANCELLED_WITH_SESSION, UNDECRYPTABLE, FAILED, CANCELLED = 405, 435, 500, 550
RETRIABLE = frozenset({CANCELLED_WITH_SESSION, UNDECRYPTABLE, FAILED, CANCELLED})


def rejection_of(code):
    """Return the ``Rejection`` of a code (int)."""
    return _REJECTIONS.get(code, _OTHER)


def judges_invoice(code):
    """Tell whether a refusal to receive an invoice is about its file, by the code (int or str).

    What has another code than KSeF's own was refused on its way: by a gateway, or for the length of the request.
    """
    return isinstance(code, int) and code >= _FIRST_OWN_CODE
