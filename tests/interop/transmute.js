// What npm @transmute/cose 0.2.11 makes, as JSON: a statement registered as one of five in a log.
// node transmute.js ALG KID-FORM ("bytes", "text")
const cose = require('@transmute/cose')
const [alg, form] = process.argv.slice(2)
const kid = text => form === 'bytes' ? cose.cbor.toArrayBuffer(Buffer.from(text)) : text
async function main() {
  const issuerSecret = await cose.key.generate(alg, 'application/jwk+json')
  const logSecret = await cose.key.generate('ES256', 'application/jwk+json')
  const attached = cose.attached.signer({ remote: cose.crypto.signer({ privateKeyJwk: issuerSecret }) })
  const detached = cose.detached.signer({ remote: cose.crypto.signer({ privateKeyJwk: logSecret }) })
  const statement = await attached.sign({
    protectedHeader: cose.ProtectedHeader([
      [1, { ES256: -7, ES384: -35, ES512: -36 }[alg]], [3, 'text/plain'], [4, kid('maker')],
      [15, new Map([[1, 'https://maker.example'], [2, 'thing']])]]),
    unprotectedHeader: new Map(),
    payload: Buffer.from('hello'),
  })
  const entries = []
  for (let i = 0; i < 5; i++) entries.push(await cose.receipt.leaf(i === 3 ? new Uint8Array(statement) : Buffer.from([i])))
  const receipt = await cose.receipt.inclusion.issue({
    protectedHeader: cose.ProtectedHeader([
      [1, -7], [395, 1], [4, kid('log')],
      [15, new Map([[1, 'https://log.example'], [2, 'log']])]]),
    entry: 3, entries, signer: detached,
  })
  const whole = await cose.receipt.add(statement, receipt)
  const pub = async k => { const { d, kid, alg, ...rest } = await cose.key.publicFromPrivate(k); return rest }
  console.log(JSON.stringify({
    statement: Buffer.from(statement).toString('hex'), whole: Buffer.from(whole).toString('hex'),
    issuer: await pub(issuerSecret), log: await pub(logSecret) }))
}
main().catch(e => { console.error(e); process.exit(1) })
