"""Azure's read surface on loopback: a stand-in for ARM, Microsoft Graph and sign-in, to test and rehearse against."""

from azscan.emulator.estate import Estate, demo_estate, demo_parts, load_estate, read_estate
from azscan.emulator.logbook import Record
from azscan.emulator.options import (
    Deletion,
    Deny,
    FaultRule,
    Options,
    ProviderLimit,
    Role,
    Throttle,
)
from azscan.emulator.recordings import harvest
from azscan.emulator.server import Emulator, serve

__all__ = [
    "Deletion",
    "Deny",
    "Emulator",
    "Estate",
    "FaultRule",
    "Options",
    "ProviderLimit",
    "Record",
    "Role",
    "Throttle",
    "demo_estate",
    "demo_parts",
    "harvest",
    "load_estate",
    "read_estate",
    "serve",
]
