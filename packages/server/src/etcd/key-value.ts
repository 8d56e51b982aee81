/** A key of etcd with its value and its history's numbers, and how the JSON gateway writes it. */
export interface KeyValue {
  readonly key: string;
  readonly value: Buffer;
  /** Revision at which the key came to be: a new one after each delete. What a fence compares. */
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  /** '0' when no lease holds the key. */
  readonly leaseId: string;
}

export interface WireKeyValue {
  readonly key?: string;
  readonly value?: string;
  readonly create_revision?: string;
  readonly mod_revision?: string;
  readonly version?: string;
  readonly lease?: string;
}

export function keyValueOf(wire: WireKeyValue): KeyValue {
  return {
    key: Buffer.from(wire.key ?? '', 'base64').toString(),
    value: Buffer.from(wire.value ?? '', 'base64'),
    createRevision: Number(wire.create_revision ?? 0),
    modRevision: Number(wire.mod_revision ?? 0),
    version: Number(wire.version ?? 0),
    leaseId: wire.lease ?? '0',
  };
}
