import os
import unittest
from pathlib import Path
from string import ascii_uppercase

from lxml import etree

from odoo.tests import BaseCase
from odoo.tools import file_open

from ..ksef.fa3 import checks, fitting
from ..ksef.fa3 import facts as fa3_facts

XSD = "http://www.w3.org/2001/XMLSchema"
BASE = "http://crd.gov.pl/xml/schematy/dziedzinowe/mf/2022/01/05/eD/DefinicjeTypy/"
OURS = Path(checks.__file__).parent / "schema" / "base_types.xsd"
MINISTRY = os.environ.get("KSEF_XSD")
ELEMENTS = {
    "buyer_key": ("IDNabywcy",),
    "gln": ("GLN",),
    "gtin": ("GTIN", "GTINZ"),
    "bdo": ("BDO",),
    "unique_id": ("UU_ID", "UU_IDZ"),
    "index": ("Indeks", "IndeksZ"),
    "pkwiu": ("PKWiU", "PKWiUZ"),
    "cn": ("CN", "CNZ"),
    "pkob": ("PKOB", "PKOBZ"),
    "other_kind": ("OpisInnegoTransportu",),
    "other_cargo": ("OpisInnegoLadunku",),
    "footers": ("StopkaFaktury",),
    "paragraphs": ("Akapit",),
    "street": ("AdresL1",),
    "city": ("AdresL1", "AdresL2"),
    "first_line": ("AdresL1",),
    "second_line": ("AdresL2",),
    "caption": ("Opis",),
    "heading": ("ZNaglowek",),
}
PROBES = [
    "",
    " ",
    *("1", " 1 ", "2", "3", "0", "-1", "01", "1.0", "1" * 14, "1" * 15),
    *("a@b", "@b", "a@", "a b@c", " a@b ", "a" * 254 + "@b"),
    *("2026-11-23", "2026-11-23Z", "1899-12-31", "2050-12-31", "2051-01-01", "2026-02-30", "2026-11-23T10:00:00"),
    *("2026-11-23T10:00:00Z", "2026-11-23T10:00:00.5+01:00", " 2026-11-23T10:00:00 ", "2026-11-23T25:00:00"),
    *("5795955811", "0795955811", "5005955811", "579595581", "57959558111", "PL5795955811"),
    *("123456789", "1234567890", "12345678901234", "12345678901"),
    *("x" * 50, "x" * 51, "x\ty", "x" * 3500, "x" * 3501, "pl", "PLN", " PL"),
    *(a + b for a in ascii_uppercase for b in ascii_uppercase),
]


class TestFa3Schema(BaseCase):
    def test_the_schema_loads_without_network(self):
        with file_open("l10n_pl_edi/data/fa3_schema.xsd", "rb") as file:
            schema = file.read()
        problems = checks.schema_problems(b'<Faktura xmlns="http://crd.gov.pl/wzor/2025/06/25/13775/"/>', schema)
        self.assertEqual([problem.values["field"] for problem in problems], ["Faktura"])

    def test_texts_are_shortened_to_what_the_schema_takes(self):
        with file_open("l10n_pl_edi/data/fa3_schema.xsd", "rb") as file:
            schema = etree.fromstring(file.read())
        self.assertEqual(set(fitting._LIMITS), set(ELEMENTS))
        for fact, names in ELEMENTS.items():
            for name in names:
                with self.subTest(fact, element=name):
                    self.assertEqual(self.limits(schema, name), {fitting._LIMITS[fact]})

    def limits(self, schema, name):
        """Return the longest texts that the schema takes in the elements of a name."""
        types = {each.get("name"): each for each in (*schema, *etree.parse(str(OURS)).getroot())}
        return {
            int(length.get("value"))
            for element in schema.iter(f"{{{XSD}}}element")
            if element.get("name") == name
            for holder in [types[element.get("type").split(":")[-1]] if element.get("type") else element]
            for length in holder.iter(f"{{{XSD}}}maxLength")
        }

    @unittest.skipUnless(MINISTRY, "KSEF_XSD names no folder with the ministry's base types")
    def test_our_base_types_are_the_ministrys(self):
        ours, theirs = OURS, Path(MINISTRY) / "StrukturyDanych_v10-0E.xsd"
        names = [each.get("name") for each in etree.parse(str(ours)).getroot().iter(f"{{{XSD}}}simpleType")]
        self.assertGreater(len(names), 10)
        for name in names:
            with self.subTest(name):
                self.assertEqual(self.accepted(ours, name), self.accepted(theirs, name))

    def accepted(self, path, name):
        """Return those of our probes that a type accepts."""
        checker, value = self.checker(path, name), etree.Element("value")
        found = []
        for probe in PROBES:
            value.text = probe
            if checker.validate(value):
                found.append(probe)
        return found

    def checker(self, path, name):
        return etree.XMLSchema(
            etree.fromstring(
                f"""<xsd:schema xmlns:xsd="{XSD}" xmlns:etd="{BASE}">
                <xsd:import namespace="{BASE}" schemaLocation="{path.as_uri()}"/>
                <xsd:element name="value" type="etd:{name}"/></xsd:schema>"""
            )
        )

    def test_bytes_that_ksef_refuses(self):
        for what, xml, found in (
            ("plain", "<a>Zażółć\tgęślą\n\x85</a>".encode(), []),
            ("with declaration", b'<?xml version="1.0" encoding="UTF-8"?><a/>', []),
            ("byte-order mark", b"\xef\xbb\xbf<a/>", ["FileNotUtf8"]),
            ("Latin-2", "<a>ż</a>".encode("iso8859-2"), ["FileNotUtf8"]),
            ("UTF-16", "<a/>".encode("utf-16"), ["FileNotUtf8"]),
            ("processing instruction", b"<?xml-stylesheet href='x'?><a/>", ["ProcessingInstruction"]),
            ("document type", b"<!DOCTYPE a><a/>", ["ProcessingInstruction"]),
            ("control character", b"<a>\x07</a>", ["CharacterDiscouraged"]),
            ("delete", b"<a>\x7f</a>", ["CharacterDiscouraged"]),
            ("apostrophe of Windows", "<a>\x92</a>".encode(), ["CharacterDiscouraged"]),
            ("no character", "<a>\ufdd0\U0001fffe</a>".encode(), ["CharacterDiscouraged"]),
            ("emoji are characters", "<a>\U0001f600</a>".encode(), []),
            ("one megabyte", b"<a>" + b"x" * 999_993 + b"</a>", []),
            ("a byte more", b"<a>" + b"x" * 999_994 + b"</a>", ["FileTooLong"]),
            ("two at once", b"\xef\xbb\xbf<a>\x01</a>", ["FileNotUtf8", "CharacterDiscouraged"]),
        ):
            with self.subTest(what):
                self.assertEqual([type(problem).__name__ for problem in checks.byte_problems(xml)], found)

    def test_which_number_identifies_a_buyer(self):
        for vat, country, nip, eu, other in (
            ("PL 526-025-02-74", "PL", "5260250274", None, None),
            ("5260250274", "PL", "5260250274", None, None),
            ("PL5260250274", "DE", "5260250274", None, None),
            ("DE136695976", "PL", "", ("DE", "136695976"), None),
            ("136695976", "DE", "", ("DE", "136695976"), None),
            ("EL094259216", "GR", "", ("EL", "094259216"), None),
            ("XI110305878", "GB", "", ("XI", "110305878"), None),
            ("atu 12345675", "AT", "", ("AT", "U12345675"), None),
            ("GB980780684", "GB", "", None, "980780684"),
            ("CHE-107.787.577 MWST", "CH", "", None, "CHE107787577MWST"),
            ("FIA920101XY3", "MX", "", None, "FIA920101XY3"),
            ("/", "PL", "", None, ""),
            ("", "", "", None, ""),
        ):
            with self.subTest(vat, country=country):
                party = fa3_facts.Party("X", vat, country)
                self.assertEqual((party.nip, party.eu_number), (nip, eu))
                if other is not None:
                    self.assertEqual(party.other_number, other)
