"""/sessions/batch: packages of invoices, in encrypted parts that are put into the storage."""

import gzip
import hashlib
import io
import tarfile
import zipfile
import zlib

from .invoices import decrypt, work_on
from .messages import Answer, Refusal, json_answer
from .routing import Routes
from .sessions import find_session, new_session, read_sha256, require_permission, session_code
from .state import BatchFile, BatchPart, SentInvoice
from .storage import refusal, signed_url, storage_error

routes, storage_routes = Routes(), Routes()

_MAX_PARTS, _MAX_PART, _MAX_FILE = 50, 100_000_000, 5_000_000_000
_PADDING = 16  # what encryption adds at most
_BLOB = {"x-ms-blob-type": "BlockBlob"}


class _Broken(Exception):
    """The whole package is worth nothing."""

    def __init__(self, code, *details):
        super().__init__(code, *details)
        self.code = code
        self.details = list(details)


@routes.add("POST", "/sessions/batch", group="batchSession")
def open_batch(state, request):
    require_permission(state, request, "InvoiceWrite")
    body = request.json(("formCode", "batchFile", "encryption"), ("offlineMode",))
    batch_file = _read_batch_file(body["batchFile"])
    offline = body.get("offlineMode", False)
    if not isinstance(offline, bool):
        raise Refusal(21405, "offlineMode musi mieć wartość true lub false.")
    session = new_session(state, request, "batch", body)
    session.valid_until = session.opened + state.settings.session_life
    session.offline, session.batch_file = offline, batch_file
    until = _upload_until(state, session)
    uploads = [
        {
            "ordinalNumber": ordinal,
            "method": "PUT",
            "url": signed_url(state, request, f"/{session.reference}/batch-parts/{ordinal}", until, "w"),
            "headers": _BLOB,
        }
        for ordinal in batch_file.parts
    ]
    return json_answer({"referenceNumber": session.reference, "partUploadRequests": uploads}, 201)


@storage_routes.add("PUT", "/{session}/batch-parts/{ordinal}", token=(), group=None)
def upload(state, request):
    if answer := refusal(state, request, "w"):
        return answer
    if any(request.headers.get(name) != value for name, value in _BLOB.items()):
        return storage_error(400, "MissingRequiredHeader")
    session = state.sessions[request.params["session"]]
    session.batch_file.parts[int(request.params["ordinal"])].content = request.body
    session.updated = state.now()
    return Answer(201)


@routes.add("POST", "/sessions/batch/{reference}/close", group="batchSessionClose")
def close_batch(state, request):
    require_permission(state, request, "InvoiceWrite")
    session = find_session(state, request, "batch")
    parts = session.batch_file.parts
    code = session_code(state, session)
    if code == 440:
        raise Refusal(21208, "Sesja anulowana, przekroczony czas wysyłki.")
    if code != 100:
        raise Refusal(21180, f"Status sesji {code} uniemożliwia jej zamknięcie.")
    for ordinal, part in parts.items():
        if part.content is None and state.now() >= _upload_until(state, session):
            session.code = 440
            raise Refusal(21208, "Sesja anulowana, przekroczony czas wysyłki.")
        if part.content is None:
            raise Refusal(21205, f"Nie przesłano zadeklarowanej '{ordinal}' części pliku.")
        if len(part.content) != part.size:
            raise Refusal(21157, f"Zadeklarowany rozmiar części '{ordinal}' nie zgadza się z rzeczywistym.")
    session.closed = session.updated = state.now()
    _open_package(state, session)
    return Answer(204)


def _upload_until(state, session):
    return session.opened + len(session.batch_file.parts) * state.settings.part_upload_life


def _read_batch_file(value):
    required, optional = {"fileSize", "fileHash", "fileParts"}, {"compressionType"}
    if not isinstance(value, dict) or not required <= value.keys() <= required | optional:
        raise Refusal(21405, "batchFile")
    compression = value.get("compressionType") or "Zip"
    if compression not in _READERS:
        raise Refusal(21405, "compressionType")
    size = _size(value["fileSize"], "fileSize")
    if size > _MAX_FILE:
        raise Refusal(21405, f"fileSize: najwyżej {_MAX_FILE} bajtów.")
    listed = value["fileParts"]
    if not isinstance(listed, list) or not listed:
        raise Refusal(21405, "fileParts")
    if len(listed) > _MAX_PARTS:
        raise Refusal(21161, f"Paczka ma {len(listed)} części, dozwolonych jest {_MAX_PARTS}.")
    parts = {}
    for ordinal, item in enumerate(listed, 1):
        if not isinstance(item, dict) or item.keys() != {"ordinalNumber", "fileSize", "fileHash"}:
            raise Refusal(21405, "fileParts")
        if item["ordinalNumber"] != ordinal:
            raise Refusal(21405, "fileParts: części muszą być ponumerowane kolejno od 1.")
        parts[ordinal] = BatchPart(_size(item["fileSize"], "fileSize"), read_sha256(item["fileHash"], "fileHash"))
        if parts[ordinal].size > _MAX_PART + _PADDING:
            raise Refusal(21157, f"Część '{ordinal}' jest większa niż {_MAX_PART} bajtów przed zaszyfrowaniem.")
    return BatchFile(size, read_sha256(value["fileHash"], "fileHash"), compression, parts)


def _size(value, name):
    if type(value) is not int or value < 1:
        raise Refusal(21405, f"{name} musi być dodatnią liczbą całkowitą.")
    return value


def _open_package(state, session):
    """Make the invoices of a package known, or the session a failure."""
    try:
        files = _files(session)
        if len(files) > state.settings.session_invoice_limit:
            raise _Broken(420)
        if any(hashlib.sha256(xml).digest() in state.breakers for _name, xml in files):
            raise _Broken(430)
    except _Broken as broken:
        session.code, session.details = broken.code, broken.details
        return
    finally:
        for part in session.batch_file.parts.values():
            part.content = None
    for ordinal, (name, xml) in enumerate(files, 1):
        invoice = SentInvoice(
            reference=state.reference("EE"),
            session=session,
            ordinal=ordinal,
            sha256=hashlib.sha256(xml).digest(),
            received=session.opened,
            offline=session.offline,
            polls_left=state.settings.invoice_polls,
            xml=xml,
            file_name=name,
        )
        session.invoices.append(invoice)
    if not state.settings.invoice_polls:
        work_on(state, session.invoices)


def _files(session):
    """Return what is in a package, [(name, bytes)]."""
    batch_file = session.batch_file
    for ordinal, part in batch_file.parts.items():
        if hashlib.sha256(part.content).digest() != part.sha256:
            raise _Broken(405, f"Skrót części {ordinal} nie zgadza się z zadeklarowanym.")
    try:
        archive = b"".join(decrypt(part.content, session) for part in batch_file.parts.values())
    except ValueError:
        raise _Broken(435) from None
    if (len(archive), hashlib.sha256(archive).digest()) != (batch_file.size, batch_file.sha256):
        raise _Broken(405, "Rozmiar lub skrót paczki nie zgadza się z zadeklarowanym.")
    try:
        return _READERS[batch_file.compression](archive)
    except (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError):
        raise _Broken(430) from None


def _read_zip(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(info.filename, archive.read(info)) for info in archive.infolist() if not info.is_dir()]


def _read_tar_gz(data):
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        return [(info.name, archive.extractfile(info).read()) for info in archive if info.isfile()]


_READERS = {"Zip": _read_zip, "TarGz": _read_tar_gz}
