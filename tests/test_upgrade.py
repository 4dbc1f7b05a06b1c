from pathlib import Path

from odoo.modules.module import load_script
from odoo.tests import freeze_time

from .common import NIP, NOW, KsefOfflineCommon

MIGRATION = Path(__file__).parents[1] / "migrations" / "19.0.1.1.0" / "post-migration.py"


@freeze_time(NOW)
class TestUpgrade(KsefOfflineCommon):
    def test_documents_of_the_first_version(self):
        """They had neither a deadline nor a state, which is "waiting" by default once Odoo has made the column."""
        self.upload(self.issued())
        moves = self.posted_invoice() + self.posted_invoice()
        moves.action_l10n_pl_ksef_issue_offline()
        waiting, accepted = moves.l10n_pl_ksef_document_id
        number = f"{NIP}-20261123-0100001AF629-AF"
        accepted.move_id.sudo().write({"l10n_pl_edi_status": "accepted", "l10n_pl_edi_number": number})
        self.env.flush_all()
        self.env.cr.execute("UPDATE l10n_pl_ksef_document SET deadline = NULL, deadline_reasons_kept = NULL")
        self.env.invalidate_all()
        self.assertFalse(any(moves.l10n_pl_ksef_document_id.mapped("deadline")))
        load_script(str(MIGRATION), "post_migration").migrate(self.env.cr, "19.0.1.0.0")
        self.env.invalidate_all()
        for document, state, ksef_number in ((waiting, "waiting", False), (accepted, "accepted", number)):
            self.assertEqual((document.state, document.ksef_number), (state, ksef_number))
            self.assertEqual(str(document.deadline), "2026-11-24")
            self.assertIn("offline24", document.deadline_reasons)
