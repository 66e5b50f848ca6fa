"""`azscan evidence`: a pack that an auditor can file, and the proof that nothing in it was changed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import typer

from azscan.cli.options import GATE, OUTPUT, SCOPE, SELECTION, SIGN_IN, by_key, taking
from azscan.cli.scan import on_estate, prepare, scan, speaker
from azscan.errors import UsageError

if TYPE_CHECKING:
    from azscan.choosing import Choice
    from azscan.estate.store import Estate
    from azscan.evidence.signing import Signer
    from azscan.settings import Settings

app = typer.Typer(rich_markup_mode="rich", add_completion=False)

SUFFIX = ".zip"


# A pack has formats of its own, and evidence knows no failures that do not count.
LEFT_OUT = ("format", "output", "show", "baseline")


@app.callback(invoke_without_command=True)
@taking(scan, SIGN_IN, SCOPE, SELECTION, OUTPUT, GATE, "Reading", "Messages", leaving_out=LEFT_OUT)
def evidence(
    context: typer.Context,
    output: str = typer.Option("", "--output", "-o", metavar="FILE", help="The pack to write", rich_help_panel=OUTPUT),
    sign_key: str = typer.Option(
        "",
        "--sign-key",
        metavar="FILE",
        help="Ed25519 private key (PEM) to sign with; AZSCAN_SIGN_KEY_PASSWORD holds its password, if any",
        rich_help_panel=OUTPUT,
    ),
    bom: bool = typer.Option(
        False,
        "--bom",
        metavar="",
        help="Begin each CSV with the mark by which Excel knows UTF-8",
        rich_help_panel=OUTPUT,
    ),
    force: bool = typer.Option(
        False, "--force", metavar="", help="Replace a pack that is signed", rich_help_panel=OUTPUT
    ),
    **given: Any,
) -> None:
    """Write a pack of evidence: verdicts by control, what Azure returned for each, and a manifest of hashes.

    Reads an estate as a scan does, or takes a saved one (--estate); the same estate gives the same pack, byte for
    byte. A pack of failing controls is a success: there is no gate unless --fail-on is given here.
    """
    if context.invoked_subcommand is None:
        raise typer.Exit(run({**by_key(given), "sign_key": sign_key, "bom": bom, "force": force}, output, os.environ))


@app.command()
def verify(
    pack: Path = typer.Argument(metavar="PACK", help="the pack to verify"),
    key: str = typer.Option("", "--key", metavar="FILE", help="Ed25519 public key (PEM) that must have signed it"),
) -> None:
    """Prove that nothing in a pack was changed, added or removed, and with --key who signed it; else end with 10."""
    from azscan.cli.stdout import print_line
    from azscan.evidence.signing import load_public_key
    from azscan.evidence.verify import verify as prove

    proven = prove(pack, load_public_key(Path(key)) if key else None)
    print_line(f"{pack}: {proven.files:,} files, nothing changed, added or removed")
    if proven.is_checked:
        print_line(f"signed by the key {proven.signed_by}")
    elif proven.signed_by:
        print_line(f"names the key {proven.signed_by} as its signer: not checked, for that takes --key")
    else:
        print_line("not signed: this proves that it is whole, not who made it")


def run(given: Mapping[str, Any], output: str, environ: Mapping[str, str]) -> int:
    """Write a pack with the options as given; returns the exit code."""
    from azscan.evidence.verify import is_signed
    from azscan.report.output import check_writable

    signer = _signer(str(given["sign_key"]), environ)
    settings, choice = prepare(given, environ, _without_gate)
    if not settings.frameworks:
        known = ", ".join(sorted(choice.catalog.frameworks))
        raise UsageError("evidence is of a framework, and none is named", hint=f"give --framework, one of {known}")
    if not output.lower().endswith(SUFFIX):
        what = f"a pack is a zip file, and {output} is not named so" if output else "there is no name for the pack"
        raise UsageError(what, hint=f"give one that ends in {SUFFIX}: -o pack{SUFFIX}")
    check_writable(output)
    if not given["force"] and is_signed(Path(output)):
        raise UsageError(
            f"{output} is a signed pack, and somebody may rely on it",
            hint="write to another file, or replace it with --force",
        )

    def pack(opened: Estate) -> int:
        return _pack(opened, settings, choice, output, signer, bom=bool(given["bom"]))

    return on_estate(settings, choice, environ, pack)


def _without_gate(settings: Settings) -> Settings:
    """The settings with no gate but the one that was asked for on the command line."""
    changed: dict[str, Any] = {}
    if settings.sources.get("fail-on") != "--fail-on":
        changed["fail_on"] = "never"
    if settings.sources.get("fail-on-control") != "--fail-on-control":
        changed["fail_on_control"] = ()
    return msgspec.structs.replace(settings, **changed)


def _signer(path: str, environ: Mapping[str, str]) -> Signer | None:
    from azscan.evidence.signing import load_signer

    return load_signer(Path(path), environ) if path else None


def _pack(opened: Estate, settings: Settings, choice: Choice, output: str, signer: Signer | None, *, bom: bool) -> int:
    from azscan.choosing import choose_checks
    from azscan.cli.stdout import say
    from azscan.evidence.pack import write_pack
    from azscan.gate import explain
    from azscan.scan import assess, check_something_was_read, params_of
    from azscan.words import count

    # What was read is judged as of then: a pack does not change with the day on which it is made.
    moment = _moment(opened)
    choice = choose_checks(settings, choice.declared or choice.catalog, moment.date())
    results = assess(opened, settings, choice, moment)
    check_something_was_read(results)
    params = params_of(settings, choice.catalog)
    is_replaced = Path(output).exists()
    files = write_pack(output, results, params, judged_at=moment, signer=signer, bom=bom, config=settings.file)
    verdicts = sum(results.summary.statuses.values()) - results.summary.statuses["not-applicable"]
    replaced = "; it replaces the file that stood there" if is_replaced else ""
    speaker(settings)(f"{output}: {count(verdicts, 'verdict')}, {count(files, 'file')}{replaced}")
    gate = results.summary.gate
    if gate.exit_code or gate.fail_on != "never":
        # There is no report on standard output that would end with it: --quiet must not hide why a pipeline fails.
        say(explain(gate))
    return gate.exit_code


def _moment(opened: Estate) -> datetime:
    """When the scan of an estate ended; of one that was broken off, when its last answer came."""
    (last,) = opened.connection.execute("SELECT max(at) FROM read WHERE at <> ''").fetchone()
    text = opened.about("finished", "") or last or opened.about("started", "")
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise UsageError(
            f"the estate {opened.path} does not tell when it was read", hint="scan anew, or name another estate"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
