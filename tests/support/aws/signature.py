"""Checks AWS Signature Version 4 the way the services do.

Source: "AWS Signature Version 4 for API requests" in the IAM user guide.
"""

import datetime
import hashlib
import hmac
import re
import urllib.parse

ALGORITHM = "AWS4-HMAC-SHA256"
SKEW = datetime.timedelta(minutes=15)


class Refused(Exception):
    """`kind`: signature, key, token, expired_token, skew, expired_link, missing, payload."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def hmac_sha256(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def encoded(text):
    return urllib.parse.quote(text, safe="-_.~")


def canonical_query(query, without=()):
    pairs = urllib.parse.parse_qsl(query.replace("+", "%20"), keep_blank_values=True)
    pairs = [(encoded(name), encoded(value)) for name, value in pairs if name not in without]
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def signature(secret, scope, stamp, request):
    date, region, service, last = scope
    key = ("AWS4" + secret).encode()
    for part in (date, region, service, last):
        key = hmac_sha256(key, part)
    text = "\n".join([ALGORITHM, stamp, "/".join(scope), sha256(request.encode())])
    return hmac_sha256(key, text).hex()


def canonical_headers(headers, signed):
    lines = []
    for name in signed:
        values = headers.get_all(name) or []
        if not values:
            raise Refused("signature", f"the signed header '{name}' is absent")
        lines.append(name + ":" + ",".join(re.sub(" +", " ", value.strip()) for value in values))
    return "\n".join(lines) + "\n"


def check_time(stamp, now):
    try:
        when = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ")
    except ValueError:
        raise Refused("signature", f"'{stamp}' is no date") from None
    if abs(now - when) > SKEW:
        raise Refused("skew", "the difference between the request time and the current time is too large")
    return when


def check_scope(scope, service, region):
    if len(scope) != 4 or scope[3] != "aws4_request":
        raise Refused("signature", "the credential scope is malformed")
    if scope[2] != service or scope[1] != region:
        raise Refused("signature", f"credential should be scoped to {region}/{service}")


def check_token(account, token, now):
    if account.get("token") is None:
        if token:
            raise Refused("token", "the security token is not of this key")
        return
    if token != account["token"]:
        raise Refused("token", "the security token included in the request is invalid")
    if now >= account["expires"]:
        raise Refused("expired_token", "the provided token has expired")


def verify(method, path, query, headers, body, accounts, service, region, now):
    """Raises Refused. `path` as it was sent; `accounts`: key id -> {secret, token, expires}."""
    if "X-Amz-Signature=" in query:
        return verify_link(method, path, query, headers, accounts, service, region, now)
    authorization = headers.get("Authorization", "")
    match = re.fullmatch(
        ALGORITHM + r" Credential=([^/,]+)/([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})",
        authorization,
    )
    if not match:
        raise Refused("missing", "the request is not signed")
    key, scope, signed, given = match.groups()
    scope, signed = scope.split("/"), signed.split(";")
    if key not in accounts:
        raise Refused("key", f"the access key id '{key}' does not exist")
    check_scope(scope, service, region)
    stamp = headers.get("X-Amz-Date", "")
    check_time(stamp, now)
    for name in {name.lower() for name in headers if name.lower().startswith("x-amz-")} | {"host"}:
        if name not in signed:
            raise Refused("signature", f"the header '{name}' is not signed")
    payload = headers.get("X-Amz-Content-Sha256")
    if service == "s3" and payload is None:
        raise Refused("signature", "missing required header x-amz-content-sha256")
    if payload is None:
        payload = sha256(body)
    elif payload != "UNSIGNED-PAYLOAD" and payload != sha256(body):
        raise Refused("payload", "the provided x-amz-content-sha256 does not match what was computed")
    request = "\n".join(
        [method, path, canonical_query(query), canonical_headers(headers, signed), ";".join(signed), payload]
    )
    if not hmac.compare_digest(signature(accounts[key]["secret"], scope, stamp, request), given):
        raise Refused("signature", "the request signature we calculated does not match")
    check_token(accounts[key], headers.get("X-Amz-Security-Token"), now)


def verify_link(method, path, query, headers, accounts, service, region, now):
    fields = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
    key, *scope = fields.get("X-Amz-Credential", "").split("/")
    if key not in accounts:
        raise Refused("key", f"the access key id '{key}' does not exist")
    check_scope(scope, service, region)
    try:
        when = datetime.datetime.strptime(fields.get("X-Amz-Date", ""), "%Y%m%dT%H%M%SZ")
        lifetime = int(fields.get("X-Amz-Expires", ""))
    except ValueError:
        raise Refused("signature", "the link has no date or lifetime") from None
    if not 1 <= lifetime <= 604800:
        raise Refused("signature", "X-Amz-Expires must be less than a week")
    if now > when + datetime.timedelta(seconds=lifetime):
        raise Refused("expired_link", "request has expired")
    signed = fields.get("X-Amz-SignedHeaders", "").split(";")
    request = "\n".join(
        [
            method,
            path,
            canonical_query(query, without=("X-Amz-Signature",)),
            canonical_headers(headers, signed),
            ";".join(signed),
            "UNSIGNED-PAYLOAD",
        ]
    )
    if not hmac.compare_digest(
        signature(accounts[key]["secret"], scope, fields["X-Amz-Date"], request), fields["X-Amz-Signature"]
    ):
        raise Refused("signature", "the request signature we calculated does not match")
    check_token(accounts[key], fields.get("X-Amz-Security-Token"), now)
