import base64
import io
import json
import logging
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key

from odoo.exceptions import UserError
from odoo.tests import HttpCase, freeze_time
from odoo.tools import config

from ..tools.master_key import open_vault
from .common import NOW, PASSWORD, KsefSimulatorCommon

UPLOAD = "l10n_pl_ksef.certificate.upload"
# What the web client asks back after saving the upload form.
FORM_FIELDS = ("name", "key_file", "key_file_name", "certificate_file", "password", "serial_number", "owner_warning")


def secret_numbers(private_key):
    """Return the parts (list of bytes) of a private key that are not in its certificate too."""
    numbers = private_key.private_numbers()
    if isinstance(private_key, ec.EllipticCurvePrivateKey):
        return [numbers.private_value.to_bytes(32, "big")]
    names = ("d", "p", "q", "dmp1", "dmq1", "iqmp")
    return [(number := getattr(numbers, name)).to_bytes((number.bit_length() + 7) // 8, "big") for name in names]


def probes(secret):
    """Return short texts of which at least one is in any 16 consecutive bytes of ``secret``, raw, hex or base64.

    A run of 16 bytes always holds a whole block of 8 bytes that starts at a multiple of 8, and a block of 6 bytes
    that starts at a multiple of 6 after any of base64's three alignments.
    """
    for start in range(0, len(secret) - 7, 8):
        block = secret[start : start + 8]
        yield from (block, block.hex().encode(), block.hex().upper().encode())
    for start in range(len(secret) - 5):
        if start % 6 < 3:
            block = secret[start : start + 6]
            yield from {base64.b64encode(block), base64.urlsafe_b64encode(block)}


@freeze_time(NOW)
class TestSecrets(KsefSimulatorCommon, HttpCase):
    """Uploads and seals over HTTP as the web client does, then looks for the key and the password everywhere."""

    def setUp(self):
        super().setUp()
        self.manager.password = self.manager.login
        self.answers = []
        self.log = io.StringIO()
        handler = logging.StreamHandler(self.log)
        logging.getLogger().addHandler(handler)
        self.addCleanup(logging.getLogger().removeHandler, handler)

    def call(self, model, method, *args, **kwargs):
        params = {"model": model, "method": method, "args": args, "kwargs": kwargs}
        response = self.url_open(
            f"/web/dataset/call_kw/{model}/{method}",
            data=json.dumps({"jsonrpc": "2.0", "method": "call", "params": params}),
            headers={"Content-Type": "application/json"},
        )
        self.answers.append(response.text)
        return response.json()

    def upload_over_http(self, key_file, certificate_file, password):
        self.authenticate(self.manager.login, self.manager.login)
        specification = {name: {} for name in FORM_FIELDS}
        values = {
            "name": "Offline 2026",
            "key_file": base64.b64encode(key_file).decode(),
            "key_file_name": "offline.key",
            "certificate_file": base64.b64encode(certificate_file).decode(),
            "certificate_file_name": "offline.crt",
            "password": password,
            "company_id": self.company.id,
            "environment": "test",
        }
        self.call(UPLOAD, "onchange", [], values, ["password"], specification)
        saved = self.call(UPLOAD, "web_save", [], values, specification=specification)
        if "error" in saved:
            return None
        (record,) = saved["result"]
        self.assertFalse(record["key_file"])
        self.assertFalse(record["password"])
        self.call(UPLOAD, "read", [record["id"]])
        return self.call(UPLOAD, "action_add", [record["id"]])["result"]["res_id"]

    def everything(self):
        """Yield (where, bytes) of all that is kept or told: tables, file store, log, answers of the server."""
        self.env.flush_all()
        self.env.cr.execute("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in self.env.cr.fetchall():
            dump = io.BytesIO()
            self.env.cr._obj.copy_expert(f"COPY {table} TO STDOUT", dump)
            yield table, dump.getvalue()
        for path in Path(config.filestore(self.env.cr.dbname)).rglob("*"):
            if path.is_file():
                yield str(path), path.read_bytes()
        yield "log", self.log.getvalue().encode()
        yield "answers", "\n".join(self.answers).encode()

    def test_nothing_leaks(self):
        for key in ("ec", "rsa"):
            with self.subTest(key):
                issued = self.issued(key=key)
                files = issued.key_file(PASSWORD), issued.certificate_file()
                self.assertIsNone(self.upload_over_http(*files, "wrong " + PASSWORD))
                certificate = self.env["l10n_pl_ksef.certificate"].browse(self.upload_over_http(*files, PASSWORD))
                move = self.posted_invoice()
                move.action_l10n_pl_ksef_issue_offline()
                self.assertEqual(move.l10n_pl_ksef_document_id.certificate_id, certificate)
                self.call(certificate._name, "read", certificate.ids)
                self.call(certificate._name, "export_data", certificate.ids, ["name", "private_key"])
                self.assert_nowhere(issued.private_key)

    def assert_nowhere(self, private_key):
        forbidden = {PASSWORD.encode(), json.dumps(PASSWORD).strip('"').encode()}
        for secret in secret_numbers(private_key):
            forbidden.update(probes(secret))
        for where, content in self.everything():
            found = [probe for probe in forbidden if probe in content]
            self.assertFalse(found, f"{len(found)} pieces of a secret in {where}")

    def test_nothing_leaks_in_the_life_of_a_certificate(self):
        """Requested from KSeF, used, rotated, renewed, revoked, removed: the key was never anywhere in clear."""
        self.authenticate(self.manager.login, self.manager.login)
        wizard, model = "l10n_pl_ksef.certificate.request", "l10n_pl_ksef.certificate"
        keys = []
        for name in ("Offline 2026", "Offline renewed"):
            values = {"name": name, "key_type": "ec", "company_id": self.company.id, "environment": "test"}
            (record,) = self.call(wizard, "web_save", [], values, specification={"name": {}})["result"]
            self.call(wizard, "action_ask", [record["id"]])
            requested = self.call(wizard, "action_request", [record["id"]])["result"]["res_id"]
            self.call(model, "action_update_status", [requested])
            certificate = self.env[model].browse(requested)
            self.assertEqual(certificate.status, "active")
            self.posted_invoice().action_l10n_pl_ksef_issue_offline()
            token = certificate.sudo().private_key
            keys.append(load_der_private_key(open_vault().decrypt(token, certificate._vault_context()), None))
        certificate._rotate_keys()
        revoke = "l10n_pl_ksef.certificate.revoke"
        values = {"certificate_id": requested, "reason": "Superseded"}
        (record,) = self.call(revoke, "web_save", [], values, specification={"reason": {}})["result"]
        self.call(revoke, "action_revoke", [record["id"]])
        self.env.invalidate_all()
        self.assertEqual(certificate.status, "revoked")
        for key in keys:
            self.assert_nowhere(key)
        self.call(model, "action_remove", [requested])
        self.assertFalse(certificate.sudo().private_key)
        self.assert_nowhere(keys[-1])

    def test_the_search_would_find_a_leak(self):
        """The test above can fail: each form of a leaked key is found by its probes."""
        for key in (ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)):
            for secret in secret_numbers(key):
                wanted = list(probes(secret))
                for start in range(len(secret) - 15):
                    piece = secret[start : start + 16]
                    for leak in (
                        piece,
                        piece.hex().encode(),
                        *(base64.b64encode(b"x" * pad + piece + b"yy") for pad in range(3)),
                    ):
                        self.assertTrue(any(probe in leak for probe in wanted))

    def test_a_neutralized_database_cannot_sign(self):
        certificate = self.upload(self.issued())
        path = Path(__file__).parents[1] / "data" / "neutralize.sql"
        self.env.flush_all()
        self.env.cr.execute(path.read_text(encoding="utf-8"))
        self.env.invalidate_all()
        self.assertEqual(certificate.status, "no_key")
        self.assertFalse(certificate._usable(self.company, "test"))
        with self.assertRaisesRegex(UserError, "no offline certificate"):
            self.posted_invoice().action_l10n_pl_ksef_issue_offline()
        certificate.action_update_status()
        self.assertIn("no authentication certificate", certificate.check_problem)
