"""Apps on records: consent to kinds of records, answers to questionnaires, sealed documents."""

from tundish_platform.marketplace.records.answers import Sheet, answer, newest_answers, sheets
from tundish_platform.marketplace.records.consent import (
    Consent,
    UnknownKind,
    consent_to,
    consents,
    records_scope,
)
from tundish_platform.marketplace.records.sealing import Sealer, UndeclaredDocument, keep_documents
from tundish_platform.marketplace.records.sharing import (
    DocumentInfo,
    UnknownDocument,
    document_file,
    documents,
    share,
    shared_file,
    unshare,
)

__all__ = [
    "Consent",
    "DocumentInfo",
    "Sealer",
    "Sheet",
    "UndeclaredDocument",
    "UnknownDocument",
    "UnknownKind",
    "answer",
    "consent_to",
    "consents",
    "document_file",
    "documents",
    "keep_documents",
    "newest_answers",
    "records_scope",
    "share",
    "shared_file",
    "sheets",
    "unshare",
]
