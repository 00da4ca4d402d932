import type { Document, Schema } from './census.js';

/** Texts that fit the patterns of the document; a new pattern asks for a line here. */
const FITTING = ['EURUSD', 'USD', 'a'.repeat(64), 'ABCDEFGH12345678', '1234567890', 'czE', '24:00', '09:15', '2026-01-02'];

/** Looks a `$ref` up, and takes a single `allOf` for what it holds. */
export function resolved(schema: Schema, document: Document): Schema {
  if (schema.$ref) return resolved(document.components.schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {}, document);
  const [only] = schema.allOf ?? [];
  return only ? { ...resolved(only, document), ...(schema.nullable ? { nullable: true } : {}) } : schema;
}

/** What people must give, and the schema cannot demand of everybody. */
const OF_PEOPLE = ['reason', 'accountId', 'executorAgentId'];

/** A value that fits the schema, with the required fields only (and those of people), or with all. */
export function sample(given: Schema, document: Document, all = false): unknown {
  const schema = resolved(given, document);
  // Fits prices, sizes and fractions alike.
  if ((given.$ref ?? given.allOf?.[0]?.$ref)?.endsWith('/DecimalInput')) return '0.5';
  const [first] = schema.anyOf ?? schema.oneOf ?? [];
  if (first) return sample(first, document, all);
  if (schema.enum) return schema.enum[0];
  switch (schema.type) {
    case 'string': return text(schema);
    case 'integer': case 'number': return schema.minimum ?? 1;
    case 'boolean': return true;
    case 'array': return Array.from({ length: Math.max(schema.minItems ?? 0, all ? 1 : 0) }, () => sample(schema.items ?? {}, document, all));
    case 'object': {
      const names = Object.keys(schema.properties ?? {}).filter((name) => all || schema.required?.includes(name) || OF_PEOPLE.includes(name));
      return Object.fromEntries(names.map((name) => [name, sample(schema.properties?.[name] ?? {}, document, all)]));
    }
    default: return 'anything';
  }
}

function text(schema: Schema): string {
  if (schema.format === 'uuid') return '01930000-0000-7000-8000-00000000beef';
  if (schema.format === 'date-time') return '2026-01-02T03:04:05Z';
  if (schema.format === 'email') return 'somebody@example.com';
  if (schema.pattern) {
    const fitting = FITTING.find((each) => new RegExp(schema.pattern ?? '', 'u').test(each));
    if (fitting === undefined) throw new Error(`no sample fits ${schema.pattern}`);
    return fitting;
  }
  if (typeof schema.example === 'string') return schema.example;
  return 'x'.repeat(Math.max(1, schema.minLength ?? 0));
}
