import base64
import os
from datetime import datetime, timezone
from unittest.mock import patch

from odoo import Command
from odoo.tests import common as odoo_common
from odoo.tests import freeze_time, new_test_user, tagged

from odoo.addons.account.tests.common import AccountTestInvoicingCommon
from odoo.addons.l10n_pl_edi.models import account_move_send
from odoo.addons.l10n_pl_edi.tools.ksef_api_service import KsefApiService

from ..devtools.authority import Authority
from ..devtools.ksef_simulator import Settings, Simulator
from ..models.res_company import SIMULATOR_VARIABLE
from ..tools.master_key import ENVIRONMENT_VARIABLE
from .contract import watch

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=timezone.utc)
NIP = "5795955811"
PASSWORD = "Zażółć-Gęślą-2026!"


class LoopbackOnly:
    """Lets a test's requests through as they are: Odoo's own guard makes a short time-out a long one."""

    @classmethod
    def _request_handler(cls, s, r, /, **kw):
        if not r.url.startswith(("http://127.0.0.1:", "https://127.0.0.1:")):
            raise AssertionError(f"The tests ask nobody outside: {r.url}")
        return odoo_common._super_send(s, r, **kw)


@freeze_time(NOW)
@tagged("post_install", "-at_install", "post_install_l10n")
class KsefOfflineCommon(AccountTestInvoicingCommon):
    """A Polish company, an accountant and a certificate manager who are no administrators, and an authority."""

    @classmethod
    @AccountTestInvoicingCommon.setup_country("pl")
    def setUpClass(cls):
        super().setUpClass()
        # The master key is the test's own: nothing is left in the data directory.
        vault_key = base64.urlsafe_b64encode(os.urandom(32)).decode()
        cls.startClassPatcher(patch.dict(os.environ, {ENVIRONMENT_VARIABLE: vault_key}))
        cls.company = cls.company_data["company"]
        cls.company.write(
            {
                "name": "Zakład Łączności Sp. z o.o.",
                "vat": f"PL{NIP}",
                "street": "ul. Żółta 7/9",
                "city": "Łódź",
                "zip": "90-001",
                "country_id": cls.env.ref("base.pl").id,
            }
        )
        cls.env["ir.config_parameter"].set_param("l10n_pl_edi_ksef.mode", "test")
        # Odoo waits a second for the scripts of each printed page; invoices have none.
        cls.env["ir.config_parameter"].set_param("report.print_delay", "0")
        cls.accountant = cls.new_user("ksef_accountant", "account.group_account_invoice")
        cls.manager = cls.new_user(
            "ksef_manager", "account.group_account_invoice,l10n_pl_ksef_offline.group_certificate_manager"
        )
        cls.authority = Authority()
        cls.consumer = cls.env["res.partner"].create({"name": "Jan Kowalski", "country_id": cls.env.ref("base.pl").id})

    @classmethod
    def new_user(cls, login, groups, company=None):
        """Return a user with these groups (str, commas between) who works in one company alone."""
        company = company or cls.company
        return new_test_user(cls.env, login, groups, company_id=company.id, company_ids=[Command.set(company.ids)])

    @classmethod
    def issued(cls, **values):
        """Return a key and certificate as KSeF would issue them; the company's own, EC, valid now, unless told."""
        defaults = {
            "common_name": "Zakład Łączności Sp. z o.o.",
            "key": "ec",
            "usage": "offline",
            "not_before": datetime(2026, 2, 1, tzinfo=timezone.utc),
            "not_after": datetime(2028, 2, 1, tzinfo=timezone.utc),
        }
        owner = {} if {"nip", "pesel"} & values.keys() else {"nip": NIP}
        return cls.authority.issue(**defaults | owner | values)

    @classmethod
    def upload(cls, issued, password=PASSWORD, **values):
        """Add a certificate as the manager does, and return it."""
        wizard = (
            cls.env["l10n_pl_ksef.certificate.upload"]
            .with_user(cls.manager)
            .create(
                {
                    "name": "Offline 2026",
                    "key_file": base64.b64encode(issued.key_file(password)),
                    "certificate_file": base64.b64encode(issued.certificate_file()),
                    "password": password,
                }
                | values
            )
        )
        action = wizard.action_add()
        return cls.env["l10n_pl_ksef.certificate"].browse(action["res_id"])

    @classmethod
    def draft_invoice(cls, **values):
        """Return an invoice that the accountant has entered today."""
        return (
            cls.env["account.move"]
            .with_user(cls.accountant)
            .create(
                {
                    "move_type": "out_invoice",
                    "partner_id": cls.consumer.id,
                    "invoice_date": NOW.date(),
                    "invoice_line_ids": [
                        Command.create(
                            {
                                "name": "Krzesło dębowe",
                                "quantity": 2,
                                "price_unit": 450.0,
                                "tax_ids": [Command.set(cls.company_data["default_tax_sale"].ids)],
                            }
                        )
                    ],
                }
                | values
            )
        )

    def reject(self, document, code, words):
        """Let KSeF reject a document that waits."""
        document.sudo()._to("sending")
        document.sudo()._reject(code, words)

    @classmethod
    def posted_invoice(cls, **values):
        """Return an invoice that the accountant has posted today."""
        move = cls.draft_invoice(**values)
        move.action_post()
        return move


class KsefSimulatorCommon(KsefOfflineCommon):
    """With the simulator as KSeF, over real HTTP, and a login for the company."""

    def setUp(self):
        super().setUp()
        self.now = NOW
        settings = Settings(login_polls=0, enrollment_polls=0, rate_limits_enforced=False)
        self.ksef = Simulator(clock=lambda: self.now, settings=settings)
        problems = watch(self.ksef)
        self.addCleanup(lambda: self.assertEqual(problems, [], "not as KSeF describes its API"))
        self.ksef.start()
        self.addCleanup(self.ksef.stop)
        self.startPatcher(patch.dict(os.environ, {SIMULATOR_VARIABLE: self.ksef.url}))
        self.give_login()

    def lead_odoo_to_simulator(self, invoice_polls=50):
        """Let Odoo's own way to KSeF lead to the simulator, logged in.

        :param int invoice_polls: how often KSeF is asked about an invoice before it knows the answer; by itself longer
            than any build of Odoo waits when it sends
        """
        url = self.ksef.url
        self.ksef.state.settings.invoice_polls = invoice_polls
        if hasattr(account_move_send, "sleep"):  # since July 2026
            self.startPatcher(patch.object(account_move_send, "sleep", lambda _seconds: None))
        self.startPatcher(patch.object(KsefApiService, "_get_api_url", lambda service: url))
        with self.company._l10n_pl_ksef_client("test") as client:
            client.log_in()
            self.company.sudo().write(
                {"l10n_pl_edi_access_token": client._access.text, "l10n_pl_edi_refresh_token": client._refresh.text}
            )

    def give_login(self, password="login"):
        """Give the company an authentication certificate, its key protected by a password, as l10n_pl_edi holds it."""
        issued = self.issued(usage="other")
        self.ksef.state.trusted.append(self.authority.certificate)
        key = self.env["certificate.key"].create(
            {
                "name": "login",
                "content": base64.b64encode(issued.key_file(password)),
                "password": password,
                "company_id": self.company.id,
            }
        )
        self.company.l10n_pl_edi_certificate = self.env["certificate.certificate"].create(
            {
                "name": "login",
                "content": base64.b64encode(issued.certificate_file()),
                "private_key_id": key.id,
                "company_id": self.company.id,
            }
        )
