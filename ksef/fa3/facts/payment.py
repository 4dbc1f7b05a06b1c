"""What is paid, when, how, and what is settled beside the invoice."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True)
class Payment:
    """What was paid of this invoice; ``form`` is a value of FormaPlatnosci, or ``other_form`` tells it in words."""

    amount: Decimal
    date: date
    form: str = ""
    other_form: str = ""


@dataclass(frozen=True)
class Instalment:
    """TerminPlatnosci: a day, a description of it, or both, such as 30, "dni", "otrzymanie faktury"."""

    due_date: date | None = None
    count: int | None = None
    unit: str = ""
    event: str = ""


@dataclass(frozen=True)
class BankAccount:
    """An account to pay to.

    :ivar number: as on the invoice; blanks are no part of it
    :ivar own_kind: RachunekWlasnyBanku, of a bank's own account: "1" for bought claims, "2" for claims that it
        collects and hands over, "3" of its own economy
    """

    number: str
    swift: str = ""
    own_kind: str = ""
    bank: str = ""
    description: str = ""


@dataclass(frozen=True)
class PaymentTerms:
    """Platnosc, but for what was paid.

    :ivar form: FormaPlatnosci: "1" cash, "2" card, "3" voucher, "4" cheque, "5" credit, "6" transfer, "7" mobile
    :ivar other_form: in words, where none of these fits
    :ivar discount_condition: of a discount for early payment (WarunkiSkonta), with its ``discount_size``
    :ivar link: LinkDoPlatnosci, which contains ``ksef_payment_id`` (IPKSeF)
    """

    instalments: tuple[Instalment, ...] = ()
    form: str = ""
    other_form: str = ""
    accounts: tuple[BankAccount, ...] = ()
    factor_accounts: tuple[BankAccount, ...] = ()
    discount_condition: str = ""
    discount_size: str = ""
    link: str = ""
    ksef_payment_id: str = ""


@dataclass(frozen=True)
class Charge:
    """An amount beside the invoice, and why: a charge or a deduction, as it stands in ``Settlement``."""

    amount: Decimal
    reason: str


@dataclass(frozen=True)
class Settlement:
    """Rozliczenie: what is paid or settled together with the invoice without being part of it.

    :ivar to_pay: DoZaplaty, the total with charges and without deductions
    :ivar to_settle: DoRozliczenia, what was paid too much; None if there is a ``to_pay``
    """

    charges: tuple[Charge, ...] = ()
    deductions: tuple[Charge, ...] = ()
    to_pay: Decimal | None = None
    to_settle: Decimal | None = None


@dataclass(frozen=True)
class PartialAdvance:
    """ZaliczkaCzesciowa: one of several payments that an advance invoice tells; ``exchange_rate`` to PLN."""

    date: date
    amount: Decimal
    exchange_rate: Decimal | None = None
