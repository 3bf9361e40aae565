from __future__ import annotations

import socket
import threading

import pytest

from tundish_platform.alarms.notify.addresses import Allowed, connect
from tundish_platform.alarms.notify.faults import Fault, NotSent
from tundish_platform.alarms.notify.posting import post

INSIDE = (
    "127.0.0.1", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",  # noqa: S104 - is refused
    "224.0.0.1", "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1",
    "ff02::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::",
    "2002:c0a8:101::1", "2001:db8::1",
)  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_no_inner_address_is_permitted_in_whatever_dress(address: str) -> None:
    assert not Allowed().permits(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "223.5.5.5", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_public_addresses_are(address: str) -> None:
    assert Allowed().permits(address)


def test_the_operator_opens_networks_and_no_more() -> None:
    allowed = Allowed.of(("10.1.2.0/24",))
    assert allowed.permits("10.1.2.9")
    assert allowed.permits("::ffff:10.1.2.9")
    assert not allowed.permits("10.1.3.9")
    assert not allowed.permits("::1")


def test_a_name_with_one_inner_address_is_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: object, **__: object) -> list[tuple[object, ...]]:
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, ("1.1.1.1", 80)), (*kind, ("10.0.0.1", 80))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(NotSent) as refused:
        connect("two.example", 80, Allowed(), 1)
    assert (refused.value.fault, refused.value.again) == (Fault.FORBIDDEN_ADDRESS, False)


@pytest.mark.integration
def test_the_address_that_was_checked_is_the_one_that_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the check and the connection a name may be made to mean another place."""
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def resolve(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
            asked.append(host)
            assert host == "127.0.0.1" or asked.count(host) == 1, "the name is asked for once"
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        connect("plant.example", port, Allowed.of(("127.0.0.1/32",)), 30).close()
    assert asked.count("plant.example") == 1


@pytest.mark.integration
def test_a_server_that_drips_is_cut_off() -> None:
    """Each byte comes within the socket's own timeout, so only a deadline for all of it helps."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            peer, _ = server.accept()
            with peer:
                while not done.wait(0.02):
                    try:
                        peer.sendall(b"H")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        with pytest.raises(NotSent) as refused:
            post(url, b"{}", {}, Allowed.of(("127.0.0.1/32",)), 0.3)
        done.set()
        thread.join()
    assert refused.value.fault is Fault.TIMEOUT


@pytest.mark.integration
def test_nobody_there_is_said_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(NotSent) as refused:
        post(f"http://127.0.0.1:{port}/", b"{}", {}, Allowed.of(("127.0.0.1/32",)), 30)
    assert (refused.value.fault, refused.value.again) == (Fault.UNREACHABLE, True)
