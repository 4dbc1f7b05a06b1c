"""Run the simulator until it is interrupted: ``python devtools/ksef_simulator --port 8089``."""

import argparse
import sys
import threading
from pathlib import Path

# Run by its path, this folder is no package; the one above ``devtools`` makes it one.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cryptography import x509  # noqa: E402

from devtools.ksef_simulator import Settings, Simulator  # noqa: E402
from devtools.ksef_simulator.identities import identity_of  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8089, help="0 for any that is free")
    parser.add_argument("--no-rate-limits", action="store_true", help="take any number of requests")
    parser.add_argument("--schema", type=Path, help="the schema of FA(3), which invoices must fit")
    parser.add_argument("--schema-folder", type=Path, help="where the files are that the schema imports")
    parser.add_argument("--certificates", type=Path, help="folder of .crt files that KSeF has issued, as it were")
    options = parser.parse_args()
    settings = Settings(
        rate_limits_enforced=not options.no_rate_limits,
        schema=options.schema,
        schema_folder=options.schema_folder,
    )
    with Simulator(port=options.port, settings=settings) as simulator:
        for path in sorted(options.certificates.glob("*.crt")) if options.certificates else ():
            certificate = x509.load_pem_x509_certificate(path.read_bytes())
            simulator.state.register(certificate, path.stem, "Offline", identity_of(certificate, "certificateSubject"))
        print(f"API:      {simulator.url}")
        print(f"Latarnia: {simulator.latarnia_url}")
        print(f"KOD I/II: {simulator.qr_url}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("Stopped")


if __name__ == "__main__":
    main()
