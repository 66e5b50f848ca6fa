"""The operators, one module for each family. Each builds, from an expected value, a test of an actual one.

A test is given what stands at the end of a path, opened and never absent, and says FALSE, TRUE, UNSAID (a value that
it cannot compare: another type, an unknown spelling) or UNREADABLE. It never raises, whatever Azure sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Test = Callable[[Any], int]
# A test that needs other values beside the field's: they come resolved, in the order that the operator names them.
TestBeside = Callable[[Any, tuple[Any, ...]], int]
