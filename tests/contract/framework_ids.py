"""The control ids of each framework, complete and in order: from the lists of facts, or from its numbering."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

# How many controls a framework has; the issue of completeness is decided here, not by our own files.
COUNTS = {
    "cis-azure-3.0": 159,
    "cis-azure-4.0": 139,
    "cis-azure-5.0": 155,
    "cis-azure-6.0": 127,
    "cmmc-2.0-l2": 110,
    "dora": 77,
    "hipaa": 69,
    "iso-27001-2022": 93,
    "mcsb-v1": 86,
    "mcsb-v2": 93,
    "nis2": 10,
    "nist-800-171-r2": 110,
    "nist-800-53-r5": 287,
    "nist-csf-2": 106,
    "pci-dss-4.0.1": 250,
    "soc-2": 61,
}
DOMAINS = ("NS", "IM", "PA", "DP", "AM", "LT", "IR", "PV", "ES", "BR", "DS", "GS", "AI")


def rows(path: Path) -> list[list[str]]:
    """The lines of a table of facts, without its head."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]


def ids_of(framework: str, facts: Path) -> list[str]:
    """The ids of a framework; `facts` is the folder of Microsoft's lists."""
    return _IDS[framework](facts)


def _listed(file: str, key: str) -> Callable[[Path], list[str]]:
    return lambda facts: [row[1] for row in rows(facts / file) if row[0] == key]


def _cis_4(facts: Path) -> list[str]:
    # A spreadsheet took 6.10 and 6.20 for numbers: 6.1 and 6.2 are headings, which the list does not have.
    lost = {"6.1": "6.10", "6.2": "6.20"}
    return sorted(
        (lost.get(control, control) for control in _listed("control_titles.tsv", "cis-azure-4.0")(facts)), key=_numbers
    )


def _mcsb_2(facts: Path) -> list[str]:
    # The preview keeps the ids of version 1 and adds AI; its initiative leaves out GS-11, as that of version 1 does.
    found = {*_listed("control_ids.tsv", "mcsb-v2")(facts), "GS-11"}
    return sorted(found, key=lambda control: (DOMAINS.index(control[:2]), int(control[3:])))


def _soc_2(facts: Path) -> list[str]:
    families = ("CC", "A", "C", "PI", "P")

    def place(control: str) -> tuple[int, list[int]]:
        family = control.rstrip("0123456789.")
        return families.index(family), _numbers(control.removeprefix(family))

    return sorted(_listed("control_ids.tsv", "soc-2")(facts), key=place)


def _iso(facts: Path) -> list[str]:
    """Annex A has four themes with 37, 8, 14 and 34 controls."""
    return [f"A.{theme}.{each}" for theme, last in ((5, 37), (6, 8), (7, 14), (8, 34)) for each in _to(last)]


def _pci(facts: Path) -> list[str]:
    """The initiative of 4.0 names all but 9.4.1.2; 4.0.1 neither added nor dropped a requirement."""
    return sorted([*_listed("control_ids.tsv", "pci-dss-4")(facts), "9.4.1.2"], key=_numbers)


def _800_171(facts: Path) -> list[str]:
    families = (22, 3, 9, 9, 11, 3, 6, 9, 2, 6, 3, 4, 16, 7)
    return [f"3.{family}.{each}" for family, last in enumerate(families, 1) for each in _to(last)]


def _cmmc(facts: Path) -> list[str]:
    """The requirements of 800-171 under other names; within a domain those of level 1 come first."""
    found = _listed("control_ids.tsv", "cmmc-2.0-l2")(facts)
    return sorted(found, key=lambda control: (_numbers(control[6:])[:2], control[3:5], _numbers(control[6:])))


def _csf(facts: Path) -> list[str]:
    """CSF 2.0 (NIST CSWP 29); the gaps are numbers that it withdrew."""
    categories = {
        "GV": {"OC": _to(5), "RM": _to(7), "RR": _to(4), "PO": _to(2), "OV": _to(3), "SC": _to(10)},
        "ID": {"AM": (1, 2, 3, 4, 5, 7, 8), "RA": _to(10), "IM": _to(4)},
        "PR": {"AA": _to(6), "AT": _to(2), "DS": (1, 2, 10, 11), "PS": _to(6), "IR": _to(4)},
        "DE": {"CM": (1, 2, 3, 6, 9), "AE": (2, 3, 4, 6, 7, 8)},
        "RS": {"MA": _to(5), "AN": (3, 6, 7, 8), "CO": (2, 3), "MI": (1, 2)},
        "RC": {"RP": _to(6), "CO": (3, 4)},
    }
    return [
        f"{function}.{category}-{number:02}"
        for function, parts in categories.items()
        for category, numbers in parts.items()
        for number in numbers
    ]


def _hipaa(facts: Path) -> list[str]:
    """45 CFR 164.308 to 164.316: each standard, and behind it its implementation specifications."""
    found: list[str] = []
    # Under (a) a standard with specifications is its own (i), and they are its (ii)(A), (B) …
    for number, letters in (
        (1, "ABCD"),
        (2, ""),
        (3, "ABC"),
        (4, "ABC"),
        (5, "ABCD"),
        (6, None),
        (7, "ABCDE"),
        (8, ""),
    ):
        standard = f"164.308(a)({number})"
        found.append(standard if letters == "" else f"{standard}(i)")
        found += [f"{standard}(ii)"] if letters is None else [f"{standard}(ii)({letter})" for letter in letters]
    found += [f"164.308(b)({number})" for number in _to(3)]
    # In the other sections they are the (2) of its (1); a standard without any has no number.
    parts = (
        ("164.310", {"a": 4, "b": 0, "c": 0, "d": 4}),
        ("164.312", {"a": 4, "b": 0, "c": None, "d": 0, "e": 2}),
        ("164.314", {"a": 3, "b": 4}),
        ("164.316", {"a": 0, "b": 3}),
    )
    for section, letters_of in parts:
        for letter, last in letters_of.items():
            standard = f"{section}({letter})"
            found.append(standard if last == 0 else f"{standard}(1)")
            romans = ("i", "ii", "iii", "iv")[: last or 0]
            found += [f"{standard}(2)"] if last is None else [f"{standard}(2)({roman})" for roman in romans]
    return found


def _dora(facts: Path) -> list[str]:
    """Articles 5 to 14 of Regulation (EU) 2022/2554 with their paragraphs, and the points of 9(3) and 9(4)."""
    points = {"9.3": "abcd", "9.4": "abcdef"}
    paragraphs = {5: 4, 6: 10, 7: 0, 8: 7, 9: 4, 10: 4, 11: 11, 12: 7, 13: 7, 14: 3}
    found: list[str] = []
    for article, last in paragraphs.items():
        found.append(str(article))
        for each in (f"{article}.{number}" for number in _to(last)):
            found += [each, *(each + point for point in points.get(each, ""))]
    return found


def _to(last: int) -> Iterable[int]:
    return range(1, last + 1)


def _numbers(control: str) -> list[int]:
    return [int(part) for part in control.split(".")]


_IDS: Mapping[str, Callable[[Path], list[str]]] = {
    "cis-azure-3.0": lambda facts: sorted(_listed("control_titles.tsv", "cis-azure-3.0")(facts), key=_numbers),
    "cis-azure-4.0": _cis_4,
    "cis-azure-5.0": _listed("control_titles.tsv", "cis-azure-5.0"),
    "cis-azure-6.0": _listed("control_titles.tsv", "cis-azure-6.0"),
    "cmmc-2.0-l2": _cmmc,
    "dora": _dora,
    "hipaa": _hipaa,
    "iso-27001-2022": _iso,
    "mcsb-v1": _listed("controls_public.tsv", "mcsb-v1"),
    "mcsb-v2": _mcsb_2,
    "nis2": lambda facts: [f"21.2.{letter}" for letter in "abcdefghij"],
    "nist-800-171-r2": _800_171,
    "nist-800-53-r5": _listed("controls_public.tsv", "nist-800-53-r5"),
    "nist-csf-2": _csf,
    "pci-dss-4.0.1": _pci,
    "soc-2": _soc_2,
}
