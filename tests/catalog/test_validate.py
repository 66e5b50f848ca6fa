from __future__ import annotations

from typing import Any

import pytest

from azscan.catalog.kinds import Name, Table
from azscan.catalog.tables import CHECK, MAPPING, SERVICE

from .conftest import CHECK as CHECK_TEXT
from .conftest import MAPPING as MAPPING_TEXT
from .conftest import SERVICE as SERVICE_TEXT
from .conftest import Inspect

S = "checks/storage/_service.yaml"
C = "checks/storage/storage-https-only.yaml"
M = "mappings/iso-27001-2022.yaml"
TEXTS = {S: SERVICE_TEXT, C: CHECK_TEXT, M: MAPPING_TEXT}


def place(file: str, text: str, of: str) -> tuple[int, int]:
    """Line and column of `of` in the text."""
    before = text[: text.index(of)]
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def test_the_small_catalogue_has_no_fault(small: Inspect) -> None:
    catalog, faults = small(strict=True)
    assert faults == ()
    check = catalog.checks["storage-https-only"]
    assert (check.service, check.area, check.subject, check.file, check.line) == (
        "storage", "data-security", "storage_account", C, 1,
    )  # fmt: skip
    assert check.fix.cli.startswith("az storage account update")
    assert check.examples.failing == ({"properties": {"supportsHttpsTrafficOnly": False}}, {"properties": {}})
    service = catalog.services["storage"]
    assert list(service.collections) == ["storage_account", "blob_service", "container", "endpoint"]
    blob = catalog.collections["blob_service"]
    assert (blob.of, blob.presence, blob.attach_as, blob.is_singleton) == (
        ("storage_account",), "parent", "blob_service", True,
    )  # fmt: skip
    assert catalog.collections["storage_account"].api == {"": "2024-01-01"}
    assert [control.checks for control in catalog.frameworks["iso-27001-2022"].controls] == [
        ("storage-https-only",), (),
    ]  # fmt: skip


# file, what is replaced, by what, where the fault stands (a text of the new file, or "" for the file's start),
# the beginning of the fault's message, and a part of its hint where it has one
BROKEN: list[tuple[str, ...]] = [
    # the shape of files
    (S, "title:", "titel:", "titel:", "a service has no key titel", "title"),
    (S, "title: Storage accounts\n", "", "", "a service lacks the key title"),
    (S, "area: data-security", "area: data", "area:", "area cannot be data", "data-security"),
    (S, "service: storage\n", "service: storages\n", "service:", "the service is called storages, its folder storage"),
    (S, "format: 1", "format: 2", "format:", "format 2 needs a later azscan; this one reads format 1", "update azscan"),
    (S, "format: 1", "format: one", "format:", "format must be 1, not the text 'one'"),
    (S, SERVICE_TEXT, "[]", "", "a service must be a mapping, not a list"),
    (S, "  storage_account:\n    type", "  StorageAccount:\n    type", "StorageAccount:",
     "the name StorageAccount must be snake_case (storage_account)"),
    # collections
    (S, '    get: "{id}/blobServices/default"\n', "", "blob_service:",
     "a collection has exactly one of list, get and query_kql; here is none"),
    (S, '    get: "{id}/blobServices/default"\n', '    list: "{id}/x"\n    get: "{id}/y"\n', "blob_service:",
     "a collection has exactly one of list, get and query_kql; here is list and get"),
    (S, 'blobServices\n    api: "2024-01-01"\n', "blobServices\n", "blob_service:", "a collection lacks the key api"),
    (S, 'blobServices\n    api: "2024-01-01"\n', "blobServices\n    api: 2024\n", "api: 2024",
     "api must be an api-version (2024-01-01), not the number 2024", "quotes"),
    (S, 'blobServices\n    api: "2024-01-01"\n', "blobServices\n    api: {AzureCloud: 2024-01-01}\n", "api: {",
     "the map lacks the entry default, for all other clouds"),
    (S, 'blobServices\n    api: "2024-01-01"\n', "blobServices\n    api: {AzureClod: 2024-01-01}\n", "AzureClod",
     "the name AzureClod must be a cloud, or default"),
    (S, "of: storage_account\n    get", "of: storage_acount\n    get", "of: storage_acount",
     "there is no collection storage_acount", "storage_account"),
    (S, "of: storage_account\n    get", "of: blob_service\n    get", "of: blob_service",
     "blob_service would be its own ancestor"),
    (S, '"{id}/blobServices/default"\n', '"{ids}/blobServices/default"\n', "get:",
     "get must be a path that begins with / or {id}, not the text '{ids}/blobServices/default'"),
    (S, '"{id}/blobServices/default"\n', '"{id}/{ids}/default"\n', "get:", "{ids} is not known in a path", "id"),
    (S, '"{id}/blobServices/default"\n', '"{id}/{location}/default"\n', "get:",
     "{location} has no value here", "per: location"),
    (S, '"{id}/blobServices/default"\n', '"{id}/../default"\n', "get:", "a path has no .., // or single braces"),
    (S, '"{id}/blobServices/default"\n', '"{id}/x?a=b"\n', "get:",
     "get must be a path that begins with / or {id}, not the text '{id}/x?a=b'", "query"),
    (S, '"{id}/blobServices/default"\n', "/blobServices/default\n", "get:",
     "the path of a child contains its parent's {id}"),
    (S, "    presence: listed\n    links", "    presence: lister\n    links", "presence: lister",
     "presence cannot be lister", "listed"),
    (S, "    presence: listed\n    links", "    presence: parent\n    links", "presence: parent",
     "presence: parent needs a parent", "of:"),
    (S, "    as: containers\n", "    as: properties\n", "container:",
     "the name properties would hide Azure's own properties", "as:"),
    (S, "    as: containers\n", "    as: blob_service\n", "container:",
     "storage_account carries something of blob_service as blob_service already"),
    (S, "    as: containers\n", "    as: endpoints\n", "container:",
     "storage_account carries something of storage_account as endpoints already"),
    (S, "    as: containers\n", "    as: containers\n    detail: {get: '{id}', wen: {}}\n", "wen:",
     "detail has no key wen", "when"),
    (S, "    as: containers\n", "    as: containers\n    version: beta\n", "version:",
     "version is only for host: graph"),
    (S, "    as: containers\n", "    as: containers\n    per: location\n", "list: \"{id}",
     "per: location needs {location} in the path"),
    (S, "collection: endpoint", "collection: endpont", "collection: endpont",
     "there is no collection endpont", "endpoint"),
    (S, "to: properties.target.id", "to: properties..id", "to: properties..id",
     "properties..id is not the path of a property"),
    (S, "match: id", "match: ids", "match: ids", "match cannot be ids", "id"),
    (S, "when: {field: kind, notEquals: FileStorage, default: Storage}", "when: {field: kind, notEqual: x}",
     "notEqual: x", "unknown operator 'notEqual'", "notEquals"),
    (S, "when: {field: kind,", "when: {field: containers.kind,", "when:",
     "containers is not read yet where this is judged"),
    (S, "from: id", "from: containers[*].id", "from: containers",
     "containers is not read yet where the link is followed"),
    # checks
    (C, "severity: high", "severity: hihg", "severity:", "severity cannot be hihg", "high"),
    (C, "severity: high", "severity: high\nseverity: low", "severity: low",
     "the key severity stands here a second time", "line 3"),
    (C, "status: stable", "status: on", "status:", "status cannot be on"),
    (C, "subject: storage_account", "subject: storage_acount", "subject:", "there is no collection storage_acount",
     "storage_account"),
    (C, "id: storage-https-only", "id: storage-https", "id:",
     "the check is called storage-https, its file storage-https-only.yaml"),
    (C, "id: storage-https-only", "id: Storage_Https", "id:",
     "id must be kebab-case (storage-https-only), not the text 'Storage_Https'"),
    (C, "title: Storage account accepts only encrypted connections", "title: 5", "title:",
     "title must be text, not the number 5", "quotes"),
    (C, "title: Storage account accepts only encrypted connections", "title:", "title:",
     "title must be text, not empty"),
    (C, "title: Storage account accepts only encrypted connections", 'title: "a\\u001b[31mb"', "title:",
     "title holds a control character"),
    (C, "title: Storage account accepts only encrypted connections", f"title: {'x' * 121}", "title:",
     "title has 121 characters; 120 are allowed"),
    (C, "  equals: true", "  equal: true", "equal:", "unknown operator 'equal'", "equals"),
    (C, "require:\n  field", "params: {days: 90}\nrequire:\n  field", "days: 90",
     "the parameter days is not used", "${days}"),
    (C, "equals: true\n", "equals: ${dayz}\n", "equals:", "unknown parameter 'dayz'"),
    (C, "require:\n  field: properties.supportsHttpsTrafficOnly\n  equals: true\n",
     "require:\n  every: {in: containers, where: {field: a, equals: 1}}\n", "every:",
     "every must say what an empty list means", "whenEmpty"),
    (C, "field: properties.supports", "field: container.properties.supports", "field: container",
     "storage_account carries container under another name", "containers"),
    (C, "field: properties.supports", "field: blob_services.properties.supports", "field: blob_services",
     "nothing is attached to storage_account as blob_services", "blob_service"),
    (C, "field: properties.supports", "field: storage_accounts.x", "field: storage_accounts",
     "storage_accounts is not attached to storage_account", "subscription"),
    (C, "field: properties.supports", "field: endpoint.x", "field: endpoint",
     "storage_account carries endpoint under another name", "endpoints"),
    (C, "{id} --https-only", "{ids} --https-only", "cli:", "{ids} is not known in a command", "id"),
    (C, "{id} --https-only", "'{id}' --https-only", "cli:", "{id} stands inside quotes, or after", "leave them out"),
    (C, "policy: [404c", "policy: [404C", "404C",
     "policy must be the id of a built-in policy, in lower case, not the text '404C3081-a854-4457-ae30-26a93ef643f9'"),
    (C, "refs: [https:", "refs: [http:", "http:", "refs must be an https address"),
    (C, "refs: [https://learn.microsoft.com/azure/storage/common/storage-require-secure-transfer]", "refs: x", "refs:",
     "refs must be a list, not the text 'x'"),
    (C, "  pass: [{properties: {supportsHttpsTrafficOnly: true}}]\n", "", "examples:", "examples lacks the key pass"),
    (C, "  fail: [{properties: {supportsHttpsTrafficOnly: false}}, {properties: {}}]\n", "  fail: []\n", "fail:",
     "fail needs at least 1 item"),
    (C, "  fail: [{properties: {supportsHttpsTrafficOnly: false}}, {properties: {}}]\n", "  fail: [1]\n", "1]",
     "fail holds documents (mappings), not the number 1"),
    (C, "{properties: {}}]\n", "{properties: {}}]\n  not-applicable: [{}]\n", "not-applicable:",
     "nothing makes this check not applicable", "applies"),
    (C, "{properties: {}}]\n", "{containers: {}}]\n", "containers:", "containers is attached as a list of documents"),
    (C, "{properties: {}}]\n", "{blob_service: []}]\n", "blob_service:", "blob_service is attached as a document"),
    (C, "{properties: {}}]\n", "{container: []}]\n", "container:",
     "storage_account carries container under another name", "containers"),
    (C, "why: >-\n  Over plain HTTP anyone on the path can read or change data.\n", "", "", "a check lacks the key why",
     "What goes wrong in practice"),
    (C, "fix:\n  text", "fix:\n  txt", "txt:", "fix has no key txt", "text"),
    # frameworks
    (M, "checks: [storage-https-only]", "checks: [storage-http-only]", "storage-http-only",
     "there is no check storage-http-only", "storage-https-only"),
    (M, "framework: iso-27001-2022", "framework: iso-27001-2013", "framework:",
     "the framework is called iso-27001-2013, its file iso-27001-2022.yaml"),
    (M, "id: A.7.4", "id: A.8.24", "id: A.8.24\n    title: Rooms", "the control A.8.24 stands here a second time"),
    (M, "id: A.7.4", "id: 7.4", "id: 7.4", "id must be the control's id as the standard writes it, not the number 7.4",
     "quotes"),
    (M, "    manual: Azure does not know the customer's rooms.\n", "", "id: A.7.4",
     "control A.7.4 has neither checks nor manual", "checks: []"),
    (M, "[storage-https-only]", "[storage-https-only, storage-https-only]", "storage-https-only]",
     "storage-https-only stands under this control twice"),
    (M, "[storage-https-only]", "[{basis: curated, checks: [storage-https-only]}]", "{basis",
     "a curated group lacks the key reason", "say why"),
    (M, "[storage-https-only]", "[{basis: microsoft, strength: full, checks: [storage-https-only]}]", "full",
     "strength cannot be full", "direct"),
    (M, "[storage-https-only]", "[{basis: microsoft, checks: [storage-http-only]}]", "storage-http-only",
     "there is no check storage-http-only", "storage-https-only"),
    (M, "[storage-https-only]", "[storage-https-only]\n    left-out: [{reason: No., checks: [storage-https-only]}]",
     "left-out:", "storage-https-only stands under this control twice"),
]  # fmt: skip


@pytest.mark.parametrize("case", BROKEN, ids=[case[4][:50] for case in BROKEN])
def test_a_fault_is_found_where_it_stands(small: Inspect, case: tuple[str, ...]) -> None:
    file, old, new, at, message, hint = (*case, "")[:6]
    assert old in TEXTS[file]
    text = TEXTS[file].replace(old, new, 1)
    assert text != TEXTS[file]
    _, faults = small({file: text})
    found = [fault for fault in faults if fault.message.startswith(message)]
    assert found, [str(fault) for fault in faults]
    (fault,) = found
    assert fault.file == file
    if at:
        line, _ = place(file, text, at)
        assert fault.line == line
    assert hint in fault.hint


def test_an_id_without_a_parent_has_no_value(small: Inspect) -> None:
    text = SERVICE_TEXT.replace(
        "/subscriptions/{subscriptionId}/providers/Microsoft.Network/privateEndpoints", '"{id}/x"'
    )
    _, faults = small({S: text})
    assert [(fault.message, fault.hint) for fault in faults] == [("{id} has no value here", "it comes with of:")]


def test_all_faults_of_all_files_come_at_once(small: Inspect) -> None:
    _, faults = small(
        {
            S: SERVICE_TEXT.replace("area: data-security", "area: nowhere"),
            C: CHECK_TEXT.replace("severity: high", "severity: huge").replace("equals: true", "equls: true"),
            M: MAPPING_TEXT.replace("source:", "sauce:"),
        }
    )
    assert [fault.file for fault in faults] == sorted([S, C, C, M, M])
    assert list(faults) == sorted(faults)


def test_a_service_that_cannot_be_parsed_blames_none_of_its_checks(small: Inspect) -> None:
    _, faults = small(
        {S: "service: [", "checks/other/other-x.yaml": CHECK_TEXT.replace("storage-https-only", "other-x")}
    )
    assert [fault.file for fault in faults] == [S]


def test_a_check_that_cannot_be_parsed_is_still_known_to_a_framework(small: Inspect) -> None:
    _, faults = small({C: "id: ["})
    assert [fault.file for fault in faults] == [C]


def test_a_folder_without_a_service_is_a_fault(small: Inspect) -> None:
    text = CHECK_TEXT.replace("storage-https-only", "storge-x")
    _, faults = small({"checks/storge/storge-x.yaml": text})
    assert [(fault.message, fault.hint) for fault in faults] == [
        ("the folder storge is no service", "did you mean storage?")
    ]


class TestIds:
    def test_an_id_begins_with_its_service_or_a_prefix(self, small: Inspect) -> None:
        text = CHECK_TEXT.replace("storage-https-only", "blob-https-only")
        other = "checks/storage/blob-https-only.yaml"
        _, faults = small({other: text})
        assert [fault.message for fault in faults] == ["the id begins with its service: storage-"]
        _, faults = small({other: text, S: SERVICE_TEXT.replace("collections:", "prefix: blob\ncollections:")})
        assert faults == ()

    def test_a_prefix_belongs_to_one_service(self, small: Inspect) -> None:
        more = "service: network\ntitle: Networks\narea: network\nprefix: [storage]\n"
        _, faults = small({"checks/network/_service.yaml": more})
        assert [fault.message for fault in faults] == ["the prefix storage belongs to the service network"]

    def test_an_alias_is_as_unique_as_an_id(self, small: Inspect) -> None:
        other = CHECK_TEXT.replace("storage-https-only", "storage-b").replace(
            "subject:", "aliases: [storage-https-only, storage-old]\nsubject:"
        )
        third = other.replace("storage-b", "storage-c").replace("[storage-https-only, ", "[")
        _, faults = small({"checks/storage/storage-b.yaml": other, "checks/storage/storage-c.yaml": third})
        assert [(fault.file, fault.message) for fault in faults] == [
            ("checks/storage/storage-b.yaml", "the id storage-https-only is taken"),
            ("checks/storage/storage-c.yaml", "the id storage-old is taken"),
        ]

    def test_a_framework_may_name_a_check_by_its_alias(self, small: Inspect) -> None:
        catalog, faults = small(
            {
                C: CHECK_TEXT.replace("subject:", "aliases: [storage-secure-transfer]\nsubject:"),
                M: MAPPING_TEXT.replace("[storage-https-only]", "[storage-secure-transfer]"),
            }
        )
        assert faults == ()
        assert catalog.frameworks["iso-27001-2022"].controls[0].checks == ("storage-https-only",)


class TestStrict:
    def test_the_order_of_keys_is_fixed(self, small: Inspect) -> None:
        text = CHECK_TEXT.replace("severity: high\nstatus: stable\n", "status: stable\nseverity: high\n")
        assert small({C: text})[1] == ()
        (fault,) = small({C: text}, strict=True)[1]
        assert (fault.line, fault.message) == (4, "the key severity stands before status")

    def test_it_reaches_every_level(self, small: Inspect) -> None:
        text = SERVICE_TEXT.replace("    as: containers\n", "").replace(
            '    list: "{id}/blobServices', '    as: containers\n    list: "{id}/blobServices'
        )
        (fault,) = small({S: text}, strict=True)[1]
        assert fault.message == "the key list stands before as"


class TestPaths:
    LINKED = (
        SERVICE_TEXT
        + """\
    links:
      account: {collection: storage_account, from: properties.target.id, to: id, match: id}
"""
    )

    def check(self, field: str) -> dict[str, str | bytes | None]:
        return {
            S: self.LINKED,
            C: CHECK_TEXT.replace("field: properties.supportsHttpsTrafficOnly", f"field: {field}"),
        }

    def test_three_links_may_be_followed(self, small: Inspect) -> None:
        assert small(self.check("endpoints.account.endpoints.properties.x"))[1] == ()

    def test_a_fourth_may_not(self, small: Inspect) -> None:
        (fault,) = small(self.check("endpoints.account.endpoints.account.properties.x"))[1]
        assert fault.message == "the path follows more than 3 links"
        assert fault.line == 7

    def test_a_path_is_followed_into_what_is_attached(self, small: Inspect) -> None:
        (fault,) = small(self.check("endpoints.blob_service.properties.x"))[1]
        assert (fault.message, fault.hint) == (
            "blob_service is not attached to endpoint", "it is attached to storage_account",
        )  # fmt: skip

    def test_children_are_not_links(self, small: Inspect) -> None:
        assert small(self.check("endpoints.account.endpoints.account"))[1] != ()
        assert small(self.check("endpoints.account.blob_service.properties.x"))[1] == ()

    def test_what_azure_lists_itself_is_attached_to_a_subscription(self, small: Inspect) -> None:
        changes = self.check("x")
        text = changes[C]
        assert isinstance(text, str)
        body = "require:\n  some: {in: resources, where: {field: location, equals: westeurope}}\nwhy:"
        text = text.replace("subject: storage_account", "subject: subscription")
        text = text[: text.index("require:")] + body + text[text.index("why:") + 4 :]
        assert small({C: text})[1] == ()
        (fault,) = small({C: text.replace("in: resources", "in: resource")})[1]
        assert fault.message == "subscription carries resource under another name"

    def test_a_wire_property_may_be_called_like_a_collection(self, small: Inspect) -> None:
        more = """\
service: places
title: Places
area: governance
collections:
  location:
    type: Microsoft.Resources/locations
    api: "2022-12-01"
    list: /subscriptions/{subscriptionId}/locations
    as: locations
"""
        assert small(self.check("location") | {"checks/places/_service.yaml": more})[1] == ()


class TestGraph:
    GRAPH = """\
service: entra
title: Entra ID
area: identity
collections:
  user:
    type: Microsoft.Graph/users
    host: graph
    version: v1.0
    list: /users
    query: {$select: "id,displayName", $count: true, $top: 999}
    headers: {ConsistencyLevel: eventual}
    as: users
    permission: [User.Read.All, Directory.Read.All]
    licence: P1
  member:
    type: Microsoft.Graph/directoryRoles/members
    host: graph
    of: user
    list: /users/{id}/members
    as: members
    permission: User.Read.All
"""
    FILE = "checks/entra/_service.yaml"

    def test_its_keys_are_understood(self, small: Inspect) -> None:
        catalog, faults = small({self.FILE: self.GRAPH}, strict=True)
        assert faults == ()
        user = catalog.collections["user"]
        assert user.query == {"$select": "id,displayName", "$count": "true", "$top": "999"}
        assert user.permission == ("User.Read.All", "Directory.Read.All")
        assert (user.host, user.version, user.api, user.licence) == ("graph", "v1.0", {"": ""}, "P1")

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("version: v1.0", 'api: "2024-01-01"', "Microsoft Graph has no api-version"),
            ("    permission: User.Read.All\n", "", "a Graph read names the permission that it needs"),
            ("permission: User.Read.All", "permission: [read everything]", "permission must be a Graph permission"),
        ],
    )
    def test_what_does_not_fit_is_a_fault(self, small: Inspect, old: str, new: str, message: str) -> None:
        (fault,) = small({self.FILE: self.GRAPH.replace(old, new)})[1]
        assert fault.message.startswith(message)


def test_not_applicable_may_come_from_an_empty_list(small: Inspect) -> None:
    body = """\
require:
  every:
    in: containers
    where: {field: properties.publicAccess, equals: None}
    whenEmpty: not-applicable
"""
    text = CHECK_TEXT.replace("require:\n  field: properties.supportsHttpsTrafficOnly\n  equals: true\n", body)
    text += "  not-applicable: [{containers: []}]\n"
    assert small({C: text})[1] == ()


def test_parameters_may_be_lists(small: Inspect) -> None:
    text = CHECK_TEXT.replace("require:", "params: {kinds: [A, B]}\nrequire:").replace("equals: true", "in: ${kinds}")
    catalog, faults = small({C: text}, strict=True)
    assert faults == ()
    assert catalog.checks["storage-https-only"].params == {"kinds": ["A", "B"]}


def test_the_api_may_differ_by_cloud(small: Inspect) -> None:
    old = 'containers\n    api: "2024-01-01"'
    new = "containers\n    api: {AzureChinaCloud: 2023-01-01, default: 2024-01-01}"
    catalog, faults = small({S: SERVICE_TEXT.replace(old, new)})
    assert faults == ()
    assert catalog.collections["container"].api == {"AzureChinaCloud": "2023-01-01", "": "2024-01-01"}


def test_detail_may_have_its_own_condition(small: Inspect) -> None:
    detail = "    as: containers\n    detail: {get: '{id}', query: {$expand: x}, when: {field: kind, equals: a}}\n"
    catalog, faults = small({S: SERVICE_TEXT.replace("    as: containers\n", detail)}, strict=True)
    assert faults == ()
    container = catalog.collections["container"]
    assert (container.detail, container.detail_query) == ("{id}", {"$expand": "x"})
    assert container.detail_when == {"field": "kind", "equals": "a"}


def tables(table: Table) -> list[Table]:
    """The table and those below it."""
    found = [table]
    for key in table.keys.values():
        kinds: list[Any] = [key.kind]
        while kinds:
            kind = kinds.pop()
            if isinstance(kind, Table):
                found += tables(kind)
            kinds += [getattr(kind, name) for name in ("kind", "scalar", "container") if hasattr(kind, name)]
    return found


@pytest.mark.parametrize("table", tables(SERVICE) + tables(CHECK) + tables(MAPPING), ids=lambda table: table.what)
def test_every_key_says_what_it_is_for(table: Table) -> None:
    assert all(key.words and not key.words.endswith(".") for key in table.keys.values())


@pytest.mark.parametrize("pattern", ["(a+)+$", "a"])
def test_a_name_matches_as_a_whole(pattern: str) -> None:
    assert Name(pattern, "x").match("a") and not Name(pattern, "x").match("a b")
