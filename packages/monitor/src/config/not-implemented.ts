import { optional, type Schema, schema } from '@pronoia/server';

/** Keys of Prometheus' own configuration that we know and do not serve yet: refused by name and line, never ignored. */
export function notImplemented(what: string) {
  return optional(refuse(what));
}

/** As `notImplemented`, but the value that asks for nothing (`false`, `0`, the default) is taken. */
export function onlyDefault<T extends string | number | boolean>(what: string, allowed: T): Schema<T> {
  return schema.custom((value) => {
    if (value === allowed || String(value) === String(allowed)) return allowed;
    throw new Error(`not implemented yet: ${what}; remove the key, or set it to ${String(allowed)}`);
  });
}

function refuse(what: string): Schema<never> {
  return schema.custom(() => {
    throw new Error(`not implemented yet: ${what}; remove the key`);
  });
}
