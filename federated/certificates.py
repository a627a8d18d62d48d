"""Certificates and keys for trying a deployment on one machine; real ones come from the forces.

X.509 with subject alternative names (RFC 5280), ECDSA on P-384 as Flower's node authentication
wants it. Private keys are written with the rights of their owner alone.
"""

import ipaddress
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP384R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

DAYS = 7
"""How long a trial certificate is valid."""


@dataclass(frozen=True, kw_only=True)
class Authority:
    """A certificate authority of the trial's own, and the server's certificate from it."""

    folder: Path
    """Where `ca.crt`, `server.pem` and `server.key` are."""

    @classmethod
    def create(cls, folder: Path) -> "Authority":
        """Make an authority and a server certificate for this machine's loopback address."""
        folder.mkdir(parents=True, exist_ok=True)
        root_key, server_key = generate_private_key(SECP384R1()), generate_private_key(SECP384R1())
        root_name, server_name = _name("Trial authority"), _name("localhost")
        root = (
            _builder(root_name, root_name, root_key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(root_key, SHA384())
        )
        here = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        server = (
            _builder(server_name, root_name, server_key)
            .add_extension(x509.SubjectAlternativeName(here), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .sign(root_key, SHA384())
        )
        (folder / "ca.crt").write_bytes(root.public_bytes(Encoding.PEM))
        (folder / "server.pem").write_bytes(server.public_bytes(Encoding.PEM))
        _write_secret(
            folder / "server.key",
            server_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        )
        return cls(folder=folder)


def node_key(path: Path) -> Path:
    """Make a node's key pair; the public half is beside it with the suffix `.pub`, returned."""
    key = generate_private_key(SECP384R1())
    _write_secret(path, key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    public = path.with_suffix(".pub")
    public.write_bytes(key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH))
    return public


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=DAYS))
    )


def _write_secret(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
