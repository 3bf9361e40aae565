"""Every table of the platform, gathered so that migrations and tests see them all."""

from __future__ import annotations

import tundish_platform.alarms.maintenance
import tundish_platform.alarms.models
import tundish_platform.alarms.notify.models
import tundish_platform.alerts.models
import tundish_platform.annotations.models
import tundish_platform.api.kept
import tundish_platform.assets.models
import tundish_platform.audit.models
import tundish_platform.handover.models
import tundish_platform.jobs.models
import tundish_platform.maintenance.models
import tundish_platform.marketplace.billing.models
import tundish_platform.marketplace.models
import tundish_platform.marketplace.publishing.models
import tundish_platform.marketplace.record_models
import tundish_platform.marketplace.upgrades.models
import tundish_platform.model_registry.tables
import tundish_platform.people.models
import tundish_platform.products.models
import tundish_platform.programme.models
import tundish_platform.programme.published.models
import tundish_platform.programme.register.tables
import tundish_platform.programme.reports.models
import tundish_platform.programme.series.models
import tundish_platform.programme.sharing.models
import tundish_platform.programme.simulated
import tundish_platform.ratings.models
import tundish_platform.records.models
import tundish_platform.store.lifecycle.tables
import tundish_platform.store.log.fence
import tundish_platform.store.segments.manifest
import tundish_platform.tenancy.models
import tundish_platform.trials.models  # noqa: F401 - importing fills Base.metadata
from tundish_platform.tenancy.metadata import Base

target = Base.metadata
