"""`azscan scan`: read an estate, assess it, report, and end with an exit code that a pipeline can gate on."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from azscan.catalog.fix import command_line
from azscan.cli import harmless
from azscan.cli.again import NOT_WITH_ESTATE, look_again, show_check
from azscan.cli.log import log_to
from azscan.cli.options import CHECKS_DIR, GATE, MAPPINGS_DIR, OUTPUT, SCOPE, SELECTION, SIGN_IN, Words, by_key, option
from azscan.cli.progress import shown
from azscan.errors import Interrupted, NothingScannedError, UsageError
from azscan.options import OPTION_KEYS
from azscan.settings import Settings, padded, present_ids, resolve
from azscan.words import Aloud

if TYPE_CHECKING:
    from azscan.baseline import Baseline
    from azscan.choosing import Choice
    from azscan.collect.progress import Progress
    from azscan.decisions import Decision
    from azscan.estate.store import Estate
    from azscan.results import Results
    from azscan.results_file import Decided
    from azscan.verdicts import StoredResults

app = typer.Typer(rich_markup_mode="rich", add_completion=False)

LOGGER = logging.getLogger("azscan.cli")

# Typed for one scan; a variable may stand there for others.
OF_SIGN_IN = ("--auth", "--tenant", "--client-id", "--cloud")
# As many decisions that do nothing are named one by one.
WARNINGS = 10


@app.command()
def scan(
    demo: bool = option("--demo", SCOPE),
    auth: str = option("--auth", SIGN_IN),
    tenant: str = option("--tenant", SIGN_IN),
    client_id: str = option("--client-id", SIGN_IN),
    cloud: str = option("--cloud", SIGN_IN),
    subscription: Words = option("--subscription", SCOPE),
    exclude_subscription: Words = option("--exclude-subscription", SCOPE),
    management_group: Words = option("--management-group", SCOPE),
    region: Words = option("--region", SCOPE),
    resource_group: Words = option("--resource-group", SCOPE),
    tag: Words = option("--tag", SCOPE),
    service: Words = option("--service", SELECTION),
    exclude_service: Words = option("--exclude-service", SELECTION),
    check: Words = option("--check", SELECTION),
    exclude_check: Words = option("--exclude-check", SELECTION),
    severity: Words = option("--severity", SELECTION),
    exclude_severity: Words = option("--exclude-severity", SELECTION),
    area: Words = option("--area", SELECTION),
    exclude_area: Words = option("--exclude-area", SELECTION),
    framework: Words = option("--framework", SELECTION),
    control: Words = option("--control", SELECTION),
    checks_dir: Words = CHECKS_DIR,
    mappings_dir: Words = MAPPINGS_DIR,
    config: str = option("--config", SELECTION, metavar="FILE"),
    format: str = option("--format", OUTPUT),
    output: Words = option("--output", OUTPUT, "-o", metavar="FILE"),
    show: Words = option("--show", OUTPUT),
    shell: str = option("--shell", OUTPUT),
    estate: str = option("--estate", OUTPUT, metavar="FILE"),
    save_estate: str = option("--save-estate", OUTPUT, metavar="FILE"),
    resume: bool = option("--resume", OUTPUT),
    fail_on: str = option("--fail-on", GATE),
    fail_on_control: Words = option("--fail-on-control", GATE, metavar="CONTROL"),
    allow_unreadable: Words = option("--allow-unreadable", GATE),
    baseline: str = option("--baseline", GATE, metavar="FILE"),
    concurrency: int = option("--concurrency", "Reading"),
    timeout: float = option("--timeout", "Reading"),
    verbose: bool = option("--verbose", "Messages"),
    quiet: bool = option("--quiet", "Messages"),
    debug: bool = option("--debug", "Messages"),
    log_file: str = option("--log-file", "Messages", metavar="FILE"),
) -> None:
    """Read subscriptions, hold what was read against the checks, and report.

    Data goes to standard output, everything else to standard error. The exit code is that of the gate:
    10 where a check at or above --fail-on failed, 4 where one could not be decided, 0 where all is well.
    """
    raise typer.Exit(run(by_key(locals()), os.environ))


def prepare(
    given: Mapping[str, Any], environ: Mapping[str, str], changed: Callable[[Settings], Settings] | None = None
) -> tuple[Settings, Choice]:
    """What the options, the variables and azscan.yaml ask for; UsageError where they do not fit together.

    `changed` makes of the settings those that the command goes by.
    """
    from azscan.catalog.load import load
    from azscan.choosing import configuration, judge

    config = configuration(given, environ)
    settings = resolve(given, environ, config)
    if changed is not None:
        settings = changed(settings)
    _check_combinations(settings)
    log_to(settings)
    say = speaker(settings)
    for name in padded(given, environ):
        say(f"warning: {name} has blanks around it; they were left out")
    if settings.verbose:
        say(f"configuration: {config.file or 'no azscan.yaml'}")
        for what, folders in (("checks", settings.checks_dir), ("frameworks", settings.mappings_dir)):
            if folders:
                say(f"{what} of your own: {', '.join(folders)}")
    choice = judge(config, settings, load(settings.checks_dir, settings.mappings_dir))
    if settings.verbose:
        say(f"checks: {len(choice.checks):,} of {len(choice.catalog.checks):,}")
    if settings.verbose and (deprecated := choice.deprecated):
        say(f"left out as deprecated (they run where --check names them): {', '.join(deprecated)}")
    return settings, choice


def run(given: Mapping[str, Any], environ: Mapping[str, str]) -> int:
    """Carry out a scan with the options as given; returns the exit code."""
    from azscan import report
    from azscan.choosing import check_show

    settings, choice = prepare(given, environ)
    check_show(settings, choice)
    for path in settings.output:
        report.format_of(path)
        report.check_writable(path)
        if settings.baseline and os.path.realpath(path) == os.path.realpath(settings.baseline):
            raise UsageError(
                f"-o {path} would replace the baseline of this scan, and what is new today would be known tomorrow",
                hint="write to another file",
            )
    baseline = _baseline(settings, choice)
    return on_estate(settings, choice, environ, lambda opened: _report(opened, settings, choice, environ, baseline))


def on_estate(settings: Settings, choice: Choice, environ: Mapping[str, str], use: Callable[[Estate], int]) -> int:
    """What `use` makes of the estate that the settings ask for; it is removed afterwards unless the user named it."""
    from azscan.keeping import can_resume

    with _stopped_by_sigterm():
        opened = open_estate(settings, choice, environ)
        try:
            with in_use(opened, settings):
                code = use(opened)
        except KeyboardInterrupt:
            is_kept = not settings.estate and can_resume(opened, settings)
            if not is_kept:
                _forget(opened, settings)
            raise _interrupted(settings, is_kept=is_kept) from None
        except (NothingScannedError, UsageError):
            # It came to its end all the same: there is nothing to go on with.
            _forget(opened, settings)
            raise
        finally:
            opened.close()
        _forget(opened, settings)
    return code


@contextlib.contextmanager
def in_use(opened: Estate, settings: Settings) -> Iterator[None]:
    """Puts in words what using an estate raises that cannot be read or written, or that no azscan wrote."""
    from msgspec import DecodeError

    from azscan.estate.file import NAME_ONE, unusable

    try:
        yield
    except sqlite3.Error as error:
        raise unusable(opened.path, error) from error
    except (DecodeError, UnicodeDecodeError, RecursionError) as error:
        if not settings.estate:
            raise
        raise UsageError(f"{settings.estate} is not an estate: a record in it is no JSON", hint=NAME_ONE) from error


def _forget(opened: Estate, settings: Settings) -> None:
    """Close an estate, and remove it unless the user named it."""
    from azscan.keeping import remove_estate

    opened.close()
    if not (settings.save_estate or settings.estate):
        remove_estate(opened.path)


def _baseline(settings: Settings, choice: Choice) -> Baseline | None:
    """The known failures, read before anything else is."""
    from azscan.baseline import Baseline

    if not settings.baseline:
        return None
    return Baseline(settings.baseline, present_ids(choice.catalog))


def _report(
    opened: Estate, settings: Settings, choice: Choice, environ: Mapping[str, str], baseline: Baseline | None
) -> int:
    from azscan import report
    from azscan.scan import assess, check_something_was_read

    results: StoredResults = assess(opened, settings, choice, baseline=baseline)
    _warn(results, speaker(settings))
    for note in baseline.misfits(results.scan, results.scan.check_ids) if baseline is not None else ():
        speaker(settings)(f"warning: {note}")
    options = report.Options(
        show=settings.show, docs_url="", command=look_again(settings), show_check=show_check(settings)
    )
    for path in settings.output:
        report.write_to(path, results, options)
    if report.STDOUT not in settings.output:
        with report.open_output(report.STDOUT) as stream:
            report.write(settings.format, results, stream, options.on(sys.stdout, environ))
    if LOGGER.isEnabledFor(logging.INFO):
        from azscan.gate import explain
        from azscan.report.closing import summary_line

        LOGGER.info("%s; %s", summary_line(results.summary), explain(results.summary.gate))
    check_something_was_read(results)
    return results.summary.gate.exit_code


def decisions_of(results: Results | Decided) -> tuple[Decision, ...]:
    """What the team decided, as a report tells it; what has expired by today has expired."""
    from azscan.decisions import decisions

    return decisions(
        results.waivers,
        results.off,
        results.severity_overrides,
        results.scan.allowed_unreadable,
        is_scanned=True,
        today=datetime.now(UTC).date(),
    )


def _warn(results: StoredResults, say: Any) -> None:
    """Warn of decisions that have expired or do nothing; the first of them, and how to see all."""
    from azscan.decisions import warnings

    found = warnings(decisions_of(results))
    for line in found[:WARNINGS]:
        say(f"warning: {line}")
    if len(found) > WARNINGS:
        say(f"warning: {len(found) - WARNINGS} more of azscan.yaml have expired or do nothing: azscan waivers list")


def open_estate(settings: Settings, choice: Choice, environ: Mapping[str, str], *, only_survey: bool = False) -> Estate:
    """The saved estate that --estate names, or a new one: all that was read, or what a survey reads."""
    if settings.estate:
        from azscan.estate.store import Estate

        return Estate.open_saved(Path(settings.estate), to_write=False)
    return _collect(settings, choice, environ, only_survey)


def _collect(settings: Settings, choice: Choice, environ: Mapping[str, str], only_survey: bool) -> Estate:
    from azscan.scan import collect

    say = speaker(settings)

    async def work(progress: Progress) -> Estate:
        if not settings.demo:
            return await collect(settings, choice, environ, say, progress, only_survey=only_survey)
        async with _demo(settings, environ) as (changed, around):
            # Its hosts are azscan's own: as a plain text they are no news for --quiet.
            return await collect(
                changed, choice, around, lambda text: say(str(text)), progress, only_survey=only_survey
            )

    with shown(settings) as progress, _stopped_by_sigterm():
        try:
            return asyncio.run(work(progress))
        except KeyboardInterrupt:
            raise _interrupted(settings, is_kept=progress.is_kept and not only_survey) from None


def _interrupted(settings: Settings, *, is_kept: bool) -> Interrupted:
    """The error for Ctrl-C: how to go on where something was read, else that nothing was."""
    if not is_kept:
        return Interrupted("interrupted before anything was read", hint="run the command again")
    again = [word for word in sys.argv[1:] if word != "--resume"]
    line = command_line(["azscan", *again, "--resume"], settings.shell)
    kept = f"in {settings.save_estate}" if settings.save_estate else "for 24 hours"
    return Interrupted(f"interrupted; what was read so far is kept {kept}", hint=f"go on with: {line}")


@contextlib.asynccontextmanager
async def _demo(settings: Settings, environ: Mapping[str, str]) -> AsyncIterator[tuple[Settings, Mapping[str, str]]]:
    """The emulator with the demo estate, and the settings and variables that lead a scan to it."""
    import tempfile

    import msgspec

    from azscan.emulator import Emulator, Options, demo_estate

    with tempfile.TemporaryDirectory(prefix="azscan-demo-") as folder:
        async with Emulator(demo_estate(), Options()) as emulator:
            ca = Path(folder, "ca.pem")
            emulator.write_ca(ca)
            # Nothing of the user's own cloud counts, but the estate lies where estates are to lie.
            kept = {
                name: value
                for name, value in environ.items()
                if not name.startswith(("AZURE_", "AZSCAN_")) or name == "AZSCAN_STATE_DIR"
            }
            around = {**kept, **emulator.environment(ca)}
            yield (
                msgspec.structs.replace(
                    settings, cloud=emulator.url, auth="service-principal", tenant="", client_id=""
                ),
                around,
            )


def _check_combinations(settings: Settings) -> None:
    # What azscan.yaml says of the scope is meant for scans, and no hindrance here.
    others = [key for key in OPTION_KEYS if key.name in NOT_WITH_ESTATE]
    others = [key for key in others if settings.sources.get(key.name) in (key.option, key.variable)]
    if settings.estate and others:
        raise UsageError(
            f"--estate and {others[0].option} exclude each other",
            hint="--estate assesses all that was read before, and reads nothing",
        )
    sign_in = [name for name in OF_SIGN_IN if name in settings.sources.values()]
    for is_given, name, why in (
        (settings.estate, "--estate", "--estate assesses what was read before, and nobody signs in"),
        (settings.demo, "--demo", "--demo scans an estate of azscan's own, without Azure"),
    ):
        if is_given and sign_in:
            raise UsageError(f"{name} and {sign_in[0]} exclude each other", hint=why)
    if settings.quiet and settings.verbose:
        raise UsageError("--quiet and --verbose exclude each other", hint="leave one of them out")


def speaker(settings: Settings) -> Callable[[str], None]:
    """What says a line to the user on stderr; with --quiet warnings only, and what is said Aloud."""

    def say(text: str) -> None:
        if not settings.quiet or isinstance(text, Aloud) or text.startswith("warning"):
            print(harmless(text), file=sys.stderr)

    return say


@contextlib.contextmanager
def _stopped_by_sigterm() -> Any:
    """SIGTERM stops a scan as Ctrl-C does: what was read is kept."""

    def stop(number: int, frame: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
