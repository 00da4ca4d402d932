import { Json, type TargetRow, type Value } from '../profile.js';
import { TARGETS, type TargetType, type TargetTable } from '../targets.js';

/** Rows of one table of ours that fill the same columns, as the text of a COPY. */
export interface CopyGroup {
  table: string;
  columns: readonly string[];
  lines: string[];
}

const SPECIAL = /[\\\n\r\t]/;
const ESCAPES: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };
const escaped = (text: string): string => (SPECIAL.test(text) ? text.replace(/[\\\n\r\t]/g, (sign) => ESCAPES[sign] ?? sign) : text);

/** `{"a","b"}` */
export const arrayText = (items: readonly string[]): string => `{${items.map((item) => `"${item.replace(/["\\]/g, '\\$&')}"`).join(',')}}`;

/** A text, or null, as one field of a line. */
export const field = (text: string | null): string => (text === null ? '\\N' : escaped(text));

export function valueText(value: Value, type: TargetType): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 't' : 'f';
  if (value instanceof Json) return JSON.stringify(value.value);
  if (Array.isArray(value)) return type === 'jsonb' ? JSON.stringify(value) : arrayText(value);
  throw new Error('a reference that was not resolved');
}

/** Gathers rows into groups, in which order they came: what others refer to is mapped first. */
export class CopyGroups {
  private readonly groups = new Map<string, CopyGroup>();
  private last: { columns: string; table: string; group: CopyGroup; types: TargetType[] } | null = null;

  add({ table, values }: TargetRow): void {
    const columns = Object.keys(values);
    const signature = columns.join();
    if (this.last?.table !== table || this.last.columns !== signature) this.last = this.find(table, columns, signature);
    const { group, types } = this.last;
    let line = '';
    for (let place = 0; place < columns.length; place++) {
      const value = values[columns[place] as string] as Value;
      const type = types[place] as TargetType;
      const text = typeof value === 'string' ? (SPECIAL.test(value) ? escaped(value) : value) : field(valueText(value, type));
      line += place === 0 ? text : `\t${text}`;
    }
    group.lines.push(line);
  }

  list(): CopyGroup[] {
    return [...this.groups.values()];
  }

  private find(table: TargetTable, columns: string[], signature: string): NonNullable<typeof this.last> {
    const known: Record<string, TargetType> = TARGETS[table].columns;
    const types = columns.map((column) => {
      const type = known[column];
      if (!type) throw new Error(`a mapping fills ${table}.${column}, which imports may not`);
      return type;
    });
    const key = `${table} ${signature}`;
    let group = this.groups.get(key);
    if (!group) this.groups.set(key, (group = { table, columns, lines: [] }));
    return { columns: signature, table, group, types };
  }
}
