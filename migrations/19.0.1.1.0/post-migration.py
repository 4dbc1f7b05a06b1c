from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """Give the documents of the first version a deadline, and those that KSeF has a state."""
    if not version:
        return
    env = api.Environment(cr, SUPERUSER_ID, {})
    documents = env["l10n_pl_ksef.document"].search([])
    for document in documents:
        if number := document.move_id._l10n_pl_ksef_number():
            document.write({"state": "accepted", "ksef_number": number})
    documents._set_deadline()
