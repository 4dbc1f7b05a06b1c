from pathlib import Path

import polib

from odoo.tests import BaseCase

# The same in both languages; the tools that keep the files in form leave such translations empty.
SAME = {
    "Demo",
    "ID",
    "KSeF",
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


class TestTranslations(BaseCase):
    def test_polish_is_complete(self):
        polish = {entry.msgid: entry for entry in polib.pofile(str(I18N / "pl.po"))}
        for entry in polib.pofile(str(I18N / "l10n_pl_ksef_offline.pot")):
            with self.subTest(entry.msgid):
                self.assertTrue(polish[entry.msgid].msgstr or entry.msgid in SAME)
                self.assertFalse(polish[entry.msgid].fuzzy)
