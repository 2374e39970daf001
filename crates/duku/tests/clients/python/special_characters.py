"""Credentials are form-encoded before they go into HTTP Basic (RFC 6749, 2.3.1): the server must decode them.

Libraries differ in what they encode: some nothing, some what URLs reserve, some every `_` and `-` too. All of that
is the same pair, so all of it must work.
"""

import base64

import requests

from common import CLIENT_ID, CLIENT_SECRET, TIMEOUT_SECONDS, TOKEN_URL, check


def plain(text):
    return text


def strict(text):
    """As the strictest libraries do it: only letters and digits stay."""
    return "".join(c if c.isascii() and c.isalnum() else "+" if c == " " else each(c) for c in text)


def each(text):
    return "".join(f"%{byte:02X}" for byte in text.encode())


def each_in_small_letters(text):
    return each(text).lower()


def post(body, **headers):
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    return requests.post(TOKEN_URL, data=body, headers=headers, timeout=TIMEOUT_SECONDS)


def by_basic(encode, client_id, secret):
    pair = f"{encode(client_id)}:{encode(secret)}".encode()
    return post("grant_type=client_credentials", Authorization="Basic " + base64.b64encode(pair).decode())


def by_body(encode, client_id, secret):
    return post(f"grant_type=client_credentials&client_id={encode(client_id)}&client_secret={encode(secret)}")


for way in (by_basic, by_body):
    for encode in (plain, strict, each, each_in_small_letters):
        response = way(encode, CLIENT_ID, CLIENT_SECRET)
        what = f"{way.__name__}, {encode.__name__}"
        check(response.status_code == 200, f"{what}: {response.status_code} {response.text}")
        check(response.json()["expires_in"] == 300, f"{what}: {response.text}")

    # No key has such a name, but a colon, a plus or a percent sign must not break the parsing.
    response = way(strict, "a:b+c %41/é", "p:q+r %/é&=")
    check(response.status_code == 401, f"{way.__name__}, strange names: {response.status_code} {response.text}")
    check(response.json()["error"] == "invalid_client", f"{way.__name__}, strange names: {response.text}")
    challenged = response.headers.get("WWW-Authenticate", "").startswith("Basic")
    check(challenged == (way is by_basic), f"{way.__name__}: challenged with Basic: {challenged}")

print("special characters: Basic and body accept the pair plain, encoded strictly and encoded whole; strange names are invalid_client")
