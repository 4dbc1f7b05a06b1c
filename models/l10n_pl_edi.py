"""The seam to Odoo's own ``l10n_pl_edi``: every name of it that this addon touches is touched in this file."""

import logging
from base64 import b64decode

import requests
from cryptography.hazmat.primitives import serialization

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import html2plaintext

from odoo.addons.l10n_pl_edi.tools.ksef_api_service import KsefApiService
from odoo.addons.l10n_pl_edi.tools.xades_signer import XadesSigner

from ..ksef.codes import links
from ..ksef.errors import KsefError
from ..ksef.fa3.facts import Reference
from ..ksef.fa3.heading import read_heading
from ..tools import jobs
from ..tools.errors import LoginCertificateMissing, Unexpected
from ..tools.translation import translated, user_error
from .account_move.standing import ISSUED, NOT_TO_SEND_ONLINE, OFFLINE, REFERENCE_STATES

_logger = logging.getLogger(__name__)

_ENVIRONMENT_OF_MODE = {"prod": "production", "demo": "demo"}
_FILES = frozenset({"invoice_pdf_report_file", "ubl_cii_xml_file", "l10n_pl_edi_attachment_file"})
_TOLD_BY_KSEF = frozenset({"l10n_pl_edi_status", "l10n_pl_edi_number"})
# Of l10n_pl_edi_qr_code, where it is installed.
_OFFLINE24 = ("offline_pending", "offline_failed", "offline_no_submission")
# HTTP 429 in KSeF's words, and in those of Odoo since July 2026; what was sent has not been received.
_TOO_MANY_REQUESTS = "Too Many Requests"
# What an invoice that KSeF has accepted keeps, whatever a later question brings.
_FINAL = _TOLD_BY_KSEF | {"l10n_pl_edi_ref", "l10n_pl_edi_session_id", "l10n_pl_edi_header"}


class AccountMove(models.Model):
    _inherit = "account.move"

    l10n_pl_ksef_maybe_sent = fields.Boolean(
        "KSeF Must Be Asked",
        readonly=True,
        copy=False,
        help="Odoo sent it to KSeF online and got no usable answer: KSeF may have received it.",
    )

    def write(self, vals):
        # Of a sealed invoice the worker alone learns it; of others, Odoo writes it as the user who asks.
        if _TOLD_BY_KSEF & vals.keys() and any(move.l10n_pl_ksef_document_id for move in self):
            self._l10n_pl_ksef_check_written(vals.keys(), _TOLD_BY_KSEF)
        if vals.get("l10n_pl_edi_status") in _OFFLINE24:
            self._l10n_pl_ksef_check_not_issued_here()
        if not _FINAL & vals.keys():
            return super().write(vals)
        numbered = self.filtered(lambda move: move._l10n_pl_ksef_number())
        if others := {name: value for name, value in vals.items() if name not in _FINAL}:
            super(AccountMove, numbered).write(others)
        result = super(AccountMove, self - numbered).write(vals)
        if vals.get("l10n_pl_edi_status"):
            # Whatever KSeF says of it, it has it.
            self.sudo().filtered("l10n_pl_ksef_maybe_sent").l10n_pl_ksef_maybe_sent = False
        return result

    def _has_field_access(self, field, operation):
        # A buyer who is a portal user may read his invoices. Their files leave through the portal's page alone, which
        # asks what may leave.
        if field.name in _FILES and not self.env.su and self.env.user.share:
            if any(move.l10n_pl_ksef_standing in ISSUED for move in self.sudo()):
                return False
        return super()._has_field_access(field, operation)

    @api.model
    def _l10n_pl_ksef_online_standings(self):
        """Return how Odoo tells that an invoice is in KSeF, or on its way there: {standing: ``Domain``}."""
        return {
            "numbered": Domain("l10n_pl_edi_status", "=", "accepted") & Domain("l10n_pl_edi_number", "!=", False),
            "sent_online": Domain("l10n_pl_edi_status", "in", ("sent", "accepted")),
            "rejected_online": Domain("l10n_pl_edi_status", "=", "rejected"),
            "prepared_by_odoo": Domain("l10n_pl_edi_status", "in", _OFFLINE24),
        }

    @api.depends("l10n_pl_edi_status", "l10n_pl_edi_number")
    def _compute_l10n_pl_ksef_standing(self):
        return super()._compute_l10n_pl_ksef_standing()

    def action_l10n_pl_edi_prepare_offline(self):
        # Of l10n_pl_edi_qr_code, in the Action menu of every invoice: a second file of the same invoice.
        self._l10n_pl_ksef_check_not_issued_here()
        return super().action_l10n_pl_edi_prepare_offline()

    def _l10n_pl_ksef_check_not_issued_here(self):
        for move in self:
            if move.l10n_pl_ksef_standing in OFFLINE:
                raise UserError(
                    self.env._(
                        "Invoice %(number)s was issued offline already, and is sent to KSeF from here: Odoo's "
                        "Offline24 must not prepare it once more.",
                        number=move.name,
                    )
                )

    @api.model
    def _l10n_pl_ksef_environment(self):
        """Return the KSeF environment ("production", "demo" or "test") that this database works with."""
        mode = self.env["ir.config_parameter"].sudo().get_param("l10n_pl_edi_ksef.mode") or "prod"
        return _ENVIRONMENT_OF_MODE.get(mode, "test")

    def _l10n_pl_ksef_kind(self):
        """Return RodzajFaktury of this invoice; an increase is a correction, too (art. 106j ust. 1 pkt 5)."""
        original = self._l10n_pl_ksef_original() if self.move_type == "out_invoice" else self.browse()
        if not original:
            return self._l10n_pl_edi_get_ksef_invoice_type()
        corrected = original._l10n_pl_ksef_kind()
        return f"KOR_{corrected}" if corrected in ("ZAL", "ROZ") else "KOR"

    def _l10n_pl_edi_render_xml(self):
        # A sealed invoice is not rendered again: whoever asks gets what was sealed.
        document = self.l10n_pl_ksef_document_id
        if document:
            return document._xml_bytes().decode()
        if self._l10n_pl_ksef_has_own_file():
            written = self.env.context.get("l10n_pl_ksef_written", {}).get(self.id)
            xml = (written or self._l10n_pl_ksef_sealable_xml()).decode()
        else:
            xml = super()._l10n_pl_edi_render_xml()
        if (attempts := self.env.context.get("l10n_pl_ksef_attempts")) is not None:
            attempts[self.id] = xml.encode()
        return xml

    def _l10n_pl_ksef_has_own_file(self):
        """Tell whether what goes to KSeF online is the file of this addon, not Odoo's own."""
        return self.is_sale_document() and self.company_id.sudo().l10n_pl_ksef_own_file

    @api.model
    def _l10n_pl_ksef_schema_path(self):
        """Return where the ministry's FA(3) schema is."""
        return "l10n_pl_edi/data/fa3_schema.xsd"

    def _l10n_pl_ksef_reference(self):
        """Return this invoice as another one names it, a ``Reference``."""
        state = REFERENCE_STATES.get(self.l10n_pl_ksef_standing, "none")
        return Reference(self.id, self.name, self.invoice_date, state, self._l10n_pl_ksef_number())

    def _l10n_pl_ksef_advances(self):
        """Return the advance invoices that this one settles or follows."""
        numbers = self._l10n_pl_edi_get_related_invoices()
        found = [("name", "in", numbers), ("company_id", "=", self.company_id.id), ("state", "=", "posted")]
        return self.search(found) if numbers else self.browse()

    def _l10n_pl_ksef_number(self):
        """Return the KSeF number of a customer invoice that KSeF has accepted, else an empty str."""
        return self.l10n_pl_edi_number if self.l10n_pl_ksef_standing == "numbered" else ""

    def _l10n_pl_ksef_accepted(self, number, reference, session_reference):
        """Take over what KSeF says of an accepted invoice, as if it had been sent online.

        :param str reference: KSeF's, of the invoice within its session
        """
        self._l10n_pl_ksef_beside_the_books().write(
            {
                "l10n_pl_edi_status": "accepted",
                "l10n_pl_edi_number": number,
                "l10n_pl_edi_ref": reference,
                "l10n_pl_edi_session_id": session_reference,
                "l10n_pl_edi_header": False,
            }
        )

    def _l10n_pl_ksef_goes_to_ksef(self):
        """Tell whether the company sends its invoices to KSeF."""
        return self.company_id.sudo().l10n_pl_edi_register

    def _l10n_pl_ksef_online_kod_i(self):
        """Return the link of KOD I of an invoice that Odoo has sent online; None if there is no XML of it."""
        sent_now = self.env.context.get("l10n_pl_ksef_sent_now", {})
        xml = self.sudo().with_context(bin_size=False).l10n_pl_edi_attachment_id.raw or sent_now.get(self.id)
        if not xml:
            return None
        heading = read_heading(xml)
        return links.kod_i(self._l10n_pl_ksef_environment(), heading.seller_nip, heading.issue_date, links.digest(xml))

    def action_l10n_pl_edi_update_invoice_status(self):
        had_number = self._l10n_pl_ksef_number()
        action = super(AccountMove, self._l10n_pl_ksef_asking()).action_l10n_pl_edi_update_invoice_status()
        if not had_number:
            self._l10n_pl_ksef_fetch_lost_files()
            self._l10n_pl_ksef_renew_copy()
        return action

    def action_l10n_pl_edi_get_invoice_UPO(self):
        return super(AccountMove, self._l10n_pl_ksef_asking()).action_l10n_pl_edi_get_invoice_UPO()

    def _l10n_pl_ksef_asking(self):
        """Return this invoice so that whoever may change it can ask KSeF: tokens are for administrators only."""
        self.check_access("write")
        return self.sudo()

    def _l10n_pl_ksef_lacks_file(self):
        """Tell whether the file is not here that KSeF has accepted, so that its KOD I cannot be made.

        Odoo keeps it last: who is killed after the sending leaves a sent invoice without it.
        """
        online = self._l10n_pl_ksef_number() and not self.l10n_pl_ksef_document_id
        return bool(online and not self.sudo().l10n_pl_edi_attachment_id)

    def _l10n_pl_ksef_fetch_lost_files(self):
        """Fetch the files of accepted invoices that are not here, as far as KSeF gives them now."""
        context = self.env.context
        kept_by_sender = {*context.get("l10n_pl_ksef_attempts", ()), *context.get("l10n_pl_ksef_sent_now", ())}
        lost = self.filtered(lambda move: move.id not in kept_by_sender and move._l10n_pl_ksef_lacks_file())
        for company, moves in lost.grouped("company_id").items():
            try:
                with company._l10n_pl_ksef_client(self._l10n_pl_ksef_environment()) as client:
                    for move in moves:
                        move._l10n_pl_ksef_keep_online_file(client.accepted_invoice(move._l10n_pl_ksef_number()))
            except KsefError as error:
                _logger.warning("Files of %s could not be fetched from KSeF: %s", moves, error)

    # Sent online, perhaps

    def _l10n_pl_ksef_note_maybe_sent(self, xml):
        """Keep what may have reached KSeF, and in which session, until KSeF has been asked.

        :param bytes xml: what Odoo has sent
        """
        session = self.company_id.sudo().l10n_pl_edi_session_id
        self.sudo().write({"l10n_pl_ksef_maybe_sent": True, "l10n_pl_edi_session_id": session})
        self._l10n_pl_ksef_keep_online_file(xml)

    def _l10n_pl_ksef_keep_online_file(self, xml):
        """Keep the FA(3) file (bytes) of this invoice that is in KSeF, or may be, where Odoo keeps what it sends."""
        if self.sudo().with_context(bin_size=False).l10n_pl_edi_attachment_id.raw == xml:
            return  # Odoo of July 2026 keeps it before it is done with the sending
        self.env["ir.attachment"].sudo().create(
            {
                "name": f"FA3-{self.name.replace('/', '_')}.xml",
                "raw": xml,
                "mimetype": "application/xml",
                "res_model": self._name,
                "res_id": self.id,
                "res_field": "l10n_pl_edi_attachment_file",
            }
        )
        self.invalidate_recordset(["l10n_pl_edi_attachment_id", "l10n_pl_edi_attachment_file"])

    def action_l10n_pl_ksef_ask_online(self):
        """Ask KSeF whether it has received the invoice that Odoo has sent without a usable answer."""
        self.ensure_one()
        self.check_access("write")
        if not self.l10n_pl_ksef_maybe_sent:
            return
        sha256 = links.digest(self.sudo().l10n_pl_edi_attachment_id.raw)
        try:
            with self.company_id._l10n_pl_ksef_client(self._l10n_pl_ksef_environment()) as client:
                received = [
                    each for each in client.session_invoices(self.l10n_pl_edi_session_id) if each.sha256 == sha256
                ]
        except KsefError as error:
            raise user_error(self.env, error) from error
        if received:
            # From here on it is like any other that Odoo has sent: its job asks for the number.
            self.sudo().write({"l10n_pl_edi_status": "sent", "l10n_pl_edi_ref": received[0].reference})
            message = self.env._("KSeF has received this invoice.")
        else:
            self.sudo().l10n_pl_edi_attachment_id.unlink()
            self.sudo().write(
                {"l10n_pl_ksef_maybe_sent": False, "l10n_pl_edi_session_id": False, "l10n_pl_ksef_held_mail": False}
            )
            message = self.env._("KSeF has not received this invoice: send it again, or issue it offline.")
        self.message_post(body=message)


class ResCompany(models.Model):
    _inherit = "res.company"

    def _l10n_pl_ksef_outage(self):
        """Open Odoo's session with KSeF, and return why that fails because KSeF or the line is away (str).

        :return: None if the session is open, and if there is another obstacle, which Odoo itself meets and tells
        """
        try:
            KsefApiService(self.sudo()).open_ksef_session()
        except Exception as error:
            _logger.info("No session with KSeF for %s", self.name, exc_info=True)
            return self._l10n_pl_ksef_outage_in(error)
        return None

    def _l10n_pl_ksef_outage_in(self, error):
        """Return the outage behind what Odoo raised; its sentences do not tell, but the chain of causes does."""
        while error and not isinstance(error, requests.RequestException):
            error = error.__cause__ or error.__context__
        if isinstance(error, requests.Timeout):
            return self.env._("KSeF does not answer in time.")
        if isinstance(error, requests.ConnectionError):
            return self.env._("There is no connection to KSeF.")
        if isinstance(error, requests.HTTPError) and error.response.status_code >= 500:
            return self.env._("KSeF is out of order (HTTP %(status)s).", status=error.response.status_code)
        return None

    def _l10n_pl_ksef_login_certificate(self):
        """Return the authentication certificate (a ``certificate.certificate``, with sudo) of this company."""
        self.ensure_one()
        return self.sudo().l10n_pl_edi_certificate

    def _l10n_pl_ksef_login_pem(self):
        """Return the authentication certificate as PEM (bytes), None if there is none."""
        pem = self._l10n_pl_ksef_login_certificate().with_context(bin_size=False).pem_certificate
        return b64decode(pem) if pem else None

    @api.model
    def _l10n_pl_ksef_any_works_with_ksef(self):
        """Tell whether a company of this database can log in to KSeF."""
        return bool(self._l10n_pl_ksef_with_login())

    @api.model
    def _l10n_pl_ksef_with_login(self):
        """Return the companies that have an authentication certificate, with sudo."""
        return self.sudo().search([("l10n_pl_edi_certificate", "!=", False)])

    def _l10n_pl_ksef_challenge_signer(self):
        """Return the callable with which ``ksef.api.client.Client`` logs in for this company.

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
        # Odoo looks at fields of the company that only administrators may read.
        edis["pl_ksef"]["is_applicable"] = lambda move: (
            online(move.sudo())
            # Odoo's file names the company as the seller.
            and move.is_sale_document(include_receipts=True)
            and move.l10n_pl_ksef_standing not in NOT_TO_SEND_ONLINE
        )
        return edis

    def _call_web_service_before_invoice_pdf_render(self, invoices_data):
        """Send what is to go to KSeF; commit if what was sent may have got there although it failed."""
        # An invoice may have been sealed after it was queued for sending, or by another user with the wizard open.
        for move, data in invoices_data.items():
            if move.l10n_pl_ksef_standing in NOT_TO_SEND_ONLINE:
                self._l10n_pl_ksef_keep_from_ksef(data)
        written = self._l10n_pl_ksef_write_files(invoices_data)
        fit = {move: data for move, data in invoices_data.items() if not data.get("error")}
        self._l10n_pl_ksef_meet_outages(fit)
        reachable = {move: data for move, data in invoices_data.items() if not data.get("error")}
        going = self._l10n_pl_ksef_hold_mails(reachable)
        online = {move: data for move, data in reachable.items() if self._l10n_pl_ksef_is_going(move, data)}
        attempts = {}
        # sudo: tokens are for administrators only
        sending = self.sudo().with_context(l10n_pl_ksef_attempts=attempts, l10n_pl_ksef_written=written)
        result = super(AccountMoveSend, sending)._call_web_service_before_invoice_pdf_render(reachable)
        self._l10n_pl_ksef_judge_sending_and_commit(online, attempts)
        not_gone = going.filtered(lambda move: reachable[move].get("error") and not move.l10n_pl_ksef_maybe_sent)
        not_gone.sudo().l10n_pl_ksef_held_mail = False
        return result

    def _l10n_pl_ksef_write_files(self, invoices_data):
        """Write the files of what goes to KSeF now, and tell each invoice that keeps its own from being written.

        :return: id of the invoice -> bytes
        """
        written = {}
        for move, data in invoices_data.items():
            if not self._l10n_pl_ksef_is_checked(move, data):
                continue
            problem = None
            try:
                what = "The file of invoice %s cannot be written"
                with jobs.attempt(self.env, what, move.id, passing=(UserError,), savepoint=True) as writing:
                    written[move.id] = move._l10n_pl_ksef_sealable_xml()
                problem = writing.error and translated(self.env, Unexpected())
            except UserError as error:
                problem = str(error)
            if problem:
                title = self.env._("Invoice %(number)s has not gone to KSeF", number=move.name)
                data["error"] = {"error_title": title, "errors": [problem]}
        return written

    def _l10n_pl_edi_try_status_fetch_from_ksef(self, invoices_data):
        # Of July 2026, called by Odoo itself. What was sent earlier is asked for by Odoo's job, not by whoever sends;
        # and whatever goes wrong with the question, the sending was none of it.
        attempts = self.env.context["l10n_pl_ksef_attempts"]
        sent_now = {move: data for move, data in invoices_data.items() if move.id in attempts}
        with jobs.attempt(self.env, "KSeF could not be asked about what was sent just now", savepoint=True):
            return super()._l10n_pl_edi_try_status_fetch_from_ksef(sent_now)

    def _l10n_pl_ksef_hold_mails(self, invoices_data):
        """Keep the mails of what is sent now, before Odoo commits that it has been sent; return those invoices."""
        going = self.env["account.move"]
        for move, data in invoices_data.items():
            if self._l10n_pl_ksef_is_going(move, data) and "email" in (data.get("sending_methods") or ()):
                self._l10n_pl_ksef_hold_mail(move, data)
                going += move
        return going

    @api.model
    def _l10n_pl_ksef_goes_online(self, data):
        """Tell whether an invoice is to be sent to KSeF, by the settings of Odoo's sending (dict)."""
        return "pl_ksef" in (data.get("extra_edis") or ())

    @api.model
    def _l10n_pl_ksef_keep_from_ksef(self, data):
        """Take sending to KSeF out of the settings of Odoo's sending (dict)."""
        data["extra_edis"] = set(data.get("extra_edis") or ()) - {"pl_ksef"}

    def _l10n_pl_ksef_is_going(self, move, data):
        """Tell whether Odoo sends an invoice to KSeF now that has not been sent before."""
        return self._l10n_pl_ksef_goes_online(data) and not move.l10n_pl_edi_status

    def _l10n_pl_ksef_meet_outages(self, invoices_data):
        """Find out whether KSeF can be reached before Odoo sends, when certainly nothing has reached it yet."""
        today = fields.Date.context_today(self)
        going = self.env["account.move"].union(
            *(
                move
                for move, data in invoices_data.items()
                if self._l10n_pl_ksef_goes_online(data)
                and move.l10n_pl_ksef_standing not in ISSUED
                and move.invoice_date <= today
            )
        )
        for company, moves in going.grouped("company_id").items():
            if problem := company._l10n_pl_ksef_outage():
                for move in moves:
                    self._l10n_pl_ksef_meet_outage(move, invoices_data[move], problem)

    def _l10n_pl_ksef_judge_sending_and_commit(self, invoices_data, attempts):
        """Find out of each invoice that was to be sent whether it was; commit where its error must not undo that.

        Sent is what has a reference or a status, whatever error Odoo tells: it waits some seconds for the number and,
        since July 2026, calls it an error if KSeF needs longer. Odoo renders the file right before it sends it, so
        what was rendered and has neither may be in KSeF.

        :param dict attempts: id of the invoice -> bytes that were rendered
        """
        committed = False
        for move, data in invoices_data.items():
            if move.l10n_pl_edi_ref or move.l10n_pl_edi_status:
                data.pop("error", None)
                if move.l10n_pl_ksef_standing == "rejected_online":
                    data["error"] = self._l10n_pl_ksef_rejection_error(move)
                    committed = True
            elif data.get("error") and _TOO_MANY_REQUESTS in str(data["error"]["errors"]):
                data["error"]["errors"] = [
                    self.env._(
                        "KSeF takes no more requests for now, and has not received this one. Send it again in a minute."
                    )
                ]
            elif data.get("error") and move.id in attempts:
                move._l10n_pl_ksef_note_maybe_sent(attempts[move.id])
                data["error"]["errors"].append(
                    self.env._("KSeF may have received it all the same: press Ask KSeF on the invoice first.")
                )
                committed = True
        if committed and self._can_commit():
            self.env["ir.cron"]._commit_progress()  # the error is raised next, and must not take the note with it

    def _l10n_pl_ksef_rejection_error(self, move):
        """Return the error, as Odoo's sending tells it, of an invoice that KSeF has rejected at once."""
        return {
            "error_title": self.env._("KSeF has rejected invoice %(number)s", number=move.name),
            "errors": [
                *filter(None, [html2plaintext(move.l10n_pl_edi_header or "")]),
                self.env._("It counts as not issued: reset it to draft, correct it and send it again."),
            ],
        }

    def _prepare_invoice_pdf_report(self, invoices_data):
        # The XML is attached only after the PDF has been made.
        sent_now = {
            move.id: data["l10n_pl_edi_attachment_file"]
            for move, data in invoices_data.items()
            if "l10n_pl_edi_attachment_file" in data
        }
        rendering = self.with_context(l10n_pl_ksef_sent_now=sent_now)
        return super(AccountMoveSend, rendering)._prepare_invoice_pdf_report(invoices_data)


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    def _compute_l10n_pl_ksef_beside_offline24(self):
        """Tell whether Odoo's own Offline24 (l10n_pl_edi_qr_code) is there, with a certificate setting of its own."""
        self.l10n_pl_ksef_beside_offline24 = "l10n_pl_edi_offline_certificate" in self.env["res.company"]._fields

    def _set_l10n_pl_edi_certificate(self):
        # Odoo logs in again at every save, also when the certificate is the old one: on the day of an outage no
        # setting could be saved, and no button of the page pressed.
        changed = self.filtered(
            lambda settings: settings.l10n_pl_edi_certificate != settings.company_id.sudo().l10n_pl_edi_certificate
        )
        return super(ResConfigSettings, changed)._set_l10n_pl_edi_certificate()
