/**
 * Who of the living members sends for a group: the one whose name and the group's key hash highest (rendezvous hashing: Thaler and
 * Ravishankar, 1998). When a member goes, only its groups change hands, and all who see the same members choose alike.
 */

/** 0: this member sends; 1: it is the next; and so on. */
export function rankOf(groupKey: string, self: string, others: Iterable<string>): number {
  const own = score(groupKey, self);
  let rank = 0;
  for (const other of others) {
    const its = score(groupKey, other);
    if (its > own || (its === own && other < self)) rank++;
  }
  return rank;
}

/** FNV-1a over both texts, then mixed: names differ in one character, and every bit of the score has to depend on it (MurmurHash3, fmix32). */
function score(groupKey: string, name: string): number {
  let hash = 0x811c9dc5;
  for (const text of [groupKey, '\0', name]) for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
