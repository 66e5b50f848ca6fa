"""CPU time to load and validate a catalogue of 500 checks, the interpreter's start included.

Run: python benchmarks/catalogue.py [--checks 500] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

SRC = Path(__file__).resolve().parents[1] / "src"
CHECKS_A_SERVICE = 9
RUNS = 7
LIMIT = 0.6

SERVICE = """\
format: 1
service: {service}
title: Service number {number}
area: {area}
collections:
  {service}_account:
    type: Microsoft.Sample{number}/accounts
    api: "2024-01-01"
    list: /subscriptions/{{subscriptionId}}/providers/Microsoft.Sample{number}/accounts
    as: {service}_accounts
    presence: listed
    links:
      {service}_rules:
        collection: {service}_rule
        from: id
        to: properties.targetResourceId
        match: id
        many: true
  {service}_service:
    type: Microsoft.Sample{number}/accounts/services
    api: "2024-01-01"
    of: {service}_account
    get: "{{id}}/services/default"
    when: {{field: kind, notEquals: FileStorage, default: Storage}}
  {service}_rule:
    type: Microsoft.Sample{number}/accounts/rules
    api: "2024-01-01"
    of: {service}_account
    list: "{{id}}/rules"
    as: rules_of_{service}
"""

PROSE = """\
why: >-
  Over plain text anyone on the path can read or change what is sent, and reuse the tokens that travel with it.
  Whoever holds one of those keeps its rights until it expires, wherever the request then comes from.
fix:
  text: >-
    Under "Configuration" turn on the setting that the evidence names, after the last client that needs the old
    behaviour has been found in the logs and moved.
  cli: az sample account update --ids {{id}} --setting{number} true
policy: [404c3081-a854-4457-ae30-26a93ef643f9]
false-positives: >-
  Accounts of some kinds need the setting off; waive them with the network restriction as the reason.
refs:
  - https://learn.microsoft.com/azure/sample/{service}/setting-{number}
  - https://learn.microsoft.com/azure/sample/{service}/best-practices
"""

HEAD = """\
id: {service}-setting-{number}
title: Account of service {service} has setting {number} as it should be
severity: {severity}
status: stable
subject: {service}_account
"""

SHAPES = (
    # one property
    (
        "require:\n  field: properties.setting{number}\n  equals: true\n",
        """\
examples:
  pass:
    - properties: {{setting{number}: true}}
    - id: /subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.Sample/accounts/a
      location: westeurope
      tags: {{owner: platform, environment: production}}
      properties:
        setting{number}: true
        provisioningState: Succeeded
        creationTime: "2025-02-03T04:05:06.1234567Z"
        networkAcls: {{bypass: AzureServices, defaultAction: Deny, ipRules: [], virtualNetworkRules: []}}
        encryption: {{keySource: Microsoft.Storage, services: {{blob: {{enabled: true, keyType: Account}}}}}}
  fail:
    - properties: {{setting{number}: false}}
    - properties: {{}}
""",
    ),
    # a default, an applies, a child
    (
        """\
applies: {{field: kind, notEquals: FileStorage, default: Storage}}
require:
  allOf:
    - field: properties.publicNetworkAccess
      equals: Disabled
      default: Enabled
    - field: {service}_service.properties.retention.enabled
      equals: true
""",
        """\
examples:
  pass:
    - kind: StorageV2
      sku: {{name: Standard_LRS, tier: Standard}}
      properties: {{publicNetworkAccess: Disabled, provisioningState: Succeeded}}
      {service}_service: {{properties: {{retention: {{enabled: true, days: 30}}}}}}
  fail:
    - kind: StorageV2
      properties: {{publicNetworkAccess: Enabled}}
      {service}_service: {{properties: {{retention: {{enabled: true, days: 30}}}}}}
    - kind: StorageV2
      properties: {{publicNetworkAccess: Disabled}}
      {service}_service: {{properties: {{retention: {{enabled: false}}}}}}
  not-applicable:
    - {{kind: FileStorage, properties: {{}}}}
""",
    ),
    # quantifiers over children and links, a parameter
    (
        """\
params: {{days: 90}}
require:
  anyOf:
    - field: properties.minimumVersion
      in: [TLS1_2, TLS1_3]
      default: TLS1_0
    - every:
        in: rules_of_{service}
        where:
          allOf:
            - {{field: properties.enabled, equals: true}}
            - {{field: properties.days, greaterOrEquals: "${{days}}"}}
        whenEmpty: fail
    - count: {{in: {service}_rules, where: {{field: properties.enabled, equals: true}}}}
      greaterOrEquals: 2
""",
        """\
examples:
  pass:
    - properties: {{minimumVersion: TLS1_2}}
    - properties: {{minimumVersion: TLS1_0}}
      rules_of_{service}:
        - {{name: one, properties: {{enabled: true, days: 90}}}}
        - {{name: two, properties: {{enabled: true, days: 365}}}}
      {service}_rules: []
  fail:
    # the second rule is off
    - properties: {{minimumVersion: TLS1_0}}
      rules_of_{service}:
        - {{name: one, properties: {{enabled: true, days: 90}}}}
        - {{name: two, properties: {{enabled: false, days: 365}}}}
      {service}_rules: []
    - properties: {{}}
      rules_of_{service}: []
      {service}_rules: []
""",
    ),
)

AREAS = ("data-security", "compute", "network", "identity", "integration")
SEVERITIES = ("critical", "high", "medium", "low", "info")


def write_catalogue(root: Path, checks: int) -> int:
    """Write services and checks below `root`; the number of bytes of all checks."""
    size = 0
    for number in range(checks):
        service = f"svc{number // CHECKS_A_SERVICE}"
        folder = root / "checks" / service
        if not folder.is_dir():
            folder.mkdir(parents=True)
            area = AREAS[number % len(AREAS)]
            text = SERVICE.format(service=service, number=number, area=area)
            (folder / "_service.yaml").write_text(text, encoding="utf-8")
        condition, examples = SHAPES[number % len(SHAPES)]
        severity = SEVERITIES[number % len(SEVERITIES)]
        text = (HEAD + condition + PROSE + examples).format(service=service, number=number, severity=severity)
        (folder / f"{service}-setting-{number}.yaml").write_text(text, encoding="utf-8")
        size += len(text)
    return size


def cpu_seconds(*arguments: str) -> float:
    """User and system time of a Python with these arguments, the median of several runs."""
    taken = []
    for _ in range(RUNS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": str(SRC)},
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return median(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checks", type=int, default=500)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = options.keep or Path(temporary)
        size = write_catalogue(root, options.checks)
        load = (
            "from pathlib import Path; from azscan.catalog.load import inspect; "
            f"catalog, faults = inspect(root=Path({str(root)!r})); "
            f"assert not faults, faults; assert len(catalog.checks) == {options.checks}"
        )
        print(f"{options.checks} checks, {size / options.checks:,.0f} bytes each")
        print(f"interpreter alone                      {cpu_seconds('-c', 'pass'):.3f} s CPU")
        print(f"load and validate                      {cpu_seconds('-c', load):.3f} s CPU (at most {LIMIT})")
        listed = ("-m", "azscan", "checks", "list", "--checks-dir", str(root / "checks"))
        print(f"azscan checks list, with the shipped   {cpu_seconds(*listed):.3f} s CPU (at most {LIMIT})")


if __name__ == "__main__":
    main()
