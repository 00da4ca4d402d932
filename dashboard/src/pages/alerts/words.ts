import type { ItemOf } from '../../api/queries.js';
import type { Tone } from '../../kit/figures.js';

export type Alert = ItemOf<'/api/v1/alerts'>;
export type Source = ItemOf<'/api/v1/webhook-sources'>;

export const STATUS: Record<Alert['status'], { word: string; tone: Tone }> = {
  quarantined: { word: 'in quarantine', tone: 'danger' }, failed: { word: 'failed', tone: 'danger' }, received: { word: 'waits for its turn', tone: 'doubt' }, expired: { word: 'expired', tone: 'off' },
  ignored: { word: 'ignored', tone: 'off' }, processed: { word: 'carried out', tone: 'good' },
};

export const ACTIONS: Record<Source['route']['action'], string> = { store: 'kept only', command: 'exits and commands', idea: 'ideas, exits and commands' };

export const signalInWords = (signal: Record<string, unknown> | null): string | null => {
  if (!signal) return null;
  const said = (name: string) => (signal[name] === null || signal[name] === undefined ? '' : String(signal[name]));
  return [said('intent'), said('side'), said('command'), said('quantity'), said('exchange') && said('symbol') ? `${said('exchange')}:${said('symbol')}` : said('symbol')].filter((word) => word !== '').join(' ');
};
