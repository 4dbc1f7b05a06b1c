from odoo.tests import BaseCase

from ..ksef.codes import numbers
from ..ksef.errors import KsefNumberInvalid

# Published by the ministry in its API documentation.
PUBLISHED = (
    "5265877635-20250826-0100001AF629-AF",
    "5265877635-20250626-010080DD2B5E-26",
    "5265877635-20250916-0200A0D6723E-C2",
    "5555555555-20250828-010080615740-E4",
    "5265877635-20250916-02000009FF3E-FB",
)


class TestNumbers(BaseCase):
    def test_published_numbers(self):
        for number in PUBLISHED:
            with self.subTest(number):
                self.assertEqual(numbers.check(number), number)

    def test_each_wrong_character_is_found(self):
        number = PUBLISHED[0]
        for position, character in enumerate(number):
            wrong = number[:position] + ("1" if character != "1" else "2") + number[position + 1 :]
            with self.subTest(wrong), self.assertRaises(KsefNumberInvalid):
                numbers.check(wrong)

    def test_other_forms(self):
        for text in ("", PUBLISHED[0].lower(), PUBLISHED[0] + "\n", PUBLISHED[0][:-3], "٥" + PUBLISHED[0][1:]):
            with self.subTest(text), self.assertRaises(KsefNumberInvalid):
                numbers.check(text)
