"""A force's key: where it is kept, and that nothing but the right key opens anything."""

import base64
import os
import stat
import sys
import types
from dataclasses import replace
from pathlib import Path

import pytest

from minimisation import StoreError
from minimisation.contract.errors import MissingEngineError
from minimisation.forces.keys import ForceKey, KeyFile, KeyRing, KeyVariable

KEY = ForceKey(force="ashmere", material=bytes(range(32)))


def test_a_new_key_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    key = KeyFile(path=tmp_path / "keys" / "ashmere.key").create("ashmere")
    assert stat.S_IMODE((tmp_path / "keys" / "ashmere.key").stat().st_mode) == 0o600
    assert KeyFile(path=tmp_path / "keys" / "ashmere.key").read("ashmere") == key


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    source = KeyFile(path=tmp_path / "a.key")
    source.create("ashmere")
    with pytest.raises(StoreError, match="never overwritten"):
        source.create("ashmere")


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    source = KeyFile(path=tmp_path / "a.key")
    source.create("ashmere")
    source.path.chmod(0o640)
    with pytest.raises(StoreError, match="chmod 600"):
        source.read("ashmere")


def test_a_missing_key_says_where_it_must_be(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="key file"):
        KeyFile(path=tmp_path / "a.key").read("ashmere")
    with pytest.raises(StoreError, match="NO_SUCH_KEY"):
        KeyVariable(name="NO_SUCH_KEY").read("ashmere")


@pytest.mark.parametrize("text", ["", "short", "é" * 44, base64.b64encode(b"x" * 31).decode()])
def test_what_is_not_a_key_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("ASHMERE_KEY", text)
    with pytest.raises(StoreError, match="32 bytes"):
        KeyVariable(name="ASHMERE_KEY").read("ashmere")


def test_a_key_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASHMERE_KEY", base64.b64encode(KEY.material).decode())
    assert KeyVariable(name="ASHMERE_KEY").read("ashmere") == KEY


def test_a_key_can_come_from_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = types.ModuleType("keyring")
    held = {("minimisation-sandbox", "ashmere"): base64.b64encode(KEY.material).decode()}
    ring.get_password = lambda service, user: held.get((service, user))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", ring)
    assert KeyRing().read("ashmere") == KEY
    with pytest.raises(StoreError, match="keyring"):
        KeyRing().read("brackley")


def test_a_missing_keyring_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(MissingEngineError, match="pip install keyring"):
        KeyRing().read("ashmere")


def test_keys_of_forces_and_purposes_are_unlike() -> None:
    other = replace(KEY, force="brackley")
    derived = {KEY.derive("a"), KEY.derive("b"), other.derive("a"), KEY.material}
    assert len(derived) == 4
    assert KEY.derive("a") == KEY.derive("a")


def test_a_wrapped_key_opens_with_the_same_key_purpose_and_label_only() -> None:
    secret = os.urandom(32)
    wrapped = KEY.wrap(secret, "store", "snapshot-1")
    assert KEY.unwrap(wrapped, "store", "snapshot-1") == secret
    wrong = replace(KEY, material=bytes(32))
    for key, purpose, label in [
        (wrong, "store", "snapshot-1"),
        (KEY, "archive", "snapshot-1"),
        (KEY, "store", "snapshot-2"),
    ]:
        with pytest.raises(StoreError, match="must be the one"):
            key.unwrap(wrapped, purpose, label)


def test_a_key_is_never_shown(tmp_path: Path) -> None:
    text = base64.b64encode(KEY.material).decode()
    assert text not in repr(KEY)
    assert str(KEY.material) not in repr(KEY)
    with pytest.raises(StoreError) as error:
        KEY.unwrap(KEY.wrap(b"x" * 32, "a", "b"), "a", "c")
    assert text not in str(error.value)
    assert tmp_path.exists()
