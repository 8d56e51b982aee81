/** From the configuration to receivers that can be notified. */
import type { Config } from '../config/config.ts';
import { type Receiver, type ReceiverKind, receiverKinds } from '../config/receivers.ts';
import type { BuildContext } from './context.ts';
import { createEmail } from './email.ts';
import type { Integration, ReceiverRuntime } from './integration.ts';
import type { Templates } from './template.ts';
import { createWebhook } from './webhook.ts';

type Creators = { readonly [K in ReceiverKind]?: (config: never, context: BuildContext) => Integration };

const creators: Creators = { webhook: createWebhook, email: createEmail };

/** Kinds that can be configured but not yet be sent to: the first such configuration of `receiver`. */
export function unsupportedKind(receiver: Receiver): ReceiverKind | undefined {
  return kinds.find((kind) => creators[kind] === undefined && receiver[`${kind}_configs`].length > 0);
}

const kinds = Object.keys(receiverKinds) as ReceiverKind[];

export function buildReceivers(config: Config, templates: Templates): ReadonlyMap<string, ReceiverRuntime> {
  return new Map(
    config.receivers.map((receiver) => [
      receiver.name,
      {
        name: receiver.name,
        labels: { ...receiver.labels, name: receiver.name },
        integrations: kinds.flatMap((kind) => {
          const create = creators[kind] as ((one: unknown, context: BuildContext) => Integration) | undefined;
          return create === undefined ? [] : receiver[`${kind}_configs`].map((one, index) => create(one, { config, templates, index }));
        }),
      },
    ]),
  );
}
