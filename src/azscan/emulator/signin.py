"""The sign-in endpoints: discovery, tokens by secret, assertion, device code, browser and refresh."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

import msgspec

from azscan.emulator.authority import Refused, device_code, instance, openid, refusal, signed_in
from azscan.emulator.estate import Estate
from azscan.emulator.options import Options
from azscan.emulator.refusals import refused
from azscan.emulator.replies import Reply, answer
from azscan.emulator.tokens import Tokens, base64url, jwt

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
ALL_GRAPH = ("Directory.Read.All", "Policy.Read.All", "AuditLog.Read.All", "RoleManagement.Read.Directory")


@dataclass
class SignInRecord:
    """One request for a token, as tests want to see it: no secret, but the assertion, to prove that it was new."""

    tenant: str
    grant: str
    client: str
    scope: str
    assertion: str = ""
    claims: str = ""
    error: str = ""


@dataclass
class _Pending:
    scope: str
    nonce: str = ""
    polls: int = 0


class SignIn:
    """The authority of one emulator, and the helpers of pipelines (managed identity, GitHub, Azure DevOps)."""

    def __init__(self, url: str, estate: Estate, options: Options, tokens: Tokens) -> None:
        self.url = url
        self.records: list[SignInRecord] = []
        self._estate = estate
        self._options = options
        self._tokens = tokens
        self._pending: dict[str, _Pending] = {}
        identity = estate.identity
        own = {str(identity["clientId"]): str(identity["clientSecret"])}
        self._secrets = own if options.secrets is None else dict(options.secrets)
        self._tenants = {str(estate.tenant["id"]).lower(), str(estate.tenant["defaultDomain"]).lower()}
        self._tenants |= {name.lower() for name in options.tenants}

    def answer(self, method: str, path: str, query: Mapping[str, str], form: Mapping[str, str]) -> Reply | None:
        """The answer to a sign-in path, or None where the path is none."""
        parts = path.strip("/").split("/")
        tail = "/".join(parts[1:]).lower()
        tenant = parts[0]
        if path.lower() == "/common/discovery/instance":
            return instance(self.url, query)
        try:
            if tail in ("v2.0/.well-known/openid-configuration", ".well-known/openid-configuration"):
                return openid(self.url, self._tenant(tenant, "organizations"), self._tenant_id(tenant))
            if tail in ("discovery/v2.0/keys", "discovery/keys"):
                return answer({"keys": []})
            if tail == "oauth2/v2.0/authorize":
                return self._authorize(tenant, query)
            if tail == "oauth2/v2.0/devicecode" and method == "POST":
                return self._device_code(tenant, form)
            if tail in ("oauth2/v2.0/token", "oauth2/token") and method == "POST":
                return self._token(tenant, form)
        except Refused as no:
            return refusal(no)
        return self._pipeline_answer(path.lower(), query)

    def claims_for(self, resource: str, client: str, tenant: str, user: bool) -> dict[str, Any]:
        """The claims of a token for a resource, as an application's or a user's."""
        identity = self._estate.identity
        service = self._tokens.known_audience(resource)
        granted = self._options.granted
        if granted is None:
            granted = identity.get("graphPermissions") or ALL_GRAPH
        oid = identity["objectId"] if client == identity["clientId"] or user else uuid5(NAMESPACE_URL, client)
        claims: dict[str, Any] = {
            "aud": resource.removesuffix(".default").removesuffix("/") if "/.default" in resource else resource,
            "tid": self._tenant_id(tenant),
            "appid": client,
            "appidacr": "0" if user else "1",
            "oid": str(oid),
            "sub": str(oid),
            "idtyp": "user" if user else "app",
            "idp": f"https://sts.windows.net/{self._tenant_id(tenant)}/",
        }
        if user:
            name = str(identity.get("upn") or f"{identity['name']}@{self._estate.tenant['defaultDomain']}")
            scopes = " ".join(granted) if service == "graph" else "user_impersonation"
            return {**claims, "upn": name, "unique_name": name, "name": name.split("@")[0], "scp": scopes}
        if service == "graph":
            claims["roles"] = list(granted)
        return {**claims, "app_displayname": str(identity["name"])}

    def _token(self, tenant: str, form: Mapping[str, str]) -> Reply:
        grant = form.get("grant_type", "")
        resource = _resource(form)
        record = SignInRecord(tenant, grant, form.get("client_id", ""), resource, form.get("client_assertion", ""))
        record.claims = form.get("claims", "")
        self.records.append(record)
        try:
            self._tenant(tenant, "organizations" if grant != "client_credentials" else "")
            self._check_refused(form.get("client_id", ""), tenant)
            user, pending = self._check_grant(grant, form)
            if not resource and pending is not None:
                resource = _first_resource(pending.scope)
            if not self._tokens.known_audience(resource):
                raise Refused(
                    400,
                    "invalid_resource",
                    500011,
                    f"The resource principal named {resource} was not found in the tenant named {tenant}.",
                )
        except Refused as no:
            record.error = f"AADSTS{no.code}" if no.code else no.kind
            raise
        return answer(self._token_body(tenant, form, resource, user, pending))

    def _token_body(
        self, tenant: str, form: Mapping[str, str], resource: str, user: bool, pending: _Pending | None
    ) -> dict[str, Any]:
        client = form.get("client_id", "")
        claims = self.claims_for(resource, client, tenant, user)
        lifetime = self._options.token_lifetime
        announced = self._options.announced_lifetime or lifetime
        token = self._tokens.issue(claims, lifetime, _satisfies(form.get("claims", "")))
        body: dict[str, Any] = {
            "token_type": "Bearer",
            "expires_in": int(announced),
            "ext_expires_in": int(announced),
            "access_token": token,
        }
        if form.get("client_info"):
            info = {"uid": claims["oid"], "utid": claims["tid"]}
            body["client_info"] = base64url(msgspec.json.encode(info))
        if user:
            body |= {"scope": f"{resource}/user_impersonation", "refresh_token": f"emulated-refresh-{uuid4()}"}
            now = int(time.time())
            body["id_token"] = jwt(
                {
                    "aud": client,
                    "iss": f"{self.url}/{claims['tid']}/v2.0",
                    "iat": now,
                    "nbf": now,
                    "exp": now + 3600,
                    "oid": claims["oid"],
                    "sub": claims["sub"],
                    "tid": claims["tid"],
                    "name": claims["name"],
                    "preferred_username": claims["upn"],
                    "nonce": pending.nonce if pending else "",
                    "ver": "2.0",
                }
            )
        return body

    def _check_grant(self, grant: str, form: Mapping[str, str]) -> tuple[bool, _Pending | None]:
        """Whether the token is a user's, and what the grant was prepared with; raises Refused."""
        if grant == "client_credentials":
            self._check_client(form)
            return False, None
        if grant == "refresh_token" and form.get("refresh_token", "").startswith("emulated-refresh-"):
            return True, None
        if grant == DEVICE_GRANT:
            pending = self._pending.get(form.get("device_code") or form.get("code") or "")
            if pending is None:
                raise Refused(400, "expired_token", 70020, "The provided value for 'device_code' is not valid.")
            pending.polls += 1
            if pending.polls <= self._options.device_code_polls:
                raise Refused(
                    400, "authorization_pending", 70016, "OAuth 2.0 device flow error. Authorization is pending."
                )
            return True, pending
        if grant == "authorization_code":
            pending = self._pending.pop(form.get("code", ""), None)
            if pending is not None:
                return True, pending
        raise Refused(400, "invalid_grant", 70000, "The provided grant is invalid.")

    def _check_refused(self, client: str, tenant: str) -> None:
        code = self._options.refused.get(client) or self._options.refused.get("*")
        if code:
            raise refused(int(code), client, tenant, str(self._estate.identity.get("upn") or "somebody"))

    def _check_client(self, form: Mapping[str, str]) -> None:
        client = form.get("client_id", "")
        if client not in self._secrets:
            raise Refused(
                400,
                "unauthorized_client",
                700016,
                f"Application with identifier '{client}' was not found in the directory "
                f"'{self._estate.tenant['displayName']}'. This can happen if the application has not been installed by "
                "the administrator of the tenant or consented to by any user in the tenant.",
            )
        if "client_assertion" in form:
            if not form["client_assertion"].strip():
                raise Refused(401, "invalid_client", 50027, "JWT token is invalid or malformed.")
            return
        secret = form.get("client_secret", "")
        if secret and secret in self._options.expired_secrets:
            raise Refused(
                401,
                "invalid_client",
                7000222,
                f"The provided client secret keys for app '{client}' are expired. Visit the Azure portal to create "
                "new keys for your app: https://aka.ms/NewClientSecret.",
            )
        if secret != self._secrets[client]:
            raise Refused(
                401,
                "invalid_client",
                7000215,
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret "
                f"value, not the client secret ID, for a secret added to app '{client}'.",
            )

    def _tenant(self, name: str, besides: str = "") -> str:
        low = name.lower()
        if low in self._tenants or (besides and low in ("common", "organizations")):
            return name
        raise Refused(
            400,
            "invalid_request",
            90002,
            f"Tenant '{name}' not found. Check to make sure you have the correct tenant ID and are signing into the "
            "correct cloud. Check with your subscription administrator, this may happen if there are no active "
            "subscriptions for the tenant.",
        )

    def _tenant_id(self, name: str) -> str:
        home = str(self._estate.tenant["id"])
        others = {"common", "organizations", str(self._estate.tenant["defaultDomain"]).lower(), home.lower()}
        return home if name.lower() in others else name

    def _device_code(self, tenant: str, form: Mapping[str, str]) -> Reply:
        self._tenant(tenant, "organizations")
        code = f"emulated-device-{uuid4()}"
        self._pending[code] = _Pending(scope=form.get("scope", ""))
        return device_code(self.url, code)

    def _authorize(self, tenant: str, query: Mapping[str, str]) -> Reply:
        self._tenant(tenant, "organizations")
        code = f"emulated-code-{uuid4()}"
        self._pending[code] = _Pending(nonce=query.get("nonce", ""), scope=query.get("scope", ""))
        return signed_in(code, query)

    def _pipeline_answer(self, path: str, query: Mapping[str, str]) -> Reply | None:
        """Managed identity (App Service's form), GitHub's id token, Azure DevOps' id token."""
        if path == "/msi/token":
            client = str(self._estate.identity["clientId"])
            resource = query.get("resource", "")
            if not self._tokens.known_audience(resource):
                return answer({"error": {"code": "invalid_resource", "message": f"Unknown {resource}"}}, 400)
            claims = self.claims_for(resource, client, str(self._estate.tenant["id"]), False)
            lifetime = self._options.token_lifetime
            self.records.append(SignInRecord(str(claims["tid"]), "managed_identity", client, resource))
            until = int(time.time() + (self._options.announced_lifetime or lifetime))
            token = self._tokens.issue(claims, lifetime)
            body = {"access_token": token, "expires_on": str(until), "resource": resource, "token_type": "Bearer"}
            return answer({**body, "client_id": client})
        if path in ("/github/token", "/pipelines/oidc"):
            assertion = jwt({"iss": "emulator", "aud": query.get("audience", ""), "jti": str(uuid4())})
            return answer({"value": assertion} if path == "/github/token" else {"oidcToken": assertion})
        return None


def _resource(form: Mapping[str, str]) -> str:
    return form.get("resource") or _first_resource(form.get("scope", ""))


def _first_resource(scope: str) -> str:
    """The resource that a scope names, less the scopes of OpenID itself and the last segment."""
    for word in scope.split():
        if word not in ("openid", "profile", "offline_access", "email"):
            return word if word.endswith("/.default") else word.rsplit("/", 1)[0] if "://" in word else word
    return ""


def _satisfies(claims: str) -> bool:
    """Whether a token request answers a claims challenge (and not only names its client's capabilities)."""
    try:
        wanted = msgspec.json.decode(claims or "{}")
    except msgspec.DecodeError:
        return False
    return isinstance(wanted, dict) and "nbf" in (wanted.get("access_token") or {})


def decode_claims(token: str) -> dict[str, Any]:
    """The claims of a JWT, unverified."""
    body = token.split(".")[1]
    return dict(msgspec.json.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))
