"""Let clients of other makers run a whole tour against the simulator: what they cannot do is not as KSeF is.

Run by ``./dev clients``. Each client logs in, sends invoices one by one and in a package, waits, fetches the UPO, looks
the invoices up and fetches one. All that goes over the wire is checked against the description of KSeF's API.
"""

import importlib.util
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
sys.path.insert(0, str(CHECKOUT))

from cryptography.hazmat.primitives.serialization import (  # noqa: E402
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from devtools.authority import Authority  # noqa: E402
from devtools.ksef_simulator import Settings, Simulator  # noqa: E402

NIP = "5795955811"
INVOICES = 4
INVOICE = """<?xml version="1.0" encoding="UTF-8"?>
<Faktura xmlns="http://crd.gov.pl/wzor/2025/06/25/13775/"><Naglowek>
<KodFormularza kodSystemowy="FA (3)" wersjaSchemy="1-0E">FA</KodFormularza><WariantFormularza>3</WariantFormularza>
<DataWytworzeniaFa>{day}T00:00:00Z</DataWytworzeniaFa></Naglowek>
<Podmiot1><DaneIdentyfikacyjne><NIP>{nip}</NIP><Nazwa>Zakład Łączności</Nazwa></DaneIdentyfikacyjne>
<Adres><KodKraju>PL</KodKraju><AdresL1>ul. Żółta 7/9, 90-001 Łódź</AdresL1></Adres></Podmiot1>
<Podmiot2><DaneIdentyfikacyjne><NIP>1111111111</NIP><Nazwa>Nabywca</Nazwa></DaneIdentyfikacyjne><JST>2</JST><GV>2</GV>
</Podmiot2><Fa><KodWaluty>PLN</KodWaluty><P_1>{day}</P_1><P_2>{number}</P_2><P_13_1>100.00</P_13_1>
<P_14_1>23.00</P_14_1><P_15>123.00</P_15><Adnotacje><P_16>2</P_16><P_17>2</P_17><P_18>2</P_18><P_18A>2</P_18A>
<Zwolnienie><P_19N>1</P_19N></Zwolnienie><NoweSrodkiTransportu><P_22N>1</P_22N></NoweSrodkiTransportu><P_23>2</P_23>
<PMarzy><P_PMarzyN>1</P_PMarzyN></PMarzy></Adnotacje><RodzajFaktury>VAT</RodzajFaktury></Fa></Faktura>
"""


def contract():
    """Return the module that watches the wire; the package of the tests wants Odoo."""
    spec = importlib.util.spec_from_file_location("contract", CHECKOUT / "tests" / "contract.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_files(folder):
    """Write what a client needs: login.key, login.crt (PEM) and invoices."""
    now = datetime.now(timezone.utc)
    login = Authority().issue(
        self_signed=True,
        common_name="Zakład Łączności",
        nip=NIP,
        usage="other",
        key="rsa",
        not_before=now - timedelta(days=1),
        not_after=now + timedelta(days=30),
    )
    (folder / "login.key").write_bytes(
        login.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    (folder / "login.crt").write_bytes(login.certificate_file())
    for number in range(INVOICES):
        xml = INVOICE.format(nip=NIP, day=datetime.now(timezone.utc).date(), number=f"FV/{number}")
        (folder / f"{number}.xml").write_text(xml, encoding="utf-8")


def run(name, command):
    """Let a client make its tour; return what went wrong, [str]."""
    seen = []
    settings = Settings(rate_limits_enforced=False)
    with tempfile.TemporaryDirectory() as folder, Simulator(settings=settings) as ksef:
        write_files(Path(folder))
        problems = contract().watch(ksef)
        ksef.observers.append(lambda request, answer: seen.append(f"{answer.status} {request.method} {request.path}"))
        tour = subprocess.run(
            [*command, ksef.url, NIP, folder], check=False, capture_output=True, text=True, timeout=300
        )
        print(f"== {name}: {len(seen)} requests, {len(ksef.state.numbers)} invoices accepted")
        print(tour.stdout.rstrip())
        wrong = [f"not as described: {problem}" for problem in problems]
        if tour.returncode:
            wrong += [*seen[-5:], tour.stderr[-3000:]]
        elif len(ksef.state.numbers) != INVOICES:
            wrong.append("invoices are missing")
    return wrong


def main():
    python, node_modules = sys.argv[1:]
    failed = False
    for name, command in {
        "ksef-client (PyPI)": [python, HERE / "ksef_client_tour.py"],
        "ksef2 (PyPI)": [python, HERE / "ksef2_tour.py"],
        "ksef-client-ts (npm)": ["node", HERE / "ksef_client_ts_tour.mjs", node_modules],
    }.items():
        wrong = run(name, command)
        failed |= bool(wrong)
        print(*wrong or ["all is well"], sep="\n", end="\n\n")
    sys.exit(failed)


if __name__ == "__main__":
    main()
