import os
import stat
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase

from ..ksef.errors import VaultKeyInvalid, VaultKeyMissing, VaultTokenInvalid
from ..ksef.keys import vault

OLD, NEW = bytes(range(32)), bytes(range(32, 64))


class TestVault(BaseCase):
    @settings(max_examples=50, deadline=None)
    @given(st.binary(max_size=5000), st.binary(max_size=50))
    def test_what_goes_in_comes_out(self, secret, context):
        token = vault.Vault([NEW]).encrypt(secret, context)
        self.assertEqual(vault.Vault([NEW]).decrypt(token, context), secret)

    def test_first_key_encrypts_all_decrypt(self):
        old_token = vault.Vault([OLD]).encrypt(b"secret", b"record 1")
        both = vault.Vault([NEW, OLD])
        self.assertEqual(both.decrypt(old_token, b"record 1"), b"secret")
        self.assertIn(vault.fingerprint(NEW), both.encrypt(b"secret", b"record 1"))

    def test_missing_key_is_named(self):
        token = vault.Vault([OLD]).encrypt(b"secret", b"record 1")
        for keys in ([NEW], []):
            with self.subTest(keys=len(keys)), self.assertRaises(VaultKeyMissing) as caught:
                vault.Vault(keys).decrypt(token, b"record 1")
            self.assertIn(vault.fingerprint(OLD), str(caught.exception))

    def test_a_token_moved_to_another_record_does_not_open(self):
        token = vault.Vault([OLD]).encrypt(b"secret", b"record 1")
        with self.assertRaises(VaultTokenInvalid):
            vault.Vault([OLD]).decrypt(token, b"record 2")

    @settings(max_examples=100, deadline=None)
    @given(st.data())
    def test_a_damaged_token_never_opens(self, data):
        token = vault.Vault([OLD]).encrypt(b"secret", b"record 1")
        position = data.draw(st.integers(0, len(token) - 1))
        letter = data.draw(st.sampled_from("Aa0.-_=é "))
        damaged = token[:position] + letter + token[position + 1 :]
        if damaged != token and not self._same_bytes(damaged, token):
            with self.assertRaises((VaultTokenInvalid, VaultKeyMissing)):
                vault.Vault([OLD]).decrypt(damaged, b"record 1")

    def _same_bytes(self, one, other):
        try:
            return vault._parse(one) == vault._parse(other)
        except VaultTokenInvalid:
            return False

    def test_two_tokens_of_one_secret_have_nothing_in_common(self):
        one, other = (vault.Vault([OLD]).encrypt(b"secret", b"").split(".") for _time in range(2))
        self.assertEqual(one[:2], other[:2])
        self.assertNotEqual(one[2], other[2])
        self.assertNotEqual(one[3], other[3])

    def test_bad_lists_of_keys_are_refused_without_telling_them(self):
        for text in ("short", "é" * 44, "A" * 43 + "=" + " " + "B" * 10):
            with self.subTest(text), self.assertRaises(VaultKeyInvalid) as caught:
                vault.parse_keys(text)
            self.assertNotIn(text, str(caught.exception))

    def test_the_key_file_is_made_once_and_for_its_owner_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "l10n_pl_ksef" / "vault.keys"
            self.assertEqual(vault.read_key_file(path), [])
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(lambda _number: vault.make_key_file(path), range(32)))
            keys = vault.read_key_file(path)
            vault.make_key_file(path)
            self.assertEqual(vault.read_key_file(path), keys)
            self.assertEqual(len(keys), 1)
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
            self.assertEqual(os.listdir(path.parent), ["vault.keys"])
