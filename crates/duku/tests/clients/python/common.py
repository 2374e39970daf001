"""What every script here needs: where the server is, who asks, and how to fail with a clear message."""

import os


def _setting(name):
    value = os.environ.get(name)
    if not value:
        raise SystemExit(f"{name} is not set")
    return value


URL = _setting("DUKU_URL").rstrip("/")
CLIENT_ID = _setting("DUKU_CLIENT_ID")
CLIENT_SECRET = _setting("DUKU_CLIENT_SECRET")

ISSUER = f"{URL}/realms/duku"
PROTOCOL = f"{ISSUER}/protocol/openid-connect"
TOKEN_URL = f"{PROTOCOL}/token"
INTROSPECTION_URL = f"{PROTOCOL}/token/introspect"
GRAPHQL_URL = f"{URL}/graphql"

# The server is on this machine; whoever waits longer than this waits for ever.
TIMEOUT_SECONDS = 10


def check(condition, complaint):
    """Ends the script with the complaint unless the condition holds."""
    if not condition:
        raise SystemExit(complaint)


def check_products(answer):
    """The answer to `{ subjects { id name } }` has the organisation's product and no errors."""
    check("errors" not in answer, f"the query was answered with errors: {answer}")
    names = [subject["name"] for subject in answer["data"]["subjects"]]
    check("Shop" in names, f"the product `Shop` is missing among {names}")
