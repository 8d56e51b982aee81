import { defineErrors } from '../errors.ts';

/** What can go wrong between us and etcd. `etcd_unsure` is the one to think about: the write may or may not have happened. */
export const errors = defineErrors({
  etcd_unreachable: {
    status: 503,
    message: (f: { endpoints: readonly string[]; reason: string }) => `no etcd answers (tried ${f.endpoints.join(', ')}): ${f.reason}`,
  },
  etcd_unsure: {
    status: 503,
    message: (f: { endpoint: string; reason: string }) => `etcd ${f.endpoint} did not answer, the write may have happened: ${f.reason}`,
  },
  etcd_refused: {
    status: 502,
    message: (f: { endpoint: string; reason: string }) => `etcd ${f.endpoint} refused: ${f.reason}`,
  },
  etcd_compacted: {
    status: 410,
    message: (f: { revision: number; compactRevision: number }) =>
      `etcd has compacted revision ${f.revision} (oldest kept: ${f.compactRevision}); read the keys anew and watch from there`,
  },
  etcd_lease_gone: { status: 410, message: (f: { leaseId: string }) => `etcd does not know lease ${f.leaseId} (any more)` },
  not_leader: { status: 503, message: (f: { key: string }) => `this process does not hold ${f.key} in etcd (any more)` },
  bad_endpoints: {
    status: 400,
    message: (f: { text: string; reason: string }) =>
      `"${f.text}" names no etcd: ${f.reason}; expected http://HOST:PORT[,http://HOST:PORT…][/PATH]`,
  },
});
