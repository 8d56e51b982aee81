import { readFile } from 'node:fs/promises';
import { NotifyError } from './integration.ts';

/** A secret given as itself or as a file, which is read anew each time. Surrounding white space of a file is dropped. */
export async function secret(value: string | undefined, file: string | undefined, options: { trim?: boolean } = {}): Promise<string> {
  if (value !== undefined && value !== '') return value;
  if (file === undefined || file === '') return '';
  try {
    const text = await readFile(file, 'utf8');
    return options.trim === false ? text : text.trim();
  } catch (error) {
    throw new NotifyError(`could not read ${file}: ${(error as Error).message}`, { isRetryable: false, reason: 'other', cause: error });
  }
}
