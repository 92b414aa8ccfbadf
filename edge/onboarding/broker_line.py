"""Whether the way to the broker is open: name, TCP connection, and TLS with each reason for its failure told apart."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime

from edge.broker_settings import BrokerSettings
from edge.onboarding.finding import Finding, ok, skipped, warning, wrong
from edge.onboarding.wording import Words, plain

_EXPIRES_SOON_DAYS = 30

_NOT_YET_VALID, _EXPIRED = 9, 10
_UNKNOWN_ISSUER = {2, 18, 19, 20, 21}
_OTHER_NAME = {62, 64}
"""Verification codes of OpenSSL (x509_vfy.h): no known issuer; another host name or address."""

_UNREACHABLE = Words(
    "check broker.host and broker.port, the cable, the gateway and the firewall, and that the broker runs",
    "请检查 broker.host 和 broker.port、网线、网关和防火墙，以及消息服务器是否在运行",
)


def line_findings(broker: BrokerSettings, timeout_s: float) -> Iterator[Finding]:
    """Yield what is found on the way to the broker; a ``WRONG`` one is the last."""
    where = f"{broker.host}:{broker.port}"
    try:
        found = socket.getaddrinfo(broker.host, broker.port, type=socket.SOCK_STREAM)
    except OSError as error:
        yield wrong(
            "network",
            Words(
                f"no address is known for {broker.host} ({error.strerror})",
                f"无法解析 {broker.host} 的地址（{error.strerror}）",
            ),
            Words(
                "check broker.host, and that this machine has a name server (resolvectl status)",
                "请检查 broker.host，以及本机是否配置了域名服务器（resolvectl status）",
            ),
        )
        return
    try:
        with socket.create_connection((broker.host, broker.port), timeout_s) as line:
            address = found[0][4][0]
            yield ok("network", Words(f"{where} ({address}) is reached", f"可以连接 {where}（{address}）"))
            yield from _tls(broker, line)
    except OSError as error:
        reason = "no answer" if isinstance(error, TimeoutError) else error.strerror or str(error)
        yield wrong(
            "network", Words(f"{where} is not reached ({reason})", f"无法连接 {where}（{reason}）"), _UNREACHABLE
        )


def _tls(broker: BrokerSettings, line: socket.socket) -> Iterator[Finding]:
    if broker.ca_file is None:
        yield skipped("tls", Words("no TLS: the broker is on this machine", "未使用 TLS：消息服务器就在本机"))
        return
    try:
        context = ssl.create_default_context(cafile=str(broker.ca_file))
    except (OSError, ssl.SSLError) as error:
        text = Words("{file} is no file of certificates ({error})", "{file} 不是证书文件（{error}）")
        fix = Words(
            "put the platform's CA certificate (PEM) there: broker.ca_file",
            "请把平台的 CA 证书（PEM）放到 broker.ca_file 指定的位置",
        )
        yield wrong("tls", text.format(file=broker.ca_file, error=error), fix)
        return
    try:
        with context.wrap_socket(line, server_hostname=broker.host) as wrapped:
            yield _validity(wrapped)
    except ssl.SSLCertVerificationError as error:
        yield _refused_certificate(broker, error)
    except (ssl.SSLError, OSError) as error:
        reason = "no answer" if isinstance(error, TimeoutError) else getattr(error, "reason", None) or str(error)
        text = Words("{host}:{port} does not speak TLS ({reason})", "{host}:{port} 没有使用 TLS（{reason}）")
        fix = Words(
            "check broker.port: TLS is usually on 8883; plain MQTT, on 1883, is not used beyond this machine",
            "请检查 broker.port：TLS 通常用 8883；1883 是明文 MQTT，不用于本机以外",
        )
        yield wrong("tls", text.format(host=broker.host, port=broker.port, reason=reason), fix)


def _validity(wrapped: ssl.SSLSocket) -> Finding:
    certificate = wrapped.getpeercert() or {}
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    days = (ends - datetime.now(UTC)).days
    text = Words(
        "{version}; the broker's certificate is valid until {ends:%Y-%m-%d}",
        "{version}；消息服务器证书有效期至 {ends:%Y-%m-%d}",
    ).format(version=wrapped.version(), ends=ends)
    if days >= _EXPIRES_SOON_DAYS:
        return ok("tls", text)
    fix = Words(f"{days} days are left: ask the platform to renew it", f"仅剩 {days} 天：请平台更换证书")
    return warning("tls", text, fix)


def _refused_certificate(broker: BrokerSettings, error: ssl.SSLCertVerificationError) -> Finding:
    """Tell an expired certificate, one of another issuer, and one of another host apart."""
    code = error.verify_code
    if code == _EXPIRED:
        text = Words("the broker's certificate has expired", "消息服务器的证书已过期")
        fix = Words(
            "check this machine's clock (date); where it is right, the platform has to renew the certificate",
            "请检查本机时钟（date）；若时钟正确，需由平台更换证书",
        )
    elif code == _NOT_YET_VALID:
        text = Words("the broker's certificate is not valid yet", "消息服务器的证书尚未生效")
        fix = Words("check this machine's clock (date): it is probably behind", "请检查本机时钟（date）：很可能慢了")
    elif code in _UNKNOWN_ISSUER:
        text = Words(
            f"the broker's certificate was not issued by what {broker.ca_file} holds",
            f"消息服务器的证书不是由 {broker.ca_file} 中的机构签发的",
        )
        fix = Words(
            "ask the platform for its current CA certificate; where broker.host is right and it stays so, somebody may "
            "stand between: do not go on",
            "请向平台索取当前的 CA 证书；若 broker.host 无误而问题依旧，可能有人在中间拦截：请勿继续",
        )
    elif code in _OTHER_NAME:
        text = Words(
            f"the broker's certificate is for another name than {broker.host}",
            f"消息服务器的证书不属于 {broker.host}",
        )
        fix = Words(
            "write broker.host as the platform names it, or have the certificate issued for this name",
            "请按平台给出的名称填写 broker.host，或请平台为该名称签发证书",
        )
    else:
        text = plain(f"TLS: {error.verify_message}")
        fix = Words("ask the platform to check the broker's certificate", "请平台检查消息服务器的证书")
    return wrong("tls", text, fix)
