"""Signatures as AWS's clients make them (botocore signs), and every change that must not pass."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from gluonship.local.door import senders, sigv4
from gluonship.local.door.denials import Denied, Reason
from gluonship.local.door.keys import IssuedKeys, Key, home_key, new_key
from gluonship.local.door.sigv4 import WireRequest

KEY = Key("AKIAEXAMPLE", "wJalr/XUtn+FEMI", "123456789012")
SESSION = Key("ASIAEXAMPLE", "other", "210987654321", token="to/ken+=", expires=time.time() + 900)
HOST = "127.0.0.1:5111"


@dataclass(frozen=True)
class Sent:
    """A request on its way, which a test may change."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""
    late: float = 0.0

    def changed(self, **headers: str) -> Sent:
        return replace(self, headers={**self.headers, **headers})


@dataclass
class Signing:
    """What botocore is told to sign."""

    method: str = "POST"
    target: str = "/"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"Action=Go"
    key: Key = KEY
    service: str = "sts"
    region: str = "eu-west-1"

    def sent(self) -> Sent:
        request = self._request()
        signer = S3SigV4Auth if self.service == "s3" else SigV4Auth
        signer(self._credentials, self.service, self.region).add_auth(request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        return Sent(self.method, self.target, headers, self.body)

    def presigned(self, seconds: int = 60) -> Sent:
        request = self._request()
        request.data = b""  # botocore would move it into the URL
        signer = S3SigV4QueryAuth if self.service == "s3" else SigV4QueryAuth
        signer(self._credentials, self.service, self.region, expires=seconds).add_auth(request)
        split = urlsplit(request.url)
        return Sent(self.method, f"{split.path}?{split.query}", {"host": HOST, **self.headers})

    @property
    def _credentials(self) -> Credentials:
        return Credentials(self.key.id, self.key.secret, self.key.token)

    def _request(self) -> AWSRequest:
        headers = {**self.headers, "Host": HOST}
        return AWSRequest(self.method, f"http://{HOST}{self.target}", headers, self.body)


def verdict(sent: Sent, key: Key | None = KEY) -> Reason | None:
    """Why the request is not let in; None where it is."""
    path, _, query = sent.target.partition("?")
    headers = {name.lower(): value for name, value in sent.headers.items()}
    request = WireRequest(sent.method, path, query, headers.get, lambda: headers)
    now = time.time() + sent.late
    try:
        signature = sigv4.read(request)
        if signature is None:
            return Reason.UNSIGNED
        known = sigv4.live(key, signature.token, now)
        sigv4.check(request, signature, known, lambda: hashlib.sha256(sent.body).hexdigest(), now)
    except Denied as denied:
        return denied.reason
    return None


S3_KEYS = ("/b/a%20b", "/b/%C3%BC%2B%252F%3D%26%3F.jpg", "/b//double//", "/b/../up", "/b/a.~_-", "/b/")


@pytest.mark.parametrize(
    "signing",
    [
        Signing(),
        Signing("GET", "/?b=2&a=1&a=0&empty=&c%20d=e%2Ff", body=b""),
        Signing("POST", "/2017/a:b/%40?x", service="iot", headers={"X-Amz-Meta": "  a   b  "}),
        Signing("DELETE", "/a//b/./c/../d/", body=b"", service="greengrass"),
        Signing(key=SESSION),
        *(Signing("PUT", path, service="s3", body=b"\x00\xff") for path in S3_KEYS),
        Signing("GET", "/b?list-type=2&prefix=a%2Fb%20c&delimiter=%2F", service="s3", body=b""),
    ],
)
def test_what_a_client_signs_passes(signing: Signing) -> None:
    assert verdict(signing.sent(), signing.key) is None
    assert verdict(signing.presigned(), signing.key) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"method": "PUT"}, Reason.MISMATCH),
        ({"target": "/b?x=1&y=2"}, Reason.MISMATCH),
        ({"target": "/a?x=1&y=3"}, Reason.MISMATCH),
        ({"target": "/a?x=1"}, Reason.MISMATCH),
        ({"body": b"Action=Stop"}, Reason.MISMATCH),
        ({"late": 14 * 60}, None),
        ({"late": 16 * 60}, Reason.SKEWED),
        ({"late": -14 * 60}, None),
        ({"late": -16 * 60}, Reason.SKEWED),
        ({"host": "localhost:5111"}, Reason.MISMATCH),
        ({"x-amz-meta": "c"}, Reason.MISMATCH),
        ({"x-amz-date": "20200101T000000Z"}, Reason.UNREADABLE),
        ({"unsigned": "c"}, None),
        ({"authorization": "AWS4-HMAC-SHA256 Credential=a"}, Reason.UNREADABLE),
        ({"authorization": "Basic eA=="}, Reason.UNSIGNED),
        ({"x-amz-unsigned": "c"}, None),
    ],
)
def test_no_change_of_what_is_signed_passes(change: dict[str, str], reason: Reason | None) -> None:
    sent = Signing(target="/a?x=1&y=2", headers={"x-amz-meta": "b"}).sent()
    fields = {"method", "target", "body", "late"}
    changed = replace(sent, **change) if set(change) <= fields else sent.changed(**change)
    assert verdict(changed) == reason


def test_s3_wants_all_its_headers_signed() -> None:
    for signing in (Signing("PUT", "/b/k", service="s3"), Signing("PUT", "/b/k", service="s3", body=b"")):
        assert verdict(signing.sent().changed(**{"x-amz-copy-source": "/b/other"})) == Reason.FORBIDDEN
        assert verdict(signing.presigned().changed(**{"x-amz-acl": "public-read"})) == Reason.FORBIDDEN
        assert verdict(signing.sent().changed(**{"x-amzn-trace-id": "1"})) is None


def test_an_authorization_that_says_two_things_is_none() -> None:
    sent = Signing().sent()
    first = sent.headers["authorization"]
    other = first.replace("AKIAEXAMPLE", "AKIAOTHER").replace("AWS4-HMAC-SHA256 ", "")
    assert verdict(sent.changed(authorization=f"{first}, {other}")) == Reason.UNREADABLE


@pytest.mark.parametrize("part", ["eu-west-1", "sts"])
def test_no_other_scope_passes(part: str) -> None:
    sent = Signing().sent()
    authorization = sent.headers["authorization"].replace(part, "x" * len(part), 1)
    assert verdict(sent.changed(authorization=authorization)) == Reason.MISMATCH


def test_the_host_must_be_signed() -> None:
    sent = Signing().sent()
    authorization = sent.headers["authorization"].replace("host;", "")
    assert verdict(sent.changed(authorization=authorization)) == Reason.UNREADABLE


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (None, Reason.UNKNOWN_KEY),
        (replace(SESSION, secret="wrong"), Reason.MISMATCH),
        (replace(SESSION, token="wrong"), Reason.UNKNOWN_KEY),
        (replace(SESSION, token=None), Reason.UNKNOWN_KEY),
        (replace(SESSION, expires=time.time() - 1), Reason.EXPIRED),
        (SESSION, None),
    ],
)
def test_only_a_live_key_passes(known: Key | None, reason: Reason | None) -> None:
    assert verdict(Signing(key=SESSION).sent(), known) == reason


def test_a_digest_that_is_named_is_the_bodys() -> None:
    sent = Signing("PUT", "/b/k", service="s3", body=b"one").sent()
    assert verdict(replace(sent, body=b"two")) == Reason.CONTENT
    unsigned = Signing("PUT", "/b/k", service="s3", body=b"one").presigned()
    assert verdict(replace(unsigned, body=b"two")) is None, "a presigned URL says nothing of the body"


@pytest.mark.parametrize(
    ("seconds", "late", "reason"),
    [
        (60, 59, None),
        (60, 62, Reason.TOO_LATE),
        (60, -16 * 60, Reason.SKEWED),
        (7 * 24 * 3600, 6 * 24 * 3600, None),
        (7 * 24 * 3600 + 1, 0, Reason.UNREADABLE),
        (0, 0, Reason.UNREADABLE),
    ],
)
def test_a_presigned_url_ends(seconds: int, late: float, reason: Reason | None) -> None:
    sent = Signing("GET", "/b/k?versionId=1", service="s3", body=b"").presigned(seconds)
    assert verdict(replace(sent, late=late)) == reason


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("versionId=1", "versionId=2", Reason.MISMATCH),
        ("/b/k", "/b/other", Reason.MISMATCH),
        ("Expires=60", "Expires=6000", Reason.MISMATCH),
        ("Expires=60", "Expires=soon", Reason.UNREADABLE),
        ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1", Reason.UNREADABLE),
        ("&X-Amz-Signature=", "&X-Amz-Signatur=", Reason.UNREADABLE),
    ],
)
def test_no_change_of_a_presigned_url_passes(old: str, new: str, reason: Reason) -> None:
    sent = Signing("GET", "/b/k?versionId=1", service="s3", body=b"").presigned()
    assert old in sent.target
    assert verdict(replace(sent, target=sent.target.replace(old, new))) == reason


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(path=st.lists(NAMES, max_size=4), query=st.dictionaries(NAMES, NAMES, max_size=3), body=st.binary())
def test_any_names_pass(path: list[str], query: dict[str, str], body: bytes) -> None:
    from botocore.compat import quote

    fields = "&".join(
        f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in query.items()
    )
    target = "/" + "/".join(quote(each, safe="-_.~") for each in path) + (f"?{fields}" if fields else "")
    for service in ("s3", "iot"):
        signing = Signing("PUT", target, service=service, body=body)
        assert verdict(signing.sent()) is None
        assert verdict(signing.presigned()) is None


# --- who may speak ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "origin", "site", "allowed"),
    [
        ("127.0.0.1:5111", None, None, True),
        ("localhost:5111", None, None, True),
        ("127.0.0.1:5112", None, None, True),
        ("[::1]:5111", None, None, True),
        ("bucket.s3.localhost:5111", None, None, True),
        ("127.0.0.1:5111", "http://localhost:5111", "same-origin", True),
        ("127.0.0.1:5111", None, "none", True),
        ("127.0.0.1:80", None, None, False),
        ("127.0.0.1", None, None, False),
        ("rebound.example:5111", None, None, False),
        ("127.0.0.1.example:5111", None, None, False),
        ("localhost.example:5111", None, None, False),
        ("user@127.0.0.1:5111", None, None, False),
        ("127.0.0.1:x", None, None, False),
        ("", None, None, False),
        (None, None, None, False),
        ("127.0.0.1:5111", "https://page.example", None, False),
        ("127.0.0.1:5111", "http://localhost:8888", None, False),
        ("127.0.0.1:5111", "null", None, False),
        ("127.0.0.1:5111", "", None, False),
        ("127.0.0.1:5111", None, "cross-site", False),
        ("127.0.0.1:5111", None, "Same-Site", False),
        ("127.0.0.1:5111", None, "", False),
    ],
)
def test_only_this_machine_is_answered(
    host: str | None, origin: str | None, site: str | None, allowed: bool
) -> None:
    assert (senders.refusal(host, origin, site, (5111, 5112)) is None) is allowed


# --- the cloud's own keys --------------------------------------------------------------------------------


def test_a_containers_key_ends_with_it() -> None:
    home = home_key({"access_key_id": "AKIAHOME", "secret_access_key": "s"}, "111122223333")
    keys = IssuedKeys(home)
    first = keys.issue("444455556666", "arn:aws:iam::444455556666:role/path/Trainer")
    second = keys.issue("444455556666", "arn:aws:iam::444455556666:role/path/Trainer")
    assert first.arn == "arn:aws:sts::444455556666:assumed-role/Trainer/SageMaker"
    assert len({first.id, first.secret, first.token, second.id, second.secret, second.token}) == 6
    keys.revoke(first)
    assert [keys.find(each.id) for each in (home, first, second)] == [home, None, second]
    assert set(second.variables()) == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}


def test_a_homes_key_is_a_long_term_one() -> None:
    made = new_key("111122223333", "", "x", token=False)
    assert (made.token, len(made.id), made.id[:4]) == (None, 20, "AKIA")
    assert set(made.variables()) == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
