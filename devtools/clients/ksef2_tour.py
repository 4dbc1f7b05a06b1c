"""The tour of ``ksef2``: URL, NIP, folder."""

import sys
import time
from pathlib import Path

import httpx
from ksef2 import Client, Environment, FormSchema
from ksef2.xades import XAdESCredentials

url, nip, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
files = [path.read_bytes() for path in sorted(folder.glob("*.xml"))]


class ToSimulator(httpx.HTTPTransport):
    """It knows KSeF's own addresses only."""

    def handle_request(self, request):
        address = str(request.url).replace(Environment.TEST.base_url, url)
        request.url = httpx.URL(address)
        request.headers["Host"] = request.url.netloc.decode()
        return super().handle_request(request)


with Client(Environment.TEST, http_client=httpx.Client(transport=ToSimulator())) as client:
    auth = client.authentication.with_xades(
        nip=nip,
        credentials=XAdESCredentials.from_pem((folder / "login.crt").read_bytes(), (folder / "login.key").read_bytes()),
        poll_interval=0.2,
    )
    print("logged in with XAdES")
    with auth.online_session(form_code=FormSchema.FA3) as session:
        submissions = [session.send_invoice(xml) for xml in files[:2]]
        numbers = [submission.wait(timeout=60).ksef_number for submission in submissions]
        assert numbers[0].encode() in submissions[0].download_upo()
    print("sent one by one:", *numbers)
    upo = b"".join(session.download_upo())
    assert all(number.encode() in upo for number in numbers)
    print("UPO of an invoice and of the session")
    batch = auth.batch.submit(files[2:], offline_mode=True)
    batch.wait(poll_interval=0.2)
    print("sent in a package:", *(invoice.ksef_number for invoice in batch.list_invoices().invoices))
    assert b"".join(batch.download_upo())
    print("UPO of the package")
    time.sleep(3)  # until KSeF has stored them
    assert auth.invoices.download(numbers[0], timeout=30) == files[0]
    print("an invoice fetched, byte for byte")
    print("certificates can be requested:", auth.certificates.get_limits().can_request)
    print("limits:", auth.limits.get_api_rate_limits().invoice_send)
    auth.sessions.terminate_current()
    print("logged out")
