import { z } from 'zod';

const PRESETS = ['sigmatrader', 'traderspost', 'octobot'] as const;

/** What a declared mapping can name. */
export const MAPPED_FIELDS = [
  'symbol', 'action', 'exchange', 'quantity', 'price', 'stopLoss', 'takeProfit', 'limitPrice', 'orderType', 'confidence', 'product', 'strategy', 'user', 'orderId', 'tag',
  'timeframe', 'barTime', 'firedAt', 'comment', 'alertId', 'marketPosition', 'previousMarketPosition', 'positionSize', 'previousPositionSize', 'secret',
] as const;
export type MappedField = (typeof MAPPED_FIELDS)[number];

/** What their word for an action may mean. */
export const ACTIONS = [
  'buy', 'sell', 'enter_long', 'enter_short', 'exit_long', 'exit_short', 'exit', 'pause', 'stop', 'flatten', 'kill', 'cancel_orders',
] as const;
export type Action = (typeof ACTIONS)[number];

const NAMES_BEHIND_OBJECTS = new Set(['__proto__', 'constructor', 'prototype']);
const PATH = 'must be the dotted path of a field, such as signal.side: 1 to 8 names of 1 to 64 characters';

const path = z.string().trim().min(1, { error: PATH }).max(300, { error: PATH }).refine((text) => {
  const names = text.split('.');
  return names.length <= 8 && names.every((name) => name.length >= 1 && name.length <= 64 && !NAMES_BEHIND_OBJECTS.has(name));
}, { error: PATH });

const constant = z.strictObject({
  const: z.string().trim().min(1).max(200).refine((text) => !text.includes('{{'), { error: 'is taken as it stands: placeholders belong into the alert, named by a path' }),
});

const place = z.union([path, constant], { error: `${PATH}; or {"const": "text"}` });
/** What must come with the alert: the same text for all would make all of them one. */
const PATHS_ONLY = new Set<MappedField>(['alertId', 'secret']);

const fields = z.strictObject({
  ...(Object.fromEntries(MAPPED_FIELDS.map((name) => [name, (PATHS_ONLY.has(name) ? path : place).optional()])) as
    Record<Exclude<MappedField, 'alertId' | 'secret'>, z.ZodOptional<typeof place>> & Record<'alertId' | 'secret', z.ZodOptional<typeof path>>),
  symbol: place,
  action: place,
});

const actions = z.record(z.string().trim().min(1).max(64), z.enum(ACTIONS)).refine((words) => {
  const count = Object.keys(words).length;
  return count >= 1 && count <= 50;
}, { error: 'names 1 to 50 words' });

const declaredMappingSchema = z.strictObject({ format: z.enum(['auto', 'json', 'form', 'lines']).optional(), fields, actions });

export type DeclaredMapping = z.infer<typeof declaredMappingSchema>;
export type Mapping = (typeof PRESETS)[number] | DeclaredMapping;

/** A field, or what stands beside fields and actions. */
const unknownIn = (path: PropertyKey[]): string => `is not one of ${path[0] === 'fields' ? MAPPED_FIELDS.join(', ') : 'format, fields, actions'}`;

const KINDS = `must be one of ${PRESETS.join(', ')}, or an object with fields and actions`;

/** A ready mapping, or one's own: where each field stands, and what the words of its action mean. Not a plain union: that would not say which field is wrong. */
export const mappingSchema = z.union([z.enum(PRESETS), z.record(z.string(), z.unknown())], { error: KINDS })
  .describe(`${PRESETS.join(', ')}, or {format?, fields, actions}: the dotted path of each field, and what the words of the action mean`)
  .transform((input, context): Mapping => {
    if (typeof input === 'string') return input;
    const { data, error } = declaredMappingSchema.safeParse(input);
    if (data !== undefined) return data;
    for (const issue of error.issues) {
      const unknown = issue.code === 'unrecognized_keys' ? issue.keys.join(', ') : null;
      context.addIssue({ code: 'custom', path: [...issue.path, ...(unknown === null ? [] : [unknown])], message: unknown === null ? issue.message : unknownIn(issue.path) });
    }
    return z.NEVER;
  });
