"""`azscan emulator`: serve an estate as Azure would, to rehearse a pipeline without Azure."""

from __future__ import annotations

import asyncio
from pathlib import Path

import typer

app = typer.Typer(rich_markup_mode="rich", add_completion=False, no_args_is_help=True)


@app.callback()
def emulator() -> None:
    """Serve an estate as Azure would, to rehearse without Azure."""


@app.command()
def serve(
    source: Path = typer.Option(None, "--from", metavar="FILE", help="An estate as JSON, or a saved one"),
    port: int = typer.Option(0, "--port", metavar="N", min=0, max=65535, help="Port on loopback (0: a free one)"),
    latency: float = typer.Option(None, "--latency", metavar="MS", min=0, help="Milliseconds that each answer takes"),
    throttle: bool = typer.Option(False, "--throttle", metavar="", help="Throttle as Azure Resource Manager does"),
    role: Path = typer.Option(None, "--role", metavar="FILE", help="A role definition: all that the caller may do"),
    denied: str = typer.Option(
        "",
        "--denied",
        metavar="WORD",
        help="How lists that the role leaves out are answered (filter or 403)",
    ),
    switches: Path = typer.Option(
        None, "--options", metavar="FILE", help="All that can go wrong, as JSON; what is given here besides, holds"
    ),
    ca: Path = typer.Option(Path("ca.pem"), "--ca", metavar="FILE", help="Where to write the certificate to trust"),
) -> None:
    """Serve an estate over HTTPS on loopback until interrupted; without --from, the demo estate.

    The certificate to trust is written to a file, and the line to scan with is printed.
    """
    from azscan.emulator import Options, demo_estate, load_estate
    from azscan.emulator.options import Manner, Throttle, read_options
    from azscan.emulator.role_file import read_role
    from azscan.emulator.server import Emulator
    from azscan.emulator.server import serve as run
    from azscan.errors import OutputError, UsageError

    manners: dict[str, Manner] = {"filter": "filter", "403": "403"}
    if denied and denied not in manners:
        raise UsageError(f"lists cannot be denied by {denied!r}", hint="--denied is filter or 403")
    estate = load_estate(source) if source else demo_estate()
    options = read_options(switches) if switches else Options()
    if latency is not None:
        options.latency_ms = latency
    if throttle:
        options.throttle = Throttle()
    if role:
        options.roles = read_role(role, estate)
    if denied:
        options.role_manner = manners[denied]

    def ready(server: Emulator) -> None:
        try:
            server.write_ca(ca)
        except OSError as error:
            raise OutputError(
                f"{ca} cannot be written: {error.strerror}", hint="name another file with --ca"
            ) from error
        typer.echo(f"serving {source or 'the demo estate'} at {server.url}; stop it with Ctrl-C", err=True)
        typer.echo(server.scan_command(ca.resolve()))

    try:
        asyncio.run(run(estate, options, ready, port=port))
    except OSError as error:
        raise OutputError(
            f"port {port} cannot be listened on: {error.strerror or error}",
            hint="choose another with --port, or leave it out",
        ) from error
    except KeyboardInterrupt:
        typer.echo("stopped", err=True)
