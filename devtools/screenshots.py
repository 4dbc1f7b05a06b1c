"""Takes the pictures of README, of the page for accountants and of the addon's page, run by ``./dev screenshots``.

Works as people do: in Debian's Chromium, as the accountant of the database "demo", on whose server KSEF_URL points;
an administrator only asks KSeF for a certificate and wakes the worker. Writes ``static/description/LANGUAGE-NAME.png``.
"""

import io
import json
import os
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from PIL import Image, ImageChops
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "static" / "description"
ADDON = "l10n_pl_ksef_offline"
VIEWPORT = {"width": 1200, "height": 800}
LANGUAGES = {"en": "en_US", "pl": "pl_PL"}
SETTLING = 1500  # ms: the web client does not tell when it has drawn all that it asked for
MARGIN = 20  # pixels
COLOURS, LARGEST = 64, 150_000  # of a picture: colours, bytes


class Person:
    """A user in a browser of their own."""

    def __init__(self, browser, login):
        self.context = browser.new_context(base_url=os.environ["KSEF_URL"], viewport=VIEWPORT)
        self.page = self.context.new_page()
        self.page.goto("/web/login")
        self.page.fill("input[name=login]", login)
        self.page.fill("input[name=password]", login)
        self.page.click("button[type=submit]")
        self.page.wait_for_selector(".o_main_navbar")

    def call(self, model, method, *args, **kwargs):
        """Return what a method of Odoo returns to this user, None if nothing."""
        request = {"model": model, "method": method, "args": args, "kwargs": kwargs}
        answer = self.context.request.post(
            f"/web/dataset/call_kw/{model}/{method}",
            headers={"Content-Type": "application/json"},
            data=json.dumps({"jsonrpc": "2.0", "params": request}),
            timeout=120_000,
        ).json()
        if "error" in answer:
            sys.exit(f"{model}.{method}: {answer['error']['data']['debug']}")
        return answer.get("result")

    def open(self, action, record=None):
        self.page.goto(f"/odoo/action-{action}/{record}" if record else f"/odoo/action-{action}")
        self.page.wait_for_selector(".o_form_view, .o_list_view, .o_kanban_view")

    def take(self, name):
        self.page.mouse.move(0, VIEWPORT["height"] - 1)
        self.page.wait_for_timeout(SETTLING)
        picture = Image.open(io.BytesIO(self.page.screenshot(animations="disabled")))
        save(picture.crop((0, 0, picture.width, content_box(picture)[3])), name)

    def report(self, move, name):
        """Take the first page of what the buyer of an invoice gets."""
        pdf = self.context.request.get(f"/report/pdf/account.account_invoices/{move}", timeout=120_000).body()
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder, "page.pdf"), Path(folder, "page")
            source.write_bytes(pdf)
            subprocess.run(["pdftoppm", "-r", "90", "-png", "-singlefile", source, target], check=True)
            picture = Image.open(target.with_suffix(".png"))
            save(picture.crop(content_box(picture)), name)


def content_box(picture):
    """Return (left, top, right, bottom) of what is there beside the background, with a margin around."""
    picture = picture.convert("RGB")
    background = Image.new("RGB", picture.size, picture.getpixel((0, picture.height - 1)))
    left, top, right, bottom = ImageChops.difference(picture, background).getbbox()
    return (
        max(left - MARGIN, 0),
        max(top - MARGIN, 0),
        min(right + MARGIN, picture.width),
        min(bottom + MARGIN, picture.height),
    )


def save(picture, name):
    path = FOLDER / f"{name}.png"
    picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    size = path.stat().st_size
    print(f"{path.relative_to(ROOT)} ({size} bytes)")
    if size > LARGEST:
        sys.exit(f"{path.name} is larger than {LARGEST} bytes")


class Books:
    """What the pictures show: invoices in every state, made as the accountant makes them."""

    def __init__(self, accountant, admin):
        self.accountant, self.admin = accountant, admin
        taxes = accountant.call(
            "account.tax", "search_read", [("type_tax_use", "=", "sale"), ("amount", "=", 23)], ["id"], limit=1
        )
        self.tax = taxes[0]["id"]

    def confirm_certificate(self):
        """Let KSeF issue a certificate, which the list shows as active."""
        wizard = self.admin.call("l10n_pl_ksef.certificate.request", "create", [{"name": "Offline 2026"}])
        certificate = self.admin.call("l10n_pl_ksef.certificate.request", "action_request", wizard)["res_id"]
        for _question in range(10):
            self.admin.call("l10n_pl_ksef.certificate", "action_update_status", [certificate])
            (record,) = self.admin.call("l10n_pl_ksef.certificate", "read", [certificate], ["status"])
            if record["status"] == "active":
                return

    def send_all(self):
        cron = self.admin.call(
            "ir.model.data", "search_read", [("module", "=", ADDON), ("name", "=", "cron_send")], ["res_id"]
        )
        self.admin.call("ir.cron", "method_direct_trigger", [cron[0]["res_id"]])

    def partner(self, name, country, lang, **values):
        (code,) = self.accountant.call("res.country", "search", [("code", "=", country)])
        values |= {"name": name, "country_id": code, "lang": lang}
        return self.accountant.call("res.partner", "create", [values])[0]

    def post(self, partner, text, price):
        line = {"name": text, "quantity": 2, "price_unit": price, "tax_ids": [(6, 0, [self.tax])]}
        values = {
            "move_type": "out_invoice",
            "partner_id": partner,
            "invoice_date": datetime.now(ZoneInfo("Europe/Warsaw")).date().isoformat(),
            "invoice_line_ids": [(0, 0, line)],
        }
        move = self.accountant.call("account.move", "create", [values])
        self.accountant.call("account.move", "action_post", move)
        return move[0]

    def issue(self, *args):
        move = self.post(*args)
        self.accountant.call("account.move", "action_l10n_pl_ksef_issue_offline", [move])
        return move


def take_all(accountant, books):
    books.confirm_certificate()
    books.send_all()  # what the demonstration has issued: accepted
    warsaw = {"street": "ul. Przykładowa 1", "zip": "00-001", "city": "Warszawa"}
    company = warsaw | {"is_company": True, "vat": "PL5265877635"}
    shop = books.partner("Zakład Łączności S.A.", "PL", "pl_PL", **company)
    subprocess.run([ROOT / "dev", "ksef", "reject", "code=430"], check=True, stdout=subprocess.DEVNULL)
    books.issue(shop, "Stół dębowy", 1200)
    books.send_all()  # rejected
    buyers = {
        "en": (
            books.partner("Kitchen & Co. Ltd", "PL", "en_US", **company),
            books.partner("John Smith", "GB", "en_US", street="1 Example Street", city="London"),
        ),
        "pl": (shop, books.partner("Jan Kowalski", "PL", "pl_PL", **warsaw)),
    }
    texts = {"en": "Oak chair", "pl": "Krzesło dębowe"}
    for short, language in LANGUAGES.items():
        user = accountant.call("res.users", "search", [("login", "=", "accountant")])
        accountant.call("res.users", "write", user, {"lang": language})
        domestic, consumer = buyers[short]
        sealed = books.issue(domestic, texts[short], 450)
        take_invoices(accountant, short, books.post(domestic, texts[short], 480), sealed)
        accountant.report(books.issue(consumer, texts[short], 450), f"{short}-printed-invoice")
        accountant.report(sealed, f"{short}-transaction-confirmation")
        take_lists(accountant, short)


def take_invoices(accountant, short, posted, sealed):
    page = accountant.page
    accountant.open("account.open_account_journal_dashboard_kanban")  # the invoices are then within its app
    accountant.open("account.action_move_out_invoice_type", posted)
    page.click(".o_statusbar_buttons button[name]:has-text('offline')")
    page.wait_for_selector(".modal .o_form_view")
    accountant.take(f"{short}-issue-offline")
    accountant.open("account.action_move_out_invoice_type", sealed)
    page.click(".nav-link[name=l10n_pl_ksef_tab]")
    accountant.take(f"{short}-sealed-invoice")


def take_lists(accountant, short):
    accountant.open(f"{ADDON}.action_document")
    accountant.page.click(".o_facet_remove")
    accountant.take(f"{short}-documents")
    accountant.open(f"{ADDON}.action_certificate")
    accountant.take(f"{short}-certificates")
    accountant.open("account.open_account_journal_dashboard_kanban")
    accountant.take(f"{short}-dashboard")


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        accountant, admin = Person(browser, "accountant"), Person(browser, "admin")
        take_all(accountant, Books(accountant, admin))
        browser.close()


main()
