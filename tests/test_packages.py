import hashlib
import io
import os
import tarfile
import tracemalloc
from unittest.mock import patch

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from odoo.tests import BaseCase

from ..ksef import errors
from ..ksef.api import packages

KEY, IV = bytes(range(32)), bytes(range(16))
INVOICES = [(f"{number}.xml", f"<Faktura>Żółw {number}</Faktura>".encode() * number) for number in range(1, 40)]


def decrypt(data, key=KEY, iv=IV):
    decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    unpadder = PKCS7(128).unpadder()
    return unpadder.update(decryptor.update(data) + decryptor.finalize()) + unpadder.finalize()


class TestInvoiceEncryption(BaseCase):
    def test_known_answer(self):
        # NIST SP 800-38A, F.2.5 (CBC-AES256); the block after these is padding.
        key = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
        plain = bytes.fromhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51")
        cipher = "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
        encrypted = packages.encrypt(plain, key, IV)
        self.assertEqual(encrypted[:32].hex(), cipher)
        self.assertEqual(len(encrypted), 48)

    def test_sizes_are_those_of_ksefs_example(self):
        # 16037 bytes become 16048: padded, and no vector before them.
        self.assertEqual(len(packages.encrypt(bytes(16037), KEY, IV)), 16048)
        for size in (0, 1, 15, 16, 17):
            with self.subTest(size):
                self.assertEqual(decrypt(packages.encrypt(bytes(size), KEY, IV)), bytes(size))

    def test_key_is_new_each_time_and_opened_by_ksef_only(self):
        key, iv = packages.new_key()
        self.assertEqual((len(key), len(iv)), (32, 16))
        self.assertNotEqual((key, iv), packages.new_key())
        private_key = rsa.generate_private_key(65537, 2048)
        oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
        self.assertEqual(private_key.decrypt(packages.wrap_key(key, private_key.public_key()), oaep), key)

    def test_hash_is_standard_base64(self):
        self.assertEqual(packages.base64_sha256(b""), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")


class TestPackage(BaseCase):
    def build(self, invoices=INVOICES, **options):
        package = packages.build_package(iter(invoices), KEY, IV, **options)
        self.addCleanup(package.close)
        return package

    def opened(self, package):
        return b"".join(decrypt(package.open_part(part.ordinal).read()) for part in package.parts)

    def test_archive(self):
        archive = self.opened(self.build())
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as file:
            self.assertEqual([(info.name, file.extractfile(info).read()) for info in file], INVOICES)

    def test_sizes_and_hashes(self):
        for part_size in (packages.PART_SIZE, 160, 167, 300):
            with self.subTest(part_size=part_size):
                package = self.build(part_size=part_size)
                archive = self.opened(package)
                self.assertEqual((package.size, package.sha256), (len(archive), hashlib.sha256(archive).digest()))
                self.assertEqual(len(package.parts), -(-len(archive) // part_size))
                for ordinal, part in enumerate(package.parts, 1):
                    content = package.open_part(ordinal).read()
                    self.assertEqual((part.ordinal, part.size), (ordinal, len(content)))
                    self.assertEqual(part.sha256, hashlib.sha256(content).digest())

    def test_part_is_read_piece_by_piece_and_not_beyond_its_end(self):
        package = self.build(part_size=160)
        for ordinal in (2, 1):
            reader = package.open_part(ordinal)
            self.assertEqual(len(reader), package.parts[ordinal - 1].size)
            pieces = list(iter(lambda reader=reader: reader.read(100), b""))
            self.assertEqual(b"".join(pieces), b"".join(package.open_part(ordinal)))
            self.assertEqual(len(b"".join(pieces)), len(reader))

    def test_same_invoices_make_the_same_package(self):
        one = self.build()
        with patch("time.time", return_value=4e9), patch("time.localtime", return_value=(2099,) + (1,) * 8):
            other = self.build()
        self.assertEqual((one.sha256, one.parts), (other.sha256, other.parts))

    def test_more_than_ksef_takes(self):
        noise = [(f"{number}.xml", os.urandom(1000)) for number in range(11)]
        with self.assertRaises(errors.PackageTooLarge):
            self.build(noise, part_size=200)
        self.assertEqual(packages.PART_SIZE * packages.MAX_PARTS, 5_000_000_000)

    def test_failure_on_the_way_leaves_no_file_open(self):
        opened = []

        def open_file(**options):
            opened.append(io.BytesIO())
            return opened[-1]

        def failing():
            yield INVOICES[0]
            raise ZeroDivisionError

        with patch("tempfile.TemporaryFile", open_file):
            with self.assertRaises(ZeroDivisionError):
                self.build(failing())
            with patch.object(packages, "_encrypt_part", side_effect=OSError), self.assertRaises(OSError):
                self.build()
        self.assertEqual([file.closed for file in opened], [True, True, True])

    def test_memory_does_not_grow_with_the_invoices(self):
        def invoices(count):
            for number in range(count):
                yield f"{number:05}.xml", os.urandom(20_000)

        # The 18 MB more of invoices leave no trace.
        peaks = []
        for count in (100, 1000):
            tracemalloc.start()
            self.build(invoices(count)).close()
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        self.assertLess(peaks[1] - peaks[0], 100_000)
