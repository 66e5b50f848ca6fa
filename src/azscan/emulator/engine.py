"""What answers a request: sign-in, token, faults, budgets, rights, and then the estate."""

from __future__ import annotations

from urllib.parse import parse_qsl

from aiohttp import web

from azscan.emulator.addresses import read_address
from azscan.emulator.arm import Arm
from azscan.emulator.asked import Asked
from azscan.emulator.estate import Estate
from azscan.emulator.faults import WIRE, Faults
from azscan.emulator.graph import Graph
from azscan.emulator.hierarchy import Hierarchy
from azscan.emulator.logbook import Record
from azscan.emulator.options import Deletion, FaultRule, Options, Role, made
from azscan.emulator.paging import Pager, page_number
from azscan.emulator.queries import Queries
from azscan.emulator.recordings import Replays
from azscan.emulator.replies import Reply, error
from azscan.emulator.roles import Roles, caller, pattern
from azscan.emulator.signin import SignIn
from azscan.emulator.throttle import Budgets
from azscan.emulator.tokens import GRAPH_ID, WELL_KNOWN_ARM, Issued, Tokens, audience_forms


class Engine:
    """All parts of one running emulator."""

    def __init__(self, estate: Estate, options: Options, url: str, graph_url: str, foreign_url: str) -> None:
        self.estate = estate
        self.options = options
        self.index = estate.index()
        self.tokens = Tokens(url, str(estate.tenant["id"]))
        self.tokens.audiences = {
            "arm": audience_forms([url, *WELL_KNOWN_ARM]),
            "graph": audience_forms([graph_url, GRAPH_ID, "https://graph.microsoft.com"]),
        }
        self.signin = SignIn(url, estate, options, self.tokens)
        self.faults = Faults(options.faults, self.tokens, foreign_url)
        self.budgets = Budgets(options.throttle) if options.throttle else None
        self._urls = {"arm": url, "graph": graph_url}
        pager = Pager(options)
        hierarchy = Hierarchy(estate, self.index)
        declared = estate.roles if options.roles is None else options.roles
        roles = None if declared is None else [made(Role, one) for one in declared]
        self.roles = Roles(roles, options.deny, hierarchy.reaching, options.role_manner)
        self.arm = Arm(estate, options, self.index, self.roles, pager, hierarchy)
        self.graph = Graph(estate, options, pager, self.roles)
        self.queries = Queries(estate, self.index, self.roles, hierarchy)
        self._replays = Replays(estate, options)
        self._deletions = list(options.deletions)
        self.reads = 0

    def make_token(self, service: str, lifetime: float, user: bool, tenant: str) -> str:
        """A token without a sign-in."""
        client = str(self.estate.identity["clientId"])
        name = tenant or str(self.estate.tenant["id"])
        return self.tokens.issue(self.signin.claims_for(self._urls[service], client, name, user), lifetime)

    def answer(
        self, request: web.BaseRequest, record: Record, body: bytes, base: str
    ) -> tuple[Reply, FaultRule | None]:
        """The reply to a request, and the rule that spoils it on the wire, if one does."""
        url = request.rel_url
        path = url.path
        if record.service == "arm":
            form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)) if body else {}
            reply = self.signin.answer(request.method, path, url.query, form)
            if reply is not None:
                record.service = "login"
                record.query = ""
                return self._at_sign_in(request, record, reply, base)
        address = read_address(path if record.service == "arm" else "")
        query = url.query
        asked = Asked(
            record.service,
            request.method,
            base,
            path,
            record.path,
            record.query,
            query,
            address,
            body,
            kind=address.type if address.types else "",
        )
        record.subscription = address.subscription
        record.body = body.decode("utf-8", "replace") if record.service == "arm" else ""
        record.api = asked.option("api-version") if record.service == "arm" else path.strip("/").split("/")[0]
        token = self.tokens.check(record.service, request.headers.get("authorization"))
        if isinstance(token, Reply) and self.options.require_token:
            return token, None
        asked.claims = token.claims if isinstance(token, Issued) else {"tid": self.estate.tenant["id"]}
        asked.who = caller(asked.claims)
        record.who = asked.who["client"]
        return self._authorized(asked, record)

    def _at_sign_in(
        self, request: web.BaseRequest, record: Record, reply: Reply, base: str
    ) -> tuple[Reply, FaultRule | None]:
        """The authority's reply, spoiled by a rule that names its path (never by one that names them all)."""
        path = request.rel_url.path
        asked = Asked("login", request.method, base, path, record.path, "", {}, read_address(""), kind="login")
        rule = self.faults.match(asked, 1, everything=False)
        if rule is None:
            return reply, None
        record.fault = rule.do
        return self.faults.instead(rule, asked) or reply, rule

    def _authorized(self, asked: Asked, record: Record) -> tuple[Reply, FaultRule | None]:
        self._before()
        if record.service == "graph":
            asked.kind = asked.path.strip("/").lower()
        record.page = page_number(asked.option("skiptoken"))
        rule = self.faults.match(asked, record.page)
        if rule is not None:
            record.fault = rule.do
            reply = self.faults.instead(rule, asked)
            if reply is not None:
                record.kind = asked.kind
                return reply, rule
        paid = self._pay(asked)
        if isinstance(paid, Reply):
            reply, rule = paid, None
        else:
            reply = self._true_answer(asked, record)
            reply.headers.update(paid)
            if rule is not None and rule.do not in WIRE:
                reply = self.faults.changed(rule, asked, reply)
        record.kind = asked.kind
        self._after(asked)
        return reply, rule

    def _true_answer(self, asked: Asked, record: Record) -> Reply:
        found = self._replays.answer(asked)
        if found is not None:
            return found
        if asked.method == "GET":
            refused = self._check_tenant(asked)
            if refused is not None:
                return refused
            return self.arm.answer(asked) if asked.service == "arm" else self.graph.answer(asked)
        if asked.method == "POST" and asked.service == "arm":
            reply = self.queries.answer(asked)
            if reply is not None:
                return reply
        if asked.method != "HEAD":
            record.fault = "write"
        words = f"The requested resource does not support http method '{asked.method}'."
        return error(405, "MethodNotAllowed", words)

    def _check_tenant(self, asked: Asked) -> Reply | None:
        entry = self.estate.known_subscriptions.get(asked.address.subscription)
        own = str(asked.claims.get("tid") or "")
        if entry is None or entry["tenantId"] == own:
            return None
        return self.tokens.wrong_tenant(own, str(entry["tenantId"]))

    def _pay(self, asked: Asked) -> Reply | dict[str, str]:
        if self.budgets is None:
            return {}
        who = str(asked.claims.get("oid", ""))
        if asked.service == "graph":
            return self.budgets.spend_graph(who)
        address = asked.address
        action = self.arm.action(asked) if address.types else ""
        return self.budgets.spend(address.subscription, address.namespace, address.is_list, who, action)

    def _before(self) -> None:
        self.reads += 1
        if self.options.expire_tokens_after is not None and self.reads == self.options.expire_tokens_after + 1:
            self.tokens.expire_all()
        if self.options.claims_challenge_after is not None and self.reads > self.options.claims_challenge_after:
            self.tokens.challenged = True

    def _after(self, asked: Asked) -> None:
        due = [one for one in self._deletions if self._is_due(one, asked)]
        for one in due:
            self._deletions.remove(one)
            self.index.delete(one.id)

    def _is_due(self, deletion: Deletion, asked: Asked) -> bool:
        if deletion.on is not None:
            return pattern(deletion.on).match(asked.path) is not None
        return self.reads >= (deletion.after or 0)
