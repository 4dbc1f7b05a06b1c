"""What it costs to hand a backlog over to KSeF.

Prints, for each number of waiting documents: the requests by group, how long the published limits make it last, and
time and memory of the worker, which is a process of its own; beside them, how long it would last one by one. The
environment variable KSEF_BENCH_BACKLOG has the numbers of documents, ascending; ``backlog.json`` receives the details.
"""

import base64
import hashlib
import json
import os
import re
import tempfile
import time
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path
from unittest.mock import patch

from odoo import SUPERUSER_ID, Command, api, fields, sql_db
from odoo.tools import SQL, split_every

from ...ksef.api.pacing import Pace, group_of
from ...ksef.errors import RateLimited
from ...models import submission
from ...models.res_company import SIMULATOR_VARIABLE
from ...tools import jobs
from ..authority import Authority
from ..ksef_simulator import Settings, Simulator
from ..ksef_simulator.clock import Clock
from ..shared_clock import SharedClock

PASSWORD = "Bench-haslo-2026!"  # of throwaway keys that this script makes
SIZES = "1000 10000"
ORIGINALS = 10
ROW = "{:>9} {:>9} {:>10} {:>12} {:>12} {:>12} {:>14}  {}"
UNFINISHED = """SELECT (SELECT count(*) FROM l10n_pl_ksef_submission WHERE state NOT IN ('done', 'failed'))
    + (SELECT count(*) FROM l10n_pl_ksef_document WHERE state IN ('waiting', 'sending', 'unknown', 'sent'))"""


class Originals:
    """A few documents as the accountant seals them, of which others are made."""

    def __init__(self, env):
        self.env = env
        company = env.company
        env["ir.config_parameter"].set_param("l10n_pl_edi_ksef.mode", "test")
        self._add_certificates(company)
        buyer = env["res.partner"].create({"name": "Jan Kowalski", "country_id": env.ref("base.pl").id})
        tax = env.ref(f"account.{company.id}_vs_kraj_23")
        self.moves = env["account.move"].create(
            [
                {
                    "move_type": "out_invoice",
                    "partner_id": buyer.id,
                    "invoice_date": fields.Date.context_today(env["account.move"].with_context(tz="Europe/Warsaw")),
                    "invoice_line_ids": [
                        Command.create(
                            {
                                "name": f"Część zamienna nr {line}",
                                "quantity": line,
                                "price_unit": 10.5 + line,
                                "tax_ids": [Command.set(tax.ids)],
                            }
                        )
                        for line in range(1, 6)
                    ],
                }
                for _number in range(ORIGINALS)
            ]
        )
        self.moves.action_post()
        self.moves.action_l10n_pl_ksef_issue_offline()
        # They are copied, not sent.
        self.moves.l10n_pl_ksef_document_id.state = "not_required"
        env.cr.commit()

    def _add_certificates(self, company):
        login, offline = self._issued(company, "other"), self._issued(company, "offline")
        key = self.env["certificate.key"].create(
            {"name": "Bench", "content": base64.b64encode(login.key_file(PASSWORD)), "password": PASSWORD}
        )
        company.l10n_pl_edi_certificate = self.env["certificate.certificate"].create(
            {"name": "Bench", "content": base64.b64encode(login.certificate_file()), "private_key_id": key.id}
        )
        self.env["l10n_pl_ksef.certificate.upload"].create(
            {
                "name": "Bench",
                "key_file": base64.b64encode(offline.key_file(PASSWORD)),
                "certificate_file": base64.b64encode(offline.certificate_file()),
                "password": PASSWORD,
                "owner_confirmed": True,
            }
        ).action_add()

    def _issued(self, company, usage):
        now = datetime.now(timezone.utc)
        return Authority().issue(
            common_name=company.name,
            nip=company._l10n_pl_ksef_nip(),
            usage=usage,
            self_signed=usage == "other",
            key="ec",
            not_before=now - timedelta(days=1),
            not_after=now + timedelta(days=365),
        )

    def multiply(self, count, prefix):
        """Make so many waiting documents, each with an invoice, a number and bytes of its own."""
        for numbers in split_every(500, range(count)):
            move_ids = [self._copy_invoice(self.moves[n % ORIGINALS].id, f"{prefix}/{n:05}") for n in numbers]
            self._copy_documents(move_ids)
            self.env.cr.commit()
            self.env.invalidate_all()

    def _copy_invoice(self, move_id, name):
        copy = self._copy_row("account_move", move_id, name=name, l10n_pl_ksef_document_id=None, sequence_prefix=name)
        self.env.cr.execute("SELECT id FROM account_move_line WHERE move_id = %s", [move_id])
        for (line_id,) in self.env.cr.fetchall():
            self._copy_row("account_move_line", line_id, move_id=copy, move_name=name)
        return copy

    def _copy_documents(self, move_ids):
        attachments = []
        for number, move in enumerate(self.env["account.move"].browse(move_ids)):
            original = self.moves[number % ORIGINALS].l10n_pl_ksef_document_id
            old_number = f"<P_2>{original.number}</P_2>"
            xml = re.sub(re.escape(old_number), f"<P_2>{move.name}</P_2>", original._xml_bytes().decode()).encode()
            sha256 = hashlib.sha256(xml).hexdigest()
            document_id = self._copy_row(
                "l10n_pl_ksef_document",
                original.id,
                move_id=move.id,
                number=move.name,
                sha256=sha256,
                state="waiting",
            )
            self.env.cr.execute(
                "UPDATE account_move SET l10n_pl_ksef_document_id = %s WHERE id = %s", [document_id, move.id]
            )
            attachments.append(
                {
                    "name": f"{sha256}.xml",
                    "raw": xml,
                    "mimetype": "application/xml",
                    "res_model": original._name,
                    "res_id": document_id,
                    "res_field": "xml",
                }
            )
        self.env["ir.attachment"].create(attachments)

    def _copy_row(self, table, row_id, **changed):
        self.env.cr.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND column_name != 'id'", [table]
        )
        columns = [column for (column,) in self.env.cr.fetchall()]
        values = [SQL("%s", changed[column]) if column in changed else SQL.identifier(column) for column in columns]
        self.env.cr.execute(
            SQL(
                "INSERT INTO %s (%s) SELECT %s FROM %s WHERE id = %s RETURNING id",
                SQL.identifier(table),
                SQL(", ").join(SQL.identifier(column) for column in columns),
                SQL(", ").join(values),
                SQL.identifier(table),
                row_id,
            )
        )
        return self.env.cr.fetchone()[0]


def in_a_process(job):
    """Start a job in a process of its own, and return its id and where its answers can be read."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writer)
        return pid, os.fdopen(reader)
    status = 1
    try:
        sql_db._Pool = None  # the connections are the parent's
        with os.fdopen(writer, "w") as answers:
            job(answers)
        status = 0
    finally:
        os._exit(status)


def simulate(clock):
    """Start a KSeF, and return its process and its address."""

    def job(answers):
        simulator = Simulator(clock=clock, settings=Settings(login_polls=0))
        simulator.start()
        print(simulator.url, file=answers, flush=True)
        while True:
            time.sleep(3600)

    pid, answers = in_a_process(job)
    return pid, answers.readline().strip()


def work(database, clock):
    """Let a worker send all that waits, and return what it has to tell."""

    def job(answers):
        requests, before, began = Counter(), Pace.before, clock()
        seconds = Counter()

        def count(pace, method, path):
            counted = before(pace, method, path)
            requests[group_of(method, path) or "login and keys"] += 1
            return counted

        def timed(name):
            method = getattr(submission.Submission, name)

            def run(*args):
                start = now()
                try:
                    return method(*args)
                finally:
                    seconds[name] += now() - start

            return patch.object(submission.Submission, name, run)

        jobs.sleep = clock.sleep
        with clock.in_force(), patch.object(Pace, "before", count), timed("_send_all"), timed("_settle"):
            with timed("_confirm"):
                Path("/proc/self/clear_refs").write_text("5")  # the peak is measured from here
                at_first, start = memory("VmRSS"), now()
                while run_once(database):
                    clock.sleep(60)
                json.dump(
                    {
                        "seconds": now() - start,
                        "steps": seconds,
                        "memory_mb_at_first": at_first,
                        "memory_mb_at_most": memory("VmHWM"),
                        "requests": requests,
                        "virtual_seconds": (clock() - began).total_seconds(),
                    },
                    answers,
                )

    pid, answers = in_a_process(job)
    result = json.load(answers)
    os.waitpid(pid, 0)
    return result


def run_once(database):
    """Let the worker run, and tell whether there is something left."""
    with sql_db.db_connect(database).cursor() as cursor:
        api.Environment(cursor, SUPERUSER_ID, {})["l10n_pl_ksef.channel"]._cron_send()
        cursor.execute(UNFINISHED)
        return cursor.fetchone()[0]


def now():
    """Return seconds that the worker's own clock has nothing to do with."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)


def memory(line):
    """Return what the kernel says of this process, in MB."""
    found = re.search(rf"{line}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(found[1]) / 1024


def one_by_one(count):
    """Return how long the limits make it last to send so many one by one, in seconds."""
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    clock = Clock(start)
    pace = Pace({}, {}, clock, clock.sleep)
    for _invoice in range(count):
        while True:
            try:
                pace.before("POST", "/sessions/online/1/invoices")
                break
            except RateLimited as error:
                clock.sleep(error.retry_after)
    return (clock() - start).total_seconds()


def run(books, sizes):
    env, folder = books.env(su=True), Path(os.environ["KSEF_BENCH_OUT"])
    sizes = [int(size) for size in os.environ.get("KSEF_BENCH_BACKLOG", SIZES).split()]  # its own
    clock = SharedClock(Path(tempfile.mkdtemp()) / "clock", datetime.now(timezone.utc))
    simulator, os.environ[SIMULATOR_VARIABLE] = simulate(clock)
    results = []
    try:
        originals = Originals(env)
        print(ROW.format("documents", "wall s", "ms each", "memory MB", "grown MB", "limits: s", "one by one: h", ""))
        for size in sizes:
            originals.multiply(size, f"BENCH{size}")
            result = {"documents": size, "one_by_one_seconds": one_by_one(size)} | work(env.cr.dbname, clock)
            results.append(result)
            grown = result["memory_mb_at_most"] - result["memory_mb_at_first"]
            print(
                ROW.format(
                    size,
                    f"{result['seconds']:.1f}",
                    f"{result['seconds'] / size * 1000:.1f}",
                    f"{result['memory_mb_at_most']:.0f}",
                    f"{grown:.0f}",
                    f"{result['virtual_seconds']:.1f}",
                    f"{result['one_by_one_seconds'] / 3600:.1f}",
                    f"{result['requests']} {result['steps']}",
                ),
                flush=True,
            )
            clock.sleep(7200)  # so that the next has all of the limits
        ratio = results[-1]["memory_mb_at_most"] / results[0]["memory_mb_at_most"]
        print(f"Memory for {results[-1]['documents']} against {results[0]['documents']} documents: {ratio:.2f}")
    finally:
        os.kill(simulator, 9)
        os.waitpid(simulator, 0)
    (folder / "backlog.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
