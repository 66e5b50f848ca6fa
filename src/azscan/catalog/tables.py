"""The one table of the catalogue's keys: the walker, the JSON Schemas and `checks new` all read it.

The order of the keys is the order in which they are to be written.
"""

from __future__ import annotations

from azscan.catalog.kinds import (
    Condition,
    Document,
    Either,
    Flag,
    Format,
    Key,
    Many,
    MapOf,
    Name,
    Scalar,
    Table,
    Text,
    Word,
)
from azscan.catalog.model import AREAS
from azscan.results import SEVERITIES

FORMAT = 1
CLOUDS = ("AzureCloud", "AzureUSGovernment", "AzureChinaCloud")
OTHER_CLOUDS = "default"
STATUSES = ("experimental", "stable", "deprecated")

_KEBAB = r"[a-z0-9]+(?:-[a-z0-9]+)*"

CHECK_ID = Name(_KEBAB, "kebab-case (storage-https-only)")
SERVICE_NAME = Name(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*", "kebab-case (key-vault)")
FRAMEWORK_NAME = Name(r"[a-z0-9]+(?:[.-][a-z0-9]+)*", "lower case with dots and hyphens (cis-azure-5.0)")
COLLECTION_NAME = Name(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*", "snake_case (storage_account)")
PARAMETER = Name(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*", "lower case (days)")
CONTROL_ID = Name(r"\S(?:.*\S)?", "the control's id as the standard writes it", "put quotes around a number")
TYPE = Name(
    r"[A-Za-z][A-Za-z0-9.]*(?:/[A-Za-z0-9_.@$-]+)+", "a resource type (Microsoft.Storage/storageAccounts)"
)  # fmt: skip
API_VERSION = Name(
    r"\d{4}-\d{2}-\d{2}(?:-[a-z]+(?:\.\d+)?)?", "an api-version (2024-01-01)", 'put it in quotes: "2024-01-01"'
)  # fmt: skip
TEMPLATE = Name(
    r"(?:/|\{id\})[^\s?#%\\]*", "a path that begins with / or {id}", "query parameters stand under query"
)  # fmt: skip
PROPERTY = Name(r"\S(?:.*\S)?", "the path of a property (properties.targetResourceId)")
CODE = Name(r"[A-Za-z][A-Za-z0-9_.-]*", "an error code (ResourceNotFound)")
ACTION = Name(
    r"[A-Za-z][A-Za-z0-9.]*(?:/[A-Za-z0-9_.@$*-]+)+/(?:read|action)", "an RBAC action that ends in /read or /action"
)  # fmt: skip
PERMISSION = Name(r"[A-Za-z][A-Za-z0-9-]*(?:\.[A-Za-z0-9-]+)+", "a Graph permission (Policy.Read.All)")
HEADER = Name(r"[A-Za-z][A-Za-z0-9-]*", "a header's name (ConsistencyLevel)")
QUERY = Name(r"\$?[A-Za-z][A-Za-z0-9_.-]*", "a query parameter ($expand)")
# One built-in policy has a k in its id (17k78e20-9358-41c9-923c-fb736d382a12), so these are not quite GUIDs.
POLICY_ID = Name(
    r"[0-9a-z]{8}(?:-[0-9a-z]{4}){3}-[0-9a-z]{12}", "the id of a built-in policy, in lower case"
)  # fmt: skip
URL = Name(r"https://[^\s/]+(?:/\S*)?", "an https address")
LINE = Text(lines=False, limit=120)
QUERY_MAP = MapOf(QUERY, Scalar(as_text=True))

LINK = Table(
    "a link",
    Key("collection", COLLECTION_NAME, True, "The collection whose records are attached"),
    Key("from", PROPERTY, True, "The property of this document that is compared"),
    Key("to", PROPERTY, True, "The property of the linked record that is compared"),
    Key("match", Word("equals", "id", "idPrefix", "scopeContains"), False, "How the two compare (default equals)"),
    Key("across", Word("subscription", "scope", "tenant"), False, "Where records are looked for"),
    Key("many", Flag(), False, "true attaches a list; otherwise the one record, or nothing"),
)

DETAIL = Table(
    "detail",
    Key("get", TEMPLATE, True, "The read of each listed item, merged over it"),
    Key("query", QUERY_MAP, False, "Query parameters of that read"),
    Key("when", Condition(), False, "Only items for which this is true are read"),
)

COLLECTION = Table(
    "a collection",
    Key("type", TYPE, True, "The resource type, as Azure writes it"),
    Key("host", Word("arm", "graph"), False, "Which API answers (default arm)"),
    Key("version", Word("v1.0", "beta"), False, "Microsoft Graph's version (default v1.0)"),
    Key(
        "api",
        Either(API_VERSION, MapOf(Name("|".join((*CLOUDS, OTHER_CLOUDS)), "a cloud, or default"), API_VERSION)),
        False,
        "The api-version, or one for each cloud with `default` for all others",
    ),
    Key("of", Many(COLLECTION_NAME, or_one=True, at_least=1), False, "The parent, or a list of parents"),
    Key("list", TEMPLATE, False, "The path of a list"),
    Key("get", TEMPLATE, False, "The path of a single record"),
    Key("query_kql", Text(), False, "A Resource Graph query"),
    Key("query", QUERY_MAP, False, "Query parameters ($expand, $select, statusOnly)"),
    Key("headers", MapOf(HEADER, Scalar(as_text=True)), False, "Headers that Microsoft Graph asks for"),
    Key("per", Word("location", "resource_group"), False, "One read for each region or group in use"),
    Key("as", COLLECTION_NAME, False, "The name under which the parent carries it (default the collection's)"),
    Key("key", PROPERTY, False, "The property by which a list is attached as a map"),
    Key("presence", Word("listed", "always", "parent"), False, "How it is known that there is something to read"),
    Key("when", Condition(), False, "Only parents for which this is true are asked"),
    Key("detail", Either(TEMPLATE, DETAIL), False, "A read of each listed item, merged over it"),
    Key("absent", Many(CODE, or_one=True), False, "Error codes that mean absent, besides ResourceNotFound, NotFound"),
    Key("action", ACTION, False, "The RBAC action, where it does not follow from the type"),
    Key("permission", Many(PERMISSION, or_one=True, at_least=1), False, "Graph permissions, any of which suffices"),
    Key("licence", LINE, False, "The Entra ID licence that the read needs"),
    Key("redact", Many(PROPERTY, or_one=True), False, "Properties that never reach the disk"),
    Key("links", MapOf(COLLECTION_NAME, LINK), False, "Records of other collections that are attached, by name"),
)

SERVICE = Table(
    "a service",
    Key("format", Format(FORMAT), False, "The version of the format (default 1)"),
    Key("service", SERVICE_NAME, True, "The name, which is also the folder's"),
    Key("title", LINE, True, "What the service is called"),
    Key("area", Word(*AREAS), True, "The area that it belongs to"),
    Key("prefix", Many(SERVICE_NAME, or_one=True), False, "Other words that its checks' ids may begin with"),
    Key("collections", MapOf(COLLECTION_NAME, COLLECTION), False, "What is read, by name"),
)

FIX = Table(
    "fix",
    Key("text", Text(), True, "What to change, in the portal's words"),
    Key("cli", Text(), False, "The az command, with {id}, {name}, {resource_group}, {subscription}"),
)

EXAMPLES = Table(
    "examples",
    Key("pass", Many(Document(), at_least=1, unique=False), True, "Documents that pass"),
    Key("fail", Many(Document(), at_least=1, unique=False), True, "Documents that fail"),
    Key("not-applicable", Many(Document(), unique=False), False, "Documents that the check says nothing about"),
)

CHECK = Table(
    "a check",
    Key("id", CHECK_ID, True, "The id, which is also the file's name"),
    Key("title", LINE, True, "A statement that is true where the check passes"),
    Key("severity", Word(*SEVERITIES), True, "How bad a failure is"),
    Key("status", Word(*STATUSES), True, "Where the check stands in its life"),
    Key("aliases", Many(CHECK_ID), False, "Ids that it had before"),
    Key("subject", COLLECTION_NAME, True, "The collection of which each document gets a verdict"),
    Key("applies", Condition(), False, "Where this is false, there is no verdict"),
    Key("params", MapOf(PARAMETER, Either(Scalar(), Many(Scalar()))), False, "Thresholds, used as ${name}"),
    Key("require", Condition(), True, "What must be true"),
    Key("why", Text(), True, "What goes wrong in practice"),
    Key("fix", FIX, True, "How to mend it"),
    Key("policy", Many(POLICY_ID), False, "The built-in Azure Policies that say the same"),
    Key("unmapped", Text(), False, "Why no control of the Microsoft cloud security benchmark asks for it"),
    Key("false-positives", Text(), False, "Where a careful team would rightly disagree"),
    Key("refs", Many(URL), False, "Documentation pages"),
    Key("examples", EXAMPLES, True, "Documents as Azure sends them, by the verdict that they get"),
)

EDGES = Table(
    "a group of checks",
    Key("basis", Word("microsoft", "curated"), True, "Who ties them to the control"),
    Key("strength", Word("direct", "partial"), False, "Whether they decide all that it asks for (default direct)"),
    Key("reason", Text(), False, "Why they give evidence for it; a curated group needs it"),
    Key("checks", Many(CHECK_ID, at_least=1), True, "The ids of the checks"),
)

LEFT_OUT = Table(
    "a group of checks that are left out",
    Key("reason", Text(), True, "Why they give no evidence for it"),
    Key("checks", Many(CHECK_ID, at_least=1), True, "The ids of the checks"),
)

CONTROL = Table(
    "a control",
    Key("id", CONTROL_ID, True, "The control's id, as the standard writes it"),
    Key("title", LINE, True, "What it asks for, in our own words"),
    Key("checks", Many(Either(CHECK_ID, EDGES), unique=False), False, "The checks that give evidence for it"),
    Key("left-out", Many(LEFT_OUT, unique=False), False, "Edges of Microsoft's that an auditor would not accept"),
    Key("manual", Text(), False, "Why no read of Azure can decide it (or the rest of it)"),
    Key("inherited", Text(), False, "Why Azure, not the customer, answers for it"),
)

MAPPING = Table(
    "a framework",
    Key("format", Format(FORMAT), False, "The version of the format (default 1)"),
    Key("framework", FRAMEWORK_NAME, True, "The name, which is also the file's"),
    Key("title", LINE, True, "What the framework is called"),
    Key("source", Text(), True, "Where the control ids come from"),
    Key("controls", Many(CONTROL, unique=False, at_least=1), True, "Every control, covered or not"),
)
