from odoo import http
from odoo.exceptions import AccessError, MissingError
from odoo.http import request

from odoo.addons.account.controllers.portal import PortalAccount


class KsefPortalAccount(PortalAccount):
    @http.route()
    def portal_my_invoice_detail(self, invoice_id, access_token=None, report_type=None, download=False, **kw):
        try:
            invoice = self._document_check_access("account.move", invoice_id, access_token)
        except (AccessError, MissingError):
            return request.redirect("/my")
        if not request.env.user._is_internal():
            invoice._l10n_pl_ksef_note_given()
        if report_type and invoice._l10n_pl_ksef_may_be_given().kind is None:
            return request.redirect(invoice.get_portal_url())  # which says what it waits for
        # by name: other addons have other arguments in these places
        return super().portal_my_invoice_detail(
            invoice_id, access_token=access_token, report_type=report_type, download=download, **kw
        )

    def _invoice_get_page_view_values(self, invoice, access_token, **kwargs):
        values = super()._invoice_get_page_view_values(invoice, access_token, **kwargs)
        return values | {
            "l10n_pl_ksef_shut": invoice._l10n_pl_ksef_may_be_given().kind is None,
            "l10n_pl_ksef_confirmation": invoice._l10n_pl_ksef_is_confirmation(),
            "l10n_pl_ksef_links": invoice._l10n_pl_ksef_links(),
        }
