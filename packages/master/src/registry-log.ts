/**
 * The master's durable memory (mesos.md §10.2): which agents it admitted, lost or banned. An append-only file of lines,
 *
 *     <crc32 of the JSON, 8 hexadecimal digits> <JSON> LF
 *
 * A line cut short at the end is a write that was never answered: it is dropped. Any other damage stops the start, with its place.
 * When the file has grown to several times what it says, it is written anew beside and moved into place.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { parseJson, readMessage } from '@pronoia/mesos';
import { type AgentRegistry, bigintAsNumber } from './conductor.ts';
import { errors } from './errors.ts';
import type { RegistryOperation } from './message.ts';
import { applyOperation, emptyRegistry, operationsOf, type RegistryContent } from './registry-content.ts';

/** A file below this size is not worth compacting. */
const compactFromBytes = 1024 * 1024;
const compactAtFactor = 4;

const checksum = (json: string): string => crc32(json).toString(16).padStart(8, '0');
const lineOf = (operation: RegistryOperation): string => {
  const json = JSON.stringify(operation, bigintAsNumber);
  return `${checksum(json)} ${json}\n`;
};

/** The checksum says that these are our own words; parsed without losing digits, and messages as their descriptions have them. */
function readOperation(json: string): RegistryOperation {
  const operation = parseJson(json) as RegistryOperation;
  if (operation.kind === 'admit') return { kind: 'admit', agent: readMessage('AgentInfo', operation.agent) };
  return operation.kind === 'framework' ? { kind: 'framework', info: readMessage('FrameworkInfo', operation.info) } : operation;
}

/** What the file says, and how many of its bytes are whole. */
function replay(path: string): { content: RegistryContent; wholeBytes: number } {
  const content = emptyRegistry();
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { content, wholeBytes: 0 };
    throw error;
  }
  let at = 0;
  while (at < bytes.length) {
    const end = bytes.indexOf(0x0a, at);
    // The last write was cut off: nobody was told that it was done.
    if (end < 0) break;
    const line = bytes.subarray(at, end).toString('utf8');
    const json = line.slice(9);
    if (line.slice(0, 8) !== checksum(json)) throw errors.fail('registry_damaged', { path, offset: at });
    applyOperation(content, readOperation(json));
    at = end + 1;
  }
  return { content, wholeBytes: at };
}

export class RegistryLog implements AgentRegistry {
  /** As of the last write that is durable. */
  readonly content: RegistryContent;
  readonly #path: string;
  #file: FileHandle;
  #sizeBytes: number;
  /** Where it is worth finding out what the file says: doing so writes out everything. */
  #compactAtBytes = compactFromBytes;
  #waiting: { operation: RegistryOperation; done: () => void; failed: (error: unknown) => void }[] = [];
  #isWriting = false;
  #writing: Promise<void> | undefined;

  private constructor(path: string, content: RegistryContent, file: FileHandle, sizeBytes: number) {
    this.#path = path;
    this.content = content;
    this.#file = file;
    this.#sizeBytes = sizeBytes;
  }

  /** Reads `folder`/registry.log, which is made when it is not there. Throws CodedError `registry_damaged`. */
  static async open(folder: string): Promise<RegistryLog> {
    mkdirSync(folder, { recursive: true });
    const path = join(folder, 'registry.log');
    const { content, wholeBytes } = replay(path);
    const file = await open(path, 'a');
    await file.truncate(wholeBytes);
    syncFolder(dirname(path));
    return new RegistryLog(path, content, file, wholeBytes);
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** How many wait for their write. */
  get queued(): number {
    return this.#waiting.length;
  }

  /** Everything that is asked while a write is under way goes into the next one. */
  apply(operation: RegistryOperation, done: () => void, failed: (error: unknown) => void): void {
    this.#waiting.push({ operation, done, failed });
    if (this.#isWriting) return;
    this.#isWriting = true;
    this.#writing = this.#write();
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#file.close();
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        const text = batch.map(({ operation }) => lineOf(operation)).join('');
        await this.#file.appendFile(text);
        await this.#file.datasync();
        this.#sizeBytes += Buffer.byteLength(text);
        for (const { operation } of batch) applyOperation(this.content, operation);
        if (this.#sizeBytes > this.#compactAtBytes) await this.#compact();
        for (const { done } of batch) done();
      } catch (error) {
        for (const { failed } of batch) failed(error);
      }
    }
    // In the same breath as the last look at the queue: what is asked from now on starts a new write.
    this.#isWriting = false;
  }

  async #compact(): Promise<void> {
    const operations = operationsOf(this.content);
    const text = operations.map(lineOf).join('');
    const textBytes = Buffer.byteLength(text);
    this.#compactAtBytes = Math.max(compactFromBytes, compactAtFactor * textBytes);
    if (this.#sizeBytes < this.#compactAtBytes) return;
    const beside = `${this.#path}.new`;
    const descriptor = openSync(beside, 'w');
    writeSync(descriptor, text);
    fsyncSync(descriptor);
    closeSync(descriptor);
    renameSync(beside, this.#path);
    syncFolder(dirname(this.#path));
    await this.#file.close();
    this.#file = await open(this.#path, 'a');
    this.#sizeBytes = textBytes;
  }
}

/** A new or renamed file is durable only with its folder. */
function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
}
