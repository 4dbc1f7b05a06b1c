"""Uninstalling loses nothing: refused while something is unfinished, and the originals stay with their invoices."""

import hashlib
from pathlib import Path

from odoo.exceptions import UserError
from odoo.tests import freeze_time, tagged
from odoo.tools import config

from ..models.document.states import STATES, UNFINISHED_STATES
from .common import NOW, KsefOfflineCommon
from .test_faults import ProcessesCommon


@freeze_time(NOW)
class TestUninstallRefused(KsefOfflineCommon):
    def test_while_something_is_unfinished(self):
        self.upload(self.issued())
        move = self.posted_invoice()
        move.action_l10n_pl_ksef_issue_offline()
        document = move.l10n_pl_ksef_document_id.sudo()
        session = self.env["l10n_pl_ksef.submission"]._new(self.company, "test", "interactive")
        session.state = "done"
        for name in ("l10n_pl_ksef_offline", "l10n_pl_edi", "account"):
            module = self.env.ref(f"base.module_{name}")
            wizard = self.env["base.module.uninstall"].create({"module_ids": module.ids})
            self.assertTrue(wizard.l10n_pl_ksef_is_lost)
            for state, _label in STATES:
                with self.subTest(name, state=state):
                    document.state = state
                    if state in UNFINISHED_STATES:
                        with self.assertRaisesRegex(UserError, document.number):
                            module.button_uninstall()
                    else:
                        with self.env.cr.savepoint() as savepoint:
                            module.button_uninstall()
                            savepoint.rollback()
                        self.env.invalidate_all()
            for state in ("opening", "open", "closing", "processing", "confirming"):
                with self.subTest(name, session=state):
                    session.state = state
                    with self.assertRaisesRegex(UserError, "1 sessions"):
                        module.button_uninstall()
            session.state = "failed"
        other = self.env.ref("base.module_sale")
        self.assertFalse(self.env["base.module.uninstall"].create({"module_ids": other.ids}).l10n_pl_ksef_is_lost)


@tagged("post_install", "-at_install", "post_install_l10n")
class TestUninstall(ProcessesCommon):
    documents = 25

    def test_what_stays(self):
        self.assertIn("25 ", self.tell("uninstall")["refused"])
        self.finish()
        sealed = dict(self.query("SELECT sha256, move_id FROM l10n_pl_ksef_document"))
        links = self.query("SELECT move_id, kod_i, kod_ii, ksef_number FROM l10n_pl_ksef_document")
        self.assertEqual(self.tell("uninstall"), {})
        self.assertEqual(self.query("SELECT to_regclass('l10n_pl_ksef_document')"), [(None,)])
        files = {}
        for move, name, fname in self.query(
            """SELECT res_id, name, store_fname FROM ir_attachment
            WHERE res_model = 'account.move' AND res_field IS NULL AND type = 'binary'"""
        ):
            files.setdefault(move, {})[name.split("-")[0]] = Path(config.filestore(self.database), fname).read_bytes()
        for sha256, move in sealed.items():
            self.assertEqual(hashlib.sha256(files[move]["FA3"]).hexdigest(), sha256)
        for move, kod_i, kod_ii, number in links:
            facts = files[move]["KSeF"].decode()
            for text in (kod_i, kod_ii, number, "offline24"):
                self.assertIn(text, facts)
            self.assertIn(number, files[move]["UPO"].decode())
        self.assertEqual(self.mistakes(), [])
