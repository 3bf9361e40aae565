"""Places whose checks the isolation campaign takes away: what counts as one, and that none is forgotten."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

import tundish_platform
from tundish_deploy.campaigns.equivalent import EQUIVALENT
from tundish_deploy.campaigns.isolation import DOORS, SUBJECTS, Choice, copied, unnoticed
from tundish_deploy.campaigns.judge import ENDLESS, Judge
from tundish_deploy.campaigns.mutants import Mutant, mutants, mutated

ROOT = Path(tundish_platform.__file__).resolve().parents[2]
# Who moves one of these to where the campaign does not look must tell the campaign.
WANTED = {
    "api/guard.py": (
        "rates().take_for(principal) → no check",
        "rates().take_in(scope) → no check",
        "rates().take_stranger(caller_address()) → no check",
        "access_programme(principal, access.above) → no check",
        "access.person and (not principal.person) → not refused",
        "tenant not in principal.tenants → not refused",
    ),
    "api/rates.py": (
        "principal.person → all callers alike",
        "principal.id → all callers alike",
        "principal.name → all callers alike",
        "scope.tenant_id → another tenant's",
    ),
    "api/repeats.py": (
        "known.request_digest != asked → not refused",
        "KeptAnswer.tenant_id == scope.tenant_id → always true",
    ),
    "assets/places.py": ("Signal.tenant_id == scope.tenant_id → always true",),
    "people/keys.py": (
        "scope.require(Permission.MANAGE) → no check",
        "TokenGrant.tenant_id == scope.tenant_id → always true",
    ),
    "people/identities.py": ("session.get(Identity, (provider.issuer, subject)) is not None → not refused",),
    "tenancy/scope.py": (),
}


def found(where: str) -> list[Mutant]:
    subject = SUBJECTS[where]
    return mutants(ROOT / subject.folder, subject.modules, subject.rules)


def test_the_doors_of_the_platform_are_among_the_places() -> None:
    by_path: dict[str, set[str]] = {}
    for mutant in found("doors"):
        by_path.setdefault(mutant.path, set()).add(mutant.what)
    for path, places in WANTED.items():
        assert set(places) <= by_path[path], path
    assert any(path.startswith("migrations/versions") for path in by_path), "policies of tables"


def test_the_marketplace_s_places_are_those_that_tell_tenants_apart() -> None:
    by_path: dict[str, set[str]] = {}
    for mutant in found("marketplace"):
        by_path.setdefault(mutant.path.partition("/")[0], set()).add(mutant.what)
    assert by_path.keys() == {"api", "marketplace", "records", "trials"}
    assert not any("not refused" in what for places in by_path.values() for what in places)
    assert "AppRun.tenant_id == scope.tenant_id → always true" in by_path["marketplace"]


def test_places_are_chosen_by_name_and_by_a_report_that_calls_them_not_noticed(tmp_path: Path) -> None:
    places = found("doors")
    report = tmp_path / "report.json"
    lost = [one for one in places if one.path == "people/keys.py"][:2]
    told = [f"{one.path}:{one.line} {one.where}: {one.what} (3 tests run it)" for one in lost]
    report.write_text(json.dumps({"conditions": {"not noticed": told}}))
    keys = {one.key for one in lost}
    assert unnoticed(report) == keys
    assert {one.key for one in Choice(again=report).of(places)} == keys
    assert {one.path for one in Choice(only=("people/", "api/rates")).of(places)} >= {"api/rates.py"}
    assert len(Choice(count=5, only=("people/",)).of(places)) >= 5
    for nothing in (Choice(only=("no/such.py",)), Choice(only=("api/",), again=report)):
        with pytest.raises(LookupError, match="no place"):
            nothing.of(places)
    report.write_text("{}")
    with pytest.raises(ValueError, match="no report"):
        unnoticed(report)


@pytest.mark.parametrize("where", SUBJECTS)
def test_every_mutant_is_another_program_and_every_excuse_has_its_place(where: str) -> None:
    subject, places = SUBJECTS[where], found(where)
    assert EQUIVALENT[where].keys() <= {mutant.key for mutant in places}
    for mutant in places[::7]:
        source = (ROOT / subject.folder / mutant.path).read_text("utf-8")
        changed = mutated(source, mutant.number, subject.rules)
        assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(source)), mutant.key


def test_the_copy_has_all_fixtures_that_the_tests_have_here() -> None:
    """Without the server's fixture every test on PostgreSQL fails, with a check and without it."""
    with copied(ROOT) as copy:
        for tests in (Path(name) for subject in SUBJECTS.values() for name in subject.tests):
            above = [folder / "conftest.py" for folder in (tests, *tests.parents)]
            here = {path for path in above if (ROOT / path).is_file()}
            assert Path("tests/conftest.py") in here
            assert here == {path for path in above if (copy / path).is_file()}


def test_a_refusal_is_taken_away_and_everything_else_stays() -> None:
    source = "if who.id != owner:\n    raise Refused(who.name)\nkeep(who.id, (who.id, 1))\n"
    assert mutated(source, 0, DOORS.rules) == "pass\nkeep(who.id, (who.id, 1))"
    assert mutated(source, 1, DOORS.rules).endswith("keep(who.id, (0, 1))")
    assert mutated(source, 0) == mutated(source, 1, DOORS.rules), "the store's rules know no refusals"


def test_what_is_called_keeps_its_name_and_what_it_is_called_with_is_changed() -> None:
    source = "slug = self.slug(tenant_id)\nshown = self.tenant(slug)\n"
    assert mutated(source, 0) == "slug = self.slug(1)\nshown = self.tenant(slug)"
    assert mutated(source, 1).endswith("shown = self.tenant('first')")
    assert mutated(source, 2) == mutated(source, 3) == source.strip()


@pytest.mark.integration
def test_the_judge_tells_a_failure_an_end_that_never_comes_and_a_pass_apart(tmp_path: Path) -> None:
    for name, body in (("passes", "pass"), ("fails", "assert False"), ("loops", "while True:\n        pass")):
        (tmp_path / f"test_{name}.py").write_text(f"def test_{name}():\n    {body}\n")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "conftest.py").write_text("import nothing_of_that_name\n")
    (tmp_path / "broken" / "test_any.py").write_text("def test_any():\n    pass\n")
    with Judge(tmp_path, least_s=5.0) as judge:
        told = {"loops": judge.first_failure(["test_loops.py"], 0.1)}
        # On a busy machine pytest alone takes seconds to start, which must not pass for a loop.
        told |= {name: judge.first_failure([f"test_{name}.py"], 60.0) for name in ("passes", "fails")}
        unloaded, _ = judge.first_failure(["broken/test_any.py::test_any"], 60.0)
        gone, odd = judge.first_failure(["test_passes.py::test_gone"], 60.0)
    assert unloaded == "broken/conftest.py cannot be loaded"
    assert (gone, odd) == ("", "pytest ended with 4"), "a test that is not there has noticed nothing"
    assert told == {
        "loops": (ENDLESS, ""),
        "passes": ("", ""),
        "fails": ("test_fails.py::test_fails", ""),
    }
