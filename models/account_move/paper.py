"""What the buyer gets outside KSeF: which paper, and with which codes."""

import re
from base64 import b64encode

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import html2plaintext
from odoo.tools.image import image_data_uri

from ...ksef.codes import links, qr_image
from ...ksef.law import modes, papers
from .standing import ISSUED


class AccountMove(models.Model):
    _inherit = "account.move"

    # The paper and its codes

    def _l10n_pl_ksef_mode(self):
        """Return the mode of this invoice, one of ``modes.Mode``."""
        if self.l10n_pl_ksef_standing == "total_failure":
            return modes.Mode.TOTAL_FAILURE
        if self.l10n_pl_ksef_standing == "prepared_by_odoo":
            return modes.Mode.OFFLINE24
        return self.l10n_pl_ksef_document_id.sudo().mode or modes.Mode.ONLINE

    def _l10n_pl_ksef_may_be_given(self):
        """Return what the buyer may get outside KSeF and with which codes (``papers.Given``)."""
        self.ensure_one()
        if self.l10n_pl_ksef_standing == "rejected_online":
            return papers.Given(None)
        if self.l10n_pl_ksef_standing not in ISSUED:
            return papers.Given(papers.Paper.INVOICE)  # an invoice that this addon has nothing to do with
        number = self._l10n_pl_ksef_number()
        return papers.may_be_given(self._l10n_pl_ksef_mode(), self._l10n_pl_ksef_classify_buyer()[0], bool(number))

    def _l10n_pl_ksef_is_confirmation(self):
        """Tell whether the printout is a transaction confirmation, since the law allows no invoice yet."""
        return self._l10n_pl_ksef_may_be_given().kind == papers.Paper.TRANSACTION_CONFIRMATION

    def _l10n_pl_ksef_may_leave(self):
        """Tell whether the invoice itself, also as an XML file, may reach the buyer outside KSeF now."""
        return self._l10n_pl_ksef_may_be_given().kind == papers.Paper.INVOICE

    def _l10n_pl_ksef_check_open(self):
        """Refuse what may not be given at all as of now."""
        shut = self.sudo().filtered(lambda move: move._l10n_pl_ksef_may_be_given().kind is None)
        if rejected := shut.filtered(lambda move: move.l10n_pl_ksef_standing == "rejected_online"):
            raise UserError(self.env._("Rejected by KSeF: %(names)s", names=", ".join(rejected.mapped("name"))))
        if shut:
            raise UserError(self.env._("Awaiting a KSeF number: %(names)s", names=", ".join(shut.mapped("name"))))

    def _l10n_pl_ksef_note_given(self):
        """Keep when the papers were first seen outside: what has been on paper counts as given."""
        documents = self.l10n_pl_ksef_document_id.sudo()
        documents.filtered(lambda document: not document.given_at).given_at = fields.Datetime.now()

    def _l10n_pl_ksef_nip_missing_in_header(self):
        """Return the seller's NIP, which must be on the paper (art. 106e(1)(4)), if the layout's header lacks it."""
        if self.l10n_pl_ksef_standing not in ISSUED:
            return ""
        told = self._l10n_pl_ksef_nip_in_details() or self._l10n_pl_ksef_layout_prints_nip()
        return "" if told else self.company_id._l10n_pl_ksef_nip()

    def _l10n_pl_ksef_nip_in_details(self):
        """Tell whether the company's own words in the head of its papers hold its NIP."""
        seller_nip = self.company_id._l10n_pl_ksef_nip()
        details = re.sub(r"\D", "", html2plaintext(self.company_id.company_details or ""))
        return bool(seller_nip) and seller_nip in details

    def _l10n_pl_ksef_has_nip_twice(self):
        """Tell whether the head of this paper would hold the seller's NIP in the company's words and once more."""
        issued = self.l10n_pl_ksef_standing in ISSUED
        return issued and self._l10n_pl_ksef_nip_in_details() and self._l10n_pl_ksef_layout_prints_nip()

    def _l10n_pl_ksef_layout_prints_nip(self):
        """Tell whether the company's layout prints its tax ID by itself, as those of Odoo do since March 2026."""
        if self.fiscal_position_id.foreign_vat:
            return False  # printed in its place
        layout = self.company_id.external_report_layout_id or self.env.ref("web.external_layout_standard")
        return "company.vat" in layout.sudo().get_combined_arch()

    def _l10n_pl_ksef_verification_codes(self):
        """Return the codes that the printout carries, as dicts for the report; none if it needs none."""
        return [self._l10n_pl_ksef_code(name, label, url) for name, label, url in self._l10n_pl_ksef_links()]

    def _l10n_pl_ksef_links(self):
        """Return the links of the codes that belong on the paper now: (name, label, link) of each.

        Before KSeF has given a number: KOD I with OFFLINE and KOD II with CERTYFIKAT. After: KOD I alone with the
        number (§ 9 of the regulation on the use of KSeF).
        """
        self.ensure_one()
        if self.l10n_pl_ksef_standing == "prepared_by_odoo":
            return []  # it prints codes of its own
        document = self.l10n_pl_ksef_document_id.sudo()
        kod_i = document._kod_i_in_force() or self._l10n_pl_ksef_online_kod_i()
        content = {
            papers.Code.KOD_I_NUMBER: ("KOD I", self._l10n_pl_ksef_number(), kod_i),
            papers.Code.KOD_I_OFFLINE: ("KOD I", links.LABEL_OFFLINE, kod_i),
            papers.Code.KOD_II: ("KOD II", links.LABEL_CERTIFICATE, document.kod_ii),
        }
        wanted = [content[code] for code in self._l10n_pl_ksef_may_be_given().codes]
        return [(name, label, url) for name, label, url in wanted if url]

    @api.model
    def _l10n_pl_ksef_code(self, name, label, url):
        image = qr_image.render(url)
        return {
            "name": name,
            "label": label,
            "url": url,
            "image": image_data_uri(b64encode(image.png)),
            "millimetres": image.millimetres,
        }

    def action_l10n_pl_ksef_verification_codes(self):
        """Show the codes as pictures and links."""
        self.ensure_one()
        wizard = self.env["l10n_pl_ksef.verification.codes"].create({"move_id": self.id})
        return wizard._get_records_action(target="new", name=self.env._("Verification codes"))

    def _l10n_pl_ksef_mail_links(self):
        """Return the codes as links with their labels for the text of a mail (HTML); empty if there are none."""
        codes = self._l10n_pl_ksef_links()
        return self.env["ir.qweb"]._render("l10n_pl_ksef_offline.mail_links", {"codes": codes}) if codes else Markup()

    # What is said beforehand

    def _l10n_pl_ksef_paper_reason(self):
        """Return why the buyer gets what he gets now: the mode and the kind of buyer, in words."""
        _class, reason = self._l10n_pl_ksef_classify_buyer()
        if self._l10n_pl_ksef_mode() == modes.Mode.TOTAL_FAILURE:
            return self.env._("It was issued during total failure, so it has no codes and never goes to KSeF.")
        if self.l10n_pl_ksef_standing == "prepared_by_odoo":
            return self.env._("It was prepared by Odoo's Offline24. %(reason)s", reason=reason)
        if number := self._l10n_pl_ksef_number():
            return self.env._("It carries its KSeF number, %(number)s.", number=number)
        return self.env._(
            "It was issued offline (%(mode)s) and carries both verification codes. %(reason)s",
            mode=self.l10n_pl_ksef_document_id.sudo()._mode_label(),
            reason=reason,
        )

    def _get_mail_template(self):
        if self and all(move._l10n_pl_ksef_is_confirmation() for move in self):
            if template := self._l10n_pl_ksef_confirmation_template():
                return template
        return super()._get_mail_template()

    @api.model
    def _l10n_pl_ksef_confirmation_template(self):
        """Return the mail that brings a transaction confirmation; none if somebody has deleted it."""
        name = "l10n_pl_ksef_offline.mail_template_confirmation"
        return self.env.ref(name, raise_if_not_found=False) or self.env["mail.template"]

    # The names of the files, which tell the papers of one invoice apart

    def _l10n_pl_ksef_file_name(self, stem):
        """Return a file name without extension that tells which paper is inside, in the buyer's language."""
        prefix, suffix = self._l10n_pl_ksef_file_marks()
        return f"{prefix}{stem.removeprefix(prefix).removesuffix(suffix)}{suffix}"

    def _l10n_pl_ksef_file_marks(self):
        env = self.with_context(lang=self.partner_id.lang).env
        paper = self._l10n_pl_ksef_may_be_given()
        if paper.kind == papers.Paper.TRANSACTION_CONFIRMATION:
            return env._("Transaction_confirmation_"), ""
        if self.l10n_pl_ksef_standing == "rejected_online":
            return "", env._("_rejected_by_KSeF")
        if paper.kind is None:
            return "", env._("_awaits_KSeF_number")
        if papers.Code.KOD_I_NUMBER in paper.codes:
            return "", f"_{self._l10n_pl_ksef_number()}"
        return "", "_OFFLINE" if paper.codes else ""

    def _get_report_base_filename(self):
        return self._l10n_pl_ksef_file_name(super()._get_report_base_filename())

    def _get_invoice_report_filename(self, extension="pdf", report=None):
        # A report may have a name of its own, which does not come through _get_report_base_filename.
        stem = super()._get_invoice_report_filename(extension, report).removesuffix(f".{extension}")
        return f"{self._l10n_pl_ksef_file_name(stem)}.{extension}"

    def _get_invoice_proforma_pdf_report_filename(self):
        if self.l10n_pl_ksef_standing in ISSUED:
            return self._get_invoice_report_filename()
        return super()._get_invoice_proforma_pdf_report_filename()
