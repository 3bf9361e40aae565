"""What apps were worth: measured from what people found, with stars beside, and without telling whose."""

from tundish_platform.ratings.failures import (
    FailureRefused,
    FailureSpec,
    FailureView,
    UnknownFailure,
    failures,
    report_failure,
    take_failure_back,
)
from tundish_platform.ratings.publishing import month_before, publish
from tundish_platform.ratings.reading import Figures, Rating, Use, rating_of, ratings, use_of
from tundish_platform.ratings.stars import (
    OwnStars,
    Said,
    Stars,
    StarsRefused,
    StarsSpec,
    UnknownStars,
    give_stars,
    hide_stars,
    own_stars,
    said_of,
    stars_of,
    take_stars_back,
)

__all__ = [
    "FailureRefused",
    "FailureSpec",
    "FailureView",
    "Figures",
    "OwnStars",
    "Rating",
    "Said",
    "Stars",
    "StarsRefused",
    "StarsSpec",
    "UnknownFailure",
    "UnknownStars",
    "Use",
    "failures",
    "give_stars",
    "hide_stars",
    "month_before",
    "own_stars",
    "publish",
    "rating_of",
    "ratings",
    "report_failure",
    "said_of",
    "stars_of",
    "take_failure_back",
    "take_stars_back",
    "use_of",
]
