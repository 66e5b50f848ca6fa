"""The guard: nothing but GET and the two known queries ever passes, and nothing names what is out of scope."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote

import msgspec
import pytest
from azure.core.rest import HttpRequest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from azscan.azure.clouds import named
from azscan.azure.guard import POSTS, check, is_of, is_subscription
from azscan.errors import GuardError

CLOUD = named("AzureCloud")
ARM = CLOUD.arm
GRAPH = CLOUD.graph
SUB = "00000000-0000-4000-8000-000000000001"
OTHER = "99999999-0000-4000-8000-000000000099"
SCOPE = frozenset({SUB})
QUERY_PATH = "/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01"
STATES = "/providers/Microsoft.PolicyInsights/policyStates/latest"


def stopped(method: str, url: str, headers: dict[str, str] | None = None, content: Any = None) -> bool:
    request = HttpRequest(method, url, headers=headers, content=content)
    try:
        check(request, CLOUD, SCOPE)
    except GuardError as error:
        assert str(error)
        return True
    return False


READS = [
    f"{ARM}/subscriptions?api-version=2022-12-01",
    f"{ARM}/tenants?api-version=2022-12-01",
    f"{ARM}/subscriptions/{SUB}/resources?api-version=2021-04-01&$expand=createdTime",
    f"{ARM}/subscriptions/{SUB.upper()}/resourceGroups/rg%20(1)/providers/Microsoft.Web/sites/a/config/web?api-version=1",
    f"{ARM}:443/SUBSCRIPTIONS/{SUB}/resources?%24skiptoken=a%2Fb%3D&api-version=1",
    f"{ARM}/subscriptions/{SUB}/providers/Microsoft.DocumentDB/locations/West%20US/x?api-version=1",
    f"{ARM}/subscriptions/{SUB}/resourceGroups/g/providers/Microsoft.ServiceBus/namespaces/n/topics/t/subscriptions/{OTHER}"
    "?api-version=1",
    f"{ARM}/subscriptions/{SUB}/resourceGroups/g/providers/Microsoft.ApiManagement/service/s/subscriptions/master?api-version=1",
    f"{ARM}/subscriptions/{SUB}/resourceGroups/g/providers/Microsoft.RecoveryServices/vaults/v/backupFabrics/Azure/"
    "protectionContainers/IaasVMContainer%3Biaasvmcontainerv2%3Brg%3Bvm?api-version=1",
    f"{ARM}/providers/Microsoft.Management/managementGroups/mg-root/subscriptions?api-version=2020-05-01",
    f"{ARM}/subscriptions/{SUB}/providers/Microsoft.Authorization/roleAssignments?$filter=atScope()&api-version=1",
    f"{GRAPH}/v1.0/users?$select=id,displayName&$filter=startswith(displayName,'a')",
    f"{GRAPH}/v1.0/subscriptions/{OTHER}",
    f"{GRAPH}/v1.0/policies/authorizationPolicy",
]


@pytest.mark.parametrize("url", READS)
def test_reads_pass(url: str) -> None:
    assert not stopped("GET", url, {"Accept": "application/json", "ConsistencyLevel": "eventual"})


@pytest.mark.parametrize("url", READS)
@pytest.mark.parametrize(
    "method", ["PUT", "PATCH", "DELETE", "POST", "HEAD", "OPTIONS", "TRACE", "CONNECT", "get", "QUERY"]
)
def test_no_other_method_passes(method: str, url: str) -> None:
    assert stopped(method, url)
    assert stopped(method, url, content=b"{}")


@pytest.mark.parametrize(
    "url",
    [
        f"http://management.azure.com/subscriptions/{SUB}/resources",
        f"https://management.azure.com:8443/subscriptions/{SUB}/resources",
        f"https://management.azure.com.evil.example/subscriptions/{SUB}/resources",
        f"https://evil.example/subscriptions/{SUB}/resources",
        f"https://management.azure.com@evil.example/subscriptions/{SUB}",
        f"https://management.azure.com:443@evil.example/subscriptions/{SUB}",
        f"https://me:pw@management.azure.com/subscriptions/{SUB}",
        f"https://management.azure.com\\@evil.example/subscriptions/{SUB}",
        f"https://management.azure.com./subscriptions/{SUB}",
        f"//management.azure.com/subscriptions/{SUB}",
        f"/subscriptions/{SUB}",
        "https://mystore.blob.core.windows.net/?comp=list",
        "https://myvault.vault.azure.net/secrets?api-version=7.4",
        "https://login.microsoftonline.com/common/oauth2/token",
        "https://management.usgovcloudapi.net/subscriptions",
        "https://",
        "",
    ],
)
def test_no_other_host_passes(url: str) -> None:
    assert stopped("GET", url)


@pytest.mark.parametrize(
    "path",
    [
        f"/subscriptions/{SUB}/../{OTHER}/resources",
        f"/subscriptions/{SUB}/%2e%2e/{OTHER}/resources",
        f"/subscriptions/{SUB}/.%2E/{OTHER}/resources",
        f"/subscriptions/{SUB}/..;/{OTHER}/resources",
        f"/subscriptions/{SUB}/./resources",
        f"/subscriptions/{SUB}/%20../{OTHER}",
        f"/subscriptions/{SUB}/..%20;a/{OTHER}",
        f"/subscriptions/{SUB}/.../resources",
        f"/subscriptions/{SUB}//resources",
        f"//subscriptions/{SUB}/resources",
        f"/subscriptions/{SUB}%2FresourceGroups",
        f"/subscriptions/{SUB}%5CresourceGroups",
        f"/subscriptions/{SUB}\\resourceGroups",
        f"/subscriptions/{SUB}%252f..",
        f"/subscriptions/{SUB}/a%00b",
        f"/subscriptions/{SUB}/a%0d%0ab",
        f"/subscriptions/{SUB}/a b",
        f"/subscriptions/{SUB}/a\nb",
        f"/subscriptions/{SUB}/ä",
        f"/subscriptions/{SUB}/resources#fragment",
        f"/subscriptions/{SUB}/%zz",
        f"/subscriptions/{SUB}/resources?a=b c",
        f"/subscriptions/{SUB}/resources?a=%0",
        f"/subscriptions/{SUB}/resources?_method=DELETE",
        f"/subscriptions/{SUB}/resources?%5fmeth%6fd=DELETE",
        f"/subscriptions/{SUB}/resources?X-HTTP-Method-Override=POST",
        "/$batch",
        "/v1.0/%24batch",
    ],
)
def test_no_odd_path_passes(path: str) -> None:
    assert stopped("GET", f"{ARM}{path}")
    assert stopped("GET", f"{GRAPH}/v1.0{path}")


@pytest.mark.parametrize(
    "path",
    [
        f"/subscriptions/{OTHER}/resources",
        f"/%73ubscriptions/{OTHER}/resources",
        f"/subscriptions/%39{OTHER[1:]}/resources",
        f"/Subscriptions/{OTHER}",
        "/subscriptions/not-an-id/resources",
        f"/subscriptions/{SUB}/providers/Microsoft.X/y/z/providers/Microsoft.Z/subscriptions/{OTHER}",
        f"/providers/Microsoft.Management/managementGroups/mg/subscriptions/{OTHER}",
        f"/providers/Microsoft.ServiceBus/namespaces/n/topics/t/subscriptions/{OTHER}",
        f"/providers/Microsoft.Billing/x/y/subscriptions/{OTHER}/z",
        f"/subscriptions/{SUB}/resources?$filter=id%20eq%20'/subscriptions/{OTHER}/x'",
        f"/subscriptions/{SUB}/resources?scope=%2Fsubscriptions%2F{OTHER}",
    ],
)
def test_no_subscription_outside_the_scope_is_named(path: str) -> None:
    assert stopped("GET", f"{ARM}{path}")


@pytest.mark.parametrize(
    "header",
    [
        "X-HTTP-Method-Override",
        "x-http-method",
        "X-Method-Override",
        "X-MS-Method",
        "If-Match",
        "Cookie",
        "Host",
        "Upgrade",
    ],
)
def test_no_header_that_could_change_the_meaning_passes(header: str) -> None:
    assert stopped("GET", READS[0], {header: "POST"})


def test_a_get_has_no_body() -> None:
    assert stopped("GET", READS[0], content=b"{}")


def query(**members: Any) -> bytes:
    return msgspec.json.encode({"subscriptions": [SUB], "query": "Resources | project id", **members})


@pytest.mark.parametrize(
    "content",
    [
        query(),
        query(subscriptions=[SUB.upper()]),
        query(options={"$skipToken": "t", "$top": 1000, "resultFormat": "objectArray"}),
    ],
)
def test_a_resource_graph_query_within_the_scope_passes(content: bytes) -> None:
    assert not stopped("POST", f"{ARM}{QUERY_PATH}", {"Content-Type": "application/json"}, content)
    assert not stopped("POST", f"{ARM}{QUERY_PATH.upper().replace('API-VERSION', 'api-version')}", None, content)


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"{}",
        b"null",
        b"[]",
        b"not json",
        query(subscriptions=[OTHER]),
        query(subscriptions=[SUB, OTHER]),
        query(subscriptions=[]),
        query(subscriptions=None),
        query(subscriptions=SUB),
        query(subscriptions=[{}]),
        query(query=None),
        query(managementGroups=["mg"]),
        query(facets=[]),
        query(options=None),
        query(options={"authorizationScopeFilter": "AtScopeAndAbove"}),
        query(options={"$top": {"x": 1}}),
        msgspec.json.encode({"query": "Resources"}),
        b'{"subscriptions":["%s"],"query":"Resources","subscriptions":["%s"]}' % (OTHER.encode(), SUB.encode()),
        query().replace(b":", b": "),
    ],
)
def test_no_other_resource_graph_body_passes(content: bytes | None) -> None:
    assert stopped("POST", f"{ARM}{QUERY_PATH}", None, content)


@pytest.mark.parametrize(
    "scope",
    [
        f"/subscriptions/{SUB}",
        f"/subscriptions/{SUB}/resourceGroups/rg",
        f"/subscriptions/{SUB}/resourceGroups/rg/providers/Microsoft.Sql/servers/s/databases/d",
    ],
)
@pytest.mark.parametrize("action", ["queryResults", "summarize"])
def test_policy_states_pass(scope: str, action: str) -> None:
    url = f"{ARM}{scope}{STATES}/{action}?api-version=2019-10-01&$top=5&%24skiptoken=x"
    assert not stopped("POST", url)
    assert not stopped("POST", url, None, b"{}")
    assert stopped("POST", url, None, b'{"a":1}')
    assert stopped("POST", url + "&$foo=1")


@pytest.mark.parametrize(
    "path",
    [
        f"/subscriptions/{OTHER}{STATES}/queryResults",
        f"{STATES}/queryResults",
        f"/providers/Microsoft.Management/managementGroups/mg{STATES}/queryResults",
        f"/subscriptions/{SUB}/providers/Microsoft.PolicyInsights/policyStates/default/queryResults",
        f"/subscriptions/{SUB}/providers/Microsoft.PolicyInsights/policyStates/latest/triggerEvaluation",
        f"/subscriptions/{SUB}{STATES}/queryResults/x",
        f"/subscriptions/{SUB}/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/a/listKeys",
        f"/subscriptions/{SUB}/resourceGroups/rg/providers/Microsoft.Web/sites/a/config/appsettings/list",
        f"/subscriptions/{SUB}/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/a/listClusterUserCredential",
        f"/subscriptions/{SUB}/providers/Microsoft.Storage/register",
        "/providers/Microsoft.ResourceGraph/resources/x",
        "/providers/Microsoft.ResourceGraph/resourcesHistory",
        "/x/providers/Microsoft.ResourceGraph/resources",
        f"/subscriptions/{SUB}/providers/x/y/z%2f{STATES}/queryResults",
    ],
)
def test_no_other_post_passes(path: str) -> None:
    for content in (None, b"{}", query()):
        assert stopped("POST", f"{ARM}{path}?api-version=1", None, content)


def test_graph_takes_no_post_at_all() -> None:
    assert stopped("POST", f"{GRAPH}{QUERY_PATH}", None, query())
    assert stopped("POST", f"{GRAPH}/v1.0/directoryObjects/getByIds", None, b"{}")


def test_the_list_of_posts_is_short_and_frozen() -> None:
    assert len(POSTS) == 2
    assert isinstance(POSTS, tuple)


# -- fuzz: what passes is GET or an entry of the list, on a host of the cloud, within the scope ----------------------

METHODS = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "get", "post", "POST ", "MERGE"]) | st.text(
    max_size=8
)
WORDS = (
    "subscriptions Subscriptions resourceGroups rg providers a list Microsoft.Storage storageAccounts listKeys "
    "register Microsoft.ResourceGraph resources latest Microsoft.PolicyInsights policyStates queryResults summarize "
    ".. . %2e%2e %2F %5c %25 $batch v1.0 \\ config Microsoft.ServiceBus topics managementGroups users"
)
PIECES = st.sampled_from([SUB, SUB.upper(), OTHER, "", " ", *WORDS.split()]) | st.text(max_size=5)
PATHS = st.lists(PIECES, max_size=12).map(lambda parts: "/" + "/".join(parts)) | st.sampled_from(
    [
        QUERY_PATH.partition("?")[0],
        f"/subscriptions/{SUB}{STATES}/queryResults",
        f"/subscriptions/{OTHER}{STATES}/summarize",
    ]
)
ORIGINS = st.sampled_from(
    [ARM, GRAPH, f"{ARM}:443", "http://management.azure.com", "https://evil.example", f"{ARM}@evil.example"]
)
QUERIES = st.sampled_from(["", "?api-version=1", f"?s=/subscriptions/{OTHER}", "?_method=PUT", "?$top=1"]) | st.text(
    max_size=10
).map("?{}".format)
HEADERS = st.dictionaries(
    st.sampled_from(["Accept", "Authorization", "X-HTTP-Method-Override", "x-ms-client-request-id", "Prefer"])
    | st.text("abX-", min_size=1, max_size=6),
    st.just("v"),
    max_size=2,
)
BODIES = (
    st.none()
    | st.sampled_from([b"{}", query(), query(subscriptions=[OTHER]), query(managementGroups=["x"])])
    | st.binary(max_size=6)
)


@settings(max_examples=1500, deadline=None)
@given(METHODS, ORIGINS, PATHS, QUERIES, HEADERS, BODIES)
@example("GET", ARM, f"/subscriptions/{SUB}/resources", "?api-version=1", {}, None)
@example("POST", ARM, QUERY_PATH.partition("?")[0], "?api-version=1", {}, query())
def test_only_reads_ever_pass(
    method: str, origin: str, path: str, search: str, headers: dict[str, str], content: bytes | None
) -> None:
    url = f"{origin}{path}{search}"
    if stopped(method, url, headers, content):
        return
    decoded = unquote(path).lower()
    assert origin.removesuffix(":443") in (ARM, GRAPH)
    assert ".." not in decoded.split("/") and "//" not in decoded and "\\" not in decoded and "%" not in decoded
    assert "$batch" not in decoded
    assert not any("override" in header.lower() for header in headers)
    if origin != GRAPH:
        assert not decoded.startswith(f"/subscriptions/{OTHER}")
        assert OTHER not in search
    if method == "POST":
        assert origin != GRAPH
        is_query = decoded == "/providers/microsoft.resourcegraph/resources"
        assert is_query or re.search(r"/policystates/latest/(queryresults|summarize)\Z", decoded)
        assert OTHER.encode() not in (content or b"")
        assert not is_query or msgspec.json.decode(content or b"")["subscriptions"] == [SUB]
    else:
        assert method == "GET"
        assert not content


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=40))
def test_any_escaping_of_any_segment_is_stopped_or_harmless(text: str) -> None:
    url = f"{ARM}/subscriptions/{SUB}/resourceGroups/{quote(text, safe='')}/resources"
    is_harmful = not text or text.lower() == "$batch" or re.search(r"[/\\%\x00-\x1f\x7f]", text)
    is_harmful = is_harmful or re.match(r"[ .]*\.[ .]*(;|\Z)", text)
    assert stopped("GET", url) == bool(is_harmful)


def test_whose_host_it_is() -> None:
    assert is_of(f"{ARM}/x", CLOUD, "arm") and not is_of(f"{ARM}/x", CLOUD, "graph")
    assert is_of("HTTPS://Management.Azure.Com:443/x", CLOUD, "arm")
    assert is_of(f"{GRAPH}/v1.0", CLOUD, "graph") and not is_of(f"{GRAPH}/v1.0", CLOUD, "arm")
    assert not is_of("https://other/x", CLOUD, "arm")


def test_one_host_for_both_keeps_to_the_rules_of_arm() -> None:
    both = replace(CLOUD, graph=ARM)
    assert is_of(f"{ARM}/x", both, "arm") and is_of(f"{ARM}/x", both, "graph")
    with pytest.raises(GuardError):
        check(HttpRequest("GET", f"{ARM}/subscriptions/{OTHER}/resources"), both, SCOPE)


def test_what_a_subscription_is() -> None:
    assert is_subscription(SUB) and not is_subscription(SUB + "\n") and not is_subscription("x")
