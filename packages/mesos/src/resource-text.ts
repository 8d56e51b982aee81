/** The text forms of `--resources` and `--attributes` (mesos.md §7.2), and a check of single resources. */
import { MessageError, parseJson, readMessage } from './json.ts';
import type { Attribute, Resource } from './messages.ts';
import type { Ranges } from './ranges.ts';
import { joinRanges } from './ranges.ts';
import { reservationsOf, withReservationStack } from './reservation.ts';
import { toMilli } from './resources.ts';
import { isStrictDescendant, roleFault } from './roles.ts';

export class ResourceTextError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ResourceTextError';
  }
}

type ParsedValue =
  | { readonly type: 'SCALAR'; readonly scalar: { readonly value: number } }
  | { readonly type: 'RANGES'; readonly ranges: { readonly range: Ranges } }
  | { readonly type: 'SET'; readonly set: { readonly item: readonly string[] } }
  | { readonly type: 'TEXT'; readonly text: { readonly value: string } };

function parseValue(text: string, name: string): ParsedValue {
  if (text.startsWith('[')) {
    if (!text.endsWith(']')) throw new ResourceTextError(`${name}: ranges must end with ']', found '${text}'`);
    const ranges = text
      .slice(1, -1)
      .split(',')
      .map((part) => {
        const found = /^\s*(\d+)\s*-\s*(\d+)\s*$/.exec(part);
        const begin = Number(found?.[1]);
        const end = Number(found?.[2]);
        if (found === null || begin > end || !Number.isSafeInteger(end)) {
          throw new ResourceTextError(`${name}: expected a range 'begin-end', found '${part.trim()}'`);
        }
        return { begin, end };
      });
    return { type: 'RANGES', ranges: { range: joinRanges(ranges) } };
  }
  if (text.startsWith('{')) {
    if (!text.endsWith('}')) throw new ResourceTextError(`${name}: a set must end with '}', found '${text}'`);
    const items = text.slice(1, -1).split(',');
    return { type: 'SET', set: { item: items.map((item) => item.trim()).filter((item) => item !== '') } };
  }
  if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) return { type: 'SCALAR', scalar: { value: Number(text) } };
  return { type: 'TEXT', text: { value: text } };
}

/** Cuts at the separator, but not inside brackets or braces. */
function splitOutside(text: string, separator: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    if (char === '[' || char === '{') depth++;
    else if (char === ']' || char === '}') depth--;
    else if (char === separator && depth === 0) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(text.slice(start));
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

/**
 * `cpus:24;mem(eng):1024;ports:[31000-32000]`, or a JSON array of resources. `name(role)` is a static reservation; `defaultRole` is given to
 * those without one. Throws `ResourceTextError`.
 */
export function parseResources(text: string, defaultRole = '*'): Resource[] {
  const resources = text.trimStart().startsWith('[') ? parseResourceJson(text) : splitOutside(text, ';').map(parseResource);
  return resources.map((resource) => {
    const fault = resourceFault(resource);
    if (fault !== undefined) throw new ResourceTextError(fault);
    const stack = withReservationStack(resource);
    return defaultRole === '*' || reservationsOf(stack).length > 0
      ? stack
      : { ...stack, reservations: [{ type: 'STATIC', role: defaultRole }] };
  });
}

function parseResource(part: string): Resource {
  const found = /^([^:(]+?)\s*(?:\(([^)]*)\))?\s*:\s*(.*)$/s.exec(part);
  const name = found?.[1]?.trim();
  const role = found?.[2];
  const text = found?.[3]?.trim();
  if (name === undefined || text === undefined) throw new ResourceTextError(`expected 'name:value' or 'name(role):value', found '${part}'`);
  const value = parseValue(text, name);
  if (value.type === 'TEXT') throw new ResourceTextError(`${name}: expected a number, [ranges] or {set}, found '${text}'`);
  return role === undefined ? { name, ...value } : { name, ...value, role };
}

function parseResourceJson(text: string): Resource[] {
  try {
    const value = parseJson(text);
    if (!Array.isArray(value)) throw new ResourceTextError('expected a JSON array of resources');
    return value.map((item: unknown) => readMessage('Resource', item));
  } catch (cause) {
    if (cause instanceof MessageError) throw new ResourceTextError(`resources in JSON: ${cause.message}`);
    throw cause;
  }
}

/** `rack:abc;level:10;keys:[1000-1500]`: text unless it looks like a number or ranges. */
export function parseAttributes(text: string): Attribute[] {
  return splitOutside(text, ';').map((part) => {
    const colon = part.indexOf(':');
    const name = part.slice(0, colon).trim();
    const rest = part.slice(colon + 1).trim();
    if (colon < 0 || name === '' || rest === '') throw new ResourceTextError(`expected 'name:value', found '${part}'`);
    const value = parseValue(rest, name);
    if (value.type === 'SET') throw new ResourceTextError(`${name}: an attribute cannot be a set`);
    return { name, ...value };
  });
}

/** Why this is not a usable resource; undefined when it is. Names the resource. */
export function resourceFault(resource: Resource): string | undefined {
  const fault = valueFault(resource) ?? reservationFault(resource) ?? diskFault(resource);
  return fault === undefined ? undefined : `Resource '${resource.name}' is invalid: ${fault}`;
}

function valueFault(resource: Resource): string | undefined {
  if (resource.name === '') return 'empty name';
  const given = [resource.scalar && 'SCALAR', resource.ranges && 'RANGES', resource.set && 'SET'].filter((kind) => kind !== undefined);
  if (given.length !== 1 || given[0] !== resource.type)
    return `a value of type ${resource.type} is needed, found ${given.join(' and ') || 'none'}`;
  if (resource.scalar !== undefined) {
    const { value } = resource.scalar;
    if (!Number.isFinite(value) || value < 0) return `scalar ${value} is negative or not finite`;
    if (resource.name === 'gpus' && toMilli(value) % 1000 !== 0) return `"gpus" must be an unsigned integer, found ${value}`;
  }
  for (const range of resource.ranges?.range ?? []) {
    if (range.begin > range.end) return `range ${range.begin}-${range.end} ends before it begins`;
  }
  const items = resource.set?.item ?? [];
  if (new Set(items).size !== items.length) return 'the set has duplicate items';
  return undefined;
}

function reservationFault(resource: Resource): string | undefined {
  if (resource.role !== undefined) {
    const fault = roleFault(resource.role);
    if (fault !== undefined) return fault;
  }
  const stack = resource.reservations ?? [];
  if (stack.length === 0)
    return resource.reservation !== undefined && (resource.role ?? '*') === '*' ? "role '*' cannot be dynamically reserved" : undefined;
  let outer: string | undefined;
  for (const [i, reservation] of stack.entries()) {
    const { role, type } = reservation;
    if (role === undefined || type === undefined || type === 'UNKNOWN') return 'a reservation needs a type and a role';
    const fault = roleFault(role);
    if (fault !== undefined) return fault;
    if (role === '*') return "role '*' cannot be reserved";
    if (i > 0 && type === 'STATIC') return 'only the first reservation of a stack may be STATIC';
    if (outer !== undefined && !isStrictDescendant(role, outer)) return `reservation for '${role}' does not refine the one for '${outer}'`;
    outer = role;
  }
  if (resource.role !== undefined && (stack.length > 1 || resource.role !== outer))
    return `'role' ${resource.role} contradicts 'reservations'`;
  return undefined;
}

function diskFault(resource: Resource): string | undefined {
  const { disk, shared, revocable } = resource;
  if (shared !== undefined && disk?.persistence === undefined) return 'only persistent volumes can be shared';
  const isDynamic =
    (resource.reservations ?? []).some((reservation) => reservation.type === 'DYNAMIC') || resource.reservation !== undefined;
  if (revocable !== undefined && isDynamic) return 'a dynamic reservation cannot be revocable';
  if (disk === undefined) return undefined;
  if (resource.name !== 'disk') return `DiskInfo is set on '${resource.name}'`;
  if (disk.persistence !== undefined) {
    if (disk.volume === undefined) return 'a persistent volume needs a volume';
    if (disk.volume.mode === 'RO') return 'a read-only persistent volume is not supported';
    if (disk.volume.host_path !== undefined) return 'a persistent volume cannot have a host path';
    if (reservationsOf(withReservationStack(resource)).length === 0) return 'a persistent volume needs a reserved disk';
    if (revocable !== undefined) return 'a persistent volume cannot be revocable';
  } else if (disk.volume !== undefined) return 'a volume without persistence is not supported';
  return undefined;
}
