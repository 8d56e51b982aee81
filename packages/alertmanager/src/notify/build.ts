/** From the configuration to receivers that can be notified. */
import type { Config } from '../config/config.ts';
import { type ReceiverConfig, type ReceiverKind, receiverKinds } from '../config/receivers.ts';
import { createDiscord, createMsteams, createMsteamsv2, createWebex } from './chat.ts';
import type { BuildContext } from './context.ts';
import { createEmail } from './email.ts';
import { createIncidentio } from './incidentio.ts';
import type { Integration, ReceiverRuntime } from './integration.ts';
import { createJira } from './jira.ts';
import { createMattermost } from './mattermost.ts';
import { createOpsgenie } from './opsgenie.ts';
import { createPagerduty } from './pagerduty.ts';
import { createPushover } from './pushover.ts';
import { createRocketchat } from './rocketchat.ts';
import { createSlack } from './slack.ts';
import { createSns } from './sns.ts';
import { createTelegram } from './telegram.ts';
import type { Templates } from './template.ts';
import { createVictorops } from './victorops.ts';
import { createWebhook } from './webhook.ts';
import { createWechat } from './wechat.ts';

type Create<K extends ReceiverKind> = (config: ReceiverConfig<K>, context: BuildContext) => Integration;

const creators: { readonly [K in ReceiverKind]: Create<K> } = {
  webhook: createWebhook,
  email: createEmail,
  pagerduty: createPagerduty,
  opsgenie: createOpsgenie,
  wechat: createWechat,
  slack: createSlack,
  victorops: createVictorops,
  pushover: createPushover,
  sns: createSns,
  telegram: createTelegram,
  discord: createDiscord,
  webex: createWebex,
  msteams: createMsteams,
  msteamsv2: createMsteamsv2,
  jira: createJira,
  incidentio: createIncidentio,
  rocketchat: createRocketchat,
  mattermost: createMattermost,
};

const kinds = Object.keys(receiverKinds) as ReceiverKind[];

export function buildReceivers(config: Config, templates: Templates): ReadonlyMap<string, ReceiverRuntime> {
  return new Map(
    config.receivers.map((receiver) => [
      receiver.name,
      {
        name: receiver.name,
        labels: { ...receiver.labels, name: receiver.name },
        integrations: kinds.flatMap((kind) => {
          // The list of a kind holds that kind's configurations; TypeScript sees only the union.
          const create = creators[kind] as (one: unknown, context: BuildContext) => Integration;
          return receiver[`${kind}_configs`].map((one, index) => create(one, { config, templates, index }));
        }),
      },
    ]),
  );
}
