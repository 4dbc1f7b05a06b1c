from datetime import date, datetime, timedelta, timezone
from itertools import permutations, product

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase

from ..ksef.law import jpk
from ..ksef.law.buyers import BuyerClass, BuyerFacts, classify_buyer
from ..ksef.law.deadlines import deadline
from ..ksef.law.modes import Announcement, Kind, Mode, propose
from ..ksef.law.papers import Given, may_be_given
from ..ksef.law.working_days import is_working_day
from ..ksef.poland import WARSAW
from ..ksef.sentences import Sentence

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def at(text):
    """Return an aware datetime of "YYYY-MM-DD HH:MM" in Warsaw."""
    return datetime.fromisoformat(text).replace(tzinfo=WARSAW)


def noon(text):
    return at(f"{text} 12:00")


def announced(kind, start, end=None, published=None, source="K/2026/1"):
    return Announcement(kind, at(start), source, end and at(end), published and at(published))


def maintenance(*times, **values):
    return announced(Kind.MAINTENANCE, *times, **values)


def failure(*times, **values):
    return announced(Kind.FAILURE, *times, **values)


def total_failure(*times, **values):
    return announced(Kind.TOTAL_FAILURE, *times, **values)


def offline24(issue_date, *announcements, **values):
    """Return the deadline of an offline24 invoice issued at noon."""
    return deadline(Mode.OFFLINE24, date.fromisoformat(issue_date), noon(issue_date), announcements, **values)


def issued(mode, moment, *announcements, **values):
    """Return the deadline of an invoice issued at "YYYY-MM-DD HH:MM" in Warsaw."""
    return deadline(mode, at(moment).date(), at(moment), announcements, **values)


# The next business day: number, trigger day, deadline.
NEXT_BUSINESS_DAY = (
    ("A1", "2025-07-08", "2025-07-09"),
    ("A2", "2026-11-20", "2026-11-23"),
    ("A3", "2026-11-21", "2026-11-23"),
    ("A3", "2026-11-22", "2026-11-23"),
    ("A4", "2026-04-02", "2026-04-03"),
    ("A5", "2026-04-03", "2026-04-07"),
    ("A6", "2026-04-30", "2026-05-04"),
    ("A7", "2026-06-03", "2026-06-05"),
    ("A8", "2026-08-14", "2026-08-17"),
    ("A9", "2026-10-30", "2026-11-02"),
    ("A10", "2026-11-10", "2026-11-12"),
    ("A11", "2026-12-23", "2026-12-28"),
    ("A12", "2026-12-24", "2026-12-28"),
    ("A13", "2026-12-31", "2027-01-04"),
    ("A14", "2027-01-05", "2027-01-07"),
    ("A15", "2027-03-26", "2027-03-30"),
    ("A16", "2027-04-30", "2027-05-04"),
    ("A17", "2027-05-26", "2027-05-28"),
    ("A18", "2027-10-29", "2027-11-02"),
    ("A19", "2027-12-23", "2027-12-27"),
    ("A20", "2027-12-31", "2028-01-03"),
)
# Seven business days: number, day on which the failure ended, deadline.
SEVEN_BUSINESS_DAYS = (
    ("B1", "2025-07-12", "2025-07-22"),
    ("B2", "2026-04-03", "2026-04-15"),
    ("B3", "2026-04-30", "2026-05-12"),
    ("B4", "2026-06-03", "2026-06-15"),
    ("B5", "2026-11-09", "2026-11-19"),
    ("B6", "2026-11-11", "2026-11-20"),
    ("B7", "2026-12-19", "2026-12-31"),
    ("B8", "2026-12-23", "2027-01-07"),
    ("B9", "2026-12-30", "2027-01-12"),
    ("B10", "2027-03-26", "2027-04-07"),
    ("B11", "2027-04-30", "2027-05-12"),
    ("B12", "2027-05-26", "2027-06-07"),
    ("B13", "2027-12-23", "2028-01-04"),
)
# With announcements: number, deadline that was counted, day (None: none), whether there is a duty.
STORIES = (
    ("C1", offline24("2025-07-08", failure("2025-07-09 09:00", "2025-07-12 15:00")), "2025-07-22", True),
    ("C2", offline24("2026-11-20", failure("2026-11-23 09:00", "2026-11-25 15:00")), "2026-12-04", True),
    (
        "C3",
        issued(Mode.UNAVAILABILITY, "2026-12-05 21:00", maintenance("2026-12-05 20:00", "2026-12-06 06:00")),
        "2026-12-07",
        True,
    ),
    (
        "C4",
        issued(Mode.UNAVAILABILITY, "2026-12-23 22:30", maintenance("2026-12-23 22:00", "2026-12-24 04:00")),
        "2026-12-28",
        True,
    ),
    (
        "C5",
        issued(
            Mode.EMERGENCY,
            "2026-11-09 10:00",
            failure("2026-11-09 08:00", "2026-11-09 15:00"),
            failure("2026-11-17 08:00", "2026-11-20 15:00"),
        ),
        "2026-12-01",
        True,
    ),
    ("C6", offline24("2026-12-23", total_failure("2026-12-28 09:00")), None, False),
    ("C7", offline24("2026-11-20", maintenance("2026-11-23 18:00", "2026-11-24 02:00")), "2026-11-23", True),
    ("C8", offline24("2026-11-20", failure("2026-11-24 09:00", "2026-11-24 15:00")), "2026-11-23", True),
    (
        "C9",
        issued(
            Mode.EMERGENCY,
            "2026-11-12 10:00",
            Announcement(
                Kind.FAILURE, at("2026-11-12 08:00"), "K/2026/1", datetime(2026, 11, 12, 23, 30, tzinfo=timezone.utc)
            ),
        ),
        "2026-11-24",
        True,
    ),
    ("C10", issued(Mode.EMERGENCY, "2026-11-12 10:00", failure("2026-11-12 08:00")), None, True),
)


class TestDeadline(BaseCase):
    def assertDeadline(self, found, day, duty=True):
        self.assertEqual((found.day, found.duty), (day and date.fromisoformat(day), duty))
        self.assertTrue(all(map(str, found.reasons)))

    def test_next_business_day_after_the_issue_date(self):
        for number, trigger, day in NEXT_BUSINESS_DAY:
            with self.subTest(number):
                self.assertDeadline(offline24(trigger), day)

    def test_next_business_day_after_unavailability(self):
        for number, trigger, day in NEXT_BUSINESS_DAY:
            with self.subTest(number):
                lasting = maintenance(f"{trigger} 08:00", f"{trigger} 16:00", "2025-01-01 12:00")
                self.assertDeadline(issued(Mode.UNAVAILABILITY, f"{trigger} 12:00", lasting), day)

    def test_seven_business_days_after_failure(self):
        for number, trigger, day in SEVEN_BUSINESS_DAYS:
            with self.subTest(number):
                lasting = failure(f"{trigger} 08:00", f"{trigger} 16:00")
                self.assertDeadline(issued(Mode.EMERGENCY, f"{trigger} 12:00", lasting), day)

    def test_with_announcements(self):
        for number, found, day, duty in STORIES:
            with self.subTest(number):
                self.assertDeadline(found, day, duty)

    def test_total_failure_needs_no_sending(self):
        self.assertDeadline(issued(Mode.TOTAL_FAILURE, "2026-11-20 12:00"), None, False)

    def test_failure_announced_in_the_last_minute(self):
        for published, day in (
            ("2026-11-23 23:59", "2026-12-04"),
            ("2026-11-24 00:00", "2026-11-23"),
        ):
            with self.subTest(published):
                late = failure("2026-11-23 09:00", "2026-11-25 15:00", published)
                self.assertDeadline(offline24("2026-11-20", late), day)

    def test_failure_announced_before_it_starts(self):
        for published, start, day in (
            ("2026-11-23 10:00", "2026-11-24 01:00", "2026-12-04"),  # the notice comes in time
            ("2026-11-20 09:00", "2026-11-23 09:00", "2026-12-04"),  # notice before, failure after the issue
            ("2026-11-20 09:00", "2026-11-24 09:00", "2026-11-23"),  # notice before the issue, failure too late
        ):
            with self.subTest(published=published, start=start):
                self.assertDeadline(offline24("2026-11-20", failure(start, "2026-11-25 15:00", published)), day)

    def test_failure_around_the_issue_of_an_offline24_invoice(self):
        for start, end, day in (
            ("2026-11-20 08:00", "2026-11-20 11:00", "2026-11-23"),  # over before
            ("2026-11-20 08:00", "2026-11-20 12:00", "2026-11-23"),  # over at that very moment
            ("2026-11-20 08:00", "2026-11-20 15:00", "2026-12-01"),
            ("2026-11-20 12:00", "2026-11-20 15:00", "2026-12-01"),
        ):
            with self.subTest(start=start, end=end):
                self.assertDeadline(offline24("2026-11-20", failure(start, end)), day)

    def test_failure_announced_when_it_was_over(self):
        told_late = failure("2026-11-20 13:00", "2026-11-20 15:00", "2026-11-23 09:00")
        self.assertDeadline(offline24("2026-11-20", told_late), "2026-12-01")
        over_before = failure("2026-11-19 13:00", "2026-11-19 15:00", "2026-11-23 09:00")
        self.assertDeadline(offline24("2026-11-20", over_before), "2026-11-23")

    def test_failure_while_an_unavailability_invoice_waits(self):
        self.assertDeadline(
            issued(
                Mode.UNAVAILABILITY,
                "2026-12-05 21:00",
                maintenance("2026-12-05 20:00", "2026-12-06 06:00"),
                failure("2026-12-07 23:00", "2026-12-08 03:00"),
            ),
            "2026-12-17",
        )

    def test_chained_failures(self):
        first = failure("2026-11-23 09:00", "2026-11-25 15:00")  # moves to 4 December
        second = failure("2026-12-04 20:00", "2026-12-05 15:00")  # moves to 15 December
        third = failure("2026-12-16 00:00", "2026-12-16 15:00")  # too late
        self.assertDeadline(offline24("2026-11-20", first, second), "2026-12-15")
        self.assertDeadline(offline24("2026-11-20", second), "2026-11-23")
        self.assertDeadline(offline24("2026-11-20", first, second, third), "2026-12-15")

    def test_overlapping_failures(self):
        long = failure("2026-11-09 08:00", "2026-11-20 15:00")
        inner = failure("2026-11-10 08:00", "2026-11-11 15:00")
        for order in permutations((long, inner)):
            for moment in ("2026-11-09 10:00", "2026-11-10 10:00"):
                with self.subTest(moment, first=order[0].start):
                    self.assertDeadline(issued(Mode.EMERGENCY, moment, *order), "2026-12-01")

    def test_failures_count_in_the_order_of_their_notices(self):
        first_told = failure("2026-11-23 12:00", "2026-11-25 15:00")  # moves to 4 December
        first_begun = failure("2026-11-23 09:00", "2026-11-26 15:00", "2026-12-01 09:00")  # and on to 7 December
        self.assertDeadline(offline24("2026-11-20", first_begun, first_told), "2026-12-07")
        self.assertDeadline(offline24("2026-11-20", first_begun), "2026-11-23")

    def test_failure_within_maintenance(self):
        both = (
            failure("2026-11-09 08:00", "2026-11-09 15:00"),
            maintenance("2026-11-09 07:00", "2026-11-16 15:00"),
        )
        self.assertDeadline(issued(Mode.EMERGENCY, "2026-11-09 10:00", *both), "2026-11-19")

    def test_open_failure_then_total_failure(self):
        lasting = failure("2026-11-09 08:00")
        self.assertDeadline(issued(Mode.EMERGENCY, "2026-11-09 10:00", lasting), None)
        self.assertDeadline(
            issued(Mode.EMERGENCY, "2026-11-09 10:00", lasting, total_failure("2026-12-28 09:00")), None, False
        )

    def test_failure_that_has_not_ended_leaves_the_day_open(self):
        found = offline24("2026-11-20", failure("2026-11-23 09:00"))
        self.assertDeadline(found, None)
        self.assertIn("runs from its end", str(found.reasons[-1]))

    def test_total_failure_after_the_deadline_changes_nothing(self):
        self.assertDeadline(offline24("2026-11-20", total_failure("2026-11-24 00:00")), "2026-11-23")

    def test_total_failure_within_a_deadline_that_a_failure_has_moved(self):
        moved = failure("2026-11-23 09:00", "2026-11-25 15:00")
        self.assertDeadline(offline24("2026-11-20", moved, total_failure("2026-12-04 09:00")), None, False)
        self.assertDeadline(offline24("2026-11-20", moved, total_failure("2026-12-05 09:00")), "2026-12-04")

    def test_maintenance_moves_no_emergency_invoice(self):
        self.assertDeadline(
            issued(
                Mode.EMERGENCY,
                "2026-11-09 10:00",
                failure("2026-11-09 08:00", "2026-11-09 15:00"),
                maintenance("2026-11-19 08:00", "2026-11-20 08:00"),
            ),
            "2026-11-19",
        )

    def test_only_the_maintenance_in_which_the_invoice_was_issued_counts(self):
        first = maintenance("2026-12-05 20:00", "2026-12-06 06:00")
        second = maintenance("2026-12-06 06:00", "2026-12-07 06:00")
        self.assertDeadline(issued(Mode.UNAVAILABILITY, "2026-12-05 21:00", first, second), "2026-12-07")
        self.assertDeadline(issued(Mode.UNAVAILABILITY, "2026-12-06 06:00", first, second), "2026-12-08")

    def test_overlapping_maintenance_counts_to_the_last_end(self):
        short = maintenance("2026-12-05 20:00", "2026-12-05 23:00")
        long = maintenance("2026-12-05 21:00", "2026-12-07 06:00")
        self.assertDeadline(issued(Mode.UNAVAILABILITY, "2026-12-05 22:00", short, long), "2026-12-08")

    def test_maintenance_without_an_end_leaves_the_day_open(self):
        self.assertDeadline(
            issued(Mode.UNAVAILABILITY, "2026-12-05 21:00", maintenance("2026-12-05 20:00")), None, True
        )

    def test_until_midnight_is_the_day_before(self):
        for mode, kind, end, day in (
            (Mode.UNAVAILABILITY, Kind.MAINTENANCE, "2026-12-08 00:00", "2026-12-08"),
            (Mode.UNAVAILABILITY, Kind.MAINTENANCE, "2026-12-08 00:01", "2026-12-09"),
            (Mode.EMERGENCY, Kind.FAILURE, "2026-12-08 00:00", "2026-12-16"),
            (Mode.EMERGENCY, Kind.FAILURE, "2026-12-08 00:01", "2026-12-17"),
        ):
            with self.subTest(mode, end=end):
                self.assertDeadline(issued(mode, "2026-12-07 21:00", announced(kind, "2026-12-07 20:00", end)), day)

    def test_mode_without_its_announcement_falls_back_to_the_earliest_deadline(self):
        over = (
            failure("2026-11-19 08:00", "2026-11-19 15:00"),
            maintenance("2026-11-19 08:00", "2026-11-19 15:00"),
        )
        for mode in (Mode.EMERGENCY, Mode.UNAVAILABILITY):
            with self.subTest(mode):
                found = issued(mode, "2026-11-20 12:00", *over)
                self.assertDeadline(found, "2026-11-23")
                self.assertIn("on record", str(found.reasons[0]))

    def test_invoice_dated_back(self):
        late = failure("2026-11-20 13:00", "2026-11-20 15:00")
        found = deadline(Mode.OFFLINE24, date(2026, 11, 18), noon("2026-11-20"), [late])
        self.assertDeadline(found, "2026-11-19")

    def test_days_are_those_of_warsaw(self):
        for end, day in (
            ("2026-11-12T22:59:00+00:00", "2026-11-23"),
            ("2026-11-12T23:30:00+00:00", "2026-11-24"),  # 13 November, winter time
            ("2026-07-16T21:59:00+00:00", "2026-07-27"),
            ("2026-07-16T22:30:00+00:00", "2026-07-28"),  # 17 July, summer time
            ("2026-10-25T22:30:00+00:00", "2026-11-03"),  # still 25 October, the clocks went back at three
            ("2029-03-25T22:30:00+00:00", "2029-04-05"),  # 26 March, the clocks went forward at two
        ):
            with self.subTest(end):
                ended = datetime.fromisoformat(end)
                lasting = Announcement(Kind.FAILURE, ended - 5 * HOUR, "K/2026/1", ended)
                found = deadline(Mode.EMERGENCY, (ended - HOUR).astimezone(WARSAW).date(), ended - HOUR, [lasting])
                self.assertDeadline(found, day)

    def test_additional_day_off(self):
        found = offline24("2026-11-20", extra_days_off={date(2026, 11, 23)})
        self.assertDeadline(found, "2026-11-24")
        self.assertEqual(str(found.reasons[1]), "2026-11-23 is a day off: additional day off.")

    def test_reasons_tell_how_the_day_came_about(self):
        found = offline24("2026-11-10", failure("2026-11-12 09:00", "2026-11-13 15:00"))
        self.assertEqual(
            [str(reason) for reason in found.reasons],
            [
                "offline24: the next business day after the issue date 2026-11-10 is 2026-11-12.",
                "2026-11-11 is a day off: Independence Day.",
                "A failure was announced on 2026-11-12 (K/2026/1), before the deadline had passed: seven business "
                "days after its end on 2026-11-13 are 2026-11-24.",
            ],
        )
        self.assertEqual(found.reasons[0].values, {"after": date(2026, 11, 10), "deadline": date(2026, 11, 12)})
        self.assertEqual(found.reasons[1].values["name"], Sentence("Independence Day"))

    def test_a_day_off_is_told_once(self):
        found = offline24("2026-11-10", failure("2026-11-10 14:00", "2026-11-10 15:00"))
        self.assertEqual(found.day, date(2026, 11, 20))
        self.assertEqual(
            [str(reason) for reason in found.reasons].count("2026-11-11 is a day off: Independence Day."), 1
        )

    def test_a_time_without_its_zone_is_refused(self):
        naive = datetime(2026, 11, 20, 12)  # noqa: DTZ001
        for times in ({"start": naive}, {"end": naive}, {"announced": naive}):
            with self.subTest(times), self.assertRaises(ValueError):
                Announcement(**{"kind": Kind.FAILURE, "source": "", "start": noon("2026-11-20")} | times)


ZONES = st.integers(-12, 14).map(lambda hours: timezone(timedelta(hours=hours)))
ISSUED = st.datetimes(datetime(2025, 1, 1), datetime(2035, 10, 1), timezones=st.just(timezone.utc))  # noqa: DTZ001
SHIFTS = st.integers(-4 * 24, 30 * 24).map(lambda hours: hours * HOUR)
LENGTHS = st.integers(1, 10 * 24).map(lambda hours: hours * HOUR)
OFFLINE_MODES = st.sampled_from((Mode.OFFLINE24, Mode.UNAVAILABILITY, Mode.EMERGENCY))


@st.composite
def stories(draw):
    """Return when an invoice was issued, and up to five announcements around that time."""
    moment = draw(ISSUED)
    announcements = []
    for number in range(draw(st.integers(0, 5))):
        start = moment + draw(SHIFTS)
        length = draw(st.none() | LENGTHS)
        lead = draw(st.none() | st.integers(-48, 48).map(lambda hours: hours * HOUR))
        announcements.append(
            Announcement(
                draw(st.sampled_from((Kind.FAILURE, Kind.FAILURE, Kind.MAINTENANCE, Kind.TOTAL_FAILURE))),
                start,
                f"K/{number}",
                None if length is None else start + length,
                None if lead is None else start + lead,
            )
        )
    return moment, announcements


def day_in_warsaw(moment):
    return moment.astimezone(WARSAW).date()


def checked(test):
    return settings(derandomize=True, deadline=None, max_examples=150)(test)


class TestDeadlineOfAnyStory(BaseCase):
    @checked
    @given(OFFLINE_MODES, stories(), st.frozensets(st.dates(date(2025, 1, 1), date(2035, 12, 31)), max_size=2))
    def test_it_is_a_business_day_after_the_issue_date(self, mode, story, extra):
        moment, announcements = story
        found = deadline(mode, day_in_warsaw(moment), moment, announcements, extra)
        if found.day:
            self.assertTrue(found.duty)
            self.assertTrue(is_working_day(found.day, extra))
            self.assertGreater(found.day, day_in_warsaw(moment))

    @checked
    @given(OFFLINE_MODES, stories())
    def test_no_announcement_makes_it_earlier(self, mode, story):
        moment, announcements = story
        days = [
            deadline(mode, day_in_warsaw(moment), moment, announcements[:count]).day
            for count in range(len(announcements) + 1)
        ]
        known = [day for day in days if day]
        self.assertEqual(known, sorted(known))

    @checked
    @given(OFFLINE_MODES, stories(), st.randoms(use_true_random=False))
    def test_the_order_of_announcements_does_not_matter(self, mode, story, random):
        moment, announcements = story
        shuffled = random.sample(announcements, len(announcements))
        self.assertEqual(
            deadline(mode, day_in_warsaw(moment), moment, announcements),
            deadline(mode, day_in_warsaw(moment), moment, shuffled),
        )
        self.assertEqual(propose(announcements, moment), propose(shuffled, moment))

    @checked
    @given(OFFLINE_MODES, stories(), ZONES)
    def test_the_zone_of_a_time_does_not_matter(self, mode, story, zone):
        moment, announcements = story
        elsewhere = [
            Announcement(
                each.kind,
                each.start.astimezone(zone),
                each.source,
                each.end and each.end.astimezone(zone),
                each.announced and each.announced.astimezone(zone),
            )
            for each in announcements
        ]
        self.assertEqual(
            deadline(mode, day_in_warsaw(moment), moment, announcements),
            deadline(mode, day_in_warsaw(moment), moment.astimezone(zone), elsewhere),
        )

    @checked
    @given(stories())
    def test_the_proposed_mode_finds_its_announcement(self, story):
        moment, announcements = story
        mode, _reason = propose(announcements, moment)
        found = deadline(mode, day_in_warsaw(moment), moment, announcements)
        self.assertEqual(found.duty and mode == Mode.TOTAL_FAILURE, False)
        self.assertFalse(any("on record" in reason.text for reason in found.reasons))


class TestPropose(BaseCase):
    def test_the_strongest_announcement_counts(self):
        strength = (
            (Kind.TOTAL_FAILURE, Mode.TOTAL_FAILURE),
            (Kind.FAILURE, Mode.EMERGENCY),
            (Kind.MAINTENANCE, Mode.UNAVAILABILITY),
        )
        for chosen in product((True, False), repeat=3):
            kinds = [kind for (kind, _mode), is_chosen in zip(strength, chosen, strict=True) if is_chosen]
            expected = next((mode for kind, mode in strength if kind in kinds), Mode.OFFLINE24)
            for order in permutations(kinds):
                with self.subTest(order):
                    announcements = [announced(kind, "2026-11-20 08:00", source=kind) for kind in order]
                    mode, reason = propose(announcements, noon("2026-11-20"))
                    self.assertEqual(mode, expected)
                    if kinds:
                        self.assertEqual(
                            reason.values,
                            {"start": at("2026-11-20 08:00"), "notice": next(k for k, m in strength if m == mode)},
                        )
                    self.assertTrue(str(reason))

    def test_from_start_up_to_end(self):
        lasting = failure("2026-11-20 08:00", "2026-11-20 16:00", "2026-11-19 08:00")
        for moment, expected in (
            ("2026-11-20 07:59", Mode.OFFLINE24),
            ("2026-11-20 08:00", Mode.EMERGENCY),
            ("2026-11-20 15:59", Mode.EMERGENCY),
            ("2026-11-20 16:00", Mode.OFFLINE24),
        ):
            with self.subTest(moment):
                self.assertEqual(propose([lasting], at(moment))[0], expected)

    def test_from_publication_on(self):
        told_late = failure("2026-11-20 08:00", None, "2026-11-20 10:00")
        self.assertEqual(propose([told_late], at("2026-11-20 09:59"))[0], Mode.OFFLINE24)
        self.assertEqual(propose([told_late], at("2026-11-20 10:00"))[0], Mode.EMERGENCY)


BUSINESS = {
    "place_of_supply_in_poland": True,
    "has_polish_nip": True,
    "is_consumer": False,
    "has_tax_id": True,
    "seat_in_poland": True,
}
FOREIGN = BUSINESS | {"seat_in_poland": False}


class TestBuyer(BaseCase):
    def test_each_class(self):
        for facts, expected, told in (
            (BUSINESS, BuyerClass.DOMESTIC, "business in Poland"),
            (BUSINESS | {"is_consumer": True}, BuyerClass.CONSUMER, "not in business"),
            (BUSINESS | {"place_of_supply_in_poland": False}, BuyerClass.SUPPLY_ABROAD, "place of supply"),
            (BUSINESS | {"sme_scheme": True}, BuyerClass.SME_SCHEME, "SME"),
            (BUSINESS | {"has_polish_nip": False, "has_tax_id": False}, BuyerClass.NO_TAX_ID, "no tax identifier"),
            (FOREIGN | {"has_fixed_establishment": False}, BuyerClass.NOT_ESTABLISHED, "neither"),
            (
                FOREIGN | {"has_fixed_establishment": True, "fixed_establishment_takes_part": False},
                BuyerClass.ESTABLISHMENT_NOT_INVOLVED,
                "no fixed establishment in Poland takes part",
            ),
            (
                FOREIGN | {"has_fixed_establishment": True, "fixed_establishment_takes_part": True},
                BuyerClass.DOMESTIC,
                "takes part",
            ),
            # facts are missing
            (FOREIGN, BuyerClass.DOMESTIC, "not known whether"),
            (FOREIGN | {"has_fixed_establishment": True}, BuyerClass.DOMESTIC, "not known whether"),
            (
                FOREIGN | {"has_polish_nip": False, "has_fixed_establishment": True},
                BuyerClass.DOMESTIC,
                "not known whether",
            ),
            (
                FOREIGN | {"fixed_establishment_takes_part": False},
                BuyerClass.ESTABLISHMENT_NOT_INVOLVED,
                "no fixed establishment in Poland takes part",
            ),
            (FOREIGN | {"has_polish_nip": False}, BuyerClass.NOT_ESTABLISHED, "presumed"),
            (BUSINESS | {"seat_in_poland": None}, BuyerClass.DOMESTIC, "not known where"),
            (BUSINESS | {"has_polish_nip": False}, BuyerClass.DOMESTIC, "missing"),
            (BUSINESS | {"has_polish_nip": False, "seat_in_poland": None}, BuyerClass.DOMESTIC, "missing"),
        ):
            with self.subTest(told, expected=expected):
                buyer_class, reason = classify_buyer(BuyerFacts(**facts))
                self.assertEqual(buyer_class, expected)
                self.assertIn(told, str(reason))


OFFLINE = ("kod_i_offline", "kod_ii")
NUMBER = ("kod_i_number",)
AGREED = (
    "supply_abroad",
    "not_established",
    "establishment_not_involved",
    "sme_scheme",
    "no_tax_id",
    "consumer",
)
ANY = ("domestic", *AGREED)
# mode, buyers, (kind, codes) before the KSeF number, (kind, codes) after it
WHAT_MAY_BE_HANDED_OVER = (
    ("online", ANY, (None, ("kod_i_offline",)), ("invoice", NUMBER)),
    ("offline24", ("domestic",), ("transaction_confirmation", OFFLINE), ("invoice", NUMBER)),
    ("offline24", AGREED, ("invoice", OFFLINE), ("invoice", NUMBER)),
    ("unavailability", ("domestic",), ("transaction_confirmation", OFFLINE), ("invoice", NUMBER)),
    ("unavailability", AGREED, ("invoice", OFFLINE), ("invoice", NUMBER)),
    ("emergency", ANY, ("invoice", OFFLINE), ("invoice", NUMBER)),
    ("total_failure", ANY, ("invoice", ()), (None, ())),
)


class TestHandOver(BaseCase):
    def test_each_cell(self):
        for mode, buyers, before, after in WHAT_MAY_BE_HANDED_OVER:
            for buyer, (has_number, expected) in product(buyers, ((False, before), (True, after))):
                with self.subTest(mode, buyer=buyer, has_number=has_number):
                    self.assertEqual(may_be_given(mode, buyer, has_number), Given(*expected))

    def test_an_unknown_buyer_counts_as_domestic(self):
        self.assertEqual(may_be_given("offline24", None, False), may_be_given("offline24", "domestic", False))

    def test_jpk_mark(self):
        for mode, mark in (
            ("online", None),
            ("offline24", "DI"),
            ("unavailability", "DI"),
            ("emergency", "OFF"),
            ("total_failure", "BFK"),
        ):
            with self.subTest(mode):
                self.assertEqual(jpk.mark(mode, False), mark)
                self.assertIsNone(jpk.mark(mode, True))
