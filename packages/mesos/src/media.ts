/** Which media types a request brings and wants (mesos.md §1.2, 5.2). */

export type MediaFormat = 'json' | 'protobuf';

export const mediaTypes: Readonly<Record<MediaFormat, string>> = { json: 'application/json', protobuf: 'application/x-protobuf' };
export const recordType = 'application/recordio';

export const formatOf = (type: string | undefined): MediaFormat | undefined =>
  type === mediaTypes.json ? 'json' : type === mediaTypes.protobuf ? 'protobuf' : undefined;

/** The value of the last line of that name: a header sent twice is not joined here, as Node joins it, but replaced. */
export function lastHeader(rawHeaders: readonly string[], name: string): string | undefined {
  for (let i = rawHeaders.length - 2; i >= 0; i -= 2) if (rawHeaders[i]?.toLowerCase() === name) return rawHeaders[i + 1];
  return undefined;
}

/** Exact types, then `type/*`, then everything; `q=0` excludes, other weights do not rank. */
export function accepts(accept: string | undefined, type: string): boolean {
  if (accept === undefined || accept.trim() === '') return true;
  const [main = ''] = type.split('/');
  const ranges = accept.split(',').map((part) => {
    const [range = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase());
    return { range, isExcluded: parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter)) };
  });
  for (const wanted of [type, `${main}/*`, '*/*']) {
    const found = ranges.find(({ range }) => range === wanted);
    if (found !== undefined) return !found.isExcluded;
  }
  return false;
}

/** JSON wins where both would do. */
export function answerFormat(rawHeaders: readonly string[]): MediaFormat | undefined {
  const accept = lastHeader(rawHeaders, 'accept');
  if (accepts(accept, mediaTypes.json)) return 'json';
  return accepts(accept, mediaTypes.protobuf) ? 'protobuf' : undefined;
}
