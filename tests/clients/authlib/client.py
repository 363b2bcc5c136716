"""Authlib against a running zone: see tests/clients/README.md."""

import os
import sys
import time

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url
from joserfc import jwt  # Authlib's JOSE, a package of its own since 1.7
from joserfc.jwk import ECKey, KeySet

ISSUER = os.environ["OAUTH_ISSUER"]
CLIENT_ID = os.environ["OAUTH_CLIENT_ID"]
CLIENT_SECRET = os.environ["OAUTH_CLIENT_SECRET"]
CLIENT_KEY = os.environ["OAUTH_CLIENT_KEY_FILE"]
RESOURCE = os.environ["OAUTH_RESOURCE"]
WIDE = os.environ["OAUTH_SCOPE"]
NARROW = os.environ["OAUTH_NARROW_SCOPE"]

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


def ok(step):
    print(f"ok {step}", flush=True)


def expect(condition, what):
    if not condition:
        sys.exit(f"failed: {what}")


def discover():
    """RFC 8414, by Authlib's own rules for each member.

    `response_types_supported` is left out: it is REQUIRED, so it is there, and it is empty because
    there is no authorization endpoint, which Authlib takes for a missing one.
    """
    url = get_well_known_url(ISSUER, external=True)
    answer = requests.get(url, timeout=30)
    answer.raise_for_status()
    metadata = AuthorizationServerMetadata(answer.json())
    for key in metadata.REGISTRY_KEYS:
        if key != "response_types_supported":
            getattr(metadata, f"validate_{key}")()
    expect(metadata["issuer"] == ISSUER, f"issuer is {metadata['issuer']}")
    ok("discovery")
    return metadata


def claims_of(token, metadata):
    """Verifies a mandate by the published keys."""
    answer = requests.get(metadata["jwks_uri"], timeout=30)
    answer.raise_for_status()
    keys = KeySet.import_key_set(answer.json())
    decoded = jwt.decode(token, keys, algorithms=["ES256"])
    expect(decoded.header["typ"] == "at+jwt", f"typ is {decoded.header['typ']}")
    jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": RESOURCE},
        client_id={"essential": True, "value": CLIENT_ID},
        exp={"essential": True},
    ).validate(decoded.claims)
    return decoded.claims


def session(secret, metadata, method="client_secret_basic"):
    return OAuth2Session(
        CLIENT_ID,
        secret,
        token_endpoint=metadata["token_endpoint"],
        token_endpoint_auth_method=method,
    )


def exchange(client, token, scope):
    return client.fetch_token(
        grant_type=TOKEN_EXCHANGE,
        subject_token=token,
        subject_token_type=ACCESS_TOKEN,
        resource=RESOURCE,
        scope=scope,
    )


def introspect(client, metadata, token):
    answer = client.introspect_token(metadata["introspection_endpoint"], token=token)
    answer.raise_for_status()
    return answer.json()


def by_secret(metadata):
    client = session(CLIENT_SECRET, metadata)
    root = client.fetch_token(
        grant_type="client_credentials", resource=RESOURCE, scope=WIDE
    )
    expect(root["token_type"] == "Bearer", f"token_type is {root['token_type']}")
    ok("client_credentials")

    claims = claims_of(root["access_token"], metadata)
    expect(set(claims["scope"].split()) == set(WIDE.split()), f"scope {claims['scope']}")
    ok("jwks")

    child = exchange(client, root["access_token"], NARROW)
    expect(child["issued_token_type"] == ACCESS_TOKEN, "issued_token_type")
    expect(claims_of(child["access_token"], metadata)["scope"] == NARROW, "narrow scope")
    ok("token_exchange")

    try:
        exchange(client, child["access_token"], WIDE)
    except OAuthError as error:
        expect(error.error == "invalid_scope", f"widening: {error}")
    else:
        sys.exit("failed: a mandate grew by its exchange")
    ok("widening_refused")

    held = introspect(client, metadata, child["access_token"])
    expect(held["active"] is True and held["scope"] == NARROW, f"introspection: {held}")
    expect(held["client_id"] == CLIENT_ID, f"introspection: {held}")
    ok("introspection")

    revoked = client.revoke_token(
        metadata["revocation_endpoint"],
        token=root["access_token"],
        token_type_hint="access_token",
    )
    revoked.raise_for_status()
    for token in (root, child):
        held = introspect(client, metadata, token["access_token"])
        expect(held == {"active": False}, f"after the revocation: {held}")
    ok("revocation")


def by_key(metadata):
    with open(CLIENT_KEY, "rb") as file:
        key = ECKey.import_key(file.read())
    client = session(key, metadata, "private_key_jwt")

    def renew():
        # What Authlib calls `token_endpoint` is the audience; by itself it would be the endpoint,
        # for an hour. It keeps the `jti` in the claims it is given, so they are new each time.
        claims = {"exp": int(time.time()) + 60}
        client.register_client_auth_method(PrivateKeyJWT(ISSUER, claims=claims, alg="ES256"))

    renew()
    root = client.fetch_token(
        grant_type="client_credentials", resource=RESOURCE, scope=WIDE
    )
    renew()
    child = exchange(client, root["access_token"], NARROW)
    renew()
    held = introspect(client, metadata, child["access_token"])
    expect(held["active"] is True and held["scope"] == NARROW, f"introspection: {held}")
    ok("private_key_jwt")


def wrong_secret(metadata):
    client = session("wrong", metadata)
    try:
        client.fetch_token(grant_type="client_credentials", resource=RESOURCE)
    except OAuthError as error:
        expect(error.error == "invalid_client", f"a wrong secret: {error}")
    else:
        sys.exit("failed: a wrong secret was taken")
    ok("wrong_secret_refused")


def main():
    metadata = discover()
    by_secret(metadata)
    by_key(metadata)
    wrong_secret(metadata)


main()
