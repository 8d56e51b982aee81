/** Who listens on a TCP port of this machine, as far as /proc tells (Linux; other users' processes stay hidden without root). */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface PortOwner {
  readonly pid: number;
  readonly command: string;
}

const listenState = '0A';

export function portOwner(port: number): PortOwner | undefined {
  const inodes = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    // Lines: "sl local_address rem_address st … inode": the address is hexadecimal IP:PORT (proc(5)).
    for (const line of read(table).split('\n').slice(1)) {
      const columns = line.trim().split(/\s+/);
      if (columns[3] === listenState && Number.parseInt(columns[1]?.split(':')[1] ?? '', 16) === port) inodes.add(columns[9] as string);
    }
  }
  if (inodes.size === 0) return undefined;
  for (const pid of list('/proc').filter((name) => /^\d+$/.test(name))) {
    for (const descriptor of list(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(link(`/proc/${pid}/fd/${descriptor}`))?.[1];
      if (inode === undefined || !inodes.has(inode)) continue;
      const command = read(`/proc/${pid}/cmdline`).split('\0').filter(Boolean).join(' ');
      return { pid: Number(pid), command: command === '' ? read(`/proc/${pid}/comm`).trim() : command };
    }
  }
  return undefined;
}

/** `port 9090 of 127.0.0.1 is taken by …; choose another with --x`. */
export function portTakenMessage(fields: { host: string; port: number; flag: string }): string {
  const owner = portOwner(fields.port);
  const command = owner === undefined || owner.command.length <= 120 ? owner?.command : `${owner.command.slice(0, 117)}…`;
  const by = owner === undefined ? 'by another process' : `by process ${owner.pid} (${command})`;
  return `port ${fields.port} of ${fields.host} is taken ${by}; stop it or choose another port with ${fields.flag}`;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function link(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return '';
  }
}
