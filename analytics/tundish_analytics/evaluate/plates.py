"""Steel Plates Faults by the protocol of its publications: ten times stratified ten-fold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline

from tundish_analytics.evaluate.confusion import Fold, accuracy, fold_interval, macro_f1, scores, spread
from tundish_analytics.evaluate.figures import Evaluation, Figure
from tundish_analytics.evaluate.files import Unfit, find_table, named, numbers
from tundish_analytics.models.folds import SEED
from tundish_analytics.models.threads import one_thread
from tundish_analytics.quality.steel import make_ensemble

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

# The published table has a column a class where the shipped recording has one label.
CLASSES: Final = ("Pastry", "Z_Scratch", "K_Scatch", "Stains", "Dirtiness", "Bumps", "Other_Faults")
LABEL: Final = "fault_class"
FEATURES: Final = (
    "X_Minimum", "X_Maximum", "Y_Minimum", "Y_Maximum", "Pixels_Areas", "X_Perimeter", "Y_Perimeter",
    "Sum_of_Luminosity", "Minimum_of_Luminosity", "Maximum_of_Luminosity", "Length_of_Conveyer",
    "TypeOfSteel_A300", "TypeOfSteel_A400", "Steel_Plate_Thickness", "Edges_Index", "Empty_Index",
    "Square_Index", "Outside_X_Index", "Edges_X_Index", "Edges_Y_Index", "Outside_Global_Index",
    "LogOfAreas", "Log_X_Index", "Log_Y_Index", "Orientation_Index", "Luminosity_Index", "SigmoidOfAreas",
)  # fmt: skip
_LEAST: Final = 2
_PROTOCOL: Final = (
    "Repeated stratified ten-fold cross-validation of the two averaged classifiers of `PlateFaults`; "
    "accuracy and macro-F1 over the seven classes are the means over all folds. Fewer folds where a class "
    "has fewer than ten plates; a missing value is the median of the training fold. Near-duplicates of "
    "plates from one coil are unknown in this set, so the figures are an upper bound for new coils."
)
_GUARD: Final = (
    "The class columns are no features; nothing is chosen, scaled or filled outside the training folds; no "
    "plate is judged by a model that has seen it."
)
_INTERVALS: Final = "500 bootstrap draws of plates, a plate drawn in all repeats alike"


def read_plates(path: Path) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """27 features and a label a plate, from a file or folder.

    Raises:
        Unfit: a column is missing, or what `plates_of` refuses.
    """
    return plates_of(find_table(path, FEATURES))


def plates_of(table: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """27 features and a label a plate, from either form of the table; plates without a label are left out.

    Raises:
        Unfit: there is neither ``fault_class`` nor a column a class, a plate has more than one class, or
            fewer than two plates have the rarest class.
    """
    table = named(table, [LABEL, *CLASSES])
    features = numbers(table, FEATURES).to_numpy(np.float64)
    if LABEL in table.columns:
        known, labels = table[LABEL].notna().to_numpy(), table[LABEL].to_numpy(str)
    else:
        known, labels = _of_marks(table)
    _, counts = np.unique(labels[known], return_counts=True)
    if len(counts) < _LEAST or counts.min() < _LEAST:
        raise Unfit("每个类别至少需要两块钢板,且至少两类", "two classes are needed, each with two plates")
    return features[known], labels[known]


def _of_marks(table: pd.DataFrame) -> tuple[NDArray[np.bool_], NDArray[np.str_]]:
    missing = [name for name in CLASSES if name not in table.columns]
    if missing:
        raise Unfit(
            f"既没有 fault_class 列,也缺少类别列:{', '.join(missing)}",
            f"the table has neither fault_class nor a column for the class {', '.join(missing)}",
        )
    marks = numbers(table.fillna(dict.fromkeys(CLASSES, 0)), CLASSES).to_numpy(np.int64)
    if np.any(marks.sum(axis=1) > 1):
        raise Unfit("每块钢板只能有一个类别", "a plate has just one class")
    return marks.sum(axis=1) == 1, np.array(CLASSES)[marks.argmax(axis=1)]


@one_thread
def evaluate_plates(
    features: NDArray[np.float64], labels: NDArray[np.str_], *, repeats: int = 10, folds: int = 10
) -> Evaluation:
    """Accuracy and macro-F1 over all folds; arguments as `plates_of` gives them."""
    classes, y, counts = np.unique(labels, return_inverse=True, return_counts=True)
    folds = min(folds, int(counts.min()))
    model = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), make_ensemble())
    splitter = RepeatedStratifiedKFold(n_splits=folds, n_repeats=repeats, random_state=SEED)
    judged = [
        Fold(test, y[test], clone(model).fit(features[train], y[train]).predict(features[test]))
        for train, test in splitter.split(features, y)
    ]
    plates = np.arange(len(y))
    peers = "random forest 0.785, boosting 0.793 (published)"
    right = scores(judged, accuracy)
    by_repeat = np.array(right).reshape(repeats, folds).mean(axis=1)
    figures = (
        *spread("accuracy", right, bar=0.80, peers=peers, interval=fold_interval(judged, plates, accuracy)),
        *spread(
            "macro_f1", scores(judged, macro_f1), bar=0.82, interval=fold_interval(judged, plates, macro_f1)
        ),
        Figure("accuracy, lowest repeat", float(by_repeat.min())),
        Figure("accuracy, highest repeat", float(by_repeat.max()), better="none"),
    )
    facts = {"plates": len(y), "classes": classes.tolist(), "folds": folds, "repeats": repeats}
    return Evaluation("steel-plates", _PROTOCOL, _GUARD, _INTERVALS, figures, facts)
