"""The tour of ``ksef-client``: URL, NIP, folder."""

import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import httpx
from ksef_client import KsefClient, KsefClientOptions
from ksef_client import models as m
from ksef_client.services import AuthCoordinator, BatchSessionWorkflow, OnlineSessionWorkflow
from ksef_client.utils.zip_utils import build_zip

url, nip, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
files = [path.read_bytes() for path in sorted(folder.glob("*.xml"))]
FORM = m.FormCode(system_code="FA (3)", schema_version="1-0E", value="FA")


def settled(client, reference, token):
    """Return the session and its invoices, once KSeF is done with it."""
    while True:
        status = client.sessions.get_session_status(reference, access_token=token)
        if status.status.code >= 200:
            return status, client.sessions.get_session_invoices(reference, access_token=token).invoices
        time.sleep(0.2)


class Storage:
    """In place of its own way to the storage of parts, which refuses any address on loopback."""

    def request(self, method, url, *, headers, data, **_options):
        return httpx.request(method, url, headers=headers, content=data).raise_for_status()


with KsefClient(KsefClientOptions(base_url=url)) as client:
    token = (
        AuthCoordinator(client.auth)
        .authenticate_with_xades(
            context_identifier_type="nip",
            context_identifier_value=nip,
            subject_identifier_type="certificateSubject",
            certificate_pem=(folder / "login.crt").read_text(),
            private_key_pem=(folder / "login.key").read_text(),
            poll_interval_seconds=0.2,
        )
        .access_token
    )
    print("logged in with XAdES")
    key = client.security.get_public_key_certificate_pem(m.PublicKeyCertificateUsage.SYMMETRICKEYENCRYPTION)
    session = OnlineSessionWorkflow(client.sessions).open_session(
        form_code=FORM, public_certificate=key, access_token=token
    )
    for xml in files[:2]:
        session.send_invoice(xml, access_token=token, offline_mode=True)
    session.close(access_token=token)
    status, invoices = settled(client, session.reference_number, token)
    numbers = [invoice.ksef_number for invoice in invoices]
    print("sent one by one:", *numbers)
    for page in status.upo.pages:
        upo = client.sessions.get_session_upo(session.reference_number, page.reference_number, access_token=token)
        assert numbers[0].encode() in upo
    print("UPO of the session")
    own = client.sessions.get_session_invoice_upo_by_ksef(session.reference_number, numbers[0], access_token=token)
    assert numbers[0].encode() in own
    print("UPO of an invoice")
    package = build_zip({f"{number}.xml": xml for number, xml in enumerate(files[2:])})
    reference = BatchSessionWorkflow(client.sessions, Storage()).open_upload_and_close(
        form_code=FORM, zip_bytes=package, public_certificate=key, access_token=token, offline_mode=True
    )
    status, invoices = settled(client, reference, token)
    print("sent in a package:", *(invoice.ksef_number for invoice in invoices))
    time.sleep(3)  # until KSeF has stored them
    assert client.invoices.get_invoice_bytes(numbers[0], access_token=token).content == files[0]
    print("an invoice fetched, byte for byte")
    day = datetime.now(timezone.utc).date()
    found = list(
        client.invoices.iter_invoice_metadata_by_date_range(
            subject_type=m.InvoiceQuerySubjectType.SUBJECT1,
            date_type=m.InvoiceQueryDateType.ISSUE,
            date_from=f"{day - timedelta(days=1)}T00:00:00Z",
            date_to=f"{day + timedelta(days=1)}T23:59:59Z",
            access_token=token,
            page_size=10,
        )
    )
    print(f"{len(found)} invoices listed")
    assert len(found) == len(files)
    print("certificates can be requested:", client.certificates.get_limits(access_token=token).can_request)
    client.auth.revoke_current_session(access_token=token)
    print("logged out")
