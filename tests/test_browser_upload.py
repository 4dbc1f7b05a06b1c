from base64 import b64encode
from datetime import datetime, timezone

from odoo.tests import freeze_time

from .browsing import BrowserCommon
from .common import NOW, PASSWORD, KsefOfflineCommon


@freeze_time(NOW)
class TestBrowserUpload(KsefOfflineCommon, BrowserCommon):
    """The upload in a real browser, by a certificate manager who is no administrator."""

    def case(self, what, issued, certificate=None, password=PASSWORD, key=None, **expected):
        return {
            "what": what,
            "key": {"name": "offline.key", "base64": b64encode(key or issued.key_file(PASSWORD)).decode()},
            "certificate": {
                "name": "offline.crt",
                "base64": b64encode(certificate or issued.certificate_file()).decode(),
            },
            "password": password,
        } | expected

    def test_upload(self):
        self.manager.password = self.manager.login
        good, other = self.issued(serial=0x00AB5D352AE59001), self.issued()
        expired = self.issued(
            not_before=datetime(2024, 1, 1, tzinfo=timezone.utc), not_after=datetime(2026, 1, 1, tzinfo=timezone.utc)
        )
        early = self.issued(not_before=datetime(2027, 1, 1, tzinfo=timezone.utc))
        cases = [
            self.case("wrong password", good, password="wrong", problem="password"),
            self.case("mismatch", good, certificate=other.certificate_file(), problem="belong"),
            self.case("expired", expired, problem="01/01/2026"),
            self.case("not yet valid", early, problem="01/01/2027"),
            self.case("to log in with", self.issued(usage="authentication"), problem="Podpis linku"),
            self.case("no certificate", good, certificate=b"%PDF-1.4 an invoice", problem="certificate"),
            self.case("no key", good, key=b"\x00\x01 noise", problem="key"),
            self.case("good", good, serial="00AB5D352AE59001"),
        ]
        self.browse(
            "/odoo/action-l10n_pl_ksef_offline.action_certificate", "upload.js", login=self.manager.login, cases=cases
        )
        added = self.env["l10n_pl_ksef.certificate"].search([("company_id", "=", self.company.id)])
        self.assertEqual(added.mapped("serial_number"), ["00AB5D352AE59001"])
