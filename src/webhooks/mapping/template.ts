import type { Action, Mapping } from './declared-mapping.js';

export interface Template {
  contentType: 'application/json' | 'text/plain';
  /** To be pasted into the alert's message as it is. */
  text: string;
  /** What a person has to know or fill in. */
  notes: string[];
}

export interface TemplateOptions {
  /** Of an indicator, which knows no order: what this alert means. Default: buy. */
  action?: Action;
  /** Whether the source asks for a secret in the body: a line for it is put in. */
  hasBodySecret: boolean;
  /** Whether the source has a size of its own (lot size or risk rule): the alert then names none. */
  hasOwnSize: boolean;
}

export function templateOf(_mapping: Mapping, _kind: 'strategy' | 'indicator', _options: TemplateOptions): Template {
  return { contentType: 'application/json', text: '', notes: [] };
}
