"""Errors of KSeF that only Odoo's side meets: they take its records, or what it has kept, to know."""

from ..ksef.errors import KsefError
from ..ksef.sentences import _

# pylint: disable=prefer-env-translation  # the errors are translated where they are shown


class LoginCertificateMissing(KsefError):
    """KSeF cannot be asked at all; values: company."""

    sentence = _(
        "%(company)s has no authentication certificate with a private key, so KSeF cannot be asked. Set one in the "
        "settings of invoicing, under Allow KSeF integration."
    )


class OtherEnvironment(KsefError):
    """A certificate of production in a database that works with the test environment, or the like."""

    sentence = _(
        "This certificate is of another environment of KSeF than the one this database works with, so KSeF cannot be "
        "asked about it."
    )


class NotListed(KsefError):
    """KSeF answers, but does not know the certificate for this login."""

    sentence = _(
        "KSeF does not list this certificate for the holder of the company's authentication certificate. It may "
        "belong to another person: it can be used, but its status can only be asked with that person's login."
    )


class RequestNotFound(KsefError):
    """A request for a certificate whose answer was lost, and which KSeF does not know."""

    sentence = _(
        "KSeF does not know of this request for a certificate yet. Press Update status again in some minutes; if "
        "this goes on, remove it and request the certificate again."
    )


class SessionFailed(KsefError):
    """KSeF could do nothing with all that a session has carried. Values: ``code``, ``reason``, of the session."""

    sentence = _(
        "KSeF could not work on what was sent: %(reason)s (code %(code)s). It is sent again by itself; if this goes "
        "on, send KSeF's words to whoever looks after your Odoo."
    )


class Unexpected(KsefError):
    """A mistake of the program's own."""

    sentence = _("An unexpected error; the log of the server tells more. It is tried again by itself.")
