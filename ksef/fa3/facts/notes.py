"""What the law wants to be noted on the invoice, and what the seller adds."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class NewVehicle:
    """NowySrodekTransportu, of an intra-EU supply (art. 106e ust. 1 pkt 24).

    :ivar line: number of its row
    :ivar kind: "land" (P_22B), "water" (P_22C) or "air" (P_22D)
    :ivar usage: kilometres driven, or hours worked of a vessel or an aircraft
    :ivar identifier: of a land vehicle, one of the numbers that ``identifier_kind`` names: "1" VIN, "2" body,
        "3" chassis, "4" frame; of others the hull's number (P_22C1) or the factory's (P_22D1)
    :ivar type: P_22BT, of a land vehicle
    """

    first_use: date
    line: int
    kind: str
    usage: str
    identifier: str = ""
    identifier_kind: str = "1"
    type: str = ""
    make: str = ""
    model: str = ""
    colour: str = ""
    registration: str = ""
    year: str = ""


@dataclass(frozen=True)
class Annotations:
    """Adnotacje, but for what follows from the taxes.

    :ivar cash_method: P_16
    :ivar self_billing: P_17
    :ivar reverse_charge: P_18, which some rates bring along
    :ivar split_payment: P_18A, which the printed words bring along
    :ivar simplified_triangle: P_23
    :ivar margin_scheme: "2" travel agents, "3_1" used goods, "3_2" works of art, "3_3" antiques; empty if none
    :ivar needs_vehicle_notice: P_42_5, the duty of art. 42 ust. 5
    """

    cash_method: bool = False
    self_billing: bool = False
    reverse_charge: bool = False
    split_payment: bool = False
    simplified_triangle: bool = False
    margin_scheme: str = ""
    new_vehicles: tuple[NewVehicle, ...] = ()
    needs_vehicle_notice: bool = False


@dataclass(frozen=True)
class Remark:
    """DodatkowyOpis: a key and a value of any length, of the row with the number ``line`` if there is one."""

    key: str
    value: str
    line: int | None = None


@dataclass(frozen=True)
class Register:
    """Rejestry: numbers in public registers, and the full name of who has them."""

    name: str = ""
    krs: str = ""
    regon: str = ""
    bdo: str = ""
