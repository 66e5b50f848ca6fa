"""Azure's errors, in all the shapes in which it writes them, become faults of the right kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azscan.azure.answers import Ask, Fault
from azscan.azure.faults import MESSAGE_LIMIT, error_words, fault_of, retry_after, short

ASK = Ask("/subscriptions/x/providers/Microsoft.X/y?api-version=1")


def of(status: int, body: Any, ask: Ask = ASK) -> Fault:
    return fault_of(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode(), ask)


def arm(code: str, message: str = "It failed.") -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


DENIED = (
    "The client 'a@example.com' with object id '2fe6bae9' does not have authorization to perform action "
    "'Microsoft.Storage/storageAccounts/read' over scope '/subscriptions/0/resourcegroups/r' or the scope is invalid. "
    "If access was recently granted, please refresh your credentials."
)
NO_PREMIUM = "Neither tenant is B2C or tenant doesn't have premium license"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (403, arm("AuthorizationFailed", DENIED), "access_denied"),
        (403, {"odata.error": {"code": "Authorization_RequestDenied", "message": {"value": "No."}}}, "access_denied"),
        (403, b"<html>Forbidden</html>", "access_denied"),
        (403, arm("Authentication_RequestFromNonPremiumTenantOrB2CTenant", NO_PREMIUM), "licence"),
        (401, arm("Unauthorized", NO_PREMIUM), "licence"),
        (400, arm("BadRequest", "The tenant needs an AAD Premium 2 license."), "licence"),
        (400, arm("AadPremiumLicenseRequired", "No."), "licence"),
        (403, arm("Forbidden", "The Driver's license is fine."), "access_denied"),
        (409, arm("MissingSubscriptionRegistration"), "not_registered"),
        (404, arm("Subscription Not Registered", "Please register to Microsoft.Security."), "not_registered"),
        (404, arm("SubscriptionNotRegistered"), "not_registered"),
        (404, arm("InvalidResourceType", "The resource type could not be found."), "unsupported"),
        (400, arm("NoRegisteredProviderFound"), "unsupported"),
        (400, arm("InvalidApiVersionParameter"), "unsupported"),
        (404, arm("InvalidResourceNamespace"), "unsupported"),
        (404, arm("SubscriptionNotFound"), "rejected"),
        (409, arm("ReadOnlyDisabledSubscription"), "wrong_state"),
        (404, arm("ParentResourceNotFound"), "parent_gone"),
        (404, arm("ResourceGroupNotFound"), "parent_gone"),
        (404, arm("ResourceNotFound"), "absent"),
        (404, arm("notfound"), "absent"),
        (404, {"code": "NotFound", "message": "Gone.", "details": [], "innererror": []}, "absent"),
        (404, arm("Request_ResourceNotFound"), "rejected"),
        (404, b"null", "rejected"),
        (404, b"", "rejected"),
        (404, b"<html>", "rejected"),
        (404, {"type": "https://tools.ietf.org/html/rfc9110", "title": "Not Found", "status": 404}, "rejected"),
        (404, {"error": {"code": "404", "message": "No export found."}}, "rejected"),
        (404, {"error": {"code": 404}}, "rejected"),
        (410, arm("ResourceNotFound"), "rejected"),
        (405, {"Message": "The requested resource does not support http method 'GET'."}, "rejected"),
        (400, arm("ServerStoppedError", "The server is stopped."), "wrong_state"),
        (
            409,
            arm("ServerUnavailableForOperation", "Operation cannot be performed as server 'a' is in state 'Stopped'."),
            "wrong_state",
        ),
        (400, arm("BadRequest", "Cannot fetch databases while resource is in state 'Stopped'."), "wrong_state"),
        (409, arm("Conflict", "The database is paused."), "wrong_state"),
        (400, arm("BadRequest", "A stopped clock."), "rejected"),
        (409, arm("Conflict", "Another operation is under way."), "rejected"),
        (401, arm("ExpiredAuthenticationToken"), "unauthenticated"),
        (401, arm("InvalidAuthenticationTokenTenant"), "unauthenticated"),
        (401, b"OK", "unauthenticated"),
        (429, arm("SubscriptionRequestsThrottled"), "throttled"),
        (429, b"", "throttled"),
        (408, b"", "unavailable"),
        (500, arm("InternalServerError"), "unavailable"),
        (502, b"<html>", "unavailable"),
        (503, arm("NotFound"), "unavailable"),
        (504, arm("GatewayTimeout"), "unavailable"),
        (302, b"", "bad_response"),
        (418, arm("Teapot"), "rejected"),
    ],
)  # fmt: skip
def test_each_answer_is_a_fault_of_its_kind(status: int, body: Any, kind: str) -> None:
    assert of(status, body).kind == kind


def test_what_means_absent_is_for_the_ask_to_say() -> None:
    ask = Ask(ASK.target, absent=("ManagementPolicyNotFound",))
    assert of(404, arm("ManagementPolicyNotFound"), ask).kind == "absent"
    assert of(404, arm("ResourceNotFound"), ask).kind == "rejected"
    assert of(403, arm("ManagementPolicyNotFound"), ask).kind == "access_denied"
    own = Ask(ASK.target, absent=("InvalidResourceType", "ParentResourceNotFound"))
    assert of(404, arm("InvalidResourceType"), own).kind == "absent"
    assert of(404, arm("ParentResourceNotFound"), own).kind == "absent"
    assert of(404, b"null", Ask(ASK.target, absent=("",))).kind == "rejected"


def test_the_missing_action_is_named() -> None:
    assert of(403, arm("AuthorizationFailed", DENIED)).action == "Microsoft.Storage/storageAccounts/read"
    words = (
        "You cannot perform the requested operation, required scopes are missing in the token. API requires one of "
        "'Policy.Read.All, Policy.ReadWrite.ConditionalAccess'."
    )
    assert of(403, arm("AccessDenied", words)).action == "Policy.Read.All"
    assert of(403, arm("Authorization_RequestDenied", "Insufficient privileges.")).action == ""
    assert of(404, arm("X", DENIED)).action == ""


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (arm("A", "One. Two."), "A", "One."),
        ({"code": "B", "message": "Top level."}, "B", "Top level."),
        ({"Code": "C", "Message": "Capitals."}, "C", "Capitals."),
        ({"Message": "Alone."}, "", "Alone."),
        ({"odata.error": {"code": "D", "message": {"lang": "en", "value": "OData."}}}, "D", "OData."),
        ({"title": "Not Found", "status": 404, "traceId": "00"}, "", "Not Found"),
        ({"error": "invalid_grant", "error_description": "AADSTS1: no."}, "invalid_grant", "AADSTS1: no."),
        ({"error": {"code": "E"}}, "E", ""),
        ({"error": {"code": None, "message": None}}, "", ""),
        ({"error": []}, "", ""),
        ({"error": {"code": {"x": 1}, "message": ["a"]}}, "", ""),
        (arm("F", "The container does not exist.\nRequestId:e611\nTime:2001"), "F", "The container does not exist."),
        (arm("G", 'Message: {"code":"NotFound","message":"{\\"Errors\\":[]}"}'), "G", ""),
        (arm("G2", 'The call failed: {"code":1}'), "G2", "The call failed"),
        (arm("H", '{"code":"NotFound"}'), "H", ""),
        (arm("I", "  Much \t blank\r\nmore"), "I", "Much blank"),
        (b"\xef\xbb\xbf" + json.dumps(arm("J", "With a mark.")).encode(), "J", "With a mark."),
        (b"null", "", ""),
        (b"[1]", "", ""),
        (b"<?xml version='1.0'?><Error/>", "", ""),
        (b"\xff\xfe", "", ""),
    ],
)
def test_the_words_of_every_shape(body: Any, code: str, message: str) -> None:
    words = error_words(body if isinstance(body, bytes) else json.dumps(body).encode())
    assert (words.code, words.message) == (code, message)


def test_an_error_that_is_no_utf_8_is_a_fault_all_the_same() -> None:
    assert of(400, b'{"error":{"code":"\xff"}}').kind == "rejected"


def test_details_name_their_targets() -> None:
    details = [{"code": "TooManyRequests", "target": "HighCostGet30Min", "message": "{}"}, None, {"x": 1}]
    body = {"error": {"code": "OperationNotAllowed", "message": "No.", "details": details}}
    assert error_words(json.dumps(body).encode()).details == (("TooManyRequests", "HighCostGet30Min"), ("", ""))


def test_a_fault_always_says_something() -> None:
    assert (
        of(404, {"error": {"code": "ResourceNotFound"}}).message
        == "Azure answered 404 (ResourceNotFound) and said no more."
    )
    assert "page" in of(503, b"  <!DOCTYPE html>").message
    assert "no reason" in of(404, b"null").message
    assert "not followed" in of(301, b"").message


def test_no_token_gets_into_a_message() -> None:
    token = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.c2ln"
    fault = of(401, arm("Bad", f"The token 'Bearer {token}' or {token} is wrong and https://x/?sv=1&sig=abc%3D too"))
    assert token not in fault.message and "abc%3D" not in fault.message


MEMBERS = st.sampled_from(["error", "code", "message", "details", "value", "Message", "odata.error", "title", "x"])
BODIES = st.recursive(
    st.none() | st.text() | st.integers(),
    lambda inner: st.dictionaries(MEMBERS, inner, max_size=4) | st.lists(inner, max_size=3),
).map(lambda body: json.dumps(body).encode())


@given(st.binary(max_size=300) | BODIES, st.integers(300, 599))
def test_no_body_is_too_odd(body: bytes, status: int) -> None:
    fault = of(status, body)
    assert fault.message
    assert len(fault.message) <= MESSAGE_LIMIT
    assert "\n" not in fault.message


@given(st.text())
def test_a_short_text_is_one_line_of_bounded_length(text: str) -> None:
    line = short(text)
    assert len(line) <= MESSAGE_LIMIT
    assert len(line.splitlines()) <= 1
    assert short(line * 50) == short(line * 50)


def test_every_recorded_error_becomes_a_fault(shared: Path) -> None:
    kinds: dict[str, int] = {}
    for file in sorted((shared / "recordings").glob("*.json")):
        for record in json.loads(file.read_text(encoding="utf-8"))["records"]:
            if record["status"] < 400:
                continue
            body = json.dumps(record["body"]) if "body" in record else record.get("text", "")
            fault = fault_of(record["status"], record.get("headers", {}), body.encode(), ASK)
            assert fault.message
            kinds[fault.kind] = kinds.get(fault.kind, 0) + 1
    assert kinds["absent"] >= 200
    assert kinds["parent_gone"] >= 50
    assert kinds["access_denied"] == 5
    assert kinds["unauthenticated"] == 11
    assert kinds["throttled"] == 1
    assert kinds["unavailable"] == 12
    assert kinds["unsupported"] == 1
    assert set(kinds) <= {
        "absent",
        "parent_gone",
        "access_denied",
        "unauthenticated",
        "throttled",
        "unavailable",
        "unsupported",
        "rejected",
    }


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "17"}, 17.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1e308"}, 3600.0),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, 3600.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"x-ms-retry-after-ms": "1500", "retry-after": "9"}, 1.5),
    ],
)
def test_retry_after_is_read_in_every_form(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds
