"""Puts checks/ and mappings/ into the wheel as azscan/_data; an editable install reads them where they stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CatalogBuildHook(BuildHookInterface):
    """Adds the catalogue to a standard wheel; plain force-include would copy it into editable installs too."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the folders to copy; `version` is hatch's word for the kind of wheel (standard or editable)."""
        if version == "editable":
            return
        for folder in ("checks", "mappings"):
            source = Path(self.root, folder)
            # git keeps no empty folder: a checkout without a framework has no mappings.
            if folder == "checks" or source.is_dir():
                build_data["force_include"][str(source)] = f"azscan/_data/{folder}"
