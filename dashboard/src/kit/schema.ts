/** The part of JSON Schema that the API's schemas use. */
export interface Schema {
  type?: string | string[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  oneOf?: Schema[];
  description?: string;
  maxLength?: number;
  pattern?: string;
  default?: unknown;
  additionalProperties?: unknown;
}

export type Alternative = Schema & { label: string };

/** `lotSize` as `Lot size`. */
export const titleOf = (name: string): string => {
  const words = name.replace(/^.*\./, '').replace(/([a-z])([A-Z])/g, '$1 $2').replaceAll('_', ' ').toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
};

export function schemaAlternatives(schema: Schema): Alternative[] {
  const list = schema.anyOf ?? schema.oneOf ?? (Array.isArray(schema.type) ? schema.type.map((type) => ({ ...schema, type })) : [schema]);
  return list.map((each) => ({ ...each, label: labelOf(each) }));
}

function labelOf(schema: Schema): string {
  const fixed = Object.entries(schema.properties ?? {}).find(([, { const: word, enum: words }]) => word !== undefined || words?.length === 1)?.[1];
  const names = Object.keys(schema.properties ?? {});
  return String(fixed?.const ?? fixed?.enum?.[0] ?? (names.length > 0 ? names.join(', ') : Array.isArray(schema.type) ? schema.type.join(' or ') : schema.type ?? 'value'));
}

/** A decimal may be told as text or as number, and is asked for as text. */
export const isDecimal = (schema: Schema): boolean => {
  const types = (schema.anyOf ?? schema.oneOf)?.map(({ type }) => type);
  return types !== undefined && types.length === 2 && types.includes('string') && types.includes('number');
};

/** Which of the alternatives a value is one of; -1 for none. */
export function alternativeOf(choices: readonly Schema[], value: unknown): number {
  if (value === undefined) return -1;
  return choices.findIndex((choice) => {
    if (choice.properties) {
      if (value === null || typeof value !== 'object' || Array.isArray(value)) return false;
      const object = value as Record<string, unknown>;
      return Object.entries(choice.properties).every(([name, { const: word, enum: words }]) => (word === undefined || object[name] === word) && (words?.length !== 1 || object[name] === words[0])) && Object.keys(object).every((name) => name in choice.properties!);
    }
    return choice.type === 'array' ? Array.isArray(value) : choice.type === 'object' ? value !== null && typeof value === 'object' : choice.type === 'integer' ? typeof value === 'number' : typeof value === choice.type;
  });
}

/** A value to begin with. */
export function blankOf(schema: Schema): unknown {
  if (schema.default !== undefined) return schema.default;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  const first = schema.anyOf?.[0] ?? schema.oneOf?.[0];
  if (first) return blankOf(first);
  if (schema.properties) return Object.fromEntries(Object.entries(schema.properties).filter(([, each]) => each.const !== undefined || each.enum?.length === 1).map(([name, each]) => [name, each.const ?? each.enum?.[0]]));
  return schema.type === 'array' ? [] : schema.type === 'object' ? {} : schema.type === 'boolean' ? false : undefined;
}
