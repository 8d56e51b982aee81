/** Certificates for tests, by openssl: an authority, a server for 127.0.0.1 and localhost, a client. */
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** False, said loudly once, where openssl is missing. */
export const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
if (!hasOpenssl) process.stderr.write('SKIPPED: openssl is not installed (apt-get install openssl); TLS is not tested\n');

/** Writes `ca.crt` and `ca.key` into the folder. */
export function makeAuthority(folder: string): void {
  openssl(folder, ['req', '-x509', ...newKey, '-days', '2', '-subj', '/CN=test authority', '-keyout', 'ca.key', '-out', 'ca.crt']);
}

/** Writes `<name>.crt` and `<name>.key`, signed by the authority of the folder; `names` like `IP:127.0.0.1`, `DNS:localhost`. */
export function makeCertificate(folder: string, name: string, names: readonly string[]): void {
  openssl(folder, ['req', ...newKey, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`]);
  writeFileSync(join(folder, `${name}.ext`), `subjectAltName=${names.join(',')}\n`);
  const signing = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', `${name}.ext`];
  openssl(folder, ['x509', '-req', '-in', `${name}.csr`, ...signing, '-out', `${name}.crt`]);
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

function openssl(folder: string, args: readonly string[]): void {
  execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
}
