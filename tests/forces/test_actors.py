"""Actors prove themselves with a key; keys, backups and tokens do what they say."""

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from minimisation import PolicyError, StoreError
from minimisation.forces import backup
from minimisation.forces.actors import Actor, ActorKey, Register, Role
from minimisation.forces.keys import ForceKey
from minimisation.forces.tokens import Tokens

KEY = ForceKey(force="ashmere", material=b"A" * 32)
ANALYSTS = frozenset({Role.ANALYST})


@pytest.fixture
def register(tmp_path: Path) -> Register:
    return Register(force="ashmere", path=tmp_path / "actors.json", key=KEY.derive("actors"))


@pytest.fixture
def key(tmp_path: Path, register: Register) -> ActorKey:
    made = ActorKey.create(tmp_path / "analyst.pem")
    register.add(Actor(name="A. Nalyst", role=Role.ANALYST, public=made.public))
    return made


def test_an_actor_is_admitted_by_signing(register: Register, key: ActorKey) -> None:
    actor = register.prove(ActorKey.read(key.path), "ask", ANALYSTS)
    assert actor.name == "A. Nalyst"
    assert stat.S_IMODE(key.path.stat().st_mode) == 0o600


def test_an_unknown_key_is_refused(register: Register, key: ActorKey, tmp_path: Path) -> None:
    assert key.public
    stranger = ActorKey.create(tmp_path / "stranger.pem")
    with pytest.raises(PolicyError, match="must prove"):
        register.prove(stranger, "ask", ANALYSTS)


def test_another_role_is_refused(register: Register, key: ActorKey) -> None:
    with pytest.raises(PolicyError, match="approver"):
        register.prove(key, "load", frozenset({Role.APPROVER}))


def test_a_signature_is_good_once_for_one_act_of_one_force(
    register: Register, key: ActorKey
) -> None:
    challenge = register.challenge("ask")
    (actor,) = register.actors()
    signature = key.sign(challenge)
    other = replace(challenge, act="erase")
    with pytest.raises(PolicyError):
        register.admit(other, actor.fingerprint, signature, ANALYSTS)
    challenge = register.challenge("ask")
    signature = key.sign(challenge)
    register.admit(challenge, actor.fingerprint, signature, ANALYSTS)
    with pytest.raises(PolicyError, match="once"):
        register.admit(challenge, actor.fingerprint, signature, ANALYSTS)
    foreign = replace(register.challenge("ask"), force="brackley")
    with pytest.raises(PolicyError, match="posed"):
        register.admit(foreign, actor.fingerprint, key.sign(foreign), ANALYSTS)


def test_claiming_somebody_elses_fingerprint_does_not_help(
    register: Register, key: ActorKey, tmp_path: Path
) -> None:
    assert key.path.exists()
    stranger = ActorKey.create(tmp_path / "stranger.pem")
    (actor,) = register.actors()
    challenge = register.challenge("ask")
    with pytest.raises(PolicyError, match="must prove"):
        register.admit(challenge, actor.fingerprint, stranger.sign(challenge), ANALYSTS)


def test_mutant_that_takes_the_name_for_the_proof_is_caught(
    register: Register, key: ActorKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Credulous:
        @staticmethod
        def from_public_bytes(_: bytes) -> "Credulous":
            return Credulous()

        def verify(self, *_: bytes) -> None:
            """Believe anything."""

    assert key.path.exists()
    monkeypatch.setattr("minimisation.forces.actors.Ed25519PublicKey", Credulous)
    stranger = ActorKey.create(tmp_path / "stranger.pem")
    (actor,) = register.actors()
    challenge = register.challenge("ask")
    admitted = register.admit(challenge, actor.fingerprint, stranger.sign(challenge), ANALYSTS)
    assert admitted == actor


def test_a_lost_key_is_removed_and_admits_nobody(register: Register, key: ActorKey) -> None:
    (actor,) = register.actors()
    register.remove(actor.fingerprint)
    with pytest.raises(PolicyError):
        register.prove(key, "ask", ANALYSTS)
    with pytest.raises(PolicyError, match="must be one"):
        register.remove(actor.fingerprint)


def test_a_register_that_was_altered_is_found(register: Register, key: ActorKey) -> None:
    assert key.path.exists()
    register.path.write_text(register.path.read_text().replace("analyst", "approver"))
    with pytest.raises(StoreError, match="altered"):
        register.actors()


@pytest.mark.parametrize("content", [b"", b"not a key"])
def test_what_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.pem"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(StoreError, match="Ed25519"):
        ActorKey.read(path)


def test_a_private_key_that_others_can_read_is_refused(key: ActorKey) -> None:
    key.path.chmod(0o644)
    with pytest.raises(StoreError, match="owner only"):
        ActorKey.read(key.path)


PASSPHRASE = "six words that nobody will guess"  # noqa: S105 - of a test


def test_a_key_comes_back_from_its_backup_with_the_passphrase_only() -> None:
    text = backup.seal_key(KEY, PASSPHRASE)
    assert backup.open_key(text, PASSPHRASE) == KEY
    with pytest.raises(StoreError, match="own passphrase"):
        backup.open_key(text, PASSPHRASE + "!")
    with pytest.raises(StoreError, match="own passphrase"):
        backup.open_key(text.replace("ashmere", "brackley"), PASSPHRASE)
    with pytest.raises(StoreError, match="whole text"):
        backup.open_key("{}", PASSPHRASE)
    with pytest.raises(ValueError, match="16 characters"):
        backup.seal_key(KEY, "short")


def test_a_token_is_the_same_for_every_spelling_and_gone_when_destroyed(tmp_path: Path) -> None:
    tokens = Tokens(path=tmp_path / "tokens.sqlite", key=KEY)
    first = tokens.of("SYN-1")
    assert tokens.of(" syn-1") == first
    assert tokens.of("SYN-2") != first
    assert tokens.destroy("SYN-1")
    assert tokens.find("SYN-1") is None
    assert not tokens.destroy("SYN-1")
    assert tokens.of("SYN-1") != first
    assert first.encode() not in tokens.path.read_bytes()


def test_tokens_hold_no_id_and_tell_nothing_without_the_key(tmp_path: Path) -> None:
    tokens = Tokens(path=tmp_path / "tokens.sqlite", key=KEY)
    tokens.of("SYN-ASH-P00000001")
    assert b"SYN-ASH" not in tokens.path.read_bytes()
    stranger = replace(tokens, key=replace(KEY, material=b"x" * 32))
    assert stranger.find("SYN-ASH-P00000001") is None
