/** jira: one issue per group, found again by a label; created, updated, resolved and reopened. */

import { compareBytes } from '@pronoia/model';
import type { ReceiverConfig } from '../config/receivers.ts';
import { eventId } from '../hash.ts';
import type { BuildContext } from './context.ts';
import { orNothing, sorted, truncate } from './go-json.ts';
import { checkAnswer, type HttpAnswer } from './http-client.ts';
import { type Integration, NotifyError } from './integration.ts';
import { createReceiver, type JsonCall, parseAnswer, type Rendering, refused } from './json-receiver.ts';
import { renderPayload } from './webhook.ts';

const maxSummary = 255;
const maxDescription = 32_767;
const retryCodes = [429];

interface Issue {
  readonly key: string;
  /** Its status' category: `new`, `indeterminate`, `done`. */
  readonly category: string;
}

export function createJira(config: ReceiverConfig<'jira'>, context: BuildContext): Integration {
  const apiUrl = (config.api_url ?? context.config.global.jira_api_url ?? '').replace(/\/+$/, '');
  const isCloud =
    config.api_type === 'cloud' ||
    (config.api_type === 'auto' && URL.canParse(apiUrl) && new URL(apiUrl).hostname.endsWith('.atlassian.net'));
  return createReceiver('jira', config, context, async (rendering, { send }) => {
    const { isFiring, notification } = rendering;
    const id = eventId(notification.groupKey);
    const ask = async (call: JsonCall): Promise<HttpAnswer> => {
      let answer: HttpAnswer;
      try {
        answer = await send({ ...call, headers: { 'accept-language': 'en' } });
      } catch (error) {
        // The request may have been carried out: a second one could make a second issue.
        if (error instanceof NotifyError) throw new NotifyError(error.message, { isRetryable: false, reason: error.reason, cause: error });
        throw error;
      }
      checkAnswer(answer, retryCodes);
      return answer;
    };
    const found = await search(ask, rendering, id);
    if (found === undefined) {
      if (!isFiring) return;
      await ask({ url: `${apiUrl}/issue`, body: issueBody(rendering, id, undefined) });
      return;
    }
    await ask({ method: 'PUT', url: `${apiUrl}/issue/${found.key}`, body: issueBody(rendering, id, found) });
    const isDone = found.category === 'done';
    if (isFiring && isDone && config.reopen_transition) await transition(ask, found.key, config.reopen_transition);
    else if (!isFiring && !isDone && config.resolve_transition) await transition(ask, found.key, config.resolve_transition);
  });

  async function search(
    ask: (call: JsonCall) => Promise<HttpAnswer>,
    { text, isFiring }: Rendering,
    id: string,
  ): Promise<Issue | undefined> {
    let jql = '';
    if (config.wont_fix_resolution) jql += `(resolution is EMPTY or resolution != ${JSON.stringify(config.wont_fix_resolution)}) and `;
    if (isFiring && config.reopen_transition && config.reopen_duration > 0) {
      const minutes = Math.trunc(config.reopen_duration / 60_000);
      jql += `(resolutiondate is EMPTY OR resolutiondate >= -${minutes}m) and `;
    } else jql += 'statusCategory != Done and ';
    jql += `project=${JSON.stringify(text(config.project))} and labels=${JSON.stringify(`ALERT{${id}}`)} order by status ASC,resolutiondate DESC`;
    const url = isCloud ? `${new URL(apiUrl).origin}/rest/api/3/search/jql` : `${apiUrl}/search`;
    const reply = parseAnswer(await ask({ url, body: { fields: ['status'], jql, maxResults: 2 } }));
    const [first] = Array.isArray(reply['issues'])
      ? (reply['issues'] as { key?: string; fields?: { status?: { statusCategory?: { key?: string } } } }[])
      : [];
    if (first?.key === undefined) return undefined;
    return { key: first.key, category: first.fields?.status?.statusCategory?.key ?? '' };
  }

  function issueBody({ text, data }: Rendering, id: string, existing: Issue | undefined): object {
    const summary = truncate(text(config.summary?.template, 'jira.default.summary'), maxSummary);
    const description = truncate(text(config.description?.template, 'jira.default.description'), maxDescription);
    const isUpdate = existing !== undefined;
    const labels = [...config.labels.map((label) => text(label)), `ALERT{${id}}`].sort(compareBytes);
    const priority = text(config.priority, 'jira.default.priority');
    const custom = renderPayload(config.fields ?? {}, data, context.templates) as Record<string, unknown>;
    return {
      fields: {
        project: { key: text(config.project) },
        issuetype: { name: text(config.issue_type) },
        summary: isUpdate && config.summary?.enable_update === false ? undefined : summary,
        description: isUpdate && config.description?.enable_update === false ? undefined : describe(description),
        labels,
        priority: priority === '' ? undefined : { name: priority },
        ...sorted(Object.entries(custom)),
      },
    };
  }

  /** Version 3 takes a document, not text. */
  function describe(description: string): unknown {
    if (!apiUrl.endsWith('/rest/api/3')) return orNothing(description);
    try {
      return JSON.parse(description) as unknown;
    } catch {
      throw refused('the description must be JSON (Atlassian document format) with API version 3');
    }
  }

  async function transition(ask: (call: JsonCall) => Promise<HttpAnswer>, key: string, name: string): Promise<void> {
    const url = `${apiUrl}/issue/${key}/transitions`;
    const reply = parseAnswer(await ask({ method: 'GET', url, body: undefined }));
    const list = Array.isArray(reply['transitions']) ? (reply['transitions'] as { id?: string; name?: string }[]) : [];
    const found = list.find((one) => one.name === name);
    if (found === undefined) throw refused(`can't find transition ${JSON.stringify(name)} for issue ${key}`);
    await ask({ url, body: { transition: { id: found.id } } });
  }
}
