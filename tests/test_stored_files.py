"""The files of the store are whole or not there, and what is damaged or missing is named."""

import os
from pathlib import Path
from unittest.mock import patch

from psycopg2.errors import ForeignKeyViolation

from odoo.exceptions import UserError
from odoo.tests import new_test_user
from odoo.tools import mute_logger

from ..models.document import stored_files
from ..tools import jobs
from .test_sending import KsefSendingCommon


class Killed(BaseException):
    """In place of a signal, which would take the tests along."""


class TestStoredFiles(KsefSendingCommon):
    def path(self, attachment):
        self.env.flush_all()
        return Path(attachment._full_path(attachment.store_fname))

    def spoil(self, attachment, content):
        """Let the file store hold something else, or nothing at all if ``content`` is None."""
        path = self.path(attachment)
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)
        self.env.invalidate_all()

    def check_files(self):
        with self.enter_registry_test_mode():
            self.env.ref("l10n_pl_ksef_offline.cron_check_files").with_user(
                self.env.ref("base.user_root")
            ).method_direct_trigger()
        self.env.invalidate_all()

    def test_whoever_is_killed_leaves_nothing_in_the_way(self):
        content = os.urandom(100_000)
        attachments = self.env["ir.attachment"]
        checksum = attachments._compute_checksum(content)
        path = Path(attachments._full_path(f"{checksum[:2]}/{checksum}"))
        for killed_in in ("odoo.addons.base.models.ir_attachment.os.fsync", "pathlib.Path.replace"):
            with self.subTest(killed_in), patch(killed_in, side_effect=Killed), self.assertRaises(Killed):
                with self.env.cr.savepoint():
                    attachments.create({"name": "x", "raw": content})
            self.assertFalse(path.exists(), "half of a file has no name yet")
        left = [file for file in Path(attachments._full_path("checklist")).rglob("*") if file.is_file()]
        self.assertTrue(any(file.stat().st_size == len(content) for file in left))
        stored = attachments.create({"name": "x", "raw": content})
        self.assertEqual(path.read_bytes(), content)
        attachments._gc_file_store_unsafe()
        self.assertFalse([file for file in left if file.exists()], "Odoo's clean-up knows what is left")
        self.assertEqual(stored.raw, content)

    def test_half_a_file_is_put_right(self):
        """Whatever half of a file there is: it makes room for the whole one; a true collision does not."""
        whole = os.urandom(5000)
        attachments = self.env["ir.attachment"]
        for half in (b"", whole[:1], whole[:2500], whole[:-1], whole + b"x", bytes(5000)):
            with self.subTest(size=len(half)):
                stored = attachments.create({"name": "x", "raw": whole})
                self.spoil(stored, half)
                self.assertEqual(attachments.create({"name": "y", "raw": whole}).raw, whole)
                self.assertEqual(stored.raw, whole, "and whoever else has that file gets it back")
        with patch.object(type(attachments), "_compute_checksum", lambda _self, _data: "ab" * 20):
            attachments.create({"name": "x", "raw": b"one"})
            with self.assertRaisesRegex(UserError, "collides"):
                attachments.create({"name": "y", "raw": b"other"})

    def test_half_a_upo_holds_up_no_session(self):
        (move,) = self.sealed()
        written = type(self.env["ir.attachment"])._get_path

        def half(attachments, data, sha):
            path = Path(attachments._full_path(f"{sha[:2]}/{sha}"))
            if b"UPO" in data and not path.exists():
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(data[: len(data) // 2])
            return written(attachments, data, sha)

        with patch.object(type(self.env["ir.attachment"]), "_get_path", half):
            self.run_worker()
        document = move.l10n_pl_ksef_document_id
        self.assertEqual(document.submission_id.state, "done")
        self.assertTrue(document.upo_id.raw.rstrip().endswith(b">"))

    def test_the_check_names_what_is_damaged(self):
        moves = self.sealed(4)
        self.run_worker()
        whole, sealed, upo, paper = moves.l10n_pl_ksef_document_id.sudo()
        self.check_files()
        self.assertEqual(set(moves.l10n_pl_ksef_document_id.mapped("damaged_files")), {False})
        paper_file = self.env["ir.attachment"].create(
            {"name": "FV-1.pdf", "raw": b"%PDF", "res_model": "account.move", "res_id": paper.move_id.id}
        )
        originals = {each: each.raw for each in (sealed._xml_attachments(), paper_file, upo.upo_id)}
        for damage in (b"half", b"", None):
            with self.subTest(damage=damage):
                for attachment in originals:
                    self.spoil(attachment, damage)
                self.check_files()
                upo_name = upo.upo_id.name
                self.assertEqual(whole.damaged_files, upo_name, "the UPO of a session is that of all in it")
                self.assertEqual(sealed.damaged_files, f"{sealed.xml_name}\n{upo_name}")
                self.assertEqual(paper.damaged_files, f"FV-1.pdf\n{upo_name}")
                (activity,) = moves.activity_ids.filtered(
                    lambda each: each.activity_type_id == self.env.ref("l10n_pl_ksef_offline.activity_damaged")
                )
                self.assertIn("4 ", activity.summary)
                settings = self.env["res.config.settings"].create({"company_id": self.company.id})
                self.assertFalse(settings.l10n_pl_ksef_files_are_whole)
                for attachment, content in originals.items():
                    self.path(attachment).write_bytes(content)
                settings.action_l10n_pl_ksef_check_files()
                self.check_files()
                self.assertEqual(set(moves.l10n_pl_ksef_document_id.mapped("damaged_files")), {False})
                self.assertFalse(moves.activity_ids)

    def test_the_check_goes_on_where_it_has_stopped(self):
        documents = self.sealed(5).l10n_pl_ksef_document_id.sudo()
        checked = []
        check, go_on = type(documents)._check_files, jobs.commit_and_go_on

        def counted(some):
            checked.extend(some.ids)
            check(some)

        def out_of_time(env, processed, remaining):
            go_on(env, processed, remaining)
            if remaining:
                raise jobs.OutOfTime

        with (
            patch.object(type(documents), "_check_files", counted),
            patch.object(stored_files, "FEW", 2),
            patch.object(jobs, "commit_and_go_on", out_of_time),
        ):
            for run in (1, 2):
                self.check_files()  # Odoo calls again at once, as long as something remains
                self.assertEqual(checked, documents.sorted("id").ids * run, "each once a run")

    def test_originals_are_kept(self):
        (move,) = self.sealed()
        self.run_worker()
        document = move.l10n_pl_ksef_document_id.sudo()
        admin = new_test_user(self.env, "chief", "base.group_system,account.group_account_manager")
        for attachment in (document._xml_attachments(), document.upo_id):
            for what, change in {
                "deleted": lambda file: file.unlink(),
                "another content": lambda file: file.write({"raw": b"x"}),
                "another content in Base64": lambda file: file.write({"datas": b"eA=="}),
                "another record": lambda file: file.write({"res_id": 1, "res_model": "res.partner"}),
                "another field": lambda file: file.write({"res_field": False}),
                "a link in place of a file": lambda file: file.write({"type": "url", "url": "https://example.com"}),
            }.items():
                with self.subTest(what, name=attachment.name), self.assertRaises(UserError), self.env.cr.savepoint():
                    change(attachment.with_user(admin).sudo())
                    self.env.flush_all()
        for what, refusal, change in (
            ("the document", UserError, lambda: document.unlink()),
            ("the session", ForeignKeyViolation, lambda: document.submission_id.unlink()),
            ("the invoice", ForeignKeyViolation, lambda: move.sudo().with_context(force_delete=True).unlink()),
            ("the company", ForeignKeyViolation, lambda: self.company.sudo().unlink()),
        ):
            with self.subTest(what), self.assertRaises(refusal), mute_logger("odoo.sql_db"):
                with self.env.cr.savepoint():
                    change()
                    self.env.flush_all()
        document._xml_attachments()._migrate()
        self.env["ir.attachment"]._gc_file_store_unsafe()
        self.assertTrue(document._xml_bytes() and document.upo_id.raw)
