/**
 * Offer operations that change the form of resources: reservations and volumes (mesos.md §2.6, 7.3, 7.4). Pure: each says what it takes and
 * what it makes of it, or why it cannot.
 */
import { idFault, type OfferOperation, type Resource, Resources, resourceFault, toMilli, withReservationStack } from '@pronoia/mesos';

export interface Conversion {
  readonly before: Resources;
  readonly after: Resources;
}

export interface OperationContext {
  /** Of the framework or the operator; reservations and volumes must be in its name. */
  readonly principal: string | undefined;
  /** The offer's role; undefined for an operator. */
  readonly role: string | undefined;
  /** Everything that the agent has, to see which volumes exist. */
  readonly total: Resources;
  /** Volumes that tasks on the agent use. */
  readonly inUse: Resources;
}

export type FormOperation = Exclude<OfferOperation, { type: 'LAUNCH' | 'LAUNCH_GROUP' | 'CREATE_DISK' | 'DESTROY_DISK' }>;

/** What the operation takes and gives, or a sentence. */
export function conversionOf(operation: FormOperation, context: OperationContext): Conversion | string {
  switch (operation.type) {
    case 'RESERVE':
      if ((operation.reserve.source ?? []).length > 0) return "'source' is not allowed in RESERVE operations of frameworks";
      return reserve(operation.reserve.resources ?? [], context);
    case 'UNRESERVE':
      return unreserve(operation.unreserve.resources ?? []);
    case 'CREATE':
      return create(operation.create.volumes ?? [], context);
    case 'DESTROY':
      return destroy(operation.destroy.volumes ?? [], context);
    case 'GROW_VOLUME':
      return grow(operation.grow_volume.volume, operation.grow_volume.addition);
    case 'SHRINK_VOLUME':
      return shrink(operation.shrink_volume.volume, operation.shrink_volume.subtract.value);
  }
}

function eachOf(resources: readonly Resource[], what: string, convert: (resource: Resource) => Conversion | string): Conversion | string {
  if (resources.length === 0) return `No ${what} given`;
  let before = Resources.empty;
  let after = Resources.empty;
  for (const raw of resources) {
    const resource = withReservationStack(raw);
    const fault = resourceFault(raw);
    if (fault !== undefined) return fault;
    const conversion = convert(resource);
    if (typeof conversion === 'string') return conversion;
    before = before.plus(conversion.before);
    after = after.plus(conversion.after);
  }
  return { before, after };
}

function popped(resource: Resource): Resource {
  const { reservations = [], ...rest } = resource;
  return reservations.length <= 1 ? rest : { ...rest, reservations: reservations.slice(0, -1) };
}

const one = (resource: Resource): Resources => Resources.of([resource]);

function reserve(resources: readonly Resource[], context: OperationContext): Conversion | string {
  return eachOf(resources, 'resources', (resource) => {
    const reservation = resource.reservations?.at(-1);
    if (reservation?.type !== 'DYNAMIC') return `Resource '${resource.name}' is not dynamically reserved`;
    if (resource.disk?.persistence !== undefined) return 'A persistent volume cannot be reserved';
    if (resource.revocable !== undefined) return 'A revocable resource cannot be reserved';
    if ((reservation.principal ?? '') !== (context.principal ?? '')) {
      return `A reserve operation was attempted by principal '${context.principal ?? ''}' with a reservation in the name of '${reservation.principal ?? ''}'`;
    }
    if (context.role !== undefined && reservation.role !== context.role) {
      return `A reserve operation was attempted for role '${reservation.role ?? ''}' with resources that are allocated to '${context.role}'`;
    }
    return { before: one(popped(resource)), after: one(resource) };
  });
}

function unreserve(resources: readonly Resource[]): Conversion | string {
  return eachOf(resources, 'resources', (resource) => {
    if (resource.reservations?.at(-1)?.type !== 'DYNAMIC') return `Resource '${resource.name}' is not dynamically reserved`;
    if (resource.disk?.persistence !== undefined) return 'A dynamically reserved persistent volume cannot be unreserved; destroy it first';
    return { before: one(resource), after: one(popped(resource)) };
  });
}

/** The disk as it is without the volume that is made on it. */
function bareDisk(volume: Resource): Resource {
  const { disk, shared: _shared, ...rest } = volume;
  return disk?.source === undefined ? rest : { ...rest, disk: { source: disk.source } };
}

function create(volumes: readonly Resource[], context: OperationContext): Conversion | string {
  const ids = new Set<string>();
  return eachOf(volumes, 'volumes', (volume) => {
    const persistence = volume.disk?.persistence;
    if (persistence === undefined) return `'${volume.name}' is not a persistent volume`;
    const fault = idFault(persistence.id);
    if (fault !== undefined) return `Persistence ID is invalid: ${fault}`;
    if ((persistence.principal ?? '') !== (context.principal ?? '')) {
      return `A create operation was attempted by principal '${context.principal ?? ''}' with a volume in the name of '${persistence.principal ?? ''}'`;
    }
    const role = volume.reservations?.at(-1)?.role;
    const exists = context.total
      .toArray()
      .some((other) => other.disk?.persistence?.id === persistence.id && other.reservations?.at(-1)?.role === role);
    if (exists || ids.has(persistence.id)) return `Persistence ID '${persistence.id}' already exists`;
    ids.add(persistence.id);
    return { before: one(bareDisk(volume)), after: one(volume) };
  });
}

function destroy(volumes: readonly Resource[], context: OperationContext): Conversion | string {
  return eachOf(volumes, 'volumes', (volume) => {
    if (volume.disk?.persistence === undefined) return `'${volume.name}' is not a persistent volume`;
    if (context.inUse.contains(one(volume).unallocated)) return `Volume '${volume.disk.persistence.id}' is in use`;
    return { before: one(volume), after: one(bareDisk(volume)) };
  });
}

function volumeFault(volume: Resource): string | undefined {
  const fault = resourceFault(volume);
  if (fault !== undefined) return fault;
  if (volume.disk?.persistence === undefined) return `'${volume.name}' is not a persistent volume`;
  if (volume.shared !== undefined) return 'Growing or shrinking a shared persistent volume is not supported';
  if (volume.provider_id !== undefined) return 'Growing or shrinking a volume of a resource provider is not supported';
  if (volume.disk.source?.type === 'MOUNT') return 'Growing or shrinking a volume on a MOUNT disk is not supported';
  return undefined;
}

const withSize = (volume: Resource, value: number): Resource => ({ ...volume, scalar: { value } });

function grow(rawVolume: Resource, rawAddition: Resource): Conversion | string {
  const volume = withReservationStack(rawVolume);
  const addition = withReservationStack(rawAddition);
  const fault = volumeFault(volume) ?? resourceFault(addition);
  if (fault !== undefined) return fault;
  const size = volume.scalar?.value ?? 0;
  const added = addition.scalar?.value ?? 0;
  if (toMilli(added) <= 0) return "The size of the 'addition' must be greater than zero";
  if (!one(withSize(bareDisk(volume), added)).equals(one(addition))) return "The 'addition' is not of the volume's own disk";
  return { before: one(volume).plus(one(addition)), after: one(withSize(volume, (toMilli(size) + toMilli(added)) / 1000)) };
}

function shrink(rawVolume: Resource, subtract: number): Conversion | string {
  const volume = withReservationStack(rawVolume);
  const fault = volumeFault(volume);
  if (fault !== undefined) return fault;
  const size = toMilli(volume.scalar?.value ?? 0);
  const less = toMilli(subtract);
  if (!(less > 0 && less < size)) return `The size to subtract must be between 0 and the volume's ${size / 1000}, found ${subtract}`;
  return { before: one(volume), after: one(withSize(volume, (size - less) / 1000)).plus(one(withSize(bareDisk(volume), less / 1000))) };
}
