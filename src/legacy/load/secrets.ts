import { REMOVED } from '../../auth/credentials.js';
import type { TableMapping } from '../profile.js';
import type { Cell, Source, SourceTable } from '../source/cell.js';
import type { SecretReport } from './import-run.js';
import { secretsInside, secretsOfWhole } from './secrets-inside.js';
import { isSecretOf, mayHoldSecret, parsed, secretsOfBroken, SecretTexts } from './secret-texts.js';

export type Cells = Readonly<Record<string, Cell>>;

/** What is long and mixed enough not to be a word: it is looked for in every other text too. */
const KNOWN = { least: 8, most: 200, count: 20_000 };
const isTelling = (text: string): boolean =>
  text.length >= KNOWN.least && text.length <= KNOWN.most && (/\d/.test(text) ? /[^\d.:+ T/-]/.test(text) : text.length >= 12 && /[a-z]/.test(text) && /[A-Z]/.test(text)) && !/\s/.test(text);

interface Plan {
  /** Columns that hold a secret whatever it looks like. */
  named: ReadonlySet<string>;
  /** Columns whose name says so, unless a row holds something else there. */
  suspicious: readonly string[];
  paths: ReadonlyMap<string, readonly (readonly string[])[]>;
  /** Tables whose rows are a name and a value. */
  pair: { name: string; value: string } | null;
}

/** The secrets of one source: what they are is looked for first, so that one that is repeated elsewhere goes there too. */
export class Secrets {
  private readonly counts = new Map<string, SecretReport>();

  private constructor(private readonly texts: SecretTexts) {}

  /** Reads each table once, but for those of millions of rows. */
  static async of(source: Source, mappingOf: (table: SourceTable) => TableMapping | null, breathe: () => Promise<void>): Promise<Secrets> {
    const known = new Set<string>();
    for (const table of source.tables) {
      const mapping = mappingOf(table);
      const plan = planOf(table, mapping);
      // A document that is broken has all its columns in this one.
      const mayBreak = table.columns.includes('content') && Object.keys(table.declared).length === 0;
      // Settings and logs of a folder: their columns are names of a document.
      const isLoose = Object.keys(table.declared).length === 0 && mapping?.as !== 'import';
      // Of tables of millions each column is known, and their few texts are symbols.
      if (mapping?.bulk && plan.named.size === 0 && plan.suspicious.length === 0 && plan.paths.size === 0 && !plan.pair && !mapping.secretsOf) continue;
      let read = 0;
      for (const { cells, broken } of table.rows()) {
        const secrets = [...secretsIn(plan, mapping, cells), ...(broken === undefined || !mayBreak ? [] : secretsOfBroken(cells['content'] ?? null))].flatMap(secretsOfWhole);
        for (const cell of isLoose ? [cells as Cell] : Object.values(cells)) secrets.push(...secretsInside(cell));
        for (const secret of secrets) if (isTelling(secret) && known.size < KNOWN.count) known.add(secret);
        if (++read % 1_000 === 0) await breathe();
      }
    }
    return new Secrets(new SecretTexts(known));
  }

  /** @param counted whether what is removed is for the report */
  table(table: SourceTable, mapping: TableMapping | null, counted: boolean): TableSecrets {
    return new TableSecrets(this.texts, planOf(table, mapping), mapping, counted ? (column) => this.count(table.name, column) : () => undefined);
  }

  /** How many there are in what was stored, of a table's own columns or in text. */
  left(values: Readonly<Record<string, Cell>>): number {
    let left = 0;
    for (const [name, value] of Object.entries(values)) {
      if (mayHoldSecret(name) && isSecretOf(name, value)) left += 1;
      else this.texts.cell(value, [], () => (left += 1));
    }
    return left;
  }

  safe(text: string): string {
    return this.texts.cell(text, [], () => undefined) as string;
  }

  /** By table and column. */
  report(): SecretReport[] {
    return [...this.counts.values()];
  }

  private count(table: string, column: string): void {
    const key = `${table}\0${column}`;
    const known = this.counts.get(key);
    if (known) known.count += 1;
    else this.counts.set(key, { table, column, count: 1 });
  }
}

export class TableSecrets {
  private readonly none: readonly (readonly string[])[] = [];

  constructor(
    private readonly texts: SecretTexts,
    private readonly plan: Plan,
    private readonly mapping: TableMapping | null,
    private readonly found: (column: string) => void,
  ) {}

  /** The same cells where there is no secret in them. */
  without(cells: Cells): Cells {
    const hidden = secretColumns(this.plan, this.mapping, cells);
    let safe: Record<string, Cell> | null = null;
    for (const column in cells) {
      const cell = cells[column] ?? null;
      if (cell === null || typeof cell === 'bigint' || typeof cell === 'number' || typeof cell === 'boolean' ? !hidden.includes(column) : false) continue;
      const clean = hidden.includes(column) ? this.removed(column) : this.texts.cell(cell, this.plan.paths.get(column) ?? this.none, (path) => this.found(`${column}${path}`));
      if (clean !== cell) (safe ??= { ...cells })[column] = clean;
    }
    return safe ?? cells;
  }

  private removed(column: string): string {
    this.found(column);
    return REMOVED;
  }
}

/** What stands where a row has its secrets, also inside its documents. */
function* secretsIn(plan: Plan, mapping: TableMapping | null, cells: Cells): Iterable<Cell> {
  for (const column of secretColumns(plan, mapping, cells)) yield cells[column] ?? null;
  for (const [column, paths] of plan.paths) {
    const cell = cells[column] ?? null;
    const document = typeof cell === 'string' ? parsed(cell) : cell;
    for (const path of paths) yield path.reduce<Cell>((at, name) => (at !== null && typeof at === 'object' && !Array.isArray(at) ? ((at as Record<string, Cell>)[name] ?? null) : null), document ?? null);
  }
}

/** Those of one row that hold something to hide. */
function secretColumns(plan: Plan, mapping: TableMapping | null, cells: Cells): readonly string[] {
  if (plan.named.size === 0 && plan.suspicious.length === 0 && !plan.pair && !mapping?.secretsOf) return [];
  const filled = (column: string) => (cells[column] ?? null) !== null && cells[column] !== '' && cells[column] !== REMOVED;
  const hidden = [...plan.named].filter(filled);
  hidden.push(...plan.suspicious.filter((column) => isSecretOf(column, cells[column])));
  if (plan.pair && isSecretOf(String(cells[plan.pair.name]), cells[plan.pair.value])) hidden.push(plan.pair.value);
  for (const column of mapping?.secretsOf?.(cells) ?? []) if (filled(column)) hidden.push(column);
  return hidden;
}

const PAIR_NAMES = ['key', 'name', 'setting', 'setting_key', 'setting_name', 'config_key', 'config_name', 'option'];
const PAIR_VALUES = ['value', 'setting_value', 'config_value'];

function planOf(table: SourceTable, mapping: TableMapping | null): Plan {
  const named = new Set<string>();
  const paths = new Map<string, string[][]>();
  for (const secret of mapping?.secrets ?? []) {
    const column = table.columns.includes(secret) ? secret : secret.split('.', 1)[0] ?? secret;
    if (column === secret) named.add(column);
    else paths.set(column, [...(paths.get(column) ?? []), secret.slice(column.length + 1).split('.')]);
  }
  const has = (names: readonly string[]) => table.columns.find((column) => names.includes(column.toLowerCase()));
  const [name, value] = [has(PAIR_NAMES), has(PAIR_VALUES)];
  return {
    named, paths, suspicious: table.columns.filter((column) => !named.has(column) && mayHoldSecret(column)),
    pair: name !== undefined && value !== undefined ? { name, value } : null,
  };
}
