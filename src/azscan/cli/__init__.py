"""The command line: commands are loaded when they are called, so that `azscan --help` is quick."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import typer
import typer.core

from azscan import __version__
from azscan.cli.streams import outlive_readers
from azscan.errors import AzscanError, Interrupted, NothingDecidedError, UsageError

# command → (module that holds its typer app, what it does); the help of the top level needs nothing more.
COMMANDS = {
    "scan": ("azscan.cli.scan", "Read an estate, hold it against the checks, and report"),
    "doctor": ("azscan.cli.doctor", "Tell what stands in the way of a scan, and what mends it"),
    "evidence": ("azscan.cli.evidence", "Write a pack of evidence for auditors, or verify one"),
    "plan": ("azscan.cli.plan", "Tell which requests a scan makes, and how long a throttle makes them take"),
    "diff": ("azscan.cli.diff", "Compare two results or two saved estates: new failures, solved, changed, gone"),
    "role": ("azscan.cli.role", "Print the smallest role that checks need, or what a role leaves unreadable"),
    "config": ("azscan.cli.config", "Validate azscan.yaml, and show where each setting comes from"),
    "waivers": ("azscan.cli.waivers", "List what the team decided: what has expired, what does nothing"),
    "waive": ("azscan.cli.waive", "Accept findings: write a waiver into azscan.yaml"),
    "checks": ("azscan.cli.checks", "List, show, write, validate and test checks"),
    "frameworks": ("azscan.cli.frameworks", "List frameworks and controls, and how much of them checks decide"),
    "mappings": ("azscan.cli.mappings", "Keep the frameworks' files: propose edges from a table of policies"),
    "emulator": ("azscan.cli.emulator", "Serve an estate as Azure would, to rehearse without Azure"),
}

# What a scan was told of whom to sign in as and what to look at: the doctor takes the same. Each has a value.
OF_DOCTOR = (
    "--auth",
    "--tenant",
    "--client-id",
    "--cloud",
    "--subscription",
    "--exclude-subscription",
    "--management-group",
    "--service",
    "--check",
    "--config",
)
TRUE_WORDS = ("1", "true", "yes", "on")

EPILOG = """\
Try it without Azure:
  azscan scan --demo

Exit codes of scan:
  0 all is well                        10 a check at or above --fail-on failed
  2 wrong usage or configuration        4 the gate held, but a check could not be decided
  3 nothing could be scanned            5 the estate or an output cannot be written
  130 interrupted                       1 a fault of azscan's own
"""


class LazyGroup(typer.core.TyperGroup):
    """The commands by name; a command's module is imported when the command is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        command = typer.main.get_command(importlib.import_module(COMMANDS[cmd_name][0]).app)
        command.name = cmd_name
        _drop_type_of_help(command)
        _refuse_twice(command)
        return command

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Plain text from the table, without importing a command."""
        width = max(map(len, COMMANDS))
        lines = "".join(f"  {name:<{width}}  {says}\n" for name, (_, says) in COMMANDS.items())
        formatter.write(
            "azscan reads the configuration of an Azure estate, holds it against declared checks,\n"
            "and never guesses: what could not be read is unreadable, never a pass. It only reads.\n\n"
            "Usage: azscan COMMAND [OPTIONS]\n\n"
            f"Commands (azscan COMMAND --help tells more):\n{lines}\n"
            "Options:\n  --version  Show the version\n  --help     Show this text\n\n"
            f"{EPILOG}"
        )


def _drop_type_of_help(command: Any) -> None:
    """Let --help stand in its panel as our flags do, without a type."""
    option = command.get_help_option(typer.Context(command))
    if option is not None:
        option.metavar = ""
    for below in getattr(command, "commands", {}).values():
        _drop_type_of_help(below)


def _refuse_twice(command: Any) -> None:
    """Let --config be an error where it is given twice: the parser would take the last, and drop the first."""
    make_parser = command.make_parser

    def made(ctx: Any) -> Any:
        parser = make_parser(ctx)
        parse = parser.parse_args

        def parse_args(args: list[str]) -> Any:
            options, rest, order = parse(args)
            if sum("--config" in param.opts for param in order) > 1:
                raise UsageError("--config is given twice", hint="name one file, and bring into it what both say")
            return options, rest, order

        parser.parse_args = parse_args
        return parser

    command.make_parser = made
    for below in getattr(command, "commands", {}).values():
        _refuse_twice(below)


app = typer.Typer(cls=LazyGroup, rich_markup_mode=None, no_args_is_help=True, add_completion=False)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"azscan {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version"),
) -> None:
    """Read the configuration of an Azure estate and hold it against declared checks."""


def main() -> None:
    """Run the command line; the only place that catches everything."""
    outlive_readers()
    debug = "--debug" in sys.argv or os.environ.get("AZSCAN_DEBUG", "").strip().lower() in TRUE_WORDS
    _warn_of_variables(sys.argv[1:], os.environ)
    try:
        # Not in its own way: typer would print its errors in other words, and end without one at Ctrl-C.
        code = app(prog_name="azscan", standalone_mode=False)
        if code == Interrupted.exit_code:
            raise KeyboardInterrupt
        sys.exit(code if isinstance(code, int) else 0)
    except AzscanError as error:
        if debug:
            _print_traceback()
        tell(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("error: interrupted before anything was read\n help: run the command again", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        if (code := _tell_usage(error)) is not None:
            sys.exit(code)
        if debug:
            _print_traceback()
        print(
            harmless(f"fatal: a fault of azscan's own: {type(error).__name__}: {error}") + "\n"
            " help: run again with --debug and report it, with the traceback, as an issue",
            file=sys.stderr,
        )
        sys.exit(1)


def _warn_of_variables(words: Sequence[str], environ: Mapping[str, str]) -> None:
    """Warn of misspelt AZSCAN_ variables: what they were meant to say would silently not count."""
    if not {"--help", "--version"}.isdisjoint(words) or not any(name.startswith("AZSCAN_") for name in environ):
        return
    from azscan.options import unknown_variables

    if warning := unknown_variables(environ):
        print(harmless(f"warning: {warning}"), file=sys.stderr)


def _tell_usage(error: Any) -> int | None:
    """Say in our words what typer found wrong with a command line; the exit code, or None where it is no such error.

    Told by the names of the classes: typer carries a click of its own, which is not the one that can be imported.
    """
    names = {each.__name__ for each in type(error).__mro__}
    if "Abort" in names:
        print("error: interrupted\n help: run the command again", file=sys.stderr)
        return Interrupted.exit_code
    if "ClickException" not in names:
        return None
    if "NoArgsIsHelpError" in names:
        error.show()
        return UsageError.exit_code
    message = str(error.format_message()).rstrip(".")
    message = message[:1].lower() + message[1:]
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "azscan"
    tell(UsageError(message, hint=f"see what it takes: {path} --help"))
    return UsageError.exit_code


def _print_traceback() -> None:
    """The traceback of the error in hand on stderr, without local variables (which hold secrets)."""
    import traceback

    from azscan.azure.scrub import scrub

    print(harmless(scrub(traceback.format_exc())), file=sys.stderr, end="")


def tell(error: AzscanError) -> None:
    """Say on stderr what happened, what it means and what to do."""
    is_scanned = isinstance(error, NothingDecidedError)
    if error.exit_code == 3 and not is_scanned:
        print("fatal: no scan was performed", file=sys.stderr)
    print(harmless(f"{'fatal' if is_scanned else 'error'}: {error.message}"), file=sys.stderr)
    for fault in getattr(error, "faults", ()):
        if str(fault) not in error.message:
            print(harmless(f"  {fault}"), file=sys.stderr)
    if error.hint:
        print(harmless(f" help: {error.hint}"), file=sys.stderr)
    if error.exit_code == 3:
        line = doctor_line(sys.argv[1:], os.environ)
        print(harmless(f" help: the page and the command that mend it: {line}"), file=sys.stderr)


def doctor_line(words: Sequence[str], environ: Mapping[str, str]) -> str:
    """The doctor with those of the words typed that say whose rights to look at, and for what."""
    from azscan.catalog.fix import command_line

    kept, shell = [], environ.get("AZSCAN_SHELL", "").strip()
    for word, after in zip(words, [*words[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if name in OF_DOCTOR and (equals or after):
            kept += [word] if equals else [word, after]
        elif name == "--shell":
            shell = value if equals else after
    return command_line(["azscan", "doctor", *kept], shell)


def harmless(text: str) -> str:
    """The text with what a terminal would act on written out, line by line: names come from strangers."""
    from azscan.report.text import no_command, visible

    return "\n".join(no_command(visible(line)) for line in text.split("\n"))
