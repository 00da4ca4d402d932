import type { paths } from '../../api/schema.js';
import type { Source } from './words.js';

export type NewBody = NonNullable<paths['/api/v1/webhook-sources']['post']['requestBody']>['content']['application/json'];
export type ChangeBody = NonNullable<paths['/api/v1/webhook-sources/{sourceId}']['patch']['requestBody']>['content']['application/json'];

/** A source as a person types it; empty is null, where null means off. */
export interface TypedSource {
  name: string; mapping: string; own: string; symbols: string; bodySecret: string; noSecret: boolean; addresses: string;
  action: string; executorAgentId: string; strategyId: string; maxAgeSeconds: string; expectSignalWithin: string;
  lotSize: string; riskKind: string; risk: string; stopKind: string; stop: string; rewardToRisk: string; confidence: string; product: string;
}

const OWN_MAPPING = { format: 'auto', fields: { symbol: 'symbol', action: 'action', quantity: 'quantity', price: 'price', alertId: 'id', firedAt: 'time' }, actions: { long: 'enter_long', short: 'enter_short', close: 'exit' } };

export const BLANK: TypedSource = {
  name: '', mapping: 'sigmatrader', own: JSON.stringify(OWN_MAPPING, null, 2), symbols: '', bodySecret: '', noSecret: false, addresses: '', action: 'store', executorAgentId: '', strategyId: '', maxAgeSeconds: '60', expectSignalWithin: '',
  lotSize: '', riskKind: 'amount', risk: '', stopKind: 'fraction', stop: '', rewardToRisk: '', confidence: '', product: '',
};

const text = (value: string | null | undefined) => value ?? '';

export const typedOf = ({ name, mapping, symbols, allowedAddresses, route, defaults }: Source): TypedSource => ({
  ...BLANK, name, mapping: typeof mapping === 'string' ? mapping : 'own', own: JSON.stringify(typeof mapping === 'string' ? OWN_MAPPING : mapping, null, 2),
  symbols: Object.entries(symbols).map(([theirs, ours]) => `${theirs} = ${ours}`).join('\n'), addresses: (allowedAddresses ?? []).join('\n'),
  action: route.action, executorAgentId: text(route.executorAgentId), strategyId: text(route.strategyId), maxAgeSeconds: String(route.maxAgeSeconds), expectSignalWithin: route.expectSignalWithin === null ? '' : String(route.expectSignalWithin),
  lotSize: text(defaults.lotSize), riskKind: defaults.riskRule?.fraction ? 'fraction' : 'amount', risk: text(defaults.riskRule?.amount ?? defaults.riskRule?.fraction),
  stopKind: defaults.stopDistance?.price ? 'price' : 'fraction', stop: text(defaults.stopDistance?.price ?? defaults.stopDistance?.fraction),
  rewardToRisk: text(defaults.rewardToRisk), confidence: text(defaults.confidence), product: text(defaults.product),
});

/** What is no JSON goes as it was typed, and the server refuses it by name. */
export function mappingOf({ mapping, own }: Pick<TypedSource, 'mapping' | 'own'>): NewBody['mapping'] {
  if (mapping !== 'own') return mapping as 'octobot';
  try {
    return JSON.parse(own) as Record<string, unknown>;
  } catch {
    return own as never;
  }
}

/** `THEIRS = OURS`, a line each. */
export const symbolsOf = (lines: string): Record<string, string> => Object.fromEntries(lines.split('\n').map((line) => line.split('=').map((part) => part.trim())).filter(([theirs]) => theirs).map(([theirs = '', ours = '']) => [theirs, ours]));

const orNull = (value: string): string | null => (value.trim() === '' ? null : value.trim());
/** What is no number goes as it was typed. */
const count = (value: string): number => (/^\d{1,9}$/.test(value.trim()) ? Number(value) : (value as never));

export function bodyOf(typed: TypedSource): NewBody {
  const addresses = typed.addresses.split(/[\s,]+/).filter(Boolean);
  const { bodySecret, noSecret } = typed;
  return {
    name: typed.name, mapping: mappingOf(typed), symbols: symbolsOf(typed.symbols), allowedAddresses: addresses.length > 0 ? addresses : null,
    ...(noSecret ? { bodySecret: null } : bodySecret ? { bodySecret } : {}),
    route: {
      action: typed.action as 'idea', executorAgentId: orNull(typed.executorAgentId), strategyId: orNull(typed.strategyId), maxAgeSeconds: typed.maxAgeSeconds.trim() === '' ? 60 : count(typed.maxAgeSeconds),
      expectSignalWithin: typed.expectSignalWithin.trim() === '' ? null : count(typed.expectSignalWithin),
    },
    defaults: {
      lotSize: orNull(typed.lotSize), riskRule: orNull(typed.risk) === null ? null : ({ [typed.riskKind]: typed.risk.trim() } as { amount: string }),
      stopDistance: orNull(typed.stop) === null ? null : ({ [typed.stopKind]: typed.stop.trim() } as { price: string }), rewardToRisk: orNull(typed.rewardToRisk), confidence: orNull(typed.confidence), product: orNull(typed.product),
    },
  };
}

const same = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);

/** Only what was changed: what somebody else has changed beside it stays. */
export function changeOf(before: TypedSource, after: TypedSource): ChangeBody {
  const [old, next] = [bodyOf(before), bodyOf(after)] as unknown as [Record<string, unknown>, Record<string, unknown>];
  const part = (from: Record<string, unknown>, to: Record<string, unknown>) => Object.fromEntries(Object.entries(to).filter(([name, value]) => !same(value, from[name])));
  const { route, defaults, ...whole } = next;
  const changed: Record<string, unknown> = part(old, whole);
  for (const [name, value] of [['route', route], ['defaults', defaults]] as const) {
    const inner = part(old[name] as Record<string, unknown>, value as Record<string, unknown>);
    if (Object.keys(inner).length > 0) changed[name] = inner;
  }
  return changed as ChangeBody;
}
