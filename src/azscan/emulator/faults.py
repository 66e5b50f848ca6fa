"""What goes wrong on purpose: which rule fits a request, and what it does to the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from azscan.emulator.asked import Asked
from azscan.emulator.options import FaultRule
from azscan.emulator.paging import next_link
from azscan.emulator.replies import Reply, encode, error, graph_error
from azscan.emulator.roles import pattern
from azscan.emulator.tokens import Tokens

HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Please sign in</h1></body></html>"
# These are done to the connection, not to the answer; the server does them.
WIRE = frozenset(("truncate", "reset", "hang", "slow"))


class Faults:
    """The rules of one emulator, each with its own count."""

    def __init__(self, rules: Sequence[FaultRule], tokens: Tokens, foreign: str) -> None:
        self.rules = list(rules)
        self._tokens = tokens
        self._foreign = foreign
        self._seen: dict[int, int] = {}
        self._done: dict[int, int] = {}

    def match(self, asked: Asked, page: int, *, everything: bool = True) -> FaultRule | None:
        """The first rule that fits a request, which is counted for all rules that it might fit.

        Without `everything`, rules that fit any request are passed over.
        """
        chosen = None
        for at, rule in enumerate(self.rules):
            if not self._fits(rule, asked, page) or (rule.match == "*" and not everything):
                continue
            seen = self._seen[at] = self._seen.get(at, 0) + 1
            number = seen - rule.after
            if number < 1 or (rule.nth is not None and number != rule.nth) or chosen is not None:
                continue
            if (rule.every and number % rule.every) or (rule.count is not None and self._done.get(at, 0) >= rule.count):
                continue
            self._done[at] = self._done.get(at, 0) + 1
            chosen = rule
        return chosen

    def instead(self, rule: FaultRule, asked: Asked) -> Reply | None:
        """The answer that a rule gives in place of the true one, or None where it needs the true one."""
        if rule.do == "status":
            return self._status(rule, asked)
        if rule.do == "html":
            return Reply(200 if rule.status == 500 else rule.status, HTML, {"content-type": "text/html; charset=utf-8"})
        if rule.do == "text":
            return Reply(200 if rule.status == 500 else rule.status, b"OK", {"content-type": "text/plain"})
        if rule.do == "empty_body":
            return Reply(200 if rule.status == 500 else rule.status, b"")
        if rule.do == "redirect_foreign":
            place = rule.to or f"{self._foreign}{asked.raw}?{asked.raw_query}"
            return Reply(307, b"", {"location": place})
        if rule.do == "claims":
            return self._tokens.claims_challenge(asked.service)
        if rule.do == "expired":
            return self._tokens.expired(asked.service)
        return None

    def changed(self, rule: FaultRule, asked: Asked, reply: Reply) -> Reply:
        """The true answer, as a rule spoils it."""
        if reply.status != 200 or rule.do in WIRE:
            return reply
        body = msgspec.json.decode(reply.body)
        if not isinstance(body, dict):
            return reply
        member = "@odata.nextLink" if asked.service == "graph" else "nextLink"
        if rule.do == "value_missing":
            body.pop("value", None)
        elif rule.do == "value_null":
            body["value"] = None
        elif rule.do == "value_string":
            body["value"] = "value"
        elif rule.do == "empty_page":
            body["value"] = []
            body.setdefault(member, next_link(asked, (0, 1, asked.page + 1)))
        elif rule.do == "next_loop":
            body[member] = f"{asked.base}{asked.raw}?{asked.raw_query}"
        elif rule.do == "next_foreign":
            body[member] = rule.to or f"{self._foreign}{asked.raw}?{asked.raw_query}&%24skiptoken=foreign"
        reply.body = encode(body)
        return reply

    @staticmethod
    def _status(rule: FaultRule, asked: Asked) -> Reply:
        headers = {str(key).lower(): str(value) for key, value in rule.headers.items()}
        if rule.retry_after is not None:
            headers["retry-after"] = f"{rule.retry_after:g}"
        if isinstance(rule.body, str):
            return Reply(rule.status, rule.body.encode(), {"content-type": "text/plain", **headers})
        if rule.body is not None:
            return Reply(rule.status, encode(rule.body), headers)
        if asked.service == "graph":
            reply = graph_error(rule.status, rule.code, rule.message)
        else:
            reply = error(rule.status, rule.code, rule.message)
        reply.headers.update(headers)
        return reply

    @staticmethod
    def _fits(rule: FaultRule, asked: Asked, page: int) -> bool:
        if rule.method and rule.method.upper() != asked.method:
            return False
        if rule.page is not None and rule.page != page:
            return False
        if rule.match == "*":
            return True
        glob = pattern(rule.match)
        texts: tuple[Any, ...] = (asked.path, asked.path.strip("/"), f"{asked.path}?{asked.raw_query}", asked.kind)
        return any(glob.match(text) for text in texts)
