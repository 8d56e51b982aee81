/**
 * Asks the other masters of a list who leads (`GET /redirect`, mesos.md §1.4). A leader that was stopped or cut off keeps its connections
 * open and says nothing; its followers know of the new one long before the missing heartbeats tell.
 */
import { type Dispatcher, request } from 'undici';

/** The origin of the master that another one points at; undefined when none of them knows. */
export async function askForLeader(
  masters: readonly string[],
  options: { dispatcher: Dispatcher; timeoutMs: number },
): Promise<string | undefined> {
  for (const master of masters) {
    try {
      const url = new URL('/redirect', master);
      const { statusCode, headers, body } = await request(url, {
        dispatcher: options.dispatcher,
        headersTimeout: options.timeoutMs,
        bodyTimeout: options.timeoutMs,
      });
      await body.dump();
      const location = headers['location'];
      if (statusCode === 307 && typeof location === 'string') return new URL(location, url).origin;
    } catch {
      // That one is down; another may know.
    }
  }
  return undefined;
}
