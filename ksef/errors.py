"""What can go wrong, one type for each thing that a person can do about it.

    KsefError
        FileTooLarge
        PrivateKeyMissing
        NotAPrivateKey
        KeyUnsupported
            CertificateKeyUnsupported
        EncryptionUnsupported
        FormatUnsupported
        PasswordMissing
        PasswordWrong
        CertificateMissing
        NotACertificate
        KeyMismatch
        NotOfflineCertificate
        CertificateExpired
        CertificateNotYetValid
        VaultKeyInvalid
        VaultKeyMissing
        VaultTokenInvalid
        ContextInvalid
        InvoiceUnreadable
        AvailabilityUnknown
        KsefUnreachable
        LostAnswer
        AnswerUnreadable
            AnswerIncomplete
        RateLimited
        RequestRefused
            AccessRefused
                NotLoggedIn
                PermissionMissing
                LoginMethodUnfit
                LoginRefused
                    ContextForbidden
                    LoginCertificateRefused
            NoLongerAvailable
            CertificateLimitReached
            RequestLimitReached
            SessionEnded
            SessionUnavailable
            CorrectionRefused
            UpoMissing
            UploadRefused
        LoginUnfinished
        PublicKeyMissing
        HolderUnfit
        KsefNumberInvalid
        PackageTooLarge

What keeps an invoice from being sealed is told by types of its own, in ``fa3/rules.py``. Each type carries an English
sentence with %(name)s places, see ``sentences``.
"""

from .sentences import Sentence, _

# pylint: disable=prefer-env-translation  # there is no env here


class KsefError(Exception):
    """Base of all errors of this package.

    :cvar sentence: English, for an accountant: what is wrong and what to do next; %(name)s places.
    :ivar about: the input that the error is about ("private_key", "certificate", "password"), if it is about one.
    :ivar values: fills the places of ``sentence``, see ``Sentence``; never holds a secret.
    """

    sentence = _("Something went wrong with KSeF.")
    about = None

    def __init__(self, about: str | None = None, **values: object):
        self.about = about or self.about
        self.values = values
        super().__init__(self.sentence % values)

    @property
    def told(self) -> Sentence:
        """What is wrong and what to do next, to be translated."""
        return Sentence(self.sentence, self.values)


class FileTooLarge(KsefError):
    """A file bigger than any key or certificate; values: limit, with its unit."""

    sentence = _("The file is larger than %(limit)s, so it is not a key or a certificate. Upload another file.")


class PrivateKeyMissing(KsefError):
    """The files can be read, but none holds a private key."""

    sentence = _("There is no private key here. Upload the .key file that belongs to the certificate.")
    about = "private_key"


class NotAPrivateKey(KsefError):
    """A file that is not a private key, or a damaged one."""

    sentence = _(
        "This file is not a private key, or it is damaged. Upload the .key file just as the KSeF application saved it."
    )
    about = "private_key"


class KeyUnsupported(KsefError):
    """A key that KSeF does not accept; values: found, the kind of key, such as "RSA-1024"."""

    sentence = _("KSeF does not accept this key (%(found)s). Request a certificate for an EC P-256 or RSA-2048 key.")
    about = "private_key"


class CertificateKeyUnsupported(KeyUnsupported):
    """The same, told from a certificate."""

    about = "certificate"


class EncryptionUnsupported(KsefError):
    """A private key behind an encryption that cannot, or for its cost must not, be undone here.

    Values: ``found``, the encryption; ``command``, of OpenSSL, that makes a file with another one.
    """

    sentence = _(
        "The private key cannot be opened here: its encryption (%(found)s) is not supported, even if the password is "
        "right. Convert the file with OpenSSL 3 on your own computer and upload the new one: %(command)s (for an old "
        "encryption, add: -provider legacy -provider default)."
    )
    about = "private_key"


class FormatUnsupported(KsefError):
    """Something else than a key or a certificate that can be used; values: found and advice, both sentences."""

    sentence = _("This is %(found)s. %(advice)s")


class PasswordMissing(KsefError):
    """An encrypted key, and no password."""

    sentence = _("The private key is protected. Enter the password that you chose when you requested the certificate.")
    about = "password"


class PasswordWrong(KsefError):
    """A password that does not open the key."""

    sentence = _(
        "The password does not open the private key. Try again; if it is lost, request a new certificate, "
        "because KSeF cannot reset it."
    )
    about = "password"


class CertificateMissing(KsefError):
    """The files can be read, but none holds a certificate."""

    sentence = _("There is no certificate here. Upload the .crt file that belongs to the private key.")
    about = "certificate"


class NotACertificate(KsefError):
    """A file that is not a certificate, or a damaged one."""

    sentence = _("This file is not a certificate, or it is damaged. Download the certificate from KSeF again.")
    about = "certificate"


class KeyMismatch(KsefError):
    """A certificate for another key."""

    sentence = _("The private key and the certificate do not belong together. Upload the two files of one request.")
    about = "certificate"


class NotOfflineCertificate(KsefError):
    """A certificate for logging in, or for something else, where one for offline invoices is needed."""

    sentence = _(
        "This certificate is not made for offline invoices. In KSeF, request one with the purpose "
        "'Podpis linku do weryfikacji wystawcy' (Offline)."
    )
    about = "certificate"


class CertificateExpired(KsefError):
    """Too late; values: date, the last day of the certificate in Poland."""

    sentence = _("The certificate expired on %(date)s. Request a new one in KSeF.")
    about = "certificate"


class CertificateNotYetValid(KsefError):
    """Too early; values: date, the first day of the certificate in Poland."""

    sentence = _("The certificate is valid from %(date)s only. Wait until then, or use another one.")
    about = "certificate"


class VaultKeyInvalid(KsefError):
    """A malformed list of master keys."""

    sentence = _(
        "The list of master keys of the KSeF vault cannot be read: each key must be 32 bytes in base64url. "
        "Check the environment variable, the section of odoo.conf or the key file."
    )


class VaultKeyMissing(KsefError):
    """A token of a master key that is not here; values: fingerprint, of that key."""

    sentence = _(
        "This private key is locked: it was encrypted under the master key %(fingerprint)s, which this server does "
        "not have. Put that key back into the list of master keys."
    )


class VaultTokenInvalid(KsefError):
    """A token that is damaged, or in the wrong record."""

    sentence = _(
        "The stored private key cannot be decrypted: it is damaged, or it was moved here from another record. "
        "Remove the certificate and upload it again."
    )


class ContextInvalid(KsefError):
    """Values: value, as it was entered; example, a sentence that tells what it should be."""

    sentence = _(
        "%(value)s is no identifier of this kind of KSeF context. Enter %(example)s. It becomes part of the issuer's "
        "code (KOD II), which fails with a wrong one."
    )


class InvoiceUnreadable(KsefError):
    """Bytes that are not an FA(3) invoice; values: problem, what is missing or wrong."""

    sentence = _("The invoice's XML cannot be read as FA(3): %(problem)s.")


class AvailabilityUnknown(KsefError):
    sentence = _(
        "Whether KSeF works cannot be read from its availability service (Latarnia) now: %(problem)s. This is not "
        "a failure of KSeF: nothing changes until the ministry announces something. Look at its notices, and enter by "
        "hand what is missing here."
    )


# What KSeF's API can answer, or fail to (ksef/api)


class KsefUnreachable(KsefError):
    """No usable answer, and nothing has changed at KSeF: the same call may be made again."""

    sentence = _("KSeF cannot be reached at %(host)s: %(problem)s. Try again later.")


class LostAnswer(KsefError):
    """The request may have been received and carried out: it must not be sent again before KSeF is asked."""

    sentence = _(
        "A request to KSeF at %(host)s was sent, but its answer was lost: %(problem)s. "
        "KSeF may have received it. Check what KSeF has before you send it again."
    )


class AnswerUnreadable(KsefError):
    """Something answered that does not speak KSeF's language; nothing has changed at KSeF."""

    sentence = _(
        "What answers at %(host)s is not KSeF: %(problem)s. Check the address of KSeF and the proxy of this server."
    )


class AnswerIncomplete(AnswerUnreadable):
    sentence = _(
        "What answers at %(host)s is KSeF or speaks like it, but %(problem)s. Try again later; if it stays so, ask for "
        "an update of this module."
    )


class RateLimited(KsefError):
    """Too many requests; this one was not carried out.

    Value ``retry_after``: seconds that KSeF wants us to wait.
    """

    sentence = _("KSeF takes no more requests for now. Try again in %(retry_after)s seconds.")

    @property
    def retry_after(self) -> float:
        return self.values["retry_after"]


class RequestRefused(KsefError):
    """KSeF understood the request and refused it; nothing has changed at KSeF.

    Values: ``code``, KSeF's own (int), or the HTTP status or the reason code (str) where it has none; ``codes``, all
    of them; ``reason``, KSeF's own sentence, in Polish; ``trace``, what KSeF's support asks for.
    """

    sentence = _("KSeF refused the request: %(reason)s (code %(code)s).")

    @property
    def code(self) -> int | str:
        return self.values["code"]

    @property
    def codes(self) -> tuple[int | str, ...]:
        return self.values["codes"]


class AccessRefused(RequestRefused):
    """Who has logged in, or tries to, may not do this, whatever it is about."""


class NotLoggedIn(AccessRefused):
    sentence = _("KSeF does not accept the login: %(reason)s. Log in to KSeF again.")


class PermissionMissing(AccessRefused):
    sentence = _(
        "The holder of the authentication certificate may not do this in KSeF: %(reason)s (%(code)s). "
        "Grant the permission in KSeF's taxpayer application."
    )


class NoLongerAvailable(RequestRefused):
    sentence = _("KSeF does not keep this any longer: %(reason)s.")


class LoginMethodUnfit(AccessRefused):
    sentence = _(
        "KSeF gives certificates only to who has logged in with a certificate or a qualified signature: %(reason)s "
        "(code %(code)s). Log in with an authentication certificate instead of a token."
    )


class CertificateLimitReached(RequestRefused):
    sentence = _(
        "KSeF gives this holder no more certificates: %(reason)s (code %(code)s). Revoke one that is not used any more."
    )


class RequestLimitReached(RequestRefused):
    sentence = _(
        "KSeF takes no more requests for certificates from this holder: %(reason)s (code %(code)s). It counts all "
        "requests of the last 30 days, whatever became of them: wait until the oldest of them is 30 days old."
    )


class LoginRefused(AccessRefused):
    sentence = _("KSeF refused the login: %(reason)s (code %(code)s).")


class ContextForbidden(LoginRefused):
    sentence = _(
        "The holder of the authentication certificate has no permission in KSeF for this company: %(reason)s "
        "(code %(code)s). Grant a permission in KSeF's taxpayer application, or use another certificate."
    )


class LoginCertificateRefused(LoginRefused):
    sentence = _(
        "KSeF does not accept the authentication certificate: %(reason)s (code %(code)s). "
        "Upload one that is valid and not revoked."
    )


class LoginUnfinished(KsefError):
    sentence = _("KSeF is still checking the login after %(seconds)s seconds. Try again later.")


class PublicKeyMissing(KsefError):
    sentence = _("KSeF offers no valid public key for %(usage)s at the moment. Try again later.")


class HolderUnfit(KsefError):
    """Data of KSeF's about the holder that no request for a certificate can have."""

    sentence = _(
        "What KSeF tells of the holder of the login fits into no request for a certificate: %(problem)s. Request the "
        "certificate in KSeF's own application, and upload it here."
    )


class KsefNumberInvalid(KsefError):
    sentence = _("%(number)s is not a KSeF number: its length, its form or its checksum is wrong.")


# Sessions with KSeF


class SessionEnded(RequestRefused):
    """Closed, cancelled, too old or full; what the request carried has not been received."""

    sentence = _("This session with KSeF takes nothing more: %(reason)s (code %(code)s). Send with a new one.")


class SessionUnavailable(RequestRefused):
    """KSeF does not find the session, now or ever; KSeF's own fault more often than not."""

    sentence = _(
        "KSeF cannot go on with this session now: %(reason)s (code %(code)s). Try again later, or send with a new one."
    )


class CorrectionRefused(RequestRefused):
    """A technical correction of an invoice that needs none."""

    sentence = _(
        "KSeF takes no technical correction of this invoice: %(reason)s (code %(code)s). "
        "KSeF has accepted it, or a correction of it, before: look up its KSeF number."
    )


class UpoMissing(RequestRefused):
    sentence = _(
        "KSeF has no official confirmation of receipt (UPO) of this invoice: %(reason)s. It comes a while after the "
        "KSeF number, and never for an invoice that was rejected."
    )


class PackageTooLarge(KsefError):
    """Values: limit, with its unit."""

    sentence = _("The invoices make a package of more than %(limit)s, which KSeF does not take. Send fewer at once.")


class UploadRefused(RequestRefused):
    """The storage beside KSeF's API did not take a part of a package; its codes are those of HTTP."""

    sentence = _(
        "KSeF's storage refused a part of the package: %(reason)s (code %(code)s). "
        "Send the invoices with a new session."
    )
