"""An import-linter contract: these packages import nothing beyond themselves and a list.

A list of what is allowed cannot forget anything, as a list of what is forbidden does. Used by
[tool.importlinter] in pyproject.toml.
"""

from typing import cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class OnlyContract(Contract):
    """`modules` (with all inside them) import only each other and `allowed` (likewise)."""

    type_name = "only"

    modules = fields.ListField(subfield=fields.StringField())
    allowed = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Every import that leaves `modules` for something not allowed breaks the contract."""
        inside = tuple(cast("list[str]", self.modules))
        reachable = (*inside, *cast("list[str]", self.allowed))
        illegal = [
            f"{importer} -> {imported} (l.{line})"
            for importer in sorted(graph.modules)
            if _within(importer, inside)
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if not _within(imported, reachable)
            for line in _lines(graph, importer, imported)
        ]
        illegal += [f"{name} does not exist" for name in inside if name not in graph.modules]
        return ContractCheck(kept=not illegal, metadata={"illegal": illegal})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """One line per illegal import."""
        for line in check.metadata["illegal"]:
            output.print_error(line, bold=False)


def _within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


def _lines(graph: ImportGraph, importer: str, imported: str) -> list[int]:
    details = graph.get_import_details(importer=importer, imported=imported)
    return sorted({detail["line_number"] for detail in details})
