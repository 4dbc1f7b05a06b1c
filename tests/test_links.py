from datetime import date, datetime, timezone

from hypothesis import given
from hypothesis import strategies as st

from odoo.tests import BaseCase

from ..devtools.authority import Authority
from ..devtools.scanning import digest_in, verify
from ..ksef.codes import contexts, links
from ..ksef.errors import ContextInvalid

# Published by the ministry, kody-qr.md of its API documentation.
PUBLISHED_HASH = "UtQp9Gpc51y-u3xApZjIjgkpZ01js-J8KflSPW8WzIE"
PUBLISHED_KOD_I = f"https://qr-test.ksef.mf.gov.pl/invoice/1111111111/01-02-2026/{PUBLISHED_HASH}"
PUBLISHED_KOD_II_SIGNED = (
    f"qr-test.ksef.mf.gov.pl/certificate/Nip/1111111111/1111111111/01F20A5D352AE590/{PUBLISHED_HASH}"
)


class TestLinks(BaseCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        authority = Authority()
        valid = {
            "not_before": datetime(2026, 1, 1, tzinfo=timezone.utc),
            "not_after": datetime(2027, 1, 1, tzinfo=timezone.utc),
        }
        cls.issued = {
            key: authority.issue(nip="1111111111", common_name="Firma", key=key, **valid) for key in ("ec", "rsa")
        }
        cls.sha256 = digest_in(PUBLISHED_KOD_I)

    def kod_ii(self, key="ec", environment="test"):
        issued = self.issued[key]
        return links.kod_ii(
            environment,
            ("Nip", "1111111111"),
            "1111111111",
            "01F20A5D352AE590",
            self.sha256,
            lambda payload: links.sign(issued.private_key_der(), payload),
        )

    def test_kod_i_is_the_published_one(self):
        self.assertEqual(links.kod_i("test", "1111111111", date(2026, 2, 1), self.sha256), PUBLISHED_KOD_I)

    def test_kod_i_of_each_environment(self):
        for environment, host in (
            ("production", "qr.ksef.mf.gov.pl"),
            ("demo", "qr-demo.ksef.mf.gov.pl"),
            ("test", "qr-test.ksef.mf.gov.pl"),
        ):
            with self.subTest(environment):
                url = links.kod_i(environment, "1111111111", date(2026, 2, 1), self.sha256)
                self.assertEqual(url, PUBLISHED_KOD_I.replace("qr-test.ksef.mf.gov.pl", host))

    def test_kod_ii_signs_the_published_text(self):
        for key, signature_length in (("ec", 86), ("rsa", 342)):
            with self.subTest(key):
                url = self.kod_ii(key)
                signed, _slash, signature = url.rpartition("/")
                self.assertEqual(signed, f"https://{PUBLISHED_KOD_II_SIGNED}")
                self.assertEqual(len(signature), signature_length)
                self.assertRegex(signature, r"^[A-Za-z0-9_-]+$")
                self.assertEqual(digest_in(url), self.sha256)

    def test_verify_tells_right_from_wrong(self):
        for key, other in (("ec", "rsa"), ("rsa", "ec")):
            url = self.kod_ii(key)
            der = self.issued[key].certificate_der()
            with self.subTest(key):
                self.assertTrue(verify(url, der))
                self.assertFalse(verify(url.replace("qr-test", "qr"), der), "the host is signed")
                self.assertFalse(verify(url.replace("/Nip/", "/nip/"), der), "the context is signed")
                self.assertFalse(verify(self.kod_ii(other), der))

    def test_contexts_are_put_right(self):
        for kind, right, typed in (
            ("Nip", "5260001246", ("526-000-12-46", "PL5260001246", " pl 526 000 12 46 ", "NIP 526.000.12.46")),
            ("InternalId", "5260001246-12345", ("PL5260001246-12345", "526-000-12-46-12345", "526000124612345")),
            ("NipVatUe", "5260001246-DE123456789", ("PL5260001246 DE 123 456 789", "526-000-12-46/de123456789")),
            ("NipVatUe", "5260001246-NL0012345678+*", ("5260001246-nl0012345678+*",)),
            ("PeppolId", "PPL123456", ("ppl 123456", "P-PL-123456")),
        ):
            for value in (right, *typed):
                with self.subTest(kind, value=value):
                    self.assertEqual(contexts.put_right(kind, value), right)
                    self.assertEqual(contexts.is_right(kind, value), value == right)

    def test_what_is_no_context_is_refused(self):
        for kind, value in (
            ("Nip", "526/000"),
            ("Nip", ""),
            ("Nip", "5260001247"),
            ("Nip", "5260001246-12345"),
            ("Nip", "DE5260001246"),
            ("Nip", "٥٢٦٠٠٠١٢٤٦"),
            ("InternalId", "5260001246"),
            ("InternalId", "5260001246-1234"),
            ("InternalId", "5260001247-12345"),
            ("NipVatUe", "5260001246"),
            ("NipVatUe", "5260001246-PL5260001246"),
            ("NipVatUe", "5260001246-GB123456789"),
            ("PeppolId", "PL123456"),
            ("PeppolId", "5260001246"),
        ):
            with self.subTest(kind, value=value):
                with self.assertRaises(ContextInvalid) as caught:
                    contexts.put_right(kind, value)
                self.assertIn("such as", str(caught.exception))
                self.assertFalse(contexts.is_right(kind, value))

    @given(st.sampled_from(["Nip", "InternalId", "NipVatUe", "PeppolId"]), st.text())
    def test_any_context(self, kind, value):
        try:
            right = contexts.put_right(kind, value)
        except ContextInvalid:
            self.assertFalse(contexts.is_right(kind, value))
        else:
            self.assertTrue(contexts.is_right(kind, right))
            self.assertRegex(right, r"^[A-Z0-9+*-]+$")

    def test_context_of_a_link(self):
        for context in (("Nip", "1111111111"), ("Nip", "526/000"), ("InternalId", "a/certificate/b"), ("X", "")):
            url = links.kod_ii("test", context, "1111111111", "01F20A5D352AE590", self.sha256, lambda _payload: b"ab")
            with self.subTest(context):
                self.assertEqual(links.context_of(url), context)

    def test_the_digest_is_of_the_exact_bytes(self):
        # Inputs published in a unit test of the ministry's C# client
        url = links.kod_i("test", "1234567890", date(2026, 1, 5), links.digest(b"<root>test</root>"))
        self.assertTrue(url.endswith("/05-01-2026/qrs2gCLXnTUy6--AHwHuDxFuCj0BYUGRGtBuGnJwN-c"))
