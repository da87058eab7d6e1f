"""Issue a server certificate from a new certificate authority, whose key is not stored."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["IssuedCertificate", "issue_certificate"]


@dataclass(frozen=True)
class IssuedCertificate:
    """PEM files of a server and its authority."""

    chain: bytes
    key: bytes
    authority: bytes


def issue_certificate(*host_names: str, organization: str) -> IssuedCertificate:
    """Issue a certificate for host names or addresses; its common name is the first of them."""
    import trustme

    authority = trustme.CA(organization_name=organization)
    issued = authority.issue_cert(*host_names, common_name=host_names[0])
    chain = b"".join(part.bytes() for part in issued.cert_chain_pems)
    return IssuedCertificate(chain, issued.private_key_pem.bytes(), authority.cert_pem.bytes())
