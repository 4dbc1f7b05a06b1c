"""A process for the tests of faults: it sends documents by a shared clock, and its workers may be killed.

Started with Odoo's options, with the variables KSEF_CLOCK (a file, see ``shared_clock``) and L10N_PL_KSEF_API_URL. It
reads commands, one a line, and answers each with a line of JSON. A worker is a fork, so that it starts in no time.
"""

import base64
import errno
import json
import logging
import os
import random
import signal
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import psycopg2

from odoo import SUPERUSER_ID, Command, api, fields, sql_db
from odoo.exceptions import LockError, UserError
from odoo.modules.registry import Registry
from odoo.tools import config

_logger = logging.getLogger(__name__)

PASSWORD = "Probne-haslo-2026!"  # of throwaway keys that this script makes
DISK_FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
LONGEST_RUN = 400  # turns of the worker until all must be finished
COMMANDS = {}


def command(function):
    COMMANDS[function.__name__] = function
    return function


class Process:
    def __init__(self, database, clock):
        from odoo.addons.l10n_pl_ksef_offline.ksef.api.login import Login
        from odoo.addons.l10n_pl_ksef_offline.models import submission
        from odoo.addons.l10n_pl_ksef_offline.tools import jobs

        self.database = database
        self.clock = clock
        self.submission = submission
        jobs.sleep = clock.sleep
        Login.__init__.__kwdefaults__["sleep"] = clock.sleep
        submission.BATCH_SIZE = 40
        submission._PAGE = 15

    def env(self, cursor):
        return api.Environment(cursor, SUPERUSER_ID, {})

    def cursor(self):
        return Registry(self.database).cursor()

    def fork(self, job):
        """Run a job in a process of its own, and return its id."""
        sql_db.close_all()  # a connection must not be shared
        pid = os.fork()
        if pid:
            return pid
        status = 1
        try:
            job()
            status = 0
        except Exception:
            _logger.exception("A worker has failed")
        finally:
            os._exit(status)  # the rest is the parent's

    def run_once(self):
        """Run the job of sending once; whoever has cut the connection to the database, the next run has another one."""
        try:
            with self.cursor() as cursor:
                self.env(cursor)["l10n_pl_ksef.channel"]._cron_send()
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            sql_db.close_all()


def trouble_files(chance):
    """Let a file be cut off in the middle by the end of the process, or of the disk, by chance."""
    sync = os.fsync

    def sync_or_not(number):
        mishap = chance.random()
        if mishap < 0.2:
            os.ftruncate(number, os.fstat(number).st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        elif mishap < 0.4:
            os.ftruncate(number, os.fstat(number).st_size // 2)
            raise DISK_FULL
        sync(number)

    os.fsync = sync_or_not


@command
def seal(process, count):
    """Post invoices and issue them offline, as the accountant does."""
    from odoo.addons.l10n_pl_ksef_offline.devtools.authority import Authority

    authority = Authority()
    with process.cursor() as cursor:
        env = process.env(cursor)
        company = env.ref("base.main_company")
        env["ir.config_parameter"].set_param("l10n_pl_edi_ksef.mode", "test")

        def issued(usage):
            return authority.issue(
                self_signed=usage == "other",
                common_name=company.name,
                nip=company._l10n_pl_ksef_nip(),
                usage=usage,
                key="ec",
                not_before=process.clock() - timedelta(days=1),
                not_after=process.clock() + timedelta(days=365),
            )

        login, offline = issued("other"), issued("offline")
        key = env["certificate.key"].create(
            {"name": "login", "content": base64.b64encode(login.key_file(PASSWORD)), "password": PASSWORD}
        )
        company.l10n_pl_edi_certificate = env["certificate.certificate"].create(
            {
                "name": "login",
                "content": base64.b64encode(login.certificate_file()),
                "private_key_id": key.id,
            }
        )
        env["l10n_pl_ksef.certificate.upload"].create(
            {
                "name": "offline",
                "key_file": base64.b64encode(offline.key_file(PASSWORD)),
                "certificate_file": base64.b64encode(offline.certificate_file()),
                "password": PASSWORD,
                "owner_confirmed": True,
            }
        ).action_add()
        buyer = env["res.partner"].create({"name": "Jan Kowalski", "country_id": env.ref("base.pl").id})
        tax = env.ref(f"account.{company.id}_vs_kraj_23")
        moves = env["account.move"].create(
            [
                {
                    "move_type": "out_invoice",
                    "partner_id": buyer.id,
                    "invoice_date": fields.Date.context_today(env["account.move"].with_context(tz="Europe/Warsaw")),
                    "invoice_line_ids": [
                        Command.create(
                            {"name": f"Krzesło {number}", "price_unit": 450, "tax_ids": [Command.set(tax.ids)]}
                        )
                    ],
                }
                for number in range(int(count))
            ]
        )
        moves.action_post()
        moves.action_l10n_pl_ksef_issue_offline()
        return {}


@command
def work(process, threshold, seed):
    """Start a worker that goes on until it is killed, and whose files are cut off by chance."""

    def job():
        trouble_files(random.Random(seed))  # noqa: S311
        process.submission.DEFAULT_THRESHOLD = int(threshold)
        while True:
            process.run_once()
            process.clock.sleep(60)

    return {"pid": process.fork(job)}


@command
def decide(process, seed):
    """Start an accountant who withdraws documents and changes their mode until he is killed."""

    def job():
        chance = random.Random(seed)  # noqa: S311
        while True:
            with suppress(LockError, UserError, psycopg2.Error), process.cursor() as cursor:
                documents = process.env(cursor)["l10n_pl_ksef.document"]
                waiting = documents.search([("state", "=", "waiting"), ("corrects_id", "=", False)])
                for document in waiting and chance.choice(waiting):
                    if chance.random() < 0.2:
                        document._withdraw("wrong price")
                    else:
                        document._change_mode(chance.choice(["offline24", "unavailability"]), "seen on the web")

    return {"pid": process.fork(job)}


@command
def correct(process):
    """Make a technical correction of each rejected document that can have one."""
    with process.cursor() as cursor:
        rejected = process.env(cursor)["l10n_pl_ksef.document"].search([("state", "=", "rejected")])
        made = [
            document._correct()
            for document in rejected
            if document.can_correct and document.move_id.l10n_pl_ksef_document_id == document
        ]
        return {"made": len(made)}


@command
def finish(process):
    """Work until there is nothing left to do."""

    def job():
        for _turn in range(LONGEST_RUN):
            process.run_once()
            process.clock.sleep(300)
            with process.cursor() as cursor:
                cursor.execute(
                    """SELECT (SELECT count(*) FROM l10n_pl_ksef_submission WHERE state NOT IN ('done', 'failed'))
                    + (SELECT count(*) FROM l10n_pl_ksef_document
                       WHERE state IN ('waiting', 'sending', 'unknown', 'sent'))"""
                )
                if not cursor.fetchone()[0]:
                    return
        raise RuntimeError("there is no end of it")

    _pid, status = os.waitpid(process.fork(job), 0)
    return {"status": status}


@command
def uninstall(process):
    """Uninstall the addon as an administrator does, and return what refuses it, if anything does."""
    with process.cursor() as cursor:
        module = process.env(cursor)["ir.module.module"].search([("name", "=", "l10n_pl_ksef_offline")])
        try:
            wizard = process.env(cursor)["base.module.uninstall"].create({"module_ids": [Command.set(module.ids)]})
            wizard.action_uninstall()
        except UserError as error:
            return {"refused": str(error)}
    return {}


@command
def rest(process):
    """Let go of the database, so that it can be dropped and made again."""
    sql_db.close_all()
    return {}


@command
def kill(process, pid):
    os.kill(int(pid), signal.SIGKILL)  # perhaps it has ended by itself, but nobody has waited for it yet
    os.waitpid(int(pid), 0)
    return {}


def main():
    config.parse_config(sys.argv[1:], setup_logging=True)
    (database,) = config["db_name"]
    Registry(database)
    from odoo.addons.l10n_pl_ksef_offline.devtools.shared_clock import SharedClock

    clock = SharedClock(Path(os.environ["KSEF_CLOCK"]), may_be_wrong=True)
    process = Process(database, clock)
    with clock.in_force():
        for line in sys.stdin:
            name, *arguments = line.split()
            print(json.dumps(COMMANDS[name](process, *arguments)), flush=True)


if __name__ == "__main__":
    main()
