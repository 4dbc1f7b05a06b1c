from pathlib import Path

import polib

from odoo.tests import TransactionCase, tagged

from ..devtools.terms import template

# The same in both languages; the tools that keep the files in form leave such translations empty.
SAME = {
    "Demo",
    "ID",
    "KOD I",
    "KOD II",
    "KSeF",
    "KSeF offline",
    "NIP",
    "Offline %(year)s",
    "PESEL",
    "PNG",
    "Peppol",
    "Problem",
    "RSA-2048",
    "SVG",
    "Status",
    "Test",
    "UPO",
    "https://www.gov.pl/...",
    "offline24",
}
I18N = Path(__file__).parents[1] / "i18n"


@tagged("post_install", "-at_install")
class TestTranslations(TransactionCase):
    def test_no_term_is_missing(self):
        known = polib.pofile(str(I18N / "l10n_pl_ksef_offline.pot"))
        self.assertEqual({entry.msgid for entry in known}, {entry.msgid for entry in template(self.env)}, "./dev terms")

    def test_polish_is_complete(self):
        polish = {entry.msgid: entry for entry in polib.pofile(str(I18N / "pl.po"))}
        for entry in polib.pofile(str(I18N / "l10n_pl_ksef_offline.pot")):
            with self.subTest(entry.msgid):
                self.assertTrue(polish[entry.msgid].msgstr or entry.msgid in SAME)
                self.assertFalse(polish[entry.msgid].fuzzy)
