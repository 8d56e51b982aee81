/**
 * Emulated frameworks: `frameworks.ts URL COUNT`. Mode `flood`: every offer is filled with tasks; mode `rate`: so many tasks a second, one an
 * offer; mode `idle`: offers are declined. Updates are acknowledged; the time from ACCEPT to TASK_RUNNING is kept.
 */
import { openStream, Poster, say } from './wire.ts';

const [url = '', countText = '0', perOfferText = '10'] = process.argv.slice(2);
const path = `${url}/api/v1/scheduler`;
const perOffer = Number(perOfferText);
let mode: 'idle' | 'flood' | 'rate' = 'idle';
let perSecond = 0;
let subscribed = 0;
let running = 0;
let ended = 0;
let next = 0;
const latencies: number[] = [];
const sentMs = new Map<string, number>();
const hands: { framework: EmulatedFramework; offer: { id: { value: string }; agent_id: { value: string } } }[] = [];

const scalar = (name: string, value: number): object => ({ name, type: 'SCALAR', scalar: { value } });

class EmulatedFramework {
  readonly id: string;
  readonly #poster = new Poster(path, 1);
  #streamId = '';

  constructor(index: number) {
    this.id = `bench-${index}`;
  }

  subscribe(): void {
    const info = {
      id: { value: this.id },
      user: 'nobody',
      name: this.id,
      failover_timeout: 3600,
      capabilities: [{ type: 'PARTITION_AWARE' }],
    };
    const body = { type: 'SUBSCRIBE', framework_id: { value: this.id }, subscribe: { framework_info: info } };
    openStream(path, JSON.stringify(body), {
      opened: (streamId) => {
        this.#streamId = streamId;
      },
      record: (text) => this.#heard(text),
      end: () => setTimeout(() => this.subscribe(), 200),
    });
  }

  decline(offer: { id: { value: string } }): void {
    this.#call({ type: 'DECLINE', decline: { offer_ids: [offer.id], filters: { refuse_seconds: 0 } } });
  }

  suppress(): void {
    this.#call({ type: 'SUPPRESS' });
  }

  #call(body: object): void {
    this.#poster.post(this.#streamId, JSON.stringify({ ...body, framework_id: { value: this.id } }));
  }

  launch(offer: { id: { value: string }; agent_id: { value: string } }, count: number): void {
    const infos = Array.from({ length: count }, () => {
      const id = `x-${next++}`;
      sentMs.set(id, performance.now());
      return {
        name: id,
        task_id: { value: id },
        agent_id: offer.agent_id,
        resources: [scalar('cpus', 0.1), scalar('mem', 32)],
        command: { value: 'true' },
      };
    });
    this.#call({
      type: 'ACCEPT',
      accept: { offer_ids: [offer.id], operations: [{ type: 'LAUNCH', launch: { task_infos: infos } }], filters: { refuse_seconds: 0 } },
    });
  }

  #heard(text: string): void {
    if (text.startsWith('{"type":"HEARTBEAT"')) return;
    const event = JSON.parse(text);
    if (event.type === 'SUBSCRIBED') {
      subscribed++;
      if (subscribed === Number(countText)) say({ kind: 'subscribed' });
    } else if (event.type === 'OFFERS') {
      if (mode === 'idle')
        return this.#call({
          type: 'DECLINE',
          decline: { offer_ids: event.offers.offers.map((offer: { id: object }) => offer.id), filters: { refuse_seconds: 1 } },
        });
      for (const offer of event.offers.offers) {
        // So many under way at once: more would only wait in queues, and latency would measure those.
        if (mode === 'flood' && sentMs.size < 1000) this.launch(offer, perOffer);
        else if (mode === 'flood') this.#call({ type: 'DECLINE', decline: { offer_ids: [offer.id], filters: { refuse_seconds: 0 } } });
        else hands.push({ framework: this, offer });
      }
    } else if (event.type === 'UPDATE') {
      const { status } = event.update;
      if (status.state === 'TASK_RUNNING') {
        const sent = sentMs.get(status.task_id.value);
        sentMs.delete(status.task_id.value);
        running++;
        if (sent !== undefined) latencies.push(performance.now() - sent);
      } else {
        // Also one that never ran: it is under way no more.
        sentMs.delete(status.task_id.value);
        ended++;
      }
      if (status.uuid !== undefined)
        this.#call({ type: 'ACKNOWLEDGE', acknowledge: { agent_id: status.agent_id, task_id: status.task_id, uuid: status.uuid } });
    }
  }
}

let owed = 0;
setInterval(() => {
  if (mode !== 'rate') return;
  owed += perSecond / 100;
  while (owed >= 1 && hands.length > 0) {
    const hand = hands.shift();
    owed--;
    hand?.framework.launch(hand.offer, 1);
  }
  owed = Math.min(owed, perSecond / 10);
}, 10);

const frameworks = Array.from({ length: Number(countText) }, (_, i) => new EmulatedFramework(i));
for (const framework of frameworks) framework.subscribe();
process.on('message', (message: { kind: string; mode?: typeof mode; perSecond?: number }) => {
  if (message.kind === 'quiet') for (const framework of frameworks) framework.suppress();
  if (message.mode !== undefined) {
    mode = message.mode;
    perSecond = message.perSecond ?? 0;
    for (const { framework, offer } of hands.splice(0)) framework.decline(offer);
    latencies.length = 0;
    running = 0;
    ended = 0;
  }
  if (message.kind === 'count') {
    const sorted = latencies.toSorted((a, b) => a - b);
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    say({ kind: 'counted', running, ended, p50: at(0.5), p99: at(0.99), hands: hands.length });
  }
});
process.on('disconnect', () => process.exit(0));
say({ kind: 'up' });
