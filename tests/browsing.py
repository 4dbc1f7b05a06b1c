import json
import tempfile
from contextlib import nullcontext
from pathlib import Path

from odoo.tests import HttpCase

DOWNLOADS = "http://downloads.example/"  # where scripts ask what has been downloaded
SCRIPTS = Path(__file__).parent / "browser"


class BrowserCommon(HttpCase):
    """People in Chromium, as scripts in tests/browser say; what they download is in ``self.downloads``."""

    browser_size = "1366x900"

    def setUp(self):
        super().setUp()
        self.downloads = Path(self.enterContext(tempfile.TemporaryDirectory()))
        report = type(self.env["ir.actions.report"])
        prepare = report._pre_render_qweb_pdf

        def prepare_for_real(report, *args, **values):
            return prepare(report.with_context(force_report_rendering=True), *args, **values)

        self.patch(report, "_pre_render_qweb_pdf", prepare_for_real)

    def enter_registry_test_mode(self):
        return nullcontext()  # it is in it already

    def authenticate(self, user, password, *, browser=None, **options):
        session = super().authenticate(user, password, browser=browser, **options)
        if browser:
            where = {"behavior": "allow", "downloadPath": str(self.downloads)}
            browser._websocket_request("Browser.setDownloadBehavior", params=where)
        return session

    def browse(self, url, script, login, ready=".o_control_panel, #wrapwrap", **facts):
        """Open a page as a user, run a script of tests/browser there with facts as its constants."""
        constants = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in facts.items())
        code = [(SCRIPTS / name).read_text(encoding="utf-8") for name in ("person.js", script)]
        self.browser_js(
            url,
            f"{constants}{''.join(code)}",
            ready=f"document.querySelector('{ready}') !== null",
            login=login,
            timeout=120,
        )
        self.env.invalidate_all()

    def fetch_proxy(self, url):
        if url == DOWNLOADS:
            return self.make_fetch_proxy_response(json.dumps([path.name for path in self.arrived()]))
        return super().fetch_proxy(url)

    def arrived(self):
        return [path for path in self.downloads.iterdir() if path.suffix == ".pdf"]

    def downloaded(self):
        """Return the content of the one PDF that was downloaded since the last call."""
        (path,) = self.arrived()
        content = path.read_bytes()
        path.unlink()
        return content
