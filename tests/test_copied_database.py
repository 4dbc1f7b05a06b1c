"""A copy of the database that was set up never sends what the original sends."""

import base64
import os
from unittest.mock import patch

from odoo.exceptions import AccessError
from odoo.tests import freeze_time, new_test_user

from ..models.home import _HOME_PARAMETER
from ..tools.master_key import ENVIRONMENT_VARIABLE
from .common import NOW
from .test_sending import KsefSendingCommon


@freeze_time(NOW)
class TestCopiedDatabase(KsefSendingCommon):
    def test_a_copy_sends_nothing_until_it_is_confirmed(self):
        (first,) = self.sealed()
        self.run_worker()
        self.assertEqual(first.l10n_pl_ksef_document_id.state, "accepted", "the database that was set up sends")
        (move,) = self.sealed()
        parameters = self.env["ir.config_parameter"].sudo()
        uuid, name, _keys = parameters.get_param(_HOME_PARAMETER).split()
        asked = []
        self.ksef.observers.append(lambda request, _answer: asked.append(request.path))
        document = move.l10n_pl_ksef_document_id.with_user(self.accountant)
        for copied_from in (f"{uuid} production open", f"another-uuid {name} open"):
            with self.subTest(copied_from):
                parameters.set_param(_HOME_PARAMETER, copied_from)
                self.env.invalidate_all()
                self.run_worker(5)
                self.assertEqual((document.state, asked), ("waiting", []))
                self.assertIn("copy", document.hindrance)
        settings = self.env["res.config.settings"]
        with self.assertRaises(AccessError):
            settings.with_user(self.accountant).create({}).action_l10n_pl_ksef_settle_here()
        admin = new_test_user(self.env, "chief", "base.group_system,account.group_account_manager")
        told = settings.with_user(admin).create({})
        self.assertTrue(told.l10n_pl_ksef_is_copy)
        told.action_l10n_pl_ksef_settle_here()
        self.env.invalidate_all()
        self.run_worker(5)
        self.assertEqual(document.state, "accepted")

    def test_a_copy_under_the_same_name_on_another_server(self):
        """It has the private keys, and no master key of them."""
        self.sealed()
        self.run_worker()
        (move,) = self.sealed()
        other = base64.urlsafe_b64encode(os.urandom(32)).decode()
        with patch.dict(os.environ, {ENVIRONMENT_VARIABLE: other}):
            self.run_worker(5)
            self.assertEqual(move.l10n_pl_ksef_document_id.state, "waiting")
            self.env["l10n_pl_ksef.channel"]._settle_here()
            self.run_worker(5)
            self.assertEqual(
                move.l10n_pl_ksef_document_id.state, "accepted", "it has lost its keys, and is the original"
            )
        self.assertFalse(self.env["l10n_pl_ksef.channel"]._is_copy(), "nor when they are back")
