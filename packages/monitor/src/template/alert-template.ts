/** Labels and annotations of alerts: text templates over the alert, which may ask the engine while they are expanded (§7.7). */
import { type Labels, stringMap, type Template, TemplateSet } from '@pronoia/model';
import { type TemplateSample, type TemplateScene, templateFunctions } from './functions.ts';

export interface AlertData {
  readonly labels: Labels;
  readonly value: number;
}

export interface Surroundings {
  readonly nowMs: number;
  readonly externalLabels: Labels;
  /** Without a trailing slash. */
  readonly externalUrl: string;
  readonly query: (text: string) => Promise<readonly TemplateSample[]>;
}

/** What the original puts in front of every template. */
const definitions = '{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}';

/** A template may ask so often; the answers are kept for its next queries. */
const maxQueries = 100;

/** A query that must be answered before expanding can go on. */
class Unanswered extends Error {}

export class AlertTemplate {
  readonly #template: Template;
  #scene: TemplateScene | undefined;

  /** Throws TemplateParseError. */
  constructor(alertName: string, text: string) {
    const functions = templateFunctions(() => {
      if (this.#scene === undefined) throw new Error('BUG: a template function was called outside of an expansion');
      return this.#scene;
    });
    this.#template = new TemplateSet({ functions, missingKey: 'zero' }).parse(`__alert_${alertName}`, definitions + text);
  }

  /**
   * Never rejects: what goes wrong becomes the text. Expanding is synchronous and a query is not, so a template that asks is stopped,
   * the query answered, and the template run again from its start with the answer at hand.
   */
  async expand(alert: AlertData, around: Surroundings): Promise<{ text: string; failed: boolean }> {
    const answers = new Map<string, readonly TemplateSample[]>();
    const data = {
      Labels: stringMap(alert.labels),
      ExternalLabels: stringMap(around.externalLabels),
      ExternalURL: around.externalUrl,
      Value: alert.value,
    };
    for (;;) {
      let wanted: string | undefined;
      const query = (text: string): readonly TemplateSample[] => {
        const answer = answers.get(text);
        if (answer !== undefined) return answer;
        wanted = text;
        throw new Unanswered('not answered yet');
      };
      this.#scene = { query, nowMs: around.nowMs, externalUrl: around.externalUrl };
      try {
        return { text: this.#template.execute(data), failed: false };
      } catch (error) {
        if (wanted === undefined) return failure(error);
        if (answers.size >= maxQueries) return failure(new Error(`more than ${maxQueries} queries in one template`));
      } finally {
        this.#scene = undefined;
      }
      try {
        answers.set(wanted, await around.query(wanted));
      } catch (error) {
        return failure(error);
      }
    }
  }
}

function failure(error: unknown): { text: string; failed: boolean } {
  return { text: `<error expanding template: ${(error as Error).message}>`, failed: true };
}
