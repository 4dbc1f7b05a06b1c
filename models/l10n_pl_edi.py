"""The seam to Odoo's own ``l10n_pl_edi``: every name of it that this addon touches is touched in this file."""

from base64 import b64decode

from cryptography.hazmat.primitives import serialization

from odoo import api, models

from odoo.addons.l10n_pl_edi.tools.xades_signer import XadesSigner

from ..ksef import fa3, links
from ..ksef.errors import LoginCertificateMissing
from ..ksef.fa3_facts import Reference

_ENVIRONMENT_OF_MODE = {"prod": "production", "demo": "demo"}


class AccountMove(models.Model):
    _inherit = "account.move"

    @api.model
    def _l10n_pl_ksef_environment(self):
        """Return the KSeF environment ("production", "demo" or "test") that this database works with."""
        mode = self.env["ir.config_parameter"].sudo().get_param("l10n_pl_edi_ksef.mode") or "prod"
        return _ENVIRONMENT_OF_MODE.get(mode, "test")

    def _l10n_pl_ksef_render_fa3(self):
        """Return a new FA(3) XML of this invoice (bytes, UTF-8), as Odoo renders it."""
        return self._l10n_pl_edi_render_xml().encode()

    def _l10n_pl_edi_render_xml(self):
        # A sealed invoice is never rendered again: whoever asks gets what was sealed.
        if document := self.l10n_pl_ksef_document_id:
            return document._xml_bytes().decode()
        return super()._l10n_pl_edi_render_xml()

    def _l10n_pl_ksef_sent_online(self):
        """Tell whether Odoo has sent this invoice to KSeF, with whatever outcome."""
        return bool(self.l10n_pl_edi_status)

    @api.model
    def _l10n_pl_ksef_schema_path(self):
        """Return where the ministry's FA(3) schema is."""
        return "l10n_pl_edi/data/fa3_schema.xsd"

    def _l10n_pl_ksef_reference(self):
        """Return this invoice as another one names it, a ``fa3_facts.Reference``."""
        number = self._l10n_pl_ksef_number()
        if number:
            state = "accepted"
        elif self.l10n_pl_edi_status in ("sent", "rejected"):
            state = self.l10n_pl_edi_status
        else:
            state = "sealed" if self.l10n_pl_ksef_document_id else "none"
        return Reference(self.id, self.name, self.invoice_date, state, number)

    def _l10n_pl_ksef_advances(self):
        """Return the advance invoices that this one settles or follows."""
        numbers = self._l10n_pl_edi_get_related_invoices()
        found = [("name", "in", numbers), ("company_id", "=", self.company_id.id), ("state", "=", "posted")]
        return self.search(found) if numbers else self.browse()

    def _l10n_pl_ksef_number(self):
        """Return the KSeF number of a customer invoice that KSeF has accepted, else an empty str."""
        accepted = self.l10n_pl_edi_status == "accepted" and self.is_sale_document()
        return accepted and self.l10n_pl_edi_number or ""

    def _l10n_pl_ksef_accepted(self, number, reference, session_reference):
        """Take over what KSeF says of an accepted invoice, as if it had been sent online.

        :param str reference: KSeF's, of the invoice within its session
        """
        # Nothing of the journal items depends on it: Odoo need not look at them.
        self.with_context(skip_invoice_sync=True, check_move_validity=False, skip_is_manually_modified=True).write(
            {
                "l10n_pl_edi_status": "accepted",
                "l10n_pl_edi_number": number,
                "l10n_pl_edi_ref": reference,
                "l10n_pl_edi_session_id": session_reference,
                "l10n_pl_edi_header": False,
            }
        )

    def _l10n_pl_ksef_online_kod_i(self):
        """Return the link of KOD I of an invoice that Odoo has sent online."""
        xml = self.sudo().l10n_pl_edi_attachment_id.raw
        heading = fa3.read_heading(xml)
        return links.kod_i(self._l10n_pl_ksef_environment(), heading.seller_nip, heading.issue_date, links.digest(xml))


class ResCompany(models.Model):
    _inherit = "res.company"

    def _l10n_pl_ksef_login_certificate(self):
        """Return the authentication certificate (a ``certificate.certificate``, with sudo) of this company."""
        self.ensure_one()
        return self.sudo().l10n_pl_edi_certificate

    @api.model
    def _l10n_pl_ksef_any_works_with_ksef(self):
        """Tell whether a company of this database can log in to KSeF."""
        return bool(self.sudo().search_count([("l10n_pl_edi_certificate", "!=", False)], limit=1))

    def _l10n_pl_ksef_challenge_signer(self):
        """Return the callable with which ``ksef.api.Client`` logs in for this company.

        :raises LoginCertificateMissing: there is no certificate, or it has no private key
        """
        certificate = self._l10n_pl_ksef_login_certificate().with_context(bin_size=False)
        key = certificate.private_key_id
        if not key.pem_key or not certificate.pem_certificate:
            raise LoginCertificateMissing(company=self.name)
        # Odoo's signer takes no password
        private_key = serialization.load_pem_private_key(
            b64decode(key.pem_key), key.password.encode() if key.password else None
        )
        plain = private_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        signer = XadesSigner(plain, b64decode(certificate.pem_certificate))
        nip = self._l10n_pl_ksef_nip()
        return lambda challenge: signer.sign_authentication_challenge(challenge, nip).encode()


class AccountMoveSend(models.AbstractModel):
    _inherit = "account.move.send"

    def _get_all_extra_edis(self):
        edis = super()._get_all_extra_edis()
        online = edis["pl_ksef"]["is_applicable"]
        edis["pl_ksef"]["is_applicable"] = lambda move: online(move) and not move._l10n_pl_ksef_issued_otherwise()
        return edis

    def _call_web_service_before_invoice_pdf_render(self, invoices_data):
        # An invoice may have been sealed after it was queued for sending, or by another user with the wizard open.
        for move, data in invoices_data.items():
            if move._l10n_pl_ksef_issued_otherwise():
                data["extra_edis"] = set(data.get("extra_edis") or ()) - {"pl_ksef"}
        return super()._call_web_service_before_invoice_pdf_render(invoices_data)


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    def _set_l10n_pl_edi_certificate(self):
        # Odoo logs in anew at every save, also when the certificate is the old one: on the day of an outage no
        # setting could be saved, and no button of the page pressed.
        changed = self.filtered(
            lambda settings: settings.l10n_pl_edi_certificate != settings.company_id.sudo().l10n_pl_edi_certificate
        )
        return super(ResConfigSettings, changed)._set_l10n_pl_edi_certificate()
