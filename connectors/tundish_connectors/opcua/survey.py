"""What is to be collected from a server: its tree, and what kit, rules and specifications say of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tundish_connectors.opcua.browse import FoundVariable, Progress, Tree, browse_tree
from tundish_connectors.opcua.companion import Typed, name_types
from tundish_connectors.opcua.describe import Describer, Description
from tundish_connectors.opcua.limits import Profile, profile_of
from tundish_connectors.opcua.parts import Part, parts_of
from tundish_connectors.opcua.paths import TenantPaths
from tundish_platform.samples import SampleKind, SignalRole, SignalSpec
from tundish_platform.samples.units import ucum_of_unit_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncua import ua

    from tundish_connectors.opcua.config import OpcUaConnection
    from tundish_connectors.opcua.rules import Rule
    from tundish_connectors.opcua.session import RawSession

UNCLASSIFIED = "unclassified"


@dataclass(frozen=True, slots=True)
class Desired:
    """A signal to be collected.

    Attributes:
        spec: what it is.
        node_id: where the server has it.
        enum: texts of an enumeration's numbers.
        pick: takes the value out of a structure.
        server_path: path below the server's Objects.
    """

    spec: SignalSpec
    node_id: ua.NodeId
    enum: dict[int, str] | None = None
    pick: Callable[[object], Any] | None = None
    server_path: str = ""


@dataclass(slots=True)
class Survey:
    """What a server offers.

    Attributes:
        desired: signals to subscribe to, each path once.
        troubles: path and reason of variables that are not collected.
        missing: paths that the line kit expects and the server lacks.
        unreadable: path and status of variables that are collected but were bad when looked at.
        left_out: server paths that a rule leaves out.
        typed: objects of known types.
        used: the rules that fitted, each once.
    """

    desired: list[Desired] = field(default_factory=list)
    troubles: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    typed: Typed = field(default_factory=Typed)
    used: list[Rule] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ServerTree:
    """A server's tree with what it says of its variables and of its objects' types."""

    tree: Tree
    descriptions: list[Description]
    typed: Typed


async def survey_server(
    session: RawSession,
    connection: OpcUaConnection,
    progress: Progress | None = None,
    profile: Profile | None = None,
) -> Survey:
    """Browse and describe the server, and match it with the connection's kit and rules.

    Args:
        session: to look with.
        connection: kit, rules, and how much is looked at.
        progress: told how far the browse is.
        profile: what is known of the server already, and learns; read from the server by default.

    Raises:
        asyncua.ua.UaError: the server refuses to be browsed or read.
        OSError: the connection is gone.
    """
    return match(connection, await read_server(session, connection.max_nodes, progress, profile))


async def read_server(
    session: RawSession, max_nodes: int, progress: Progress | None = None, profile: Profile | None = None
) -> ServerTree:
    """Browse and describe the server; errors as `survey_server`."""
    known = profile or await profile_of(session)
    tree = await browse_tree(session, known.browse, max_nodes, progress)
    describer = Describer(session, known.browse, known.read)
    typed = await name_types(session, describer, tree.objects)
    return ServerTree(tree, await describer.describe(tree.variables), typed)


def match(connection: OpcUaConnection, server: ServerTree) -> Survey:
    """The signals of a server.

    A signal is what the kit says where it knows the path, else what the server and the companion
    specification of its object say; a rule has the last word.
    """
    return _Matcher(connection, server.tree, server.typed).match(server.tree, server.descriptions)


class _Matcher:
    def __init__(self, connection: OpcUaConnection, tree: Tree, typed: Typed) -> None:
        self._rules = connection.rule_set
        self._paths = TenantPaths(connection, [variable.path for variable in tree.variables])
        self._taken: set[str] = set()
        self._rows: set[int] = set()
        self._survey = Survey(
            troubles={self._paths.of(path): why for path, why in tree.bad.items()}, typed=typed
        )

    def match(self, tree: Tree, descriptions: list[Description]) -> Survey:
        for variable, description in zip(tree.variables, descriptions, strict=True):
            for part in parts_of(variable, description):
                self._take(variable, description, part)
        self._survey.missing = sorted(set(self._paths.known) - self._taken)
        return self._survey

    def _take(self, variable: FoundVariable, description: Description, part: Part) -> None:
        survey = self._survey
        ruled = self._rules.find(part.path, survey.typed)
        path = self._paths.of(part.path)
        if ruled is not None:
            rule, places = ruled
            self._note(rule)
            if not rule.collect:
                survey.left_out.append(part.path)
                return
            path = rule.new_path(places) or path
        if path in self._taken:
            survey.troubles[path] = f"a second variable with this path ({variable.node_id.to_string()})"
            return
        self._taken.add(path)
        if part.kind is None:
            survey.troubles[path] = part.why
            return
        try:
            spec = self._paths.known.get(path) or self._derive(path, part, description)
            spec = ruled[0].describe(spec) if ruled is not None else spec
        except ValueError as error:
            survey.troubles[path] = f"the rules make no usable signal of it ({error})"
            return
        survey.desired.append(Desired(spec, variable.node_id, part.enum, part.pick, part.path))
        if description.status:
            survey.unreadable[path] = description.status

    def _note(self, rule: Rule) -> None:
        if rule.row not in self._rows:
            self._rows.add(rule.row)
            self._survey.used.append(rule)

    def _derive(self, path: str, part: Part, description: Description) -> SignalSpec:
        spec = derive_spec(path, part, description)
        meaning = self._survey.typed.meaning(part.path)
        if meaning is None:
            return spec
        held = meaning.role in {SignalRole.STATE, SignalRole.SETPOINT, SignalRole.IDENTITY}
        said = {"semantic": meaning.semantic, "role": meaning.role, "unit": spec.unit or meaning.unit}
        return spec.model_copy(update={**said, "step": spec.step or held})


def derive_spec(path: str, part: Part, description: Description) -> SignalSpec:
    """A specification from what the server says of a part that can be stored."""
    whole = part.pick is None
    return SignalSpec(
        path=path,
        name_zh=part.display,
        name_en=part.display,
        semantic=UNCLASSIFIED,
        kind=part.kind or SampleKind.NUMERIC,
        role=SignalRole.STATE if part.state else SignalRole.MEASUREMENT,
        unit=ucum_of_unit_id(description.unit.UnitId) if whole and description.unit else "",
        low=float(description.range.Low) if whole and description.range else None,
        high=float(description.range.High) if whole and description.range else None,
        step=part.kind is SampleKind.TEXT,
    )
