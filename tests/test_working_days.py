from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase

from ..ksef.law import working_days

# From printed calendars: Easter Monday, Pentecost, Corpus Christi.
MOVABLE = {
    2025: ("04-21", "06-08", "06-19"),
    2026: ("04-06", "05-24", "06-04"),
    2027: ("03-29", "05-16", "05-27"),
    2028: ("04-17", "06-04", "06-15"),
    2029: ("04-02", "05-20", "05-31"),
    2030: ("04-22", "06-09", "06-20"),
    2031: ("04-14", "06-01", "06-12"),
    2032: ("03-29", "05-16", "05-27"),
    2033: ("04-18", "06-05", "06-16"),
    2034: ("04-10", "05-28", "06-08"),
    2035: ("03-26", "05-13", "05-24"),
}
FIXED = ("01-01", "01-06", "05-01", "05-03", "08-15", "11-01", "11-11", "12-24", "12-25", "12-26")
DAYS = st.dates(date(2025, 1, 1), date(2035, 11, 30))
EXTRA = st.frozensets(DAYS, max_size=3)


class TestWorkingDays(BaseCase):
    def test_days_off_of_each_year(self):
        for year, movable in MOVABLE.items():
            with self.subTest(year):
                monday = date.fromisoformat(f"{year}-{movable[0]}")
                expected = {date.fromisoformat(f"{year}-{day}") for day in (*FIXED, *movable)}
                expected.add(monday - timedelta(days=1))
                self.assertEqual(set(working_days.days_off(year)), expected)

    def test_days_off_from_monday_to_friday(self):
        for year, expected in {
            2026: ("01-01", "01-06", "04-06", "05-01", "06-04", "11-11", "12-24", "12-25"),
            2027: ("01-01", "01-06", "03-29", "05-03", "05-27", "11-01", "11-11", "12-24"),
            2028: ("01-06", "04-17", "05-01", "05-03", "06-15", "08-15", "11-01", "12-25", "12-26"),
        }.items():
            with self.subTest(year):
                off = working_days.days_off_between(date(year - 1, 12, 31), date(year + 1, 1, 1))
                self.assertEqual([f"{day:%m-%d}" for day, _name in off], list(expected))

    def test_days_off_between_leaves_out_both_ends(self):
        off = working_days.days_off_between(date(2026, 12, 24), date(2026, 12, 28))
        self.assertEqual(off, [(date(2026, 12, 25), "Christmas Day")])

    def test_christmas_eve_is_off_since_2025(self):
        self.assertTrue(working_days.is_working_day(date(2024, 12, 24)))
        self.assertFalse(working_days.is_working_day(date(2025, 12, 24)))

    def test_a_holiday_on_saturday_moves_to_no_other_day(self):
        self.assertTrue(working_days.is_working_day(date(2026, 8, 14)))
        self.assertTrue(working_days.is_working_day(date(2026, 8, 17)))

    def test_an_additional_day_off_counts(self):
        extra = {date(2018, 11, 12)}
        self.assertTrue(working_days.is_working_day(date(2018, 11, 12)))
        self.assertFalse(working_days.is_working_day(date(2018, 11, 12), extra))
        self.assertEqual(working_days.working_day_after(date(2018, 11, 9), 1, extra), date(2018, 11, 13))
        self.assertEqual(
            working_days.days_off_between(date(2018, 11, 9), date(2018, 11, 13), extra),
            [(date(2018, 11, 12), "additional day off")],
        )

    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(DAYS, st.integers(1, 15), EXTRA)
    def test_the_day_after_is_a_business_day_and_just_so_many_lie_on_the_way(self, day, count, extra):
        found = working_days.working_day_after(day, count, extra)
        passed = [day + timedelta(days=step) for step in range(1, (found - day).days + 1)]
        business = [
            each
            for each in passed
            if each.isoweekday() < 6 and each not in extra and f"{each:%m-%d}" not in (*FIXED, *MOVABLE[each.year])
        ]
        self.assertEqual(business[-1:], [found])
        self.assertEqual(len(business), count)
