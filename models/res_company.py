import os

from stdnum.pl import nip

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..ksef.api import client as ksef_api
from ..ksef.codes import contexts
from ..ksef.errors import ContextInvalid
from ..tools.errors import OtherEnvironment
from ..tools.translation import translated, user_error

# Where a KSeF simulator listens; heeded by no database that works with KSeF's production
SIMULATOR_VARIABLE = "L10N_PL_KSEF_API_URL"


class ResCompany(models.Model):
    _inherit = "res.company"

    l10n_pl_ksef_context_type = fields.Selection(
        [
            ("Nip", "NIP"),
            ("InternalId", "Internal identifier"),
            ("NipVatUe", "NIP and EU VAT number"),
            ("PeppolId", "Peppol"),
        ],
        "KSeF Context",
        default="Nip",
        required=True,
        help="In which context the company acts in KSeF. It is part of KOD II and may differ from the seller's NIP.",
    )
    l10n_pl_ksef_context_value = fields.Char("KSeF Context Identifier", help="If empty: the company's own NIP.")
    l10n_pl_ksef_responsible_id = fields.Many2one(
        "res.users",
        "Responsible for KSeF",
        help="Is reminded before a certificate expires. If empty: the user who added the certificate.",
    )
    l10n_pl_ksef_offline_by_itself = fields.Boolean(
        "Issue Offline Automatically",
        help="An invoice that is being sent while KSeF is unreachable is issued offline at once.",
    )
    l10n_pl_ksef_own_file = fields.Boolean(
        "Send the Checked File",
        default=True,
        help="What is sent to KSeF online is the same complete and checked file as of an invoice issued offline. "
        "Otherwise Odoo's own file goes there, unchecked.",
    )
    l10n_pl_ksef_mail_numbered_copy = fields.Boolean(
        "Send the Copy with the KSeF Number",
        help="To buyers under art. 106gb(4) of the VAT Act that have the offline copy, once there is a KSeF number.",
    )

    def _l10n_pl_ksef_nip(self):
        """Return the company's NIP (ten digits), or an empty str if its tax number is not a Polish one."""
        self.ensure_one()
        number = nip.compact(self.vat or "")
        return number if nip.is_valid(number) else ""

    @api.constrains("l10n_pl_ksef_context_type", "l10n_pl_ksef_context_value")
    def _check_l10n_pl_ksef_context(self):
        """Write the identifier as KSeF does, or refuse it."""
        for company in self:
            value = company.l10n_pl_ksef_context_value
            if not value and company.l10n_pl_ksef_context_type == "Nip":
                continue
            try:
                right = contexts.put_right(company.l10n_pl_ksef_context_type, value or "")
            except ContextInvalid as error:
                raise ValidationError(translated(self.env, error)) from error
            if right != value:
                company.l10n_pl_ksef_context_value = right

    def _l10n_pl_ksef_context(self, seller_nip):
        """Return the context that KOD II names, (type, value).

        :raises UserError: its identifier was entered before it was checked, and is none
        """
        self.ensure_one()
        kind, value = self.l10n_pl_ksef_context_type, self.l10n_pl_ksef_context_value
        if not value and kind == "Nip":
            return kind, seller_nip
        try:
            return kind, contexts.put_right(kind, value or "")
        except ContextInvalid as error:
            raise user_error(self.env, error) from error

    def _l10n_pl_ksef_client(self, environment, before_request=None):
        """Return a client (``ksef.api.client.Client``, a context manager) that acts in KSeF for this company.

        :param str environment: which KSeF is meant
        :param before_request: see ``ksef.api.client.Client``
        :raises OtherEnvironment: this database works with another one
        :raises LoginCertificateMissing: there is nothing to log in with
        """
        self.ensure_one()
        own = self.env["account.move"]._l10n_pl_ksef_environment()
        if environment != own:
            raise OtherEnvironment()
        url = ksef_api.HOSTS[environment]
        if environment != "production":
            url = os.environ.get(SIMULATOR_VARIABLE) or url
        return ksef_api.Client(url, self._l10n_pl_ksef_challenge_signer(), before_request=before_request)

    def _l10n_pl_ksef_lang(self):
        """Return the language (code) for words that nobody in particular asked for, such as the worker's."""
        self.ensure_one()
        installed = dict(self.env["res.lang"].get_installed())
        candidates = (self.l10n_pl_ksef_responsible_id.lang, "pl_PL", self.partner_id.lang)
        return next((lang for lang in candidates if lang in installed), self.env.lang)
