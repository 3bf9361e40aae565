"""Routes of published figures: open to everybody; an officer publishes, nobody changes."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, Response, jsonify, request
from pydantic import Field

from tundish_platform.api import shapes
from tundish_platform.api.adoption import OFFICIAL, ready
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import guarded_above, open_to_all
from tundish_platform.api.ids import MAX_ID
from tundish_platform.api.pages import LINK, paged
from tundish_platform.api.parameters import RULE, page, whole
from tundish_platform.programme.published import (
    Figure,
    Head,
    Moved,
    NothingToPublish,
    UnknownFigure,
    preview,
    publish,
)
from tundish_platform.programme.published.log import export, figures, growth, heads, newest_head, proof
from tundish_platform.programme.published.package import package_of
from tundish_platform.programme.simulated import Mixed
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flask.typing import ResponseReturnValue

    from tundish_platform.programme.published import HeadSigner
    from tundish_platform.tenancy import Principal

AFTER: Final = whole(
    "after", 0, MAX_ID, 0, "How many figures came before: the number of the first one shown."
)
BEHIND: Final = whole("after", 0, MAX_ID, 0, "Size of the last head of the page before.")
EARLIER: Final = whole("earlier", 0, MAX_ID, 0, "Size of the head you kept.")
LATER: Final = whole("later", 0, MAX_ID, 0, "Size of a later head; 0 for the newest.")
LIMIT: Final = page(1_000, 200)

_ZIP: Final = "application/zip"

routes = Blueprint("figures", __name__)


class _Packages:
    """The newest package, kept: anybody may ask, and it changes with a publication only."""

    def __init__(self) -> None:
        self._kept: tuple[tuple[object, str], bytes] | None = None
        self._lock = Lock()

    def of(self, where: object, root: str, log: Callable[[], Mapping[str, Any]]) -> bytes:
        """The package of the log of that root."""
        with self._lock:
            if self._kept is None or self._kept[0] != (where, root):
                self._kept = (where, root), package_of(log())
            return self._kept[1]


_packages = _Packages()


class PublishBody(shapes.Shape):
    """What an officer publishes.

    Attributes:
        rule: version of the rules.
        reason: why, where these figures correct the last ones.
        seen: mark of the preview that the officer confirms; empty for none.
    """

    rule: str = Field(OFFICIAL, max_length=40)
    reason: str = Field("", max_length=400)
    seen: str = Field("", max_length=64)


class UpcomingFigure(shapes.Shape):
    """A figure that would be published."""

    name: str
    region: str
    industry: str
    value: int
    exact: bool


class UpcomingFigures(shapes.Shape):
    """What a publication would say; ``mark`` names exactly that when it is confirmed."""

    rule_version: str
    moment: datetime
    figures: list[UpcomingFigure]
    stands: bool
    mark: str


class FigureProof(shapes.Shape):
    """One figure and the path from it to a signed head."""

    format: str
    public_key: str
    figure: Figure
    path: list[str]
    head: Head


class Growth(shapes.Shape):
    """The path that proves that one log is the beginning of another."""

    earlier: int
    later: int
    path: list[str]


class FigureLog(shapes.Shape):
    """The whole log."""

    format: str
    public_key: str
    figures: list[Figure]
    heads: list[Head]


@routes.get("/figures")
@open_to_all
@described(AFTER, LIMIT, answer=list[Figure], headers=(LINK,))
def listed() -> Response:
    """Published figures in the order in which they were published."""
    limit = LIMIT.read()
    with platform().metadata.session() as session:
        found = figures(session, AFTER.read() - 1, limit)
    return paged(found, "after", found[-1]["number"] + 1 if len(found) == limit else None)


@routes.get("/figures/<int:number>")
@open_to_all
@described(answer=FigureProof)
def one(number: int) -> Response:
    """A figure with its proof, for `tundish programme verify`."""
    with platform().metadata.session() as session:
        return jsonify(proof(session, signer(), number))


@routes.get("/figures/head")
@open_to_all
@described(answer=Head)
def current() -> Response:
    """The newest signed head; keep it, and the log cannot be made anew unseen."""
    with platform().metadata.session() as session:
        return jsonify(newest_head(session).model_dump(mode="json"))


@routes.get("/figures/heads")
@open_to_all
@described(BEHIND, LIMIT, answer=list[Head], headers=(LINK,))
def every_head() -> Response:
    """All signed heads, the oldest first."""
    limit = LIMIT.read()
    with platform().metadata.session() as session:
        found = heads(session, BEHIND.read(), limit)
    last = found[-1].size if len(found) == limit else None
    return paged([head.model_dump(mode="json") for head in found], "after", last)


@routes.get("/figures/growth")
@open_to_all
@described(EARLIER, LATER, answer=Growth)
def grown() -> ResponseReturnValue:
    """That the log of a head you kept is the beginning of a later one."""
    earlier = EARLIER.read()
    with platform().metadata.session() as session:
        later = LATER.read() or newest_head(session).size
        return {"earlier": earlier, "later": later, "path": growth(session, earlier, later)}


@routes.get("/figures/log")
@open_to_all
@described(answer=FigureLog)
def whole_log() -> Response:
    """The whole log, for `tundish programme verify`."""
    with platform().metadata.session() as session:
        return jsonify(export(session, signer()))


@routes.get("/figures/package")
@open_to_all
@described(gives=(_ZIP,))
def open_data() -> Response:
    """Everything that was published as a data package: CSV, JSON, description and proof, as a ZIP."""
    context = platform()
    with context.metadata.session() as session:
        head = newest_head(session)
        content = _packages.of(context.metadata, head.root, lambda: export(session, signer()))
    answer = Response(content, content_type=_ZIP)
    name = f"programme-figures-{head.size}.zip"
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer


@routes.get("/programme/figures/next")
@guarded_above(Permission.PROGRAMME)
@described(RULE, answer=UpcomingFigures)
def upcoming(principal: Principal) -> Response:
    """What publishing now would publish; nothing is written."""
    context = platform()
    rule = ready(context, principal, request.args.get("rule", OFFICIAL), datetime.now(UTC))
    with context.metadata.above(Above.ADOPTION).session() as session:
        try:
            return jsonify(asdict(preview(session, signer(), rule)))
        except NothingToPublish:
            raise Problem(
                404, "Fewer than five enterprises count, so there is nothing to publish.",
                "计入的企业少于5家, 没有可发布的数据。", "nothing_to_publish",
            ) from None  # fmt: skip


@routes.post("/programme/figures")
@guarded_above(Permission.PROGRAMME, person=True)
@described(body=PublishBody, answer=Head, status=201)
def publication(principal: Principal, body: PublishBody) -> ResponseReturnValue:
    """Publish the figures of this moment; with a reason as a correction of the last ones."""
    context, now = platform(), datetime.now(UTC)
    rule = ready(context, principal, body.rule, now)
    with context.metadata.above(Above.ADOPTION).session() as session:
        head = publish(session, signer(), rule, principal.name, now, body.reason, body.seen)
    return head.model_dump(mode="json"), 201


def signer() -> HeadSigner:
    """What signs heads here.

    Raises:
        Problem: this server has no key for them.
    """
    found = platform().figures
    if found is None:
        raise Problem(
            404, "This server has no key to publish figures with.",
            "本服务器没有发布数据所用的密钥。", "no_seal",
        )  # fmt: skip
    return found


@routes.errorhandler(UnknownFigure)
def _unknown(_error: UnknownFigure) -> Response:
    return Problem(
        404, "Nothing of that number was published. GET /figures lists what was.",
        "没有发布过该编号的数据。可通过 GET /figures 查询。", "unknown_figure",
    ).response()  # fmt: skip


@routes.errorhandler(Moved)
def _moved(_error: Moved) -> Response:
    return Problem(
        409, "The figures have changed since they were shown. Look at them again.",
        "数据在预览之后已变化。请重新查看。", "figures_moved",
    ).response()  # fmt: skip


@routes.errorhandler(Mixed)
def _mixed(_error: Mixed) -> Response:
    return Problem(
        409, "This is a simulated city. Figures of made enterprises are not published.",
        "本平台为模拟城市,模拟数据不予发布。", "simulated_city",
    ).response()  # fmt: skip


@routes.errorhandler(NothingToPublish)
def _nothing(_error: NothingToPublish) -> Response:
    return Problem(
        409, "Nothing to publish: these figures stand already, or fewer than five enterprises count.",
        "没有可发布的数据:该时点的数据已发布,或计入的企业少于5家。", "nothing_to_publish",
    ).response()  # fmt: skip
