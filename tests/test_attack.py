import contextlib
import json
import xmlrpc.client

from odoo.service.model import call_kw, get_public_method
from odoo.tests import HttpCase, freeze_time
from odoo.tools import mute_logger

from ..tools.master_key import open_vault
from .common import NIP, NOW, PASSWORD, KsefOfflineCommon
from .test_secrets import probes, secret_numbers

MODELS = (
    "l10n_pl_ksef.certificate",
    "l10n_pl_ksef.certificate.upload",
    "l10n_pl_ksef.certificate.request",
    "l10n_pl_ksef.certificate.revoke",
    "l10n_pl_ksef.document",
)
SECRET = "private_key"
# What ends the certificate is no leak, and would end the test.
ENDINGS = {"unlink", "action_remove", "action_revoke"}


@freeze_time(NOW)
class TestAttack(KsefOfflineCommon, HttpCase):
    """Whoever asks, in whatever way: no private key comes out, nor the token that it is kept as."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.issued_files = cls.issued()
        cls.certificate = cls.upload(cls.issued_files)
        cls.move = cls.posted_invoice()
        cls.move.action_l10n_pl_ksef_issue_offline()
        cls.token = cls.certificate.sudo().private_key
        cls.forbidden = {PASSWORD, *cls.token.split(".")[2:]}
        for secret in secret_numbers(cls.issued_files.private_key):
            cls.forbidden.update(probe.decode("latin-1") for probe in probes(secret))
        groups = {
            "portal": "base.group_portal",
            "employee": "base.group_user",
            "accountant": "account.group_account_invoice",
            "accounting": "account.group_account_manager",
            "certificates": "account.group_account_invoice,l10n_pl_ksef_offline.group_certificate_manager",
            "system": "base.group_system,account.group_account_manager",
        }
        cls.users = {name: cls.new_user(f"attack_{name}", group) for name, group in groups.items()}

    def assert_no_secret(self, told, what):
        text = told if isinstance(told, str) else json.dumps(told, default=str, ensure_ascii=False)
        found = [piece for piece in self.forbidden if piece in text]
        self.assertFalse(found, f"{len(found)} pieces of a secret: {what}")

    def attacks(self):
        """Yield (method, arguments, keywords) of everything that might give a field away, or tell of its content."""
        ids = self.certificate.ids
        guess = [(SECRET, "like", self.token[:5] + "%")]
        yield "read", [ids, [SECRET]], {}
        yield "read", [ids], {}
        yield "web_read", [ids], {"specification": {SECRET: {}}}
        yield "search_read", [[], [SECRET]], {}
        yield "web_search_read", [[]], {"specification": {SECRET: {}}}
        yield "search", [guess], {}
        yield "search_count", [guess], {}
        yield "search", [[]], {"order": SECRET}
        yield "formatted_read_group", [[]], {"groupby": [SECRET], "aggregates": ["__count"]}
        yield "formatted_read_group", [[]], {"groupby": [], "aggregates": [f"{SECRET}:max"]}
        yield "web_read_group", [[]], {"groupby": [SECRET], "aggregates": ["__count"]}
        yield "export_data", [ids, ["name", SECRET]], {}
        yield "copy", [ids], {}
        yield "copy_data", [ids], {}
        yield "load", [[".id", SECRET], [[str(ids[0]), "1.x.y.z"]]], {}
        yield "write", [ids, {SECRET: "1.x.y.z"}], {}
        yield "create", [{"name": "Forged", SECRET: "1.x.y.z"}], {}
        yield "fields_get", [], {}
        yield "get_metadata", [ids], {}
        yield "mapped", [ids, SECRET], {}

    @mute_logger("odoo.http", "odoo.addons.base.models.ir_rule", "odoo.sql_db", "odoo.addons.base.models.ir_model")
    def test_over_json_and_xml(self):
        for name, user in self.users.items():
            self.authenticate(user.login, user.login)
            for method, arguments, keywords in self.attacks():
                with self.subTest(user=name, method=method, arguments=arguments):
                    params = {
                        "model": MODELS[0],
                        "method": method,
                        "args": arguments,
                        "kwargs": keywords,
                    }
                    response = self.url_open(
                        f"/web/dataset/call_kw/{MODELS[0]}/{method}",
                        data=json.dumps({"jsonrpc": "2.0", "method": "call", "params": params}),
                        headers={"Content-Type": "application/json"},
                    )
                    self.assert_no_secret(response.text, "JSON-RPC")
                    if SECRET in json.dumps([arguments, keywords]):
                        self.assertIn("error", response.text)
            with self.subTest(user=name), contextlib.suppress(xmlrpc.client.Fault):
                told = self.xmlrpc_object.execute_kw(
                    self.env.cr.dbname, user.id, user.login, MODELS[0], "read", [self.certificate.ids]
                )
                self.assert_no_secret(told, "XML-RPC")
        self.assertEqual(self.certificate.sudo().private_key, self.token)

    @mute_logger(
        "odoo.addons.base.models.ir_model",
        "odoo.addons.base.models.ir_rule",
        "odoo.models",
        "odoo.models.unlink",
        "odoo.orm.models",
        "odoo.sql_db",
        "odoo.tests.common",
    )
    def test_every_public_method_of_every_model(self):
        called = 0
        for name, user in self.users.items():
            for model_name in MODELS:
                model = self.env[model_name].with_user(user)
                ids = model.sudo().search([], limit=1).ids
                for method in dir(type(model)):
                    if method in ENDINGS or not self.is_public(model, method):
                        continue
                    for arguments in ([ids], [ids, [SECRET]], [ids, SECRET], [[(SECRET, "!=", False)]]):
                        with contextlib.suppress(Exception), self.env.cr.savepoint():
                            told = call_kw(model, method, arguments, {})
                            called += 1
                            self.env.flush_all()
                            self.assert_told(told, f"{name}: {model_name}.{method}{arguments}")
        self.assertGreater(called, 1000)
        self.assertFalse(self.leaks)
        self.env.invalidate_all()
        self.assertEqual(self.certificate.sudo().private_key, self.token)

    leaks = ()

    def assert_told(self, told, what):
        """Note a leak: the assertion's own error would be suppressed with those of the attacked methods."""
        text = repr(told)
        if any(piece in text for piece in self.forbidden):
            self.leaks = (*self.leaks, what)

    def is_public(self, model, name):
        if name.startswith("_"):
            return False
        try:
            get_public_method(model, name)
        except Exception:  # noqa: BLE001  whatever is not a public method
            return False
        return True

    def test_through_other_models(self):
        """A domain on a relation to the certificate must not tell anything about the key either."""
        path = f"l10n_pl_ksef_document_id.certificate_id.{SECRET}"
        for name, user in self.users.items():
            for attempt in (
                lambda user: self.env["account.move"].with_user(user).search([(path, "like", "1%")]),
                lambda user: self.move.with_user(user).mapped(path),
                lambda user: self.move.with_user(user).filtered_domain([(path, "like", "1%")]),
                lambda user: self.move.with_user(user).export_data([path.replace(".", "/")]),
                lambda user: (
                    self.env["l10n_pl_ksef.document"]
                    .with_user(user)
                    .search([(f"certificate_id.{SECRET}", "!=", False)])
                ),
            ):
                with self.subTest(user=name), self.env.cr.savepoint(), contextlib.suppress(Exception):
                    self.env.invalidate_all()
                    told = attempt(user)
                    self.assert_told(told, name)
                    self.assertNotIn(self.move.id, getattr(told, "_ids", ()))
        self.assertFalse(self.leaks)

    def test_a_server_action_reaches_no_more_than_the_token(self):
        """An administrator's Python in an automation gets the token by sudo; the key never is in its reach."""
        reach = (
            "env['l10n_pl_ksef.certificate'].sudo()._sign.__globals__['open_vault']",
            "env['l10n_pl_ksef.certificate'].sudo()._sign.__func__.__globals__",
            "__import__('odoo.addons.l10n_pl_ksef_offline.models.vault')",
        )
        for code in reach:
            with self.subTest(code), self.assertRaises(NameError), self.env.cr.savepoint():
                action = self.env["ir.actions.server"].create(
                    {
                        "name": "attack",
                        "model_id": self.env.ref("l10n_pl_ksef_offline.model_l10n_pl_ksef_certificate").id,
                        "state": "code",
                        "code": f"action = {code}",
                    }
                )
                action.with_user(self.users["system"]).run()

    def test_other_companies_certificates_are_invisible(self):
        other = self.env["res.company"].create({"name": "Inna Sp. z o.o.", "country_id": self.env.ref("base.pl").id})
        stranger = self.new_user(
            "attack_stranger", "account.group_account_manager,l10n_pl_ksef_offline.group_certificate_manager", other
        )
        for model in ("l10n_pl_ksef.certificate", "l10n_pl_ksef.document"):
            self.assertFalse(self.env[model].with_user(stranger).search([("company_id", "=", self.company.id)]))
            self.assertTrue(self.env[model].with_user(self.accountant).search([("company_id", "=", self.company.id)]))
        self.assertFalse(self.env["l10n_pl_ksef.certificate"]._usable(other, "test"))

    def test_the_key_is_the_one_that_was_uploaded(self):
        """The attacks above searched for the right thing."""
        key = open_vault().decrypt(self.token, self.certificate._vault_context())
        self.assertEqual(key, self.issued_files.private_key_der())
        self.assertTrue(self.move.l10n_pl_ksef_document_id.kod_ii.count(NIP))
