// npm http-message-signatures behind JSON lines: one question a line on standard input, one answer a line.
import { createInterface } from 'node:readline';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import lib from 'http-message-signatures';

const { httpbis, createSigner, createVerifier } = lib;

/** The package's headers: a name has one value, or the list of its values. */
function headers(lines) {
  const out = {};
  for (const [name, value] of lines) {
    const own = name.toLowerCase();
    out[own] = own in out ? [].concat(out[own], value) : value;
  }
  return out;
}

function view(message) {
  if (message.status === undefined) {
    const url = `${message.scheme}://${message.authority}${message.target}`;
    return { method: message.method, url, headers: headers(message.headers) };
  }
  return { status: message.status, headers: headers(message.headers) };
}

async function answer({ op, alg, key, keyid, label, components, nonce, tag, created, message }) {
  const secret = key.secret ? Buffer.from(key.secret, 'base64') : createPrivateKey(key.pem);
  const own = view(message);
  const request = message.request && view(message.request);
  if (op === 'sign') {
    const values = { created: new Date(created * 1000), keyid, nonce, tag };
    const params = ['created', 'nonce', 'keyid', 'tag'].filter((name) => values[name] !== null);
    const config = { key: createSigner(secret, alg, keyid), name: label, fields: components, params, paramValues: values };
    const signed = await httpbis.signMessage(config, own, request);
    return ['Signature-Input', 'Signature'].map((name) => [name, signed.headers[name]]);
  }
  const verifier = createVerifier(key.secret ? secret : createPublicKey(secret), alg);
  const keyLookup = async (params) => (params.keyid === keyid ? { id: keyid, algs: [alg], verify: verifier } : null);
  const verified = await httpbis.verifyMessage({ keyLookup, all: true }, own, request);
  if (verified !== true) throw new Error('the signature does not verify');
  return null;
}

for await (const line of createInterface({ input: process.stdin })) {
  let reply;
  try {
    reply = { ok: await answer(JSON.parse(line)) };
  } catch (error) {
    reply = { error: `${error.name}: ${error.message}` };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
