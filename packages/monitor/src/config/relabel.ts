import { createRelabelRule, type NameValidation, type RelabelOptions } from '@pronoia/model';
import { optional, type Schema, schema } from '@pronoia/server';

const rule: Schema<RelabelOptions> = schema.object({
  source_labels: optional(schema.list(schema.string())),
  separator: optional(schema.string()),
  regex: optional(schema.string()),
  modulus: optional(schema.integer({ min: 0 })),
  target_label: optional(schema.string()),
  replacement: optional(schema.string()),
  action: optional(schema.string()),
});

/**
 * A list of relabel rules as plain data, each checked by being made once. `what` is the owner's word for the list in the message about
 * an empty entry.
 */
export function relabelList(what: string, validation: NameValidation = 'utf8'): Schema<readonly RelabelOptions[]> {
  const checked = schema.refine(schema.nullable(rule), (options) => {
    if (options === null) throw new Error(`empty or null ${what} relabeling rule`);
    createRelabelRule(options, validation);
    return options;
  });
  return schema.list(checked);
}
