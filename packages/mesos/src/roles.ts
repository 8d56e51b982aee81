/** Role names and their hierarchy (mesos.md §7.3). */

export const defaultRole = '*';

/** Why this text is not a role; undefined when it is. */
export function roleFault(role: string): string | undefined {
  if (role === defaultRole) return undefined;
  if (role === '') return 'Empty role name is invalid';
  if (role.startsWith('-')) return `Role name '${role}' is invalid because it starts with a dash`;
  if (role.startsWith('/')) return `Role name '${role}' is invalid because it starts with a slash`;
  if (role.endsWith('/')) return `Role name '${role}' is invalid because it ends with a slash`;
  for (const part of role.split('/')) {
    if (part === '') return `Role name '${role}' contains two adjacent slashes`;
    if (part === '.' || part === '..' || part === defaultRole)
      return `Role name '${role}' is invalid because it contains the component '${part}'`;
  }
  for (const char of role) {
    const code = char.codePointAt(0) ?? 0;
    if (code <= 0x20 || code === 0x7f)
      return `Role name ${JSON.stringify(role)} is invalid because it contains white space or a control character`;
  }
  return undefined;
}

/** `eng/web/front` → `['eng', 'eng/web']`, nearest last. */
export function ancestorsOf(role: string): string[] {
  const ancestors: string[] = [];
  for (let at = role.indexOf('/'); at >= 0; at = role.indexOf('/', at + 1)) ancestors.push(role.slice(0, at));
  return ancestors;
}

export const isStrictDescendant = (role: string, ancestor: string): boolean => role.startsWith(`${ancestor}/`);

/** The part of a role that quota is given to. */
export const topLevelRole = (role: string): string => {
  const slash = role.indexOf('/');
  return slash < 0 ? role : role.slice(0, slash);
};
