import { MAPPED_FIELDS, type Mapping, type MappedField } from './declared-mapping.js';
import { declaredFields } from './declared.js';
import { octobotFields } from './octobot.js';
import type { Payload, Said } from './said.js';
import { sigmatraderFields } from './sigmatrader.js';
import { traderspostFields } from './traderspost.js';

/** A payload in the names of a mapping, as it said it: the key of an alert and its signal are made of the same. */
export interface AlertFields extends Record<MappedField, Said> {
  /** The word that says which position an order opens or closes, where it stands beside the order's own action. */
  side: Said;
  /** What a strategy is told apart by, where it has a name beside. */
  strategyKey: Said;
  /** Without a word about it. */
  defaultOrderType: 'market' | 'limit' | null;
  /** Whether no order may open anything. */
  reduceOnly: boolean;
  /** Distances from the price instead of prices. */
  stopDistance: Distance | null;
  targetDistance: Distance | null;
  /** Anything else that has to be said of it: kept for a person. */
  hints: Payload;
  /** What it asks for and cannot have here; it gives no signal. */
  unsupported: { code: string; detail: string } | null;
  /** Needs nobody: code and sentence. */
  ignored: { code: string; detail: string } | null;
}

export interface Distance {
  kind: 'amount' | 'percent';
  value: string;
}

const NO_FIELDS: AlertFields = {
  ...(Object.fromEntries(MAPPED_FIELDS.map((name) => [name, null])) as Record<MappedField, Said>),
  side: null, strategyKey: null, defaultOrderType: null, reduceOnly: false, stopDistance: null, targetDistance: null, hints: {}, unsupported: null, ignored: null,
};

export function alertFields(payload: Payload, mapping: Mapping): AlertFields {
  const found = mapping === 'sigmatrader' ? sigmatraderFields(payload) : mapping === 'traderspost' ? traderspostFields(payload) : mapping === 'octobot' ? octobotFields(payload) : declaredFields(payload, mapping);
  return { ...NO_FIELDS, ...found };
}
