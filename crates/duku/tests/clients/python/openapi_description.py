"""schemathesis holds the description of the OAuth endpoints against the running server, with what it makes up and with answers
that need a real credential."""

import subprocess
import sys
import tempfile
from pathlib import Path

import requests
import schemathesis

from common import CLIENT_ID, CLIENT_SECRET, ISSUER, TIMEOUT_SECONDS, check

DESCRIPTION = f"{ISSUER}/openapi.json"
PAIR = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
TOKEN = "/protocol/openid-connect/token"

schema = schemathesis.openapi.from_url(DESCRIPTION)
check(schema.raw_schema["servers"][0]["url"] == ISSUER, "the description names another issuer")


def call(path, method, expected, **request):
    response = requests.request(method, ISSUER + path, timeout=TIMEOUT_SECONDS, **request)
    check(response.status_code == expected, f"{method} {path}: {response.status_code}, not {expected}: {response.text}")
    schema[path][method].validate_response(response)
    return response


issued = call(TOKEN, "POST", 200, data={"grant_type": "client_credentials", **PAIR}).json()
bearer = {"Authorization": f"Bearer {issued['access_token']}"}
call(TOKEN, "POST", 200, data={"grant_type": "client_credentials"}, auth=(CLIENT_ID, CLIENT_SECRET))
call(TOKEN, "POST", 400, data={"grant_type": "client_credentials", "scope": "all", **PAIR})
call(TOKEN, "POST", 401, data={"grant_type": "client_credentials", **PAIR, "client_secret": CLIENT_SECRET + "x"})
ASSERTION = {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion": "a.b.c"}
call(TOKEN, "POST", 401, data={"grant_type": "client_credentials", "client_id": CLIENT_ID, **ASSERTION})
call(f"{TOKEN}/introspect", "POST", 401, data={"client_id": CLIENT_ID, **ASSERTION, "token": issued["access_token"]})
bearer_grant = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "client_id": CLIENT_ID, "assertion": "a.b.c"}
call(TOKEN, "POST", 400, data=bearer_grant)
exchange = {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "client_id": CLIENT_ID, "subject_token": "a.b.c"}
exchange["subject_token_type"] = "urn:ietf:params:oauth:token-type:jwt"
call(TOKEN, "POST", 400, data=exchange)
call(TOKEN, "POST", 400, data={**exchange, "audience": "https://other.example"})
call(TOKEN, "POST", 413, data={"grant_type": "x" * 100_000})
call(f"{TOKEN}/introspect", "POST", 200, data={**PAIR, "token": issued["access_token"]})
call(f"{TOKEN}/introspect", "POST", 200, data={**PAIR, "token": "none"})
for method in ("GET", "POST"):
    call("/protocol/openid-connect/userinfo", method, 200, headers=bearer)
    call("/protocol/openid-connect/userinfo", method, 401)
device = call("/protocol/openid-connect/auth/device", "POST", 200, data={"client_id": "duku-cli"}).json()
grant = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "client_id": "duku-cli"}
call(TOKEN, "POST", 400, data={**grant, "device_code": device["device_code"]})
call("/protocol/openid-connect/revoke", "POST", 200, data={**PAIR, "token": issued["access_token"]})
call("/protocol/openid-connect/userinfo", "GET", 401, headers=bearer)
for path in ("/protocol/openid-connect/certs", "/.well-known/openid-configuration"):
    call(path, "GET", 200)

# What it makes up is mostly wrong on purpose, so that good data are accepted is not among what it looks for.
command = [Path(sys.executable).with_name("schemathesis"), "run", DESCRIPTION, "--max-examples", "40", "--seed", "1"]
command += ["--exclude-checks", "positive_data_acceptance", "--auth", f"{CLIENT_ID}:{CLIENT_SECRET}", "--no-color"]
with tempfile.TemporaryDirectory() as folder:
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=folder)
check(outcome.returncode == 0, outcome.stdout + outcome.stderr)
count = next(line.strip() for line in outcome.stdout.splitlines() if "generated," in line)
print(f"the description of the OAuth endpoints holds: {count}")
