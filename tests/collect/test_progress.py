"""Counts of a progress, told to who listens."""

from __future__ import annotations

from azscan.collect.progress import Progress
from tests.collect.ground import Azure, catalog, check, collect, kind, page, thing


def test_everything_planned_is_done_at_the_end(tmp_path):
    told = []
    progress = Progress(changed=lambda state: told.append((state.planned, state.done)))
    parent = kind("parent", type="Microsoft.Test/parents", detail="{id}")
    known = catalog(parent, kind("child", of=("parent",)), checks=[check("a", "child", {"field": "x", "equals": 1})])
    one = thing("p", "parents")
    azure = Azure(
        {f"{one['id'].rpartition('/resourceGroups')[0]}/providers/Microsoft.Test/parents": page(one), one["id"]: one}
    )
    collect(azure, known, tmp_path / "e.sqlite", progress=progress)
    assert progress.planned == progress.done == 4  # groups, parents, its detail, its children
    assert all(planned >= done for planned, done in told) and not progress.failed


def test_a_wait_ends_with_no_seconds():
    progress = Progress()
    progress.wait("storage", 3.0)
    assert progress.waiting == {"storage": 3.0}
    progress.wait("storage", 0)
    progress.wait("nobody", 0)
    assert progress.waiting == {}
