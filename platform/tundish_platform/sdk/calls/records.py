"""Apps on records: consent, the records, questionnaires, sealed documents, figures for the comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tundish_platform.sdk.calls.paths import below, of
from tundish_platform.sdk.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    import pyarrow as pa

    from tundish_platform.sdk.calls.record_answers import DocumentInfo, DocumentKey, Sheet, Wishes


class RecordCalls(Transport):
    """What apps read beside signals, and what they hand back to be sealed."""

    def record_wishes(self, tenant: str, app: str) -> Wishes:
        """What an app asks for beside signals, with what was agreed to, and its questionnaire."""
        found: Wishes = self._json("GET", of(tenant, "apps", app, "records"))
        return found

    def consent(self, tenant: str, app: str, kinds: Sequence[str]) -> Wishes:
        """Agree to exactly these kinds; a person's session only."""
        body = {"kinds": list(kinds)}
        found: Wishes = self._json("PUT", of(tenant, "grants", app, "records"), json=body)
        return found

    def app_records(self, tenant: str, app: str, kind: str) -> pa.Table:
        """Records of one granted kind."""
        return self._arrow(of(tenant, "grants", app, "records", kind), {})

    def give_figures(self, tenant: str, app: str, figures: Mapping[str, float], size: str = "") -> list[str]:
        """Give figures of this month to the comparison of peers; returns those that were taken."""
        body = {"figures": dict(figures), "size": size}
        taken: list[str] = self._post(of(tenant, "grants", app, "peer-figures"), body)["taken"]
        return taken

    def answers(self, tenant: str, app: str) -> Iterator[Sheet]:
        """Sheets of answers to an app's questions, newest first, fetched page by page."""
        return self._every(of(tenant, "apps", app, "answers"))

    def give_answers(self, tenant: str, app: str, answers: Mapping[str, float | str]) -> Sheet:
        """Answer an app's questions; a person's session only."""
        made: Sheet = self._post(of(tenant, "apps", app, "answers"), {"answers": dict(answers)})
        return made

    def documents(self, tenant: str, app: str) -> Iterator[DocumentInfo]:
        """An app's sealed documents, newest first, fetched page by page."""
        return self._every(of(tenant, "apps", app, "documents"))

    def post_documents(self, tenant: str, app: str, documents: Sequence[Mapping[str, Any]]) -> list[int]:
        """Have documents of an app sealed; returns their numbers."""
        body = {"documents": [dict(one) for one in documents]}
        made: list[int] = self._post(of(tenant, "apps", app, "documents"), body)["ids"]
        return made

    def document(self, tenant: str, number: int) -> bytes:
        """The file of a sealed document, as `tundish_platform.sdk.sealed.open_sealed` verifies it."""
        return self._send("GET", of(tenant, "documents", number)).content

    def share_document(self, tenant: str, number: int, until: datetime) -> DocumentInfo:
        """Share a document by a code; a person's session only."""
        body = {"until": until.isoformat()}
        made: DocumentInfo = self._post(of(tenant, "documents", number, "share"), body)
        return made

    def unshare_document(self, tenant: str, number: int) -> bool:
        """Take a document's code back."""
        done: bool = self._json("DELETE", of(tenant, "documents", number, "share"))["unshared"]
        return done

    def shared_document(self, code: str) -> bytes:
        """The file behind a code."""
        return self._send("GET", below("documents", code)).content

    def document_key(self) -> DocumentKey:
        """The key that seals documents here."""
        found: DocumentKey = self._json("GET", "/document-key")
        return found
