"""The ministry's 26 examples, from facts.

``fa3_examples.json`` holds each as our file tells it, and is compared everywhere. The ministry's own files are compared
where KSEF_EXAMPLES names their folder. There the elements in OWN may have another text, because names, numbers and
words are ours, and a P_6 equal to P_1 is left out.
"""

import json
import os
import unittest
from datetime import datetime, timezone
from decimal import Decimal, InvalidOperation
from pathlib import Path

from lxml import etree

from odoo.tests import BaseCase
from odoo.tools import file_open

from ..ksef.fa3 import checks, writer
from .fa3_examples import EXAMPLES

EXPECTED = Path(__file__).with_name("fa3_examples.json")
MINISTRY = os.environ.get("KSEF_EXAMPLES")
NOW = datetime(2026, 2, 1, tzinfo=timezone.utc)
# Names, numbers and words are our own, and the file names Odoo and the moment.
OWN = set(
    """DataWytworzeniaFa SystemInfo NIP Nazwa AdresL1 AdresL2 Email Telefon NrKlienta P_2 NrFaKorygowanej UU_ID UU_IDZ
    NrKSeFFaKorygowanej NrKSeFFaZaliczkowej KRS REGON BDO StopkaFaktury P_7 P_7Z CN Klucz Wartosc PrzyczynaKorekty WZ
    Powod NrZamowienia NrPartiiTowaru NazwaBanku NrVatUE KodUE NrID Opis ZKlucz ZWartosc TKlucz TWartosc NKom WKom SKom
    """.split()
)


def lines(xml):
    """Return a line for each attribute and each element without children: path, and text."""
    told = []
    for node in etree.fromstring(xml).iter():
        path = "/".join(etree.QName(each).localname for each in (*reversed(list(node.iterancestors())), node))
        told += [f"{path}/@{name} = {text}" for name, text in node.attrib.items()]
        if not len(node):
            told.append(f"{path} = {node.text or ''}")
    return told


def leaves(xml):
    """Return path and value of every element without children: numbers as such, None for what is our own."""
    root = etree.fromstring(xml, etree.XMLParser(remove_comments=True))
    return [
        ("/".join(etree.QName(each).localname for each in (*reversed(list(node.iterancestors())), node)), value(node))
        for node in root.iter(etree.Element)
        if not len(node)
    ]


def value(node):
    name = etree.QName(node).localname
    if name in OWN:
        return None
    try:
        return Decimal(node.text)
    except InvalidOperation:
        return node.text.strip()


class TestFa3Examples(BaseCase):
    def test_the_schema_takes_each(self):
        with file_open("l10n_pl_edi/data/fa3_schema.xsd", "rb") as file:
            schema = file.read()
        for number, facts in EXAMPLES.items():
            with self.subTest(number):
                xml = writer.write(facts, NOW)
                self.assertEqual(checks.byte_problems(xml), [])
                self.assertEqual([each.values for each in checks.schema_problems(xml, schema)], [])

    def test_each_is_told_as_before(self):
        expected = json.loads(EXPECTED.read_text())
        self.assertEqual([int(number) for number in expected], list(EXAMPLES))
        for number, facts in EXAMPLES.items():
            with self.subTest(number):
                self.assertEqual(lines(writer.write(facts, NOW)), expected[str(number)])

    @unittest.skipUnless(MINISTRY, "KSEF_EXAMPLES names no folder with the ministry's examples")
    def test_each_is_told_as_the_ministry_does(self):
        for number, facts in EXAMPLES.items():
            with self.subTest(number):
                theirs = leaves((Path(MINISTRY) / f"FA_3_Przyklad_{number:02}.xml").read_bytes())
                if facts.supply_date == facts.issue_date or number == 26:
                    # the law asks for P_6 only if it is another day than that of issue
                    theirs = [each for each in theirs if each[0] != "Faktura/Fa/P_6"]
                self.assertEqual(leaves(writer.write(facts, NOW)), theirs)
