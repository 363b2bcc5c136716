// openid-client against a running zone: see tests/clients/README.md.

import { readFile } from 'node:fs/promises';
import * as jose from 'jose'; // openid-client's JOSE
import * as oauth from 'openid-client';

const issuer = new URL(process.env.OAUTH_ISSUER);
const clientId = process.env.OAUTH_CLIENT_ID;
const secret = process.env.OAUTH_CLIENT_SECRET;
const keyFile = process.env.OAUTH_CLIENT_KEY_FILE;
const resource = process.env.OAUTH_RESOURCE;
const wide = process.env.OAUTH_SCOPE;
const narrow = process.env.OAUTH_NARROW_SCOPE;

const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

const ok = (step) => console.log(`ok ${step}`);

function expect(condition, what) {
  if (!condition) throw new Error(what);
}

const words = (text) => text.split(' ').sort().join(' ');

// Without `oauth2` it looks where OpenID Connect does, which is served too.
const discover = (authentication, algorithm) =>
  oauth.discovery(issuer, clientId, undefined, authentication, { algorithm });

// Verifies a mandate by the published keys.
async function claimsOf(token, config) {
  const keys = jose.createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri));
  const { payload } = await jose.jwtVerify(token, keys, {
    algorithms: ['ES256'],
    audience: resource,
    issuer: issuer.href,
    requiredClaims: ['exp', 'iat', 'jti', 'sub', 'client_id'],
    typ: 'at+jwt',
  });
  expect(payload.client_id === clientId, `client_id is ${payload.client_id}`);
  return payload;
}

const exchange = (config, token, scope) =>
  oauth.genericGrantRequest(config, TOKEN_EXCHANGE, {
    subject_token: token,
    subject_token_type: ACCESS_TOKEN,
    resource,
    scope,
  });

async function refused(promise, code) {
  const error = await promise.then(
    () => undefined,
    (error) => error,
  );
  expect(error, `${code} was expected, not a success`);
  // A 401 is an error of its own in openid-client: its challenge is read, the body is left to us.
  const challenge = error.code === 'OAUTH_WWW_AUTHENTICATE_CHALLENGE';
  const found = challenge ? (await error.response.json()).error : error.error;
  expect(found === code, `${code} was expected, not ${found}: ${error.message}`);
}

async function bySecret(config) {
  const root = await oauth.clientCredentialsGrant(config, { resource, scope: wide });
  ok('client_credentials');

  const claims = await claimsOf(root.access_token, config);
  expect(words(claims.scope) === words(wide), `scope is ${claims.scope}`);
  ok('jwks');

  const child = await exchange(config, root.access_token, narrow);
  expect(child.issued_token_type === ACCESS_TOKEN, `it is a ${child.issued_token_type}`);
  expect((await claimsOf(child.access_token, config)).scope === narrow, 'the narrow scope');
  ok('token_exchange');

  await refused(exchange(config, child.access_token, wide), 'invalid_scope');
  ok('widening_refused');

  const held = await oauth.tokenIntrospection(config, child.access_token);
  expect(held.active === true && held.scope === narrow, JSON.stringify(held));
  expect(held.client_id === clientId, JSON.stringify(held));
  ok('introspection');

  await oauth.tokenRevocation(config, root.access_token, { token_type_hint: 'access_token' });
  for (const token of [root, child]) {
    const held = await oauth.tokenIntrospection(config, token.access_token);
    expect(JSON.stringify(held) === '{"active":false}', JSON.stringify(held));
  }
  ok('revocation');
}

async function byKey() {
  const key = await jose.importPKCS8(await readFile(keyFile, 'utf8'), 'ES256');
  const config = await discover(oauth.PrivateKeyJwt(key), 'oauth2');
  const root = await oauth.clientCredentialsGrant(config, { resource, scope: wide });
  const child = await exchange(config, root.access_token, narrow);
  const held = await oauth.tokenIntrospection(config, child.access_token);
  expect(held.active === true && held.scope === narrow, JSON.stringify(held));
  ok('private_key_jwt');
}

const config = await discover(oauth.ClientSecretBasic(secret), 'oauth2');
const asOpenId = await discover(oauth.ClientSecretPost(secret), 'oidc');
ok('discovery');
await bySecret(config);
// Found in the other place, and proven by client_secret_post.
await oauth.clientCredentialsGrant(asOpenId, { resource, scope: narrow });
await byKey();
const wrong = await discover(oauth.ClientSecretBasic('wrong'), 'oauth2');
await refused(oauth.clientCredentialsGrant(wrong, { resource }), 'invalid_client');
ok('wrong_secret_refused');
