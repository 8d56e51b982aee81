/** The page's one way to ask a server: JSON over GET, with the server's own words when it refuses. */

export class RequestError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'RequestError';
    this.status = status;
  }
}

/** Rejects with RequestError: status 0 when the server could not be reached, otherwise its HTTP status and its reason. */
export async function fetchJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, { headers: { accept: 'application/json' }, ...(signal && { signal }) });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new RequestError(0, `the monitor does not answer (${path})`);
  }
  const text = await response.text();
  if (!response.ok) throw new RequestError(response.status, reasonIn(text) || `${response.status} ${response.statusText} (${path})`);
  return JSON.parse(text) as T;
}

function reasonIn(body: string): string {
  try {
    const parsed = JSON.parse(body) as { error?: unknown; message?: unknown };
    for (const reason of [parsed.error, parsed.message]) if (typeof reason === 'string') return reason;
    return '';
  } catch {
    return body.length < 500 ? body : '';
  }
}
