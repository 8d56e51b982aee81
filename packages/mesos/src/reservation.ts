/**
 * Three ways of writing to whom a resource is reserved (mesos.md §7.3). Inside we keep one: the stack `reservations`, whose last
 * element is the innermost role; unreserved is an empty stack. Clients without RESERVATION_REFINEMENT write and read
 * `role` and `reservation`; the legacy endpoints show both.
 */
import type { Resource, ResourceReservationInfo } from './messages.ts';
import { defaultRole } from './roles.ts';

/** The resource with its reservations as a stack, and without the older spelling. */
export function withReservationStack(resource: Resource): Resource {
  const { role, reservation, reservations, ...rest } = resource;
  if (reservations !== undefined && reservations.length > 0) return { ...rest, reservations };
  if (role === undefined || role === defaultRole) return rest;
  if (reservation === undefined) return { ...rest, reservations: [{ type: 'STATIC', role }] };
  return { ...rest, reservations: [{ ...reservation, type: 'DYNAMIC', role }] };
}

/**
 * The older spelling, for clients without RESERVATION_REFINEMENT. A refined stack (more than one element) cannot be said in it:
 * undefined.
 */
export function withRole(resource: Resource): Resource | undefined {
  const { role: _role, reservation: _reservation, reservations, ...rest } = resource;
  if (reservations === undefined || reservations.length === 0) return { ...rest, role: defaultRole };
  const only = reservations[0];
  if (reservations.length > 1 || only === undefined) return undefined;
  const role = only.role ?? defaultRole;
  if (only.type !== 'DYNAMIC') return { ...rest, role };
  const { type: _type, role: _only, ...reservation } = only;
  return { ...rest, role, reservation };
}

/** Both spellings, as the legacy JSON endpoints show a resource. */
export function withBothSpellings(resource: Resource): Resource {
  const stack = withReservationStack(resource);
  const older = withRole(stack);
  return older === undefined ? stack : { ...older, ...stack };
}

export const reservationsOf = (resource: Resource): readonly ResourceReservationInfo[] => resource.reservations ?? [];

/** The role that may use the resource (with its descendants), or `*` when anybody may. Needs the stack form. */
export const reservationRole = (resource: Resource): string => resource.reservations?.at(-1)?.role ?? defaultRole;
