"""Documents arrive once, whatever fails and whoever is killed on the way: real processes on a real database."""

import base64
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path

from odoo import sql_db
from odoo.tests import BaseCase, get_db_name, tagged
from odoo.tools import SQL, config

from ..devtools.ksef_simulator import AnswerInstead, CutAnswer, CutRequest, LoseAnswer, Settings, Simulator
from ..devtools.ksef_simulator.faults import Fault, Faults
from ..devtools.ksef_simulator.messages import PROBLEM
from ..devtools.shared_clock import SharedClock
from ..models.document.states import ON_THE_WAY
from ..models.res_company import SIMULATOR_VARIABLE
from ..tools.master_key import ENVIRONMENT_VARIABLE
from .contract import watch

SEEDS_VARIABLE = "KSEF_FAULT_SEEDS"  # a longer run: seeds, separated by blanks
SEEDS = "1 2"
DOCUMENTS = 120
KILLS = 15
LONGEST_LIFE = 1  # seconds, of a worker
WORKER = Path(__file__).parents[1] / "devtools" / "fault_worker.py"
TOLD_BY_FAULT = b"told by a fault"
CLOCK_ERRORS = (-6 * 3600, -3600, -300, 300, 3600, 6 * 3600)  # seconds that the server's clock is wrong by
# What the log may tell of: mishaps that an administrator has to know of
ADMINISTRATORS_BUSINESS = re.compile(
    r"No space left on device|terminating connection|server closed the connection|connection already closed"
    r"|cursor already closed|not currently accepting connections|SSL connection has been closed"
)


def problem(status, code=None, headers=None):
    """Return an answer of KSeF's own that has nothing to do with the request."""
    body = {"title": TOLD_BY_FAULT.decode(), "status": status, "detail": "", "errors": []}
    if code:
        body["errors"] = [{"code": code, "description": TOLD_BY_FAULT.decode(), "details": None}]
    return AnswerInstead(status, json.dumps(body).encode(), PROBLEM, headers)


class Chaos(Faults):
    """Spoils requests by chance, and lets other mishaps happen between them.

    :ivar int seen: how many requests there were
    """

    def __init__(self, ksef, chance):
        super().__init__()
        self.seen = 0
        self._ksef = ksef
        self._chance = chance

    def next(self, method, path):
        with self._ksef.state.lock:
            self.seen += 1
            if self._chance.random() < 0.05:
                self._trouble_a_session()
            if self._chance.random() > (0.01 if path.startswith("/auth") else 0.1):
                return Fault()
            return self._chance.choice(
                (
                    LoseAnswer(),
                    LoseAnswer(),
                    AnswerInstead(),
                    CutRequest(self._chance.randrange(200)),
                    CutAnswer(self._chance.randrange(200)),
                    problem(500),
                    problem(429, headers={"Retry-After": str(self._chance.choice((1, 30, 600)))}),
                    problem(400, 21173),
                    problem(400, 21184),
                )
            )

    def _trouble_a_session(self):
        sessions = list(self._ksef.state.sessions.values())
        if sessions:
            session = self._chance.choice(sessions[-3:])
            if session.kind == "online":
                self._ksef.state.unavailable_sessions.add(session.reference)
            elif all(invoice.is_pending for invoice in session.invoices):
                session.code = self._chance.choice((405, 430, 435, 500))
                session.invoices.clear()


class ProcessesCommon(BaseCase):
    """A template database with sealed documents is made once, and copied for each seed.

    :cvar int documents: how many there are
    """

    documents = 1

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pids = []  # of those who work
        cls.template, cls.database = f"{get_db_name()}_sealed", f"{get_db_name()}_faults"
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.clock = SharedClock(cls.folder / "clock", datetime.now(timezone.utc))
        cls.ksef = Simulator(clock=cls.clock, settings=Settings(login_polls=1, invoice_polls=1))
        cls.contract_problems = watch(cls.ksef)
        cls.ksef.start()
        cls.addClassCleanup(cls.ksef.stop)
        for database in (cls.template, cls.database):
            cls.addClassCleanup(cls.drop, database)
        cls.clone(get_db_name(), cls.database)
        cls.start_process()
        cls.tell("seal", cls.documents)
        cls.tell("rest")
        cls.clone(cls.database, cls.template)

    def tearDown(self):
        self.assertEqual(self.contract_problems, [], "not as KSeF describes its API")
        super().tearDown()

    # The databases

    @classmethod
    def on_server(cls, *statements):
        connection = sql_db.db_connect("postgres")
        with closing(connection.cursor()) as cursor:
            cursor._cnx.autocommit = True
            for statement in statements:
                cursor.execute(statement)

    @classmethod
    def drop(cls, database):
        sql_db.close_db(database)
        cls.on_server(SQL("DROP DATABASE IF EXISTS %s", SQL.identifier(database)))
        shutil.rmtree(config.filestore(database), ignore_errors=True)

    @classmethod
    def clone(cls, source, target):
        cls.drop(target)
        sql_db.close_db(source)
        cls.on_server(SQL("CREATE DATABASE %s TEMPLATE %s", SQL.identifier(target), SQL.identifier(source)))
        shutil.copytree(config.filestore(source), config.filestore(target), copy_function=os.link)

    def query(self, statement, *values):
        with closing(sql_db.db_connect(self.database).cursor()) as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall()

    # The process that workers are forked from

    @classmethod
    def start_process(cls):
        options = {name: config[name] for name in ("db_host", "db_port", "db_user", "db_password") if config[name]}
        options |= {"addons-path": ",".join(config["addons_path"]), "data-dir": config["data_dir"]}
        options |= {"database": cls.database, "log-level": "warn"}
        cls.log = cls.folder / "log"
        log = cls.log.open("a")
        cls.addClassCleanup(log.close)
        cls.process = subprocess.Popen(
            [sys.executable, WORKER, *(f"--{name}={value}" for name, value in options.items())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=os.environ
            | {
                "KSEF_CLOCK": str(cls.folder / "clock"),
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                SIMULATOR_VARIABLE: cls.ksef.url,
                ENVIRONMENT_VARIABLE: base64.urlsafe_b64encode(os.urandom(32)).decode(),
            },
        )
        cls.addClassCleanup(cls.stop_process)

    @classmethod
    def stop_process(cls):
        cls.process.stdin.close()
        cls.process.wait(30)
        cls.process.stdout.close()

    @classmethod
    def tell(cls, *words):
        cls.process.stdin.write(" ".join(map(str, words)) + "\n")
        cls.process.stdin.flush()
        answer = cls.process.stdout.readline()
        if not answer:
            raise AssertionError(cls.log.read_text())
        return json.loads(answer)

    def mistakes(self):
        """Return the entries of the log that tell of the addon's own mistakes."""
        entries = re.split(r"^(?=\d{4}-\d\d-\d\d )", self.log.read_text(), flags=re.M)
        return [
            entry for entry in entries if "l10n_pl_ksef_offline" in entry and not ADMINISTRATORS_BUSINESS.search(entry)
        ]

    def finish(self):
        self.assertEqual(self.tell("finish"), {"status": 0}, self.log.read_text())


@tagged("post_install", "-at_install", "post_install_l10n")
class TestFaults(ProcessesCommon):
    documents = DOCUMENTS

    def test_each_document_arrives_once(self):
        for seed in os.environ.get(SEEDS_VARIABLE, SEEDS).split():
            with self.subTest(seed=seed):
                try:
                    self.run_seed(random.Random(seed))  # noqa: S311
                finally:
                    self.kill_all()

    def kill_all(self):
        while self.pids:
            self.tell("kill", self.pids.pop())

    def run_seed(self, chance):
        os.truncate(self.log, 0)  # one failure is one failure
        self.clock.put_wrong(0)
        self.tell("rest")
        self.clone(self.template, self.database)
        self.clock.sleep(7200)  # KSeF still counts the requests of the seed before
        self.ksef.state.sessions.clear()
        self.ksef.state.numbers.clear()
        self.ksef.state.invoices.clear()
        too_many = []

        def observe(_request, answer):
            if answer.status == 429 and TOLD_BY_FAULT not in answer.body:
                too_many.append(answer)

        self.ksef.observers[:] = [observe]
        rejected = self.choose_outcomes(chance)
        self.ksef.faults = chaos = Chaos(self.ksef, chance)
        clock_was_right = self.let_fail(chance, chaos)
        self.ksef.faults = Faults()
        self.ksef.state.unavailable_sessions.clear()
        self.clock.put_wrong(0)
        self.finish()
        if self.tell("correct")["made"]:
            self.finish()
        self.check(rejected)
        if clock_was_right:
            self.assertEqual(too_many, [])
        self.assertEqual(self.mistakes(), [])

    def let_fail(self, chance, chaos):
        """Let workers and an accountant begin again and again; tell whether their clock was right all the time."""
        kills, clock_was_right = 0, True
        while kills < KILLS and self.unfinished():
            for _worker in range(chance.choice((1, 2))):
                self.pids.append(self.tell("work", chance.choice((0, 10, 1000)), chance.random())["pid"])
            if chance.random() < 0.5:
                self.pids.append(self.tell("decide", chance.random())["pid"])
            self.let_work(chaos, chance.randrange(40))
            if chance.random() < 0.3:
                self.restart_database()
                self.let_work(chaos, chance.randrange(20))
            self.kill_all()
            kills += 1
            if chance.random() < 0.1:
                self.clock.put_wrong(chance.choice(CLOCK_ERRORS))
                clock_was_right = False
            if chance.random() < 0.3:
                self.ksef.restart()
            if chance.random() < 0.5:
                self.tell("correct")
        self.assertGreater(kills, 3)
        return clock_was_right

    def restart_database(self):
        """Cut all connections to the database, as its server does when it is restarted, and refuse new ones a while."""
        database = SQL.identifier(self.database)
        self.on_server(SQL("ALTER DATABASE %s ALLOW_CONNECTIONS false", database))
        self.on_server(SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", self.database))
        time.sleep(0.02)
        self.on_server(SQL("ALTER DATABASE %s ALLOW_CONNECTIONS true", database))

    def choose_outcomes(self, chance):
        """Let KSeF reject some documents, and break off its work on others; return the hashes of those rejected."""
        hashes = [sha256 for (sha256,) in self.query("SELECT sha256 FROM l10n_pl_ksef_document ORDER BY id")]
        rejected, broken_off = (chance.sample(hashes, DOCUMENTS // 10) for _kind in range(2))
        codes = [(broken_off, (500, 550)), (rejected, (410, 430, 450))]
        self.ksef.state.outcomes = {
            bytes.fromhex(sha256): chance.choice(choice) for some, choice in codes for sha256 in some
        }
        return set(rejected)

    def unfinished(self):
        return self.query("SELECT id FROM l10n_pl_ksef_document WHERE state IN %s LIMIT 1", ("waiting", *ON_THE_WAY))

    def let_work(self, chaos, requests):
        wanted, end = chaos.seen + requests, time.monotonic() + LONGEST_LIFE
        while chaos.seen < wanted and time.monotonic() < end:
            time.sleep(0.001)

    def check(self, rejected):
        documents = self.query(
            """SELECT document.sha256, document.state, document.ksef_number, move.l10n_pl_edi_number, first.sha256
            FROM l10n_pl_ksef_document document
            JOIN account_move move ON move.id = document.move_id
            LEFT JOIN l10n_pl_ksef_document first ON first.id = document.corrects_id"""
        )
        held = {invoice.sha256.hex(): invoice for invoice in self.ksef.state.numbers.values()}
        accepted = {sha256: number for sha256, state, number, _edi_number, _first in documents if state == "accepted"}
        self.assertEqual({sha256: invoice.ksef_number for sha256, invoice in held.items()}, accepted)
        for sha256, state, number, edi_number, first in documents:
            with self.subTest(sha256=sha256, state=state):
                self.assertIn(state, ("accepted", "rejected", "corrected", "withdrawn"))
                if state == "accepted":
                    self.assertEqual(edi_number, number)
                if state in ("rejected", "corrected"):
                    self.assertIn(first or sha256, rejected)
        self.assertEqual(
            self.query("SELECT count(*) FROM l10n_pl_ksef_submission WHERE state NOT IN ('done', 'failed')"), [(0,)]
        )
        self.query("SELECT id FROM l10n_pl_ksef_document FOR UPDATE NOWAIT")  # no row is locked
        self.assertEqual(
            self.query(
                "SELECT count(*) FROM pg_locks JOIN pg_database ON oid = database WHERE datname = %s AND locktype = %s",
                self.database,
                "advisory",
            ),
            [(0,)],
        )
