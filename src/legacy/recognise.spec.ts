import { describe, expect, it } from '@jest/globals';
import type { Profile, System, TableMapping } from './profile.js';
import { recognise } from './recognise.js';
import type { Source, SourceTable } from './source/cell.js';
import type { OpenedSource } from './source/open-source.js';

const table = (name: string): SourceTable => ({ name, base: name, columns: [], declared: {}, key: [], count: () => 0, rows: () => [] });
const profile = (system: System, tables: number | null): Profile => ({ system, files: [{ table: system, files: '*' }], order: [], mapping: () => null, recognise: () => (tables === null ? null : { shape: `${system} 1`, tables }) });
const opened: OpenedSource = { as: ([file]) => ({ medium: 'folder', sha256: '', tables: [table(file?.table ?? 'candles.csv')], close: () => undefined }) satisfies Source, close: () => undefined };

describe('whose data it is', () => {
  it('is decided by the most tables, and its files are grouped for that profile', () => {
    const chosen = recognise(opened, [profile('ai-trader', 2), profile('rec-io', 5), profile('sigmatrader', null)]);
    expect([chosen.profile.system, chosen.shape, chosen.source.tables.map(({ name }) => name)]).toEqual(['rec-io', 'rec-io 1', ['rec-io']]);
  });

  it('is asked for where another system would import what this one does not know', () => {
    const both: Source = { medium: 'folder', sha256: '', tables: [{ ...table('b/trades'), count: () => 3 }], close: () => undefined };
    const knowing = (system: System, tables: number, as: TableMapping['as'] | null): Profile => ({ ...profile(system, tables), mapping: () => (as === null ? null : { as, columns: {} }) });
    const of = (...profiles: Profile[]) => recognise({ as: () => both, close: () => undefined }, profiles).profile.system;
    expect(() => of(knowing('sigmatrader', 5, null), knowing('ai-trader', 1, 'import'))).toThrow('b/trades is of ai-trader (ai-trader 1, 1 tables). Import each system by itself');
    expect(of(knowing('sigmatrader', 5, null), knowing('ai-trader', 1, { archive: 'kept' }))).toBe('sigmatrader');
    expect(of(knowing('sigmatrader', 5, 'import'), knowing('ai-trader', 1, 'import'))).toBe('sigmatrader');
    expect(recognise({ as: () => both, close: () => undefined }, [knowing('sigmatrader', 5, null), knowing('ai-trader', 1, 'import')], 'sigmatrader').profile.system).toBe('sigmatrader');
  });

  it('is not asked for where a table of another system lies beside its own: that is an addition to this one', () => {
    const trades = (name: string): SourceTable => ({ ...table(name), count: () => 3 });
    const sigmatrader: Profile = { ...profile('sigmatrader', 5), mapping: ({ name }) => (name.endsWith('alerts') ? { as: 'import', columns: {} } : null) };
    const other: Profile = { ...profile('ai-trader', 1), mapping: () => ({ as: 'import', columns: {} }) };
    const of = (...tables: SourceTable[]) => recognise({ as: () => ({ medium: 'folder', sha256: '', tables, close: () => undefined }), close: () => undefined }, [sigmatrader, other]).profile.system;
    expect(of(table('a.db/alerts'), trades('a.db/trades'))).toBe('sigmatrader');
    expect(of(table('alerts'), trades('trades'))).toBe('sigmatrader');
    expect(() => of(table('a.db/alerts'), trades('b.db/trades'))).toThrow('b.db/trades is of ai-trader');
  });

  it('is asked for where two know as many, naming both', () => {
    expect(() => recognise(opened, [profile('ai-trader', 2), profile('rec-io', 2), profile('sigmatrader', 1)])).toThrow('It could be ai-trader (ai-trader 1, 2 tables) or rec-io (rec-io 1, 2 tables). Say which it is with --profile.');
    expect(recognise(opened, [profile('ai-trader', 2), profile('rec-io', 2)], 'ai-trader').profile.system).toBe('ai-trader');
  });

  it('is unknown where nobody knows a table, and what was seen is said', () => {
    expect(() => recognise(opened, [profile('ai-trader', null), profile('rec-io', 0)])).toThrow(/Its tables are candles\.csv\. Known are ai-trader, rec-io; --profile/);
    expect(() => recognise(opened, [profile('ai-trader', null), profile('rec-io', 3)], 'ai-trader')).toThrow(/not data of ai-trader/);
  });
});
