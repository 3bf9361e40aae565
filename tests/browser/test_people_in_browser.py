"""An owner and a colleague at the pages about themselves and their enterprise."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import pyotp
import pytest
from playwright.sync_api import expect

from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Visit, World
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.integration]

CHINESE = re.compile(r"[\u3000-\u9fff]")
PEOPLE = "/people/xianghe-cylinder"
PATIENT_MS = 60_000
NEW_PASSWORD = "another-password-26"


@pytest.fixture
def colleague(browser: Browser) -> Iterator[Page]:
    """Another person's browser."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en")
    context.set_default_timeout(PATIENT_MS)
    yield context.new_page()
    context.close()


def choose(page: Page, field: str, words: str) -> None:
    """Pick from a list as a person does."""
    page.click(f"#{field}")
    page.locator("[role=option]:visible", has_text=words).first.click()


def enter(page: Page, url: str, login: str, password: str) -> None:
    page.goto(f"{url}/login")
    page.fill("#login", login)
    page.fill("#password", password)
    page.click("button[type=submit]")


def invite(visit: Visit, login: str) -> str:
    """The owner invites an engineer of one line; the link is shown."""
    page = visit.page
    page.fill("#invite-login", login)
    choose(page, "invite-role", "工程师")
    choose(page, "invite-place", "CYL1")
    page.click("#invite-make")
    expect(page.locator("#people-invitations .entry", has_text=login)).to_contain_text("待接受")
    return page.inner_text("#shown-once")


def test_an_owner_invites_and_a_colleague_comes_in_and_sets_a_second_factor(
    visit: Visit, world: World, colleague: Page
) -> None:
    expect.set_options(timeout=PATIENT_MS)
    visit.page.context.set_default_timeout(PATIENT_MS)
    visit.log_in("chief", PEOPLE)
    link = invite(visit, "wu@xianghe")
    assert link.startswith(f"{world.url}/invitation/tni_")
    colleague.goto(link)
    colleague.fill("#name", "Wu Engineer")
    colleague.fill("#password", world.password)
    colleague.click("button[type=submit]")
    colleague.wait_for_selector("#nav-plant")
    assert colleague.locator("#nav-people").count() == 0, "an engineer manages nobody"
    visit.page.reload()
    member = visit.page.locator("#people-members .entry", has_text="wu@xianghe")
    expect(member.locator(".tag")).to_contain_text("工程师 · ")
    assert link not in visit.page.content()
    visit.page.fill("#members-search", "WU@")
    expect(visit.page.locator("#people-members .entry")).to_have_count(1)

    secret = set_factor(colleague, world)
    code = colleague.locator(".recovery code").first.inner_text()
    colleague.click("text=I have kept them")
    expect(colleague.locator("#account-factor")).to_contain_text("Recovery codes left: 10")
    assert secret not in colleague.content()
    colleague.click("text=Log out")
    colleague.wait_for_selector("#password")
    enter(colleague, world.url, "wu@xianghe", world.password)
    colleague.fill("#code", code)
    colleague.click("button[type=submit]")
    colleague.wait_for_selector("#nav-plant")

    member.get_by_text("移除…").click()
    visit.page.click("#people-yes")
    expect(member).to_have_count(0)
    colleague.goto(f"{world.url}/plant/{world.plant}")
    colleague.wait_for_selector("#not-found")


def set_factor(page: Page, world: World) -> str:
    """A person sets up their second factor, mistyping the first code; returns the secret."""
    page.click("#nav-account")
    field = page.locator("#account-factor input").first
    field.fill(world.password)
    page.click("text=Set up")
    page.wait_for_selector(".qr")
    assert page.eval_on_selector(".qr", "picture => picture.naturalWidth") > 100
    secret = page.inner_text("#factor-secret")
    field.fill("000")
    page.click("text=Switch on")
    expect(page.locator("#factor-message")).to_contain_text("The code is wrong")
    field.fill(pyotp.TOTP(secret.replace(" ", "")).at(utc_now()))
    page.click("text=Switch on")
    page.wait_for_selector(".recovery")
    return secret


def test_a_key_works_until_it_is_revoked(visit: Visit, world: World) -> None:
    page = visit.page
    page.context.set_default_timeout(PATIENT_MS)
    expect.set_options(timeout=PATIENT_MS)
    visit.log_in("chief", PEOPLE)
    page.fill("#key-name", "gateway 7")
    choose(page, "key-role", "采集")
    expect(page.locator("#key-place")).to_be_disabled()
    page.click("#key-make")
    text = page.inner_text("#shown-once")
    headers = {"Authorization": f"Bearer {text}"}
    assert httpx.get(f"{world.url}/api/v1/me", headers=headers, timeout=60).status_code == 200
    page.reload()
    key = page.locator("#people-keys > div > .entries > .entry", has_text="gateway 7")
    expect(key).to_contain_text("最近使用")
    assert text not in page.content()
    key.get_by_text("撤销…").click()
    expect(page.locator("#people-dialog-what")).to_contain_text("gateway 7")
    page.click("#people-yes")
    expect(page.locator("#key-message")).to_contain_text("密钥已撤销。")
    assert httpx.get(f"{world.url}/api/v1/me", headers=headers, timeout=60).status_code == 401
    expect(page.locator("#people-keys details")).to_contain_text("gateway 7")


def test_a_passkey_opens_the_account_and_a_new_password_ends_other_sessions(
    visit: Visit, world: World, colleague: Page
) -> None:
    page = visit.page
    page.context.set_default_timeout(PATIENT_MS)
    expect.set_options(timeout=PATIENT_MS)
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
               "hasUserVerification": True, "isUserVerified": True}  # fmt: skip
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    enter(colleague, world.named, "keyed", world.password)
    colleague.wait_for_selector("#nav-plant")
    enter(page, world.named, "keyed", world.password)
    page.wait_for_selector("#nav-plant")
    page.click("#nav-account")
    page.fill("#passkey-name", "办公电脑")
    page.click("#passkey-add")
    expect(page.locator("#account-passkeys .entry")).to_contain_text("办公电脑")
    page.click("text=退出登录")
    page.click("#login-passkey")
    page.wait_for_selector("#nav-account")
    page.click("#nav-account")
    expect(page.locator("#account-passkeys .entry")).to_contain_text("最近使用")

    for field, value in (("old", world.password), ("new", NEW_PASSWORD), ("again", NEW_PASSWORD)):
        page.fill(f"#password-{field}", value)
    page.click("#password-change")
    expect(page.locator("#password-message")).to_contain_text("密码已修改，已结束其他会话 1 个。")
    # The colleague's page notices by itself that its session has ended.
    colleague.wait_for_url("**/login?next=*")
    colleague.wait_for_selector("#password")
    page.reload()
    page.wait_for_selector("#account-sessions")


def test_a_channel_keeps_its_secrets_and_maintenance_is_planned(visit: Visit) -> None:
    page = visit.page
    page.context.set_default_timeout(PATIENT_MS)
    expect.set_options(timeout=PATIENT_MS)
    visit.log_in("chief", "/alarms/xianghe-cylinder")
    page.click("#alarm-settings")
    page.get_by_role("button", name="新建渠道：钉钉").click()
    page.get_by_label("名称").fill("夜班群")
    page.locator("#channel-form").get_by_role("button", name="保存").click()
    expect(page.locator("#channel-message")).to_contain_text("地址（机密）")
    page.locator("#channel-form input[type=password]").first.fill(
        "https://robot.example/send?token=hush-hush"
    )
    page.locator("#channel-form").get_by_role("button", name="保存").click()
    channel = page.locator("#alarm-channels .entry", has_text="夜班群")
    expect(channel).to_contain_text("robot.example")
    channel.get_by_text("测试").click()
    expect(page.locator("#notice-log .entry")).to_contain_text("测试消息")
    page.reload()
    page.wait_for_selector("#alarm-channels")
    assert "hush-hush" not in page.content()
    page.fill("#contact-search", "chen")
    page.locator("#alarm-contacts .entry", has_text="Chen Chief").get_by_text("填写…").click()
    page.get_by_label("邮箱").fill("chen@xianghe.example")
    page.locator("#contact-form").get_by_role("button", name="保存").click()
    expect(page.locator("#contact-message")).to_contain_text("已保存。")
    expect(page.locator("#alarm-contacts .entry")).to_contain_text("chen@xianghe.example")
    choose(page, "window-path", "CYL1")
    page.fill("#window-reason", "更换密封件")
    page.click("#window-plan")
    window = page.locator("#maintenance-windows .entry", has_text="更换密封件")
    expect(window).to_contain_text("进行中")
    window.get_by_text("立即结束").click()
    expect(page.locator("#maintenance-windows details")).to_contain_text("结束人 Chen Chief")


@pytest.mark.parametrize("visit", [{"width": 390, "height": 844}], indirect=True)
def test_the_pages_fit_a_phone_in_both_languages(visit: Visit, world: World) -> None:
    page = visit.page
    page.context.set_default_timeout(PATIENT_MS)
    visit.log_in("chief", PEOPLE)
    for path in (PEOPLE, "/audit/xianghe-cylinder", "/account", "/alarms/xianghe-cylinder/settings"):
        for language in ("zh-CN", "en"):
            page.goto(f"{world.url}/language/{language}?next={path}")
            page.wait_for_selector(".panel")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
        words = page.locator("#page :is(h1, h2, label, p, button)").all_inner_texts()
        assert CHINESE.findall(" ".join(words)) == [], path
