"""Keys and certificates: every format is read alike, every bad file is named, no secret gets out."""

import base64
import hashlib
import re
import subprocess
import tempfile
import traceback
import unicodedata
import warnings
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

from asn1crypto import core, keys
from asn1crypto.pkcs12 import Pfx
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    pkcs7,
    pkcs12,
)
from cryptography.x509.oid import NameOID
from hypothesis import example, given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase

from ..devtools.authority import Authority, encrypt_pkcs8, pem
from ..ksef import errors
from ..ksef.keys import certificates, encryption, key_files
from ..ksef.poland import WARSAW

PASSWORD = "Zażółć-gęślą-2026!"
NIP = "5260250274"
PESEL = "80010112345"
NOT_BEFORE = datetime(2026, 2, 1, 9, 30, tzinfo=timezone.utc)
NOT_AFTER = datetime(2028, 1, 31, 23, 30, tzinfo=timezone.utc)
DURING = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
PBKDF2 = bytes.fromhex("06092a864886f70d01050c")
SCRYPT = bytes.fromhex("06092b06010401da47040b")
SHA256 = bytes.fromhex("0609608648016503040201")
PBMAC1 = bytes.fromhex("06092a864886f70d01050e")
MANY_ROUNDS, TOO_MANY_ROUNDS = b"\x02\x02" + (20_000).to_bytes(2, "big"), b"\x02\x02" + (20_001).to_bytes(2, "big")
P256 = bytes.fromhex("06082a8648ce3d030107")
EC_KEY = bytes.fromhex("06072a8648ce3d0201")
BOM = b"\xef\xbb\xbf"
PANIC = type("PanicException", (BaseException,), {})  # cryptography does not show its own


def private_der(key, form=PrivateFormat.PKCS8):
    return key.private_bytes(Encoding.DER, form, NoEncryption())


def private_pem(key, form=PrivateFormat.PKCS8, password=None):
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, form, encryption)


def quick_key_file(key):
    """As the taxpayer application saves it, but with fewer rounds, so that many can be read."""
    return pem("ENCRYPTED PRIVATE KEY", encrypt_pkcs8(private_der(key), PASSWORD, rounds=2000))


def utf16(text):
    return text.decode().encode("utf-16")


def lines(data, length, end=b"\n"):
    return end.join(data[i : i + length] for i in range(0, len(data), length))


def bag(name, block):
    return b"Bag Attributes\n    friendlyName: %s\nKey Attributes: <No Attributes>\n" % name + block


def in_pieces(p12):
    """The same PKCS #12 file in BER with indefinite lengths, as Bouncy Castle and NSS write it."""

    pfx = Pfx.load(p12)
    content_info = pfx["auth_safe"]
    safe = content_info["content"].native
    halves = (core.OctetString(half).dump() for half in (safe[:99], safe[99:]))
    in_pieces = b"\x30\x80%s\xa0\x80\x24\x80%s%s%s" % (content_info["content_type"].dump(), *halves, b"\0\0" * 3)
    return b"\x30\x80%s%s%s\0\0" % (pfx["version"].dump(), in_pieces, pfx["mac_data"].dump())


class TestCredentials(BaseCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authority = Authority()
        cls.ec = cls.issue()
        cls.rsa = cls.issue(key="rsa")
        cls.other = cls.issue()
        cls.key_file = cls.ec.key_file(PASSWORD)
        cls.certificate_file = cls.ec.certificate_file()

    def setUp(self):
        super().setUp()
        self.enterContext(warnings.catch_warnings())
        warnings.simplefilter("ignore", UserWarning)  # cryptography dislikes much of what is tried here

    @classmethod
    def issue(cls, **values):
        defaults = {"common_name": "Łąka Sp. z o.o.", "not_before": NOT_BEFORE, "not_after": NOT_AFTER}
        if not values.keys() & {"nip", "pesel", "tin"}:
            defaults["nip"] = NIP
        return cls.authority.issue(**defaults | values)

    @classmethod
    def bare(cls, key, *attributes, serial=1, extensions=(), not_before=NOT_BEFORE, not_after=NOT_AFTER):
        """Certificate of any kind, as DER."""
        name = x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])
        builder = x509.CertificateBuilder(name, name, key.public_key(), serial, not_before, not_after)
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(cls.other.private_key, hashes.SHA256()).public_bytes(Encoding.DER)

    def assert_no_secret(self, text):
        self.assertNotIn(PASSWORD, text)
        for issued in (self.ec, self.rsa):
            der = private_der(issued.private_key)
            self.assertNotIn(repr(der[40:60])[2:-1], text)
            self.assertNotIn(der[40:60].hex(), text)
            self.assertNotIn(base64.b64encode(der)[64:96].decode(), text)

    def assert_refused(self, expected, function, *arguments):
        with self.assertRaises(errors.KsefError) as caught:
            function(*arguments)
        error = caught.exception
        self.assertIs(type(error), expected, error)
        self.assertIsNone(error.__context__, "what cryptography raised may quote a file")
        self.assert_no_secret(
            "".join([str(error), repr(error), repr(error.values), *traceback.format_exception(error)])
        )
        return error

    # What can be read

    def key_files(self, issued):
        """(name, file, password) of one private key in all formats."""
        key = issued.private_key
        ministry = quick_key_file(key)
        plain, traditional = private_pem(key), private_pem(key, PrivateFormat.TraditionalOpenSSL)
        locked = private_pem(key, PrivateFormat.TraditionalOpenSSL, PASSWORD)
        der, encrypted = private_der(key), encrypt_pkcs8(private_der(key), PASSWORD, rounds=2048)
        return [
            ("as the application saves it", issued.key_file(PASSWORD), PASSWORD),
            ("CRLF", ministry.replace(b"\n", b"\r\n"), PASSWORD),
            ("CR", ministry.replace(b"\n", b"\r"), PASSWORD),
            ("byte-order mark", BOM + ministry, PASSWORD),
            ("UTF-16 LE", utf16(ministry), PASSWORD),
            ("UTF-16 BE", b"\xfe\xff" + ministry.decode().encode("utf-16-be"), PASSWORD),
            ("white space around", b"\n \t" + ministry + b"\r\n\r\n ", PASSWORD),
            ("bag attributes", bag(b"KSeF", ministry), PASSWORD),
            ("indented", ministry.replace(b"\n", b"\n    "), PASSWORD),
            ("line breaks lost", ministry.replace(b"\n", b" "), PASSWORD),
            ("no last line end", ministry.rstrip(), PASSWORD),
            ("PKCS #8", plain, None),
            ("PKCS #8, needless password", plain, PASSWORD),
            ("PKCS #8, UTF-16", utf16(plain), None),
            ("PKCS #8 of OpenSSL, encrypted", private_pem(key, password=PASSWORD), PASSWORD),
            ("traditional", traditional, None),
            ("traditional, needless password", traditional, ""),
            ("traditional after parameters", pem("EC PARAMETERS", b"\x06\x01\x2a") + traditional, None),
            ("traditional, encrypted", locked, PASSWORD),
            ("traditional, encrypted, CRLF", BOM + locked.replace(b"\n", b"\r\n"), PASSWORD),
            ("DER", der, None),
            ("DER, needless password", der, PASSWORD),
            ("DER, line end", der + b"\r\n", None),
            ("DER, traditional", private_der(key, PrivateFormat.TraditionalOpenSSL), None),
            ("DER, encrypted", encrypted, PASSWORD),
            ("Base64", base64.b64encode(der), None),
            ("Base64, lines", lines(base64.b64encode(encrypted), 76, b"\r\n"), PASSWORD),
        ]

    def certificate_files(self, issued):
        """(name, file) of one certificate in all formats; none is encrypted."""
        text, der = issued.certificate_file(), issued.certificate.public_bytes(Encoding.DER)
        authority, other = (c.public_bytes(Encoding.PEM) for c in (issued.chain[0], self.other.certificate))
        return [
            ("as the application saves it", text),
            ("CRLF, byte-order mark", BOM + text.replace(b"\n", b"\r\n")),
            ("UTF-16", utf16(text)),
            ("bag attributes", bag(b"KSeF", text)),
            ("line breaks lost", text.replace(b"\n", b" ")),
            ("OpenSSL's other label", text.replace(b" CERTIFICATE", b" X509 CERTIFICATE")),
            ("DER", der),
            ("DER, line end", der + b"\n"),
            ("Base64, as the API gives it", base64.b64encode(der)),
            ("Base64, lines", lines(base64.b64encode(der), 64)),
            ("Base64, UTF-16", utf16(base64.b64encode(der))),
            ("chain", text + authority),
            ("chain, upside down", authority + text),
            ("among others", authority + other + text),
            *[
                (f"PKCS #7, {form.name}, chain first", pkcs7.serialize_certificates(chain, form))
                for form in (Encoding.PEM, Encoding.DER)
                for chain in [(issued.chain[0], issued.certificate)]
            ],
        ]

    def whole_files(self, issued):
        """(name, file, password) of a key and its certificate in one file."""
        key, certificate = issued.private_key, issued.certificate
        alone = pkcs12.serialize_key_and_certificates(None, key, certificate, None, NoEncryption())
        return [
            ("PKCS #12", issued.pkcs12(PASSWORD), PASSWORD),
            ("PKCS #12, Base64", lines(base64.b64encode(issued.pkcs12(PASSWORD)), 76), PASSWORD),
            ("PKCS #12, in pieces", in_pieces(issued.pkcs12(PASSWORD)), PASSWORD),
            ("PKCS #12, not encrypted", issued.pkcs12(""), None),
            ("PKCS #12, needless password", issued.pkcs12(""), PASSWORD),
            ("PKCS #12, no chain", alone, None),
            ("PKCS #12, long chain", self.long_chain(issued), PASSWORD),
            ("PEM", quick_key_file(key) + issued.certificate_file(), PASSWORD),
            ("PEM, certificate first", issued.certificate_file() + private_pem(key), None),
            ("PEM out of PKCS #12", bag(b"a", private_pem(key)) + bag(b"b", issued.certificate_file()), None),
        ]

    def long_chain(self, issued):
        encryption = BestAvailableEncryption(PASSWORD.encode())
        chain = [self.authority.certificate] * 10
        return pkcs12.serialize_key_and_certificates(b"", issued.private_key, issued.certificate, chain, encryption)

    def read_files_of(self, issued):
        return key_files.read_credentials(issued.key_file(PASSWORD), issued.certificate_file(), PASSWORD)

    def test_every_format_gives_the_same(self):
        for issued in (self.ec, self.rsa):
            expected = self.read_files_of(issued)
            pairs = [
                *[(name, file, issued.certificate_file(), password) for name, file, password in self.key_files(issued)],
                *[
                    (name, quick_key_file(issued.private_key), file, PASSWORD)
                    for name, file in self.certificate_files(issued)
                ],
                *[(name, file, b"", password) for name, file, password in self.whole_files(issued)],
                *[(f"{name}, twice", file, file, password) for name, file, password in self.whole_files(issued)],
            ]
            for name, key_file, certificate_file, password in pairs:
                for swapped in (False, True) if issued is self.ec else (False,):  # RSA keys load slowly
                    files = (certificate_file, key_file) if swapped else (key_file, certificate_file)
                    with self.subTest(name, key=expected.certificate.key_type, swapped=swapped):
                        self.assertEqual(key_files.read_credentials(*files, password), expected)

    def test_key_alone(self):
        expected = private_der(self.ec.private_key)
        for name, file, password in self.key_files(self.ec) + self.whole_files(self.ec):
            with self.subTest(name):
                self.assertEqual(key_files.read_private_key(file, password), expected)

    def test_certificate_alone(self):
        expected = self.read_files_of(self.ec).certificate
        key = private_der(self.ec.private_key)
        for name, file in self.certificate_files(self.ec):
            with self.subTest(name):
                self.assertEqual(key_files.read_certificate(file, private_key=key), expected)
        for name, file, password in self.whole_files(self.ec):
            with self.subTest(name):
                self.assertEqual(key_files.read_certificate(file, password), expected)
        with self.subTest("a key beside it needs no password"):
            self.assertEqual(key_files.read_certificate(self.key_file + self.certificate_file), expected)

    def test_of_several_keys_the_one_with_a_certificate(self):
        files = private_pem(self.other.private_key) + private_pem(self.ec.private_key), self.certificate_file
        self.assertEqual(key_files.read_credentials(*files), self.read_files_of(self.ec))

    def test_without_a_match_the_first_that_is_no_authority(self):
        file = b"".join(
            c.public_bytes(Encoding.PEM)
            for c in (self.authority.certificate, self.ec.certificate, self.other.certificate)
        )
        expected = self.read_files_of(self.ec).certificate
        self.assertEqual(key_files.read_certificate(file), expected)
        self.assertEqual(key_files.read_certificate(file, None, private_der(self.rsa.private_key)), expected)
        self.assertEqual(
            key_files.read_certificate(self.authority.certificate.public_bytes(Encoding.PEM)).usage, "other"
        )

    def test_an_authority_may_have_any_key(self):
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        authority = self.bare(ec.generate_private_key(ec.SECP384R1()), extensions=[constraints])
        files = self.key_file, pem("CERTIFICATE", authority) + self.certificate_file
        self.assertEqual(key_files.read_credentials(*files, PASSWORD), self.read_files_of(self.ec))

    # What it says

    def test_certificate_of_a_company(self):
        issued = self.issue(serial=0x00AB12)
        certificate = key_files.read_certificate(issued.certificate_file())
        der = issued.certificate.public_bytes(Encoding.DER)
        self.assertEqual(certificate.der, der)
        self.assertEqual(certificate.fingerprint, issued.certificate.fingerprint(hashes.SHA256()).hex())
        self.assertEqual(certificate.common_name, "Łąka Sp. z o.o. (offline)")
        self.assertEqual(
            certificate.subject,
            f"C=PL,organizationIdentifier=VATPL-{NIP},O=Łąka Sp. z o.o.,CN=Łąka Sp. z o.o. (offline)",
        )
        self.assertEqual((certificate.identifier_type, certificate.identifier), ("Nip", NIP))
        self.assertEqual(certificate.serial, "000000000000AB12")
        self.assertEqual((certificate.not_before, certificate.not_after), (NOT_BEFORE, NOT_AFTER))
        self.assertEqual((certificate.key_type, certificate.usage), ("EC P-256", "offline"))
        self.assertEqual(certificate.pem.encode(), issued.certificate_file())

    def test_certificate_of_a_person(self):
        issued = self.issue(common_name="Jan Maria Kowalski", pesel=PESEL, usage="authentication", key="rsa")
        certificate = key_files.read_certificate(issued.certificate_file())
        self.assertEqual(
            certificate.subject,
            f"C=PL,serialNumber=PNOPL-{PESEL},surname=Kowalski,givenName=Maria,givenName=Jan,"
            "CN=Jan Maria Kowalski (uwierzytelnienie)",
        )
        self.assertEqual((certificate.identifier_type, certificate.identifier), ("Pesel", PESEL))
        self.assertEqual((certificate.key_type, certificate.usage), ("RSA-2048", "authentication"))

    def test_identifier(self):
        for attributes, expected in [
            ([(NameOID.ORGANIZATION_IDENTIFIER, f"VATPL-{NIP}")], ("Nip", NIP)),
            ([(NameOID.ORGANIZATION_IDENTIFIER, NIP)], ("Nip", NIP)),
            ([(NameOID.SERIAL_NUMBER, f"TINPL-{NIP}")], ("Nip", NIP)),
            ([(NameOID.SERIAL_NUMBER, f"PNOPL-{PESEL}")], ("Pesel", PESEL)),
            ([(NameOID.SERIAL_NUMBER, f"PNOPL-{PESEL}"), (NameOID.ORGANIZATION_IDENTIFIER, NIP)], ("Nip", NIP)),
            ([(NameOID.SERIAL_NUMBER, "x"), (NameOID.SERIAL_NUMBER, f"PNOPL-{PESEL}")], ("Pesel", PESEL)),
            *[
                ([(NameOID.ORGANIZATION_IDENTIFIER, separator.join(identifiers))], ("Nip", NIP))
                for separator in (" ", ", ", ";", "\n", "|", " / ")
                for identifiers in (
                    (f"VATPL-{NIP}", "NTRPL-0000123456"),
                    ("NTRPL-0000123456", f"VATPL-{NIP}"),
                    ("NTRPL-0000123456", f"VATPL-{NIP}", "LEIXG-259400JHV1SXKWPQXW23"),
                )
            ],
            ([(NameOID.ORGANIZATION_IDENTIFIER, "NTRPL-0000123456")], (None, None)),
            ([(NameOID.ORGANIZATION_IDENTIFIER, f"XVATPL-{NIP}")], (None, None)),
            ([(NameOID.SERIAL_NUMBER, f"IDCPL-ABC123456 PNOPL-{PESEL}")], ("Pesel", PESEL)),
            ([(NameOID.SERIAL_NUMBER, PESEL)], (None, None)),
            ([(NameOID.SERIAL_NUMBER, f"PNODE-{PESEL}")], (None, None)),
            ([(NameOID.ORGANIZATION_IDENTIFIER, "VATDE-123456789")], (None, None)),
            ([(NameOID.ORGANIZATION_IDENTIFIER, f"VATPL-{NIP}1")], (None, None)),
            ([(NameOID.ORGANIZATION_IDENTIFIER, "١٢٣٤٥٦٧٨٩٠")], (None, None)),
            ([], (None, None)),
        ]:
            with self.subTest(attributes):
                certificate = key_files.read_certificate(self.bare(self.ec.private_key, *attributes))
                self.assertEqual((certificate.identifier_type, certificate.identifier), expected)
        person = self.issue(tin=NIP, common_name="Jan Kowalski").certificate_file()
        self.assertEqual(key_files.read_certificate(person).identifier_type, "Nip")

    def test_serial(self):
        for number, expected in [
            (1, "0000000000000001"),
            (0x0123456789ABCDEF, "0123456789ABCDEF"),
            (0xFEDCBA9876543210, "FEDCBA9876543210"),
            (0x1FEDCBA9876543210, "01FEDCBA9876543210"),
            (0x7E << 144, "7E" + "00" * 18),
        ]:
            with self.subTest(expected):
                self.assertEqual(
                    key_files.read_certificate(self.bare(self.ec.private_key, serial=number)).serial, expected
                )

    def test_usage(self):
        for usage in ("offline", "authentication", "other"):
            with self.subTest(usage):
                file = self.issue(usage=usage).certificate_file()
                self.assertEqual(key_files.read_certificate(file).usage, usage)
        self.assertEqual(key_files.read_certificate(self.bare(self.ec.private_key)).usage, "other")

    def test_control_characters_stay_out_of_the_name(self):
        der = self.bare(self.ec.private_key, (NameOID.COMMON_NAME, "A\x00B\nC"))
        certificate = key_files.read_certificate(der)
        self.assertEqual(certificate.common_name, "ABC")
        self.assertNotIn("\x00", certificate.subject)

    def test_public_key_fingerprint(self):
        for issued in (self.ec, self.rsa):
            found = self.read_files_of(issued)
            spki = issued.private_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            self.assertEqual(key_files.public_key_fingerprint(found.private_key), hashlib.sha256(spki).hexdigest())
            self.assertEqual(found.certificate.public_key_fingerprint, hashlib.sha256(spki).hexdigest())

    def test_longer_rsa(self):
        for size in (3072, 4096):
            with self.subTest(size):
                issued = self.issue(key=rsa.generate_private_key(65537, size))
                self.assertEqual(self.read_files_of(issued).certificate.key_type, f"RSA-{size}")

    # Encryptions and passwords

    def made_by_openssl(self, *arguments, password):
        with tempfile.TemporaryDirectory() as folder:
            old, new = Path(folder, "old"), Path(folder, "new")
            old.write_bytes(private_pem(self.ec.private_key) + self.certificate_file)
            files = ["-in", str(old), "-out", str(new), "-passout", f"pass:{password}"]
            providers = ["-provider", "legacy", "-provider", "default"]
            made = subprocess.run(["openssl", *arguments, *files, *providers], capture_output=True, check=False)
            return new.read_bytes() if made.returncode == 0 else None

    def test_the_right_password_is_never_called_wrong(self):
        """Whatever OpenSSL writes is read, or its encryption is named together with the command that converts it."""
        pkcs8 = ["pkcs8", "-topk8"]
        kinds = [
            *[
                [*pkcs8, "-v2", cipher]
                for cipher in ("aes-128-cbc", "aes-192-cbc", "des3", "rc2-cbc", "rc4", "des-cbc")
            ],
            *[[*pkcs8, "-v2", cipher] for cipher in ("camellia-256-cbc", "aria-256-cbc", "seed-cbc", "bf-cbc")],
            *[[*pkcs8, "-v2", cipher] for cipher in ("aes-256-ofb", "aes-256-cfb", "cast5-cbc", "sm4-cbc")],
            *[[*pkcs8, "-v2", "aes-256-cbc", "-v2prf", f"hmacWith{prf}"] for prf in ("SHA1", "SHA512", "MD5")],
            *[[*pkcs8, "-v1", f"PBE-{name}"] for name in ("MD5-DES", "SHA1-DES", "MD5-RC2-64", "SHA1-RC2-64")],
            *[
                [*pkcs8, "-v1", f"PBE-SHA1-{name}"]
                for name in ("RC4-128", "RC4-40", "3DES", "2DES", "RC2-128", "RC2-40")
            ],
            [*pkcs8, "-scrypt"],
            *[
                ["ec", f"-{cipher}"]
                for cipher in ("des", "des3", "aes128", "aes192", "aes256", "camellia256", "aria256")
            ],
            *[["ec", f"-{cipher}"] for cipher in ("seed", "bf-cbc", "rc2", "aes-256-ofb")],
            *[
                ["pkcs12", "-export", "-keypbe", name, "-certpbe", name]
                for name in ("PBE-SHA1-RC2-40", "PBE-SHA1-3DES", "PBE-SHA1-RC4-128", "AES-128-CBC", "camellia-256-cbc")
            ],
            ["pkcs12", "-export", "-nomac"],
            ["pkcs12", "-export", "-macalg", "md5"],
        ]
        read = 0
        for arguments in kinds:
            file = self.made_by_openssl(*arguments, password="Tajne-123456789")  # noqa: S106
            if not file:
                continue
            with self.subTest(" ".join(arguments)):
                try:
                    key = key_files.read_private_key(file, "Tajne-123456789")
                    self.assertEqual(key, private_der(self.ec.private_key))
                    read += 1
                except errors.EncryptionUnsupported as error:
                    self.assertIn("openssl pkc", str(error))
                    self.assertNotIn("?", error.values["found"])
                with self.assertRaises((errors.PasswordWrong, errors.EncryptionUnsupported)):
                    key_files.read_private_key(file, "wrong")
        self.assertGreater(read, 15)

    def test_scrypt_is_limited(self):
        file = self.made_by_openssl("pkcs8", "-topk8", "-scrypt", password=PASSWORD)
        self.assertEqual(key_files.read_private_key(file, PASSWORD), private_der(self.ec.private_key))
        self.patch(encryption, "SCRYPT_LIMIT", 2**17 - 1)
        self.assert_refused(errors.EncryptionUnsupported, key_files.read_private_key, file, PASSWORD)

    def test_spellings_of_a_password(self):
        password, der = "Zażółć ﬁ Åå1", private_der(self.ec.private_key)
        for form in ("NFC", "NFD", "NFKC"):
            made_with = unicodedata.normalize(form, password)
            for typed in {unicodedata.normalize(other, password) for other in ("NFC", "NFD")} | {f" {password}\n"}:
                with self.subTest(form, typed=typed):
                    self.assertEqual(key_files.read_private_key(encrypt_pkcs8(der, made_with, 9), typed), der)
                    p12 = self.ec.pkcs12(made_with)
                    self.assertEqual(key_files.read_private_key(p12, typed), der)
        for encoding in ("cp1250", "cp852", "iso8859-2"):
            with self.subTest(encoding):
                self.assertIn(
                    "Zażółć1".encode(encoding), encryption._spellings(unicodedata.normalize("NFD", "Zażółć1"))
                )
        self.assertEqual(encryption._spellings("Ascii-1"), [b"Ascii-1"])

    def test_pkcs12_with_a_certificate_alone(self):
        locked = BestAvailableEncryption(PASSWORD.encode())
        for certificates_in_it in ([self.ec.certificate], [self.authority.certificate, self.ec.certificate]):
            file = pkcs12.serialize_key_and_certificates(None, None, None, certificates_in_it, locked)
            self.assertEqual(key_files.read_credentials(self.key_file, file, PASSWORD), self.read_files_of(self.ec))
            self.assertEqual(key_files.read_certificate(file, PASSWORD), self.read_files_of(self.ec).certificate)
            self.assert_refused(errors.PrivateKeyMissing, key_files.read_private_key, file, PASSWORD)
            self.assert_refused(errors.PasswordMissing, key_files.read_certificate, file)
            self.assert_refused(errors.PasswordWrong, key_files.read_certificate, file, "x")

    def test_what_else_a_file_is(self):
        key, public = self.ec.private_key, self.ec.private_key.public_key()
        request = x509.CertificateSigningRequestBuilder(x509.Name([])).sign(key, hashes.SHA256())
        revocations = x509.CertificateRevocationListBuilder(x509.Name([]), NOT_BEFORE, NOT_AFTER).sign(
            key, hashes.SHA256()
        )
        explicit = subprocess.run(
            ["openssl", "ecparam", "-name", "prime256v1", "-param_enc", "explicit", "-genkey", "-noout"],
            capture_output=True,
            check=True,
        ).stdout
        both = (Encoding.PEM, Encoding.DER)
        for words, file in [
            ("OpenSSH", private_pem(key, PrivateFormat.OpenSSH)),
            ("OpenSSH", self.certificate_file + private_pem(key, PrivateFormat.OpenSSH)),
            ("OpenSSH", pem("OPENSSH PRIVATE KEY", b"openssh-key-v1\0\0\0\0\x0aaes256-ctr\0\0\0\6bcrypt" + bytes(99))),
            *[("public key", public.public_bytes(form, PublicFormat.SubjectPublicKeyInfo)) for form in both],
            ("public key", public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)),
            ("request for a certificate", request.public_bytes(Encoding.PEM)),
            ("revoked certificates", revocations.public_bytes(Encoding.PEM)),
            ("Java", b"\xfe\xed\xfe\xed\0\0\0\2" + bytes(99)),
            ("Java", b"\xce\xce\xce\xce\0\0\0\2" + bytes(99)),
            ("PGP", b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOYBF\n-----END PGP PRIVATE KEY BLOCK-----\n"),
            ("PGP", b"\x99\x01\x0d\x04" + bytes(99)),
            ("PuTTY", b"PuTTY-User-Key-File-3: ecdsa-sha2-nistp256\nEncryption: aes256-cbc\n"),
            ("ZIP", b"PK\x03\x04" + bytes(50)),
        ]:
            for read in (key_files.read_private_key, key_files.read_certificate):
                with self.subTest(words, read=read.__name__):
                    error = self.assert_refused(errors.FormatUnsupported, read, file, PASSWORD)
                    self.assertIn(words, str(error))
                    self.assertIn(error.about, ("private_key", "certificate"))
        for words, read, file in [
            ("parameters of its curve", key_files.read_private_key, explicit),
            ("request for a certificate", key_files.read_certificate, request.public_bytes(Encoding.DER)),
            ("revoked certificates", key_files.read_certificate, revocations.public_bytes(Encoding.DER)),
        ]:
            with self.subTest(words):
                self.assertIn(words, str(self.assert_refused(errors.FormatUnsupported, read, file)))

    # When it may sign

    def test_check_usable(self):
        second = timedelta(seconds=1)
        for moment, error in [
            (NOT_BEFORE - second, errors.CertificateNotYetValid),
            (NOT_BEFORE, None),
            (DURING, None),
            (NOT_AFTER, None),
            (NOT_AFTER + second, errors.CertificateExpired),
            (datetime(2099, 1, 1, tzinfo=WARSAW), errors.CertificateExpired),
        ]:
            with self.subTest(moment):
                certificate = self.read_files_of(self.ec).certificate
                if error:
                    self.assert_refused(error, certificates.check_usable, certificate, moment)
                else:
                    certificates.check_usable(certificate, moment)

    def test_dates_are_those_of_a_calendar_in_poland(self):
        certificate = self.read_files_of(
            self.ec
        ).certificate  # its last moment, 23:30 in UTC, is half past midnight there
        error = self.assert_refused(
            errors.CertificateExpired, certificates.check_usable, certificate, NOT_AFTER + timedelta(days=9)
        )
        self.assertEqual(error.values, {"date": date(2028, 2, 1)})
        summer = self.issue(not_before=datetime(2027, 6, 30, 22, 15, tzinfo=timezone.utc)).certificate_file()
        error = self.assert_refused(
            errors.CertificateNotYetValid, certificates.check_usable, key_files.read_certificate(summer), DURING
        )
        self.assertEqual(error.values, {"date": date(2027, 7, 1)})

    def test_the_last_moment_there_is(self):
        end = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone.utc)
        certificate = key_files.read_certificate(self.issue(not_before=end, not_after=end).certificate_file())
        self.assert_refused(errors.CertificateNotYetValid, certificates.check_usable, certificate, DURING)

    def test_wrong_purpose_is_told_before_wrong_time(self):
        for usage in ("authentication", "other"):
            certificate = self.read_files_of(self.issue(usage=usage)).certificate
            for moment in (DURING, NOT_AFTER + timedelta(days=1)):
                with self.subTest(usage, moment=moment):
                    self.assert_refused(errors.NotOfflineCertificate, certificates.check_usable, certificate, moment)

    # What cannot be read

    def test_bad_keys(self):
        key = self.ec.private_key
        der, encrypted = private_der(key), encrypt_pkcs8(private_der(key), PASSWORD, rounds=2048)
        locked = private_pem(key, PrivateFormat.TraditionalOpenSSL, PASSWORD)
        p12 = self.ec.pkcs12(PASSWORD)
        text = self.key_file
        for name, error, file, password in [
            ("nothing", errors.PrivateKeyMissing, b"", None),
            ("None", errors.PrivateKeyMissing, None, None),
            ("white space", errors.PrivateKeyMissing, b" \r\n\t", None),
            ("byte-order mark only", errors.PrivateKeyMissing, BOM, None),
            ("certificate", errors.PrivateKeyMissing, self.certificate_file, None),
            ("certificate, DER", errors.PrivateKeyMissing, self.certificate_file, PASSWORD),
            ("public key of another kind", errors.PrivateKeyMissing, pem("DH PARAMETERS", b"\x30\x00"), None),
            ("no password", errors.PasswordMissing, text, None),
            ("empty password", errors.PasswordMissing, text, ""),
            ("no password, DER", errors.PasswordMissing, encrypted, None),
            ("no password, traditional", errors.PasswordMissing, locked, None),
            ("no password, PKCS #12", errors.PasswordMissing, p12, None),
            ("wrong password", errors.PasswordWrong, text, PASSWORD + "!"),
            ("password in other case", errors.PasswordWrong, text, PASSWORD.lower()),
            ("long password", errors.PasswordWrong, text, "x" * 5000),
            ("password with NUL", errors.PasswordWrong, text, "\0"),
            ("password with half a surrogate pair", errors.PasswordWrong, text, "\ud800"),
            ("wrong password, DER", errors.PasswordWrong, encrypted, "x"),
            ("wrong password, traditional", errors.PasswordWrong, locked, "x"),
            ("wrong password, PKCS #12", errors.PasswordWrong, p12, "x"),
            ("PKCS #12, password with NUL", errors.PasswordWrong, p12, "\0"),
            ("PKCS #12, password with half a pair", errors.PasswordWrong, p12, "\ud800"),
            ("noise", errors.NotAPrivateKey, bytes(range(256)) * 8, None),
            ("zeros", errors.NotAPrivateKey, bytes(1000), None),
            ("text", errors.NotAPrivateKey, b"Witaj!", PASSWORD),
            ("Base64 of text", errors.NotAPrivateKey, base64.b64encode(b"Witaj!"), PASSWORD),
            ("UTF-16 noise", errors.NotAPrivateKey, b"\xff\xfe" + bytes(range(255)), PASSWORD),
            ("picture", errors.NotAPrivateKey, b"\x89PNG\r\n\x1a\n" + bytes(50), None),
            ("empty sequence", errors.NotAPrivateKey, b"\x30\x00", None),
            ("sequence without end", errors.NotAPrivateKey, b"\x30\x80" * 30000, None),
            ("sequences nested", errors.NotAPrivateKey, b"\x30\x80" * 100 + b"\0\0" * 100, None),
            ("empty PEM", errors.NotAPrivateKey, pem("PRIVATE KEY", b""), None),
            ("PEM of noise", errors.NotAPrivateKey, pem("PRIVATE KEY", bytes(99)), None),
            ("PEM, encrypted, of noise", errors.NotAPrivateKey, pem("ENCRYPTED PRIVATE KEY", bytes(99)), PASSWORD),
            ("not Base64", errors.NotAPrivateKey, text.replace(b"MIH", b"M*H"), PASSWORD),
            ("beginning lost", errors.NotAPrivateKey, text[40:], PASSWORD),
            ("no end mark", errors.NotAPrivateKey, text[: text.index(b"-----END")], PASSWORD),
            ("other end mark", errors.NotAPrivateKey, text.replace(b"END ENCRYPTED", b"END"), PASSWORD),
            ("a line lost", errors.NotAPrivateKey, b"\n".join(text.split(b"\n")[:2] + text.split(b"\n")[3:]), PASSWORD),
            ("traditional, cut off", errors.NotAPrivateKey, locked.replace(b"=", b"")[:150], PASSWORD),
            ("traditional, a line lost", errors.PasswordWrong, self.without_line(locked, 5), PASSWORD),
            ("traditional, IV too short: a panic", errors.PasswordWrong, self.with_short_iv(locked), PASSWORD),
            ("other point on the curve", errors.NotAPrivateKey, der[:-1] + bytes([der[-1] ^ 1]), None),
            ("certificate beside it damaged", errors.NotACertificate, text + self.certificate_file[:-9], PASSWORD),
            ("too many rounds", errors.EncryptionUnsupported, encrypt_pkcs8(der, PASSWORD, 2_000_001), PASSWORD),
            ("scrypt", errors.EncryptionUnsupported, encrypted.replace(PBKDF2, SCRYPT), PASSWORD),
            ("too large", errors.FileTooLarge, text + b" " * 65536, PASSWORD),
            ("huge", errors.FileTooLarge, bytes(10_000_000), None),
            *[(f"PEM cut at {n}", errors.NotAPrivateKey, text[:n], PASSWORD) for n in range(1, len(text) - 30, 17)],
            *[(f"DER cut at {n}", errors.NotAPrivateKey, der[:n], None) for n in range(1, len(der), 13)],
            *[(f"encrypted cut at {n}", errors.NotAPrivateKey, encrypted[:n], PASSWORD) for n in (1, 2, 50, 99, 200)],
            *[(f"PKCS #12 cut at {n}", errors.NotAPrivateKey, p12[:n], PASSWORD) for n in (3, 99, len(p12) - 1)],
        ]:
            with self.subTest(name):
                self.assert_refused(error, key_files.read_private_key, file, password)

    @staticmethod
    def with_short_iv(text):
        return re.sub(rb"(DEK-Info: .*,.{8}).*", rb"\1", text)

    @staticmethod
    def without_line(text, number):
        kept = text.split(b"\n")
        del kept[number]
        return b"\n".join(kept)

    def test_rounds_of_all_kinds_are_limited(self):
        self.patch(encryption, "ROUNDS_LIMIT", 1999)
        p12 = self.ec.pkcs12(PASSWORD)
        for name, file in [("key", quick_key_file(self.ec.private_key)), ("PKCS #12", p12), ("BER", in_pieces(p12))]:
            with self.subTest(name):
                self.assert_refused(errors.EncryptionUnsupported, key_files.read_private_key, file, PASSWORD)

    def test_each_part_of_pkcs12_is_judged_before_it_is_opened(self):
        self.patch(encryption, "load_key_and_certificates", lambda *_arguments: self.fail("opened"))
        p12 = self.ec.pkcs12(PASSWORD)
        places = [found.start() for found in re.finditer(re.escape(MANY_ROUNDS), p12)]
        self.assertEqual(len(places), 2, "of the certificates and of the key")
        places.append(len(p12) - len(TOO_MANY_ROUNDS))  # of the MAC
        self.patch(encryption, "ROUNDS_LIMIT", 20_000)
        for place in places:
            with self.subTest(place):
                file = p12[:place] + TOO_MANY_ROUNDS + p12[place + len(TOO_MANY_ROUNDS) :]
                self.assert_refused(errors.EncryptionUnsupported, key_files.read_private_key, file, PASSWORD)
        with self.subTest("a MAC whose rounds are elsewhere"):
            file = PBMAC1.join(p12.rsplit(SHA256, 1))
            self.assert_refused(errors.EncryptionUnsupported, key_files.read_private_key, file, PASSWORD)

    def test_unsupported_keys(self):
        keys = [
            ("EC secp256k1", ec.generate_private_key(ec.SECP256K1())),
            ("EC secp384r1", ec.generate_private_key(ec.SECP384R1())),
            ("EC secp521r1", ec.generate_private_key(ec.SECP521R1())),
            ("EC brainpoolP256r1", ec.generate_private_key(ec.BrainpoolP256R1())),
            ("RSA-1024", rsa.generate_private_key(65537, 1024)),
            ("RSA-2056", rsa.generate_private_key(65537, 2056)),
            ("DSA", dsa.generate_private_key(1024)),
            ("Ed25519", ed25519.Ed25519PrivateKey.generate()),
        ]
        for found, key in keys:
            certificate = self.bare(key)
            for name, expected, function, *arguments in [
                ("PEM", errors.KeyUnsupported, key_files.read_private_key, private_pem(key), None),
                ("DER", errors.KeyUnsupported, key_files.read_private_key, private_der(key), None),
                (
                    "encrypted",
                    errors.KeyUnsupported,
                    key_files.read_private_key,
                    encrypt_pkcs8(private_der(key), PASSWORD, 9),
                    PASSWORD,
                ),
                ("fingerprint", errors.KeyUnsupported, key_files.public_key_fingerprint, private_der(key)),
                ("both", errors.KeyUnsupported, key_files.read_credentials, private_der(key), certificate),
                ("certificate", errors.CertificateKeyUnsupported, key_files.read_certificate, certificate),
                (
                    "certificate beside a good key",
                    errors.CertificateKeyUnsupported,
                    key_files.read_credentials,
                    self.key_file,
                    certificate,
                    PASSWORD,
                ),
            ]:
                with self.subTest(found, file=name):
                    error = self.assert_refused(expected, function, *arguments)
                    self.assertEqual(error.values, {"found": found})

    def test_bad_certificates(self):
        der, text = self.ec.certificate.public_bytes(Encoding.DER), self.certificate_file
        p12 = self.ec.pkcs12(PASSWORD)
        for name, error, file, password in [
            ("nothing", errors.CertificateMissing, b"", None),
            ("key", errors.CertificateMissing, self.key_file, None),
            ("key, DER", errors.CertificateMissing, private_der(self.ec.private_key), None),
            ("noise", errors.NotACertificate, bytes(range(256)), None),
            ("text", errors.NotACertificate, "Dzień dobry".encode(), None),
            ("HTML", errors.NotACertificate, b"<html><body>502 Bad Gateway</body></html>", None),
            ("no end mark", errors.NotACertificate, text[:-40], None),
            ("not Base64", errors.NotACertificate, text.replace(b"MII", b"M%I"), None),
            ("PEM of a key", errors.CertificateMissing, pem("CERTIFICATE", private_der(self.ec.private_key)), None),
            ("PKCS #12, no password", errors.PasswordMissing, p12, None),
            ("PKCS #12, wrong password", errors.PasswordWrong, p12, "x"),
            ("negative serial number", errors.NotACertificate, self.with_serial(b"\xff"), None),
            (
                "unknown version",
                errors.NotACertificate,
                der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x09"),
                None,
            ),
            ("unknown type of text", errors.NotACertificate, der.replace(b"\x04\x03\x0c", b"\x04\x03\x00"), None),
            ("unknown curve", errors.CertificateKeyUnsupported, der.replace(P256, bytes([*P256[:-1], 0x7F])), None),
            (
                "unknown kind of key",
                errors.NotACertificate,
                der.replace(EC_KEY, bytes([*EC_KEY[:-1], 9])),
                None,
            ),
            ("extension twice", errors.NotACertificate, self.extension_twice(), None),
            ("too large", errors.FileTooLarge, text * 200, None),
            *[(f"DER cut at {n}", errors.NotACertificate, der[:n], None) for n in range(1, len(der), 29)],
            *[(f"PEM cut at {n}", errors.NotACertificate, text[:n], None) for n in range(1, len(text) - 26, 37)],
        ]:
            with self.subTest(name):
                self.assert_refused(error, key_files.read_certificate, file, password)

    def extension_twice(self):
        usage, other = (x509.UnrecognizedExtension(x509.ObjectIdentifier(f"1.2.3.{n}"), b"") for n in (4, 5))
        return self.bare(self.ec.private_key, extensions=[usage, other]).replace(b"\x2a\x03\x05", b"\x2a\x03\x04")

    def with_serial(self, number):
        return self.bare(self.ec.private_key, serial=1).replace(b"\x02\x01\x01", b"\x02\x01" + number, 1)

    def test_a_certificate_of_an_unknown_kind_of_key_is_no_match(self):
        unknown = self.other.certificate.public_bytes(Encoding.DER).replace(P256, bytes([*P256[:-1], 0x7F]))
        files = self.key_file, pem("CERTIFICATE", unknown) + self.certificate_file
        self.assertEqual(key_files.read_credentials(*files, PASSWORD), self.read_files_of(self.ec))

    def test_bad_pairs(self):
        ec_key, ec_certificate = self.key_file, self.certificate_file
        for name, error, *arguments in [
            ("nothing", errors.PrivateKeyMissing, None, None, None),
            ("key only", errors.CertificateMissing, ec_key, b"", PASSWORD),
            ("key twice", errors.CertificateMissing, ec_key, ec_key, PASSWORD),
            ("certificate only", errors.PrivateKeyMissing, b"", ec_certificate, PASSWORD),
            ("certificate twice", errors.PrivateKeyMissing, ec_certificate, ec_certificate, PASSWORD),
            ("another's certificate", errors.KeyMismatch, ec_key, self.other.certificate_file(), PASSWORD),
            ("other kind of key", errors.KeyMismatch, ec_key, self.rsa.certificate_file(), PASSWORD),
            ("swapped and another's", errors.KeyMismatch, self.rsa.certificate_file(), ec_key, PASSWORD),
            ("authority's certificate", errors.KeyMismatch, ec_key, self.chain_file(), PASSWORD),
            ("wrong password", errors.PasswordWrong, ec_key, ec_certificate, "x"),
            ("no password", errors.PasswordMissing, ec_key, ec_certificate, None),
            ("key damaged", errors.NotAPrivateKey, ec_key[:99], ec_certificate, PASSWORD),
            ("certificate damaged", errors.NotACertificate, ec_key, ec_certificate[:99], PASSWORD),
            ("swapped, key damaged", errors.NotAPrivateKey, ec_certificate, ec_key[:99], PASSWORD),
            ("noise for a key", errors.NotAPrivateKey, b"\1\2\3", ec_certificate, PASSWORD),
            ("noise for a certificate", errors.NotACertificate, ec_key, b"\1\2\3", PASSWORD),
            ("key too large", errors.FileTooLarge, ec_key * 300, ec_certificate, PASSWORD),
            ("certificate too large", errors.FileTooLarge, ec_key, ec_certificate * 300, PASSWORD),
        ]:
            with self.subTest(name):
                self.assert_refused(error, key_files.read_credentials, *arguments)

    def chain_file(self):
        return self.authority.certificate.public_bytes(Encoding.PEM)

    def test_a_panic_of_cryptography_is_an_unreadable_file(self):
        def panics(*_arguments):
            raise PANIC(PASSWORD)

        self.patch(key_files, "load_der_private_key", panics)
        self.assert_refused(errors.NotAPrivateKey, key_files.read_private_key, private_der(self.ec.private_key))

    def test_no_password_that_makes_cryptography_panic(self):
        """It would print the password, because PKCS #12 passwords are C strings there."""
        seen = []
        self.patch(encryption, "load_key_and_certificates", lambda _data, password: seen.append(password))
        self.assert_refused(errors.PasswordWrong, key_files.read_private_key, self.ec.pkcs12(PASSWORD), PASSWORD + "\0")
        self.assertEqual(seen, [None])

    def test_an_interruption_is_not_an_unreadable_file(self):
        def interrupted(*_arguments):
            raise KeyboardInterrupt

        self.patch(key_files, "load_der_private_key", interrupted)
        with self.assertRaises(KeyboardInterrupt):
            key_files.read_private_key(private_der(self.ec.private_key))

    def test_errors_say_what_they_are_about(self):
        for error in vars(errors).values():
            if isinstance(error, type) and issubclass(error, errors.KsefError):
                with self.subTest(error.__name__):
                    self.assertIn(error.about, (None, "private_key", "certificate", "password"))

    def test_the_tree_of_errors_is_drawn(self):
        def drawn(kind, depth=1):
            yield "    " * depth + kind.__name__
            for below in vars(errors).values():
                if isinstance(below, type) and below.__bases__ == (kind,):
                    yield from drawn(below, depth + 1)

        self.assertIn("\n\n" + "\n".join(drawn(errors.KsefError)) + "\n\n", errors.__doc__)

    def test_results_show_no_secret(self):
        for issued in (self.ec, self.rsa):
            found = self.read_files_of(issued)
            self.assert_no_secret(f"{found} {found!r} {found.certificate!r}")
            self.assertNotIn("private_key", repr(found))

    # Any bytes at all

    def read_all_ways(self, data, password):
        """Read as anything; whatever is refused is refused with one of our errors."""
        for function, *arguments in [
            (key_files.read_private_key, data, password),
            (key_files.read_certificate, data, password),
            (key_files.read_credentials, data, self.certificate_file, password),
            (key_files.read_credentials, private_der(self.ec.private_key), data, password),
            (key_files.public_key_fingerprint, data),
        ]:
            try:
                result = function(*arguments)
            except errors.KsefError as error:
                self.assert_no_secret(f"{error} {error!r} {error.values}")
                self.assertIsNone(error.__context__)
            else:
                certificate = getattr(result, "certificate", result)
                if isinstance(certificate, certificates.Certificate):
                    self.check_now(certificate)

    def check_now(self, certificate):
        self.assertTrue(certificate.pem)
        try:
            certificates.check_usable(certificate, DURING)
        except errors.KsefError as error:
            self.assertTrue(str(error))

    @settings(max_examples=100, deadline=None, derandomize=True, database=None)
    @given(st.binary(max_size=300), st.sampled_from([None, PASSWORD]))
    @example(b"0", None)
    @example(b"-----BEGIN PRIVATE KEY-----", None)
    @example(b"\xff\xfe\x00\xd8", None)
    def test_any_bytes(self, data, password):
        self.read_all_ways(data, password)

    @settings(max_examples=150, deadline=None, derandomize=True, database=None)
    @given(st.data())
    def test_mutations(self, data):
        file = bytearray(data.draw(st.sampled_from(self.originals())))
        for _change in range(data.draw(st.integers(1, 4))):
            start = data.draw(st.integers(0, len(file)))
            end = start + data.draw(st.sampled_from([0, 1, 1, 1, 2, 20]))
            file[start:end] = data.draw(st.binary(max_size=max(end - start, 2)))
        self.read_all_ways(bytes(file), PASSWORD)

    def originals(self):
        if not hasattr(type(self), "_originals"):
            key = self.ec.private_key
            type(self)._originals = [
                self.key_file,
                self.certificate_file,
                self.ec.certificate.public_bytes(Encoding.DER),
                self.rsa.certificate.public_bytes(Encoding.DER),
                private_der(key),
                private_der(self.rsa.private_key),
                private_der(key, PrivateFormat.TraditionalOpenSSL),
                private_pem(key, PrivateFormat.TraditionalOpenSSL, PASSWORD),
                encrypt_pkcs8(private_der(key), PASSWORD, rounds=100),
                self.ec.pkcs12(PASSWORD),
                self.ec.pkcs12(""),
                in_pieces(self.ec.pkcs12(PASSWORD)),
            ]
        return self._originals


class TestAuthority(BaseCase):
    def test_key_file_is_encrypted_as_the_application_does(self):
        issued = Authority().issue(common_name="Łąka", nip=NIP, not_before=NOT_BEFORE, not_after=NOT_AFTER)
        label, *body, end, _last = issued.key_file(PASSWORD).split(b"\n")
        self.assertEqual(
            (label, end), (b"-----BEGIN ENCRYPTED PRIVATE KEY-----", b"-----END ENCRYPTED PRIVATE KEY-----")
        )
        info = keys.EncryptedPrivateKeyInfo.load(base64.b64decode(b"".join(body)))
        pbes2 = info["encryption_algorithm"]
        pbkdf2, aes = pbes2["parameters"]["key_derivation_func"], pbes2["parameters"]["encryption_scheme"]
        derivation = pbkdf2["parameters"]
        algorithms = (pbes2, pbkdf2, derivation["prf"], aes)
        self.assertEqual(
            [each["algorithm"].dotted for each in algorithms],
            ["1.2.840.113549.1.5.13", "1.2.840.113549.1.5.12", "1.2.840.113549.2.9", "2.16.840.1.101.3.4.1.42"],
        )
        salt, rounds, iv = derivation["salt"].native, derivation["iteration_count"].native, aes["parameters"].native
        self.assertEqual((len(salt), rounds, len(iv)), (16, 100_000, 16))
        self.assertEqual(len(info["encrypted_data"].native) % 16, 0)

    def test_key_usage_and_serial_number(self):
        for usage, bits in [("offline", b"\x03\x02\x06\x40"), ("authentication", b"\x03\x02\x07\x80")]:
            with self.subTest(usage):
                certificate = (
                    Authority()
                    .issue(common_name="Łąka", nip=NIP, not_before=NOT_BEFORE, not_after=NOT_AFTER, usage=usage)
                    .certificate
                )
                extension = certificate.extensions.get_extension_for_class(x509.KeyUsage)
                self.assertTrue(extension.critical)
                self.assertEqual(extension.value.public_bytes(), bits)
                self.assertTrue(0 < certificate.serial_number < 1 << 63)
